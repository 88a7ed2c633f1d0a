import { parse } from 'dotenv'
import { FLAG_VARIABLES } from './environment.ts'
import { nested } from './flat.ts'
import type { Entry } from './flat.ts'
import type { Parsed } from './format.ts'
import { configSchema } from './schema.ts'
import { SyntaxProblem } from './syntax-error.ts'
import { fieldsOf } from './tree.ts'

/**
 * Dotted keys, or the names of the environment's variables, for the same file may be read by a service manager: of
 * those that are no setting's, flags of the command line and what other programs read are passed over.
 * @throws SyntaxProblem with the place of the first mistake.
 */
export function parseEnvfile(text: string): Parsed {
  const entries: Entry[] = []
  const lines = text.split(/\r\n|\r|\n/)
  for (let index = 0; index < lines.length; index++) {
    const first = index
    const line = lines[index] ?? ''
    if (/^\s*(#|$)/.test(line)) continue
    const start = /^\s*(?:export\s+)?[\w.-]+(?:\s*=|:\s)\s*/.exec(line)
    if (start === null) throw new SyntaxProblem('a comment, or a key and "="', first + 1, line.search(/\S/) + 1)
    // One assignment at a time, so that each is known by its line and none hides another.
    const quote = /^["'`]/.exec(line.slice(start[0].length))?.[0]
    let statement = line
    if (quote !== undefined) {
      while (!isClosed(statement.slice(start[0].length), quote) && index + 1 < lines.length)
        statement += `\n${lines[++index]}`
      if (!isClosed(statement.slice(start[0].length), quote))
        throw new SyntaxProblem(`a value that ends with ${quote}`, first + 1, start[0].length + 1)
    }
    const parsed = Object.entries(parse(statement))
    if (parsed.length !== 1) throw new SyntaxProblem('the key of a setting and its value', first + 1, 1)
    for (const [key, value] of parsed) if (!isForOthers(key)) entries.push({ key, text: value, line: first + 1 })
  }
  return nested(entries)
}

/** @param value from its opening quote on. */
function isClosed(value: string, quote: string): boolean {
  const end = value.slice(1).replace(/\\./gs, '..').indexOf(quote)
  return end !== -1 && /^\s*(#.*)?$/s.test(value.slice(end + 2))
}

function isForOthers(key: string): boolean {
  if (FLAG_VARIABLES.some((name) => name === key)) return true
  const isVariable = /^[A-Z_][A-Z0-9_]*$/.test(key)
  return isVariable && !key.startsWith('SFTPGO_') && fieldsOf(configSchema)?.has(key.toLowerCase()) !== true
}
