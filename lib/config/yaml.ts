import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Document, ErrorCode, Node } from 'yaml'
import type { Parsed } from './format.ts'
import { SyntaxProblem } from './syntax-error.ts'

/** Values that aliases may stand for in all: a handful of them could otherwise grow without bound. */
export const MAX_ALIASES = 100

/** What the parser's codes mean for whoever writes the file; its own messages quote the text. */
const EXPECTED: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: 'an alias of an anchor above it',
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
  let content: unknown
  try {
    content = document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (error) {
    throw new SyntaxProblem(`at most ${MAX_ALIASES} values by alias, none inside itself`, 1, 1, { cause: error })
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
  let document: Document
  try {
    document = parseDocument(text, {
      lineCounter,
      prettyErrors: false,
      logLevel: 'silent',
      stringKeys: true,
      ...options,
    })
  } catch (error) {
    // It calls itself for every level.
    throw new SyntaxProblem('less nesting', 1, 1, { cause: error })
  }
  const [error] = document.errors
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0])
    throw new SyntaxProblem(EXPECTED[error.code] ?? 'YAML', line, col, { cause: error })
  }
  return document
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
