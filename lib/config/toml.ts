import { parse, TomlError } from 'smol-toml'
import { Lines } from './format.ts'
import type { Parsed } from './format.ts'
import { SyntaxProblem } from './syntax-error.ts'

/** Well above what the settings need. */
const MAX_DEPTH = 32

/** @throws SyntaxProblem with the place of the first mistake. */
export function parseToml(text: string): Parsed {
  try {
    return { content: parse(text, { maxDepth: MAX_DEPTH }), lineOf: async (path) => linesOf(text).find(path) }
  } catch (error) {
    if (!(error instanceof TomlError)) throw new SyntaxProblem('less nesting', 1, 1, { cause: error })
    throw new SyntaxProblem(reasonOf(error), error.line, error.column, { cause: error })
  }
}

/** The parser's own words, without the lines of the file that follow them. */
function reasonOf({ message }: TomlError): string {
  const [first = ''] = message.split('\n')
  return `TOML (${first.replace(/^Invalid TOML document: /, '')})`
}

const KEY = /(?:"[^"\n]*"|'[^'\n]*'|[\w-]+)/.source
const KEYS = `${KEY}(?:[ \\t]*\\.[ \\t]*${KEY})*`
const TABLE = new RegExp(`^[ \\t]*(\\[\\[?)[ \\t]*(${KEYS})[ \\t]*\\]`)
const ASSIGNMENT = new RegExp(`^[ \\t]*(${KEYS})[ \\t]*=`)

/** Tables and assignments that begin a line, as nearly all do. */
function linesOf(text: string): Lines {
  const lines = new Lines()
  const counts = new Map<string, number>()
  let table: PropertyKey[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const header = TABLE.exec(line)
    const assignment = ASSIGNMENT.exec(line)
    if (header?.[2] !== undefined) {
      table = keysOf(header[2])
      if (header[1] === '[[') {
        const count = counts.get(header[2]) ?? 0
        counts.set(header[2], count + 1)
        table.push(count)
      }
      lines.add(table, index + 1)
    } else if (assignment?.[1] !== undefined) lines.add([...table, ...keysOf(assignment[1])], index + 1)
  }
  return lines
}

function keysOf(dotted: string): PropertyKey[] {
  return (dotted.match(new RegExp(KEY, 'g')) ?? []).map((key) => key.replace(/^(["'])(.*)\1$/, '$2'))
}
