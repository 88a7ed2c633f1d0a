import { problemAt } from './syntax-error.ts'

/** @throws SyntaxProblem with the place of the mistake, which `JSON.parse` tells only for some. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const { expected, offset } = locate(text)
    throw problemAt(text, offset, expected, { cause: error })
  }
}

const EXPECTED = {
  value: 'a value',
  'first value': 'a value or "]"',
  key: 'a key in double quotes',
  'first key': 'a key in double quotes or "}"',
  colon: '":"',
  more: '"," or the closing bracket',
  end: 'the end of the file',
} as const
type Want = keyof typeof EXPECTED

const SPACE = /[ \t\r\n]*/y
const STRING = /"(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y

/** Walks the grammar of RFC 8259 to the first token that has no place in it. */
function locate(text: string): { expected: string; offset: number } {
  const open: string[] = []
  let want: Want = 'value'
  for (let at = 0; ;) {
    at = matchEnd(SPACE, text, at) ?? at
    const stringEnd = matchEnd(STRING, text, at)
    const scalarEnd = matchEnd(SCALAR, text, at)
    const token = stringEnd !== undefined ? 'string' : scalarEnd !== undefined ? 'scalar' : text[at]
    const next = follow(want, token, open)
    if (next === undefined) {
      const broken = text[at] === '"' && token !== 'string'
      return { expected: broken ? 'a string that is closed and well escaped' : EXPECTED[want], offset: at }
    }
    want = next
    at = stringEnd ?? scalarEnd ?? at + 1
  }
}

/** What may come after `token`, `undefined` when it may not stand here; keeps the stack of open brackets. */
function follow(want: Want, token: string | undefined, open: string[]): Want | undefined {
  const closes = (open.at(-1) === '{' && token === '}') || (open.at(-1) === '[' && token === ']')
  if (closes && (want === 'more' || want === 'first key' || want === 'first value')) {
    open.pop()
    return open.length === 0 ? 'end' : 'more'
  }
  switch (want) {
    case 'value':
    case 'first value':
      if (token === 'string' || token === 'scalar') return open.length === 0 ? 'end' : 'more'
      if (token !== '{' && token !== '[') return undefined
      open.push(token)
      return token === '{' ? 'first key' : 'first value'
    case 'key':
    case 'first key':
      return token === 'string' ? 'colon' : undefined
    case 'colon':
      return token === ':' ? 'value' : undefined
    case 'more':
      if (token !== ',') return undefined
      return open.at(-1) === '{' ? 'key' : 'value'
    default:
      return undefined
  }
}

function matchEnd(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : undefined
}
