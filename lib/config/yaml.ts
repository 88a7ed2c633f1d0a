import { isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, parseDocument, visit } from 'yaml'
import type { Document, ErrorCode, Node } from 'yaml'
import type { Parsed } from './format.ts'
import { problemAt, SyntaxProblem } from './syntax-error.ts'

/** Well above what the settings need; the parser's time grows with the square of it. */
const MAX_DEPTH = 32

/** Values that aliases may stand for in all: a handful of them could otherwise grow without bound. */
export const MAX_ALIASES = 100

/** What the parser's codes mean for whoever writes the file; its own messages quote the text. */
const EXPECTED: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: 'the name of an anchor behind "*"',
  BAD_DQ_ESCAPE: 'a well escaped text in double quotes',
  BAD_INDENT: 'the indentation of the lines around it',
  BAD_SCALAR_START: 'a value in quotes, for it begins with a reserved character',
  BLOCK_AS_IMPLICIT_KEY: 'one key and one value',
  BLOCK_IN_FLOW: 'no indented lines inside brackets',
  DUPLICATE_KEY: 'a key that was not given before',
  MISSING_CHAR: 'a closing quote, bracket or comma, or ":" with a space behind a key',
  MULTILINE_IMPLICIT_KEY: '":" with a space behind the key',
  MULTIPLE_DOCS: 'one document',
  NON_STRING_KEY: 'a key that is a text',
  RESOURCE_EXHAUSTION: 'less nesting',
  TAB_AS_INDENT: 'spaces for indentation, not tabs',
  TAG_RESOLVE_FAILED: 'a value of its tag, or none',
}

/** @throws SyntaxProblem with the place of the first mistake. */
export function parseYaml(text: string): Parsed {
  const counter = new LineCounter()
  const document = documentOf(text, counter)
  visit(document, {
    Alias(_, node) {
      if (node.resolve(document) === undefined)
        throw problemAt(text, node.range?.[0] ?? 0, 'an alias of an anchor above it')
    },
  })
  let content: unknown
  try {
    content = document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (error) {
    throw new SyntaxProblem(`at most ${MAX_ALIASES} values by alias`, 1, 1, { cause: error })
  }
  // Of nothing but comments, nothing is set.
  return { content: content ?? {}, lineOf: async (path) => lineOf(document, counter, path) }
}

/** The line of a setting in a text that can be parsed. */
export function lineIn(text: string, path: readonly PropertyKey[]): number | undefined {
  const counter = new LineCounter()
  try {
    return lineOf(documentOf(text, counter, { uniqueKeys: false }), counter, path)
  } catch {
    return undefined
  }
}

function documentOf(text: string, lineCounter: LineCounter, options: { uniqueKeys?: boolean } = {}): Document {
  boundNesting(text)
  const document = parseDocument(text, {
    lineCounter,
    prettyErrors: false,
    logLevel: 'error',
    stringKeys: true,
    ...options,
  })
  const [error] = document.errors
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0])
    throw new SyntaxProblem(EXPECTED[error.code] ?? 'YAML', line, col, { cause: error })
  }
  return document
}

/** Brackets inside brackets, and the list items and keys that begin on one line; deeper indentation costs more text. */
function boundNesting(text: string): void {
  let brackets = 0
  let begun = 0
  let offset = 0
  let isScalarNext = false
  for (const lexeme of new Lexer().lex(text)) {
    if (isScalarNext) isScalarNext = false
    else if (lexeme === '\u001f') isScalarNext = true
    else if (lexeme === '[' || lexeme === '{') brackets++
    else if (lexeme === ']' || lexeme === '}') brackets--
    else if (lexeme === '-' || lexeme === '?') begun++
    else if (lexeme.includes('\n')) begun = 0
    if (brackets > MAX_DEPTH || begun > MAX_DEPTH) throw problemAt(text, offset, 'less nesting')
    // Those of a control character are marks of the lexer's own.
    if (!['\u0002', '\u0018', '\u001f'].includes(lexeme)) offset += lexeme.length
  }
}

function lineOf(document: Document, counter: LineCounter, path: readonly PropertyKey[]): number | undefined {
  let node: unknown = document.contents
  let line: number | undefined
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document)
    let place: Node | undefined
    if (isMap(node)) {
      const wanted = String(key).toLowerCase()
      const pair = node.items.findLast((item) => isScalar(item.key) && String(item.key.value).toLowerCase() === wanted)
      if (pair === undefined || !isScalar(pair.key)) break
      place = pair.key
      node = pair.value
    } else if (isSeq(node) && typeof key === 'number') {
      node = node.items[key]
      place = node as Node | undefined
    }
    if (place?.range == null) break
    line = counter.linePos(place.range[0]).line
  }
  return line
}
