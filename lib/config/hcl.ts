import { Lines } from './format.ts'
import type { Parsed } from './format.ts'
import { configSchema } from './schema.ts'
import { problemAt, SyntaxProblem } from './syntax-error.ts'
import { fieldsOf, itemOf } from './tree.ts'
import type { z } from 'zod'

/** Well above what the settings need; the parser calls itself for every level and does not survive its own end. */
const MAX_DEPTH = 32

/** Words before the bracket of a block, or "=". */
const MAX_LABELS = 3

/** The parser's integers. */
const [MIN_INTEGER, MAX_INTEGER] = [-2_147_483_648, 2_147_483_647]

/** @throws SyntaxProblem with the place of the first mistake. */
export async function parseHcl(text: string): Promise<Parsed> {
  const lines = survey(text)
  // Loaded with the first such file: it is large, and adds a global.
  const { default: parser } = await import('js-hcl-parser')
  const json = parser.parse(text)
  let content: unknown
  try {
    content = JSON.parse(json)
  } catch (error) {
    // Not an exception but a text comes back, which may quote the file; it begins with the place, if it has one.
    const [, line = '1', column = '1'] = /\bAt (\d+):(\d+)/i.exec(json) ?? []
    throw new SyntaxProblem('HCL', Number(line), Number(column), { cause: error })
  }
  return { content: sections(configSchema, content), lineOf: async (path) => lines.find(path) }
}

/** A block comes as a list of what was in it, once for each time it is there: sections are single again. */
function sections(schema: z.ZodType, value: unknown): unknown {
  const item = itemOf(schema)
  if (item !== undefined) return Array.isArray(value) ? value.map((element) => sections(item, element)) : value
  const fields = fieldsOf(schema)
  if (fields === undefined) return value
  if (Array.isArray(value)) return value.length === 1 ? sections(schema, value[0]) : value
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => {
      const field = fields.get(key.toLowerCase())
      return [key, field === undefined ? child : sections(field, child)]
    }),
  )
}

const TOKEN = new RegExp(
  [
    /(?<blank>[ \t\r\n]+|#[^\n]*|\/\/[^\n]*|\/\*[^]*?\*\/)/,
    /(?<heredoc><<-?(?<mark>[\w.-]+)\r?\n(?:[^\n]*\n)*?[ \t]*\k<mark>(?=\r?\n|$))/,
    /(?<text>"(?:[^"\\\n]|\\.)*")/,
    /(?<number>[+-]?\d[\w.+-]*)/,
    /(?<word>[\p{L}_][\p{L}\p{N}_.-]*)/u,
    /(?<mark1>[{}[\],=:])/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'uy',
)

interface Level {
  kind: 'object' | 'list'
  /** Of what is in it. */
  path: readonly PropertyKey[]
  /** Of a list: how many came before. */
  count: number
}

/**
 * Reads the text token by token for what the parser gets wrong: it takes `key =` without a value for nothing at all,
 * does not say where a number is too large, and loses its mind over deep nesting.
 * @throws SyntaxProblem
 */
function survey(text: string): Lines {
  const lines = new Lines()
  const levels: Level[] = [{ kind: 'object', path: [], count: 0 }]
  /** Keys of the assignment or block that has begun, and whether it awaits its value. */
  let keys: string[] = []
  let wantsValue = false
  let line = 1
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at
    const groups = TOKEN.exec(text)?.groups
    if (groups === undefined)
      throw problemAt(text, at, text[at] === '"' ? 'a text that is closed and well escaped' : 'HCL')
    const token = text.slice(at, TOKEN.lastIndex)
    const level = levels.at(-1)
    if (level === undefined) throw problemAt(text, at, 'the end of the file')
    const isValue = groups['heredoc'] !== undefined || groups['number'] !== undefined
    if (isValue || groups['text'] !== undefined || groups['word'] !== undefined) {
      const value = Number(token)
      if (groups['number'] !== undefined && Number.isInteger(value) && (value < MIN_INTEGER || value > MAX_INTEGER))
        throw problemAt(text, at, `a whole number from ${MIN_INTEGER} to ${MAX_INTEGER}`)
      if (level.kind === 'list') level.count++
      else if (wantsValue) [keys, wantsValue] = [[], false]
      else if (isValue || keys.length === MAX_LABELS) throw problemAt(text, at, isValue ? 'a key' : '"=" or "{"')
      else {
        keys.push(token.replace(/^"(.*)"$/, '$1'))
        lines.add([...level.path, ...keys], line)
      }
    } else if (token === '{' || token === '[') {
      if (levels.length > MAX_DEPTH) throw problemAt(text, at, 'less nesting')
      const own = level.kind === 'list' ? [level.count++] : keys
      levels.push({ kind: token === '{' ? 'object' : 'list', path: [...level.path, ...own], count: 0 })
      lines.add([...level.path, ...own], line)
      ;[keys, wantsValue] = [[], false]
    } else if (token === '=' || token === ':') {
      if (level.kind === 'list' || keys.length === 0 || wantsValue) throw problemAt(text, at, 'a key')
      wantsValue = true
    } else if (token === '}' || token === ']') {
      const opener = token === '}' ? 'object' : 'list'
      if (wantsValue) throw problemAt(text, at, 'a value')
      if (levels.length === 1 || level.kind !== opener) throw problemAt(text, at, `no "${token}"`)
      levels.pop()
    } else if (token === ',' && wantsValue) throw problemAt(text, at, 'a value')
    line += token.split('\n').length - 1
  }
  if (wantsValue) throw problemAt(text, text.length, 'a value')
  if (levels.length > 1) throw problemAt(text, text.length, 'the closing bracket')
  return lines
}
