import { getProperties } from 'properties-file'
import { nested } from './flat.ts'
import type { Entry } from './flat.ts'
import type { Parsed } from './format.ts'
import { SyntaxProblem } from './syntax-error.ts'

/** @throws SyntaxProblem with the place of the first mistake. */
export function parseProperties(text: string): Parsed {
  const entries: Entry[] = []
  const lines = text.split(/\r\n|\r|\n/)
  for (let index = 0; index < lines.length; index++) {
    const first = index
    if (isComment(lines[index] ?? '')) continue
    // One assignment at a time, so that each is known by its line and none hides another.
    const statement = [lines[index] ?? '']
    while (isContinued(statement.at(-1) ?? '') && index + 1 < lines.length) statement.push(lines[++index] ?? '')
    entries.push(...entriesOf(statement, first + 1))
  }
  return nested(entries)
}

const isComment = (line: string) => /^[ \t\f]*([#!]|$)/.test(line)
const isContinued = (line: string) => (/\\*$/.exec(line)?.[0].length ?? 0) % 2 === 1

function entriesOf(statement: readonly string[], line: number): Entry[] {
  for (const [index, part] of statement.entries()) {
    const bad = /(?<!\\)(?:\\\\)*\\u(?![0-9a-fA-F]{4})/.exec(part)
    if (bad !== null) throw new SyntaxProblem('four hexadecimal digits behind "\\u"', line + index, bad.index + 1)
  }
  const entries = Object.entries(getProperties(statement.join('\n')))
  if (entries.length === 0) throw new SyntaxProblem('the key of a setting', line, 1)
  return entries.map(([key, value]) => {
    if (key === '') throw new SyntaxProblem('a key before the value', line, 1)
    return { key, text: value, line }
  })
}
