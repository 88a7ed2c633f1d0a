import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJson } from './json.ts'
import { SyntaxProblem } from './syntax-error.ts'

test.each([
  { name: 'nothing at all', text: '', line: 1, column: 1, expected: 'a value' },
  { name: 'a missing value', text: '{\n  "a": }', line: 2, column: 8, expected: 'a value' },
  { name: 'a missing comma', text: '{"a": 1\n "b": 2}', line: 2, column: 2, expected: '"," or the closing bracket' },
  { name: 'a comma too many', text: '{"a": 1,\n}', line: 2, column: 1, expected: 'a key in double quotes' },
  { name: 'a comma too many in a list', text: '[1, ]', line: 1, column: 5, expected: 'a value' },
  { name: 'a bare word', text: '{"a": yes}', line: 1, column: 7, expected: 'a value' },
  { name: 'a key without quotes', text: '{a: 1}', line: 1, column: 2, expected: 'a key in double quotes or "}"' },
  { name: 'a comment', text: '{ // x\n}', line: 1, column: 3, expected: 'a key in double quotes or "}"' },
  { name: 'a missing colon', text: '{"a" 1}', line: 1, column: 6, expected: '":"' },
  {
    name: 'an open string',
    text: '{"a": "b\n}',
    line: 1,
    column: 7,
    expected: 'a string that is closed and well escaped',
  },
  { name: 'a bad escape', text: '["\\x"]', line: 1, column: 2, expected: 'a string that is closed and well escaped' },
  { name: 'a leading zero', text: '[01]', line: 1, column: 2, expected: 'a value or "]"' },
  { name: 'the wrong bracket', text: '[1}', line: 1, column: 3, expected: '"," or the closing bracket' },
  { name: 'an end too early', text: '{"a": [1', line: 1, column: 9, expected: '"," or the closing bracket' },
  { name: 'more than one value', text: '{} {}', line: 1, column: 4, expected: 'the end of the file' },
])('$name is found by line and column', ({ text, line, column, expected }) => {
  expect(() => parseJson(text)).toThrow(
    expect.objectContaining({ line, column, message: `line ${line}, column ${column}: expected ${expected}` }),
  )
})

const SCRAPS = ['', '{', '}', '[', ']', ',', ':', '"', '\\', '-', '0', 'x', '\n', '\x7f', '\u2028', '\ud800']

function outcome(parse: () => unknown): unknown {
  try {
    return { value: parse() }
  } catch (error) {
    return error instanceof SyntaxError || error instanceof SyntaxProblem ? 'refused' : error
  }
}

test('every JSON text reads as JSON.parse reads it, and every other is refused with a place', () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.constantFrom(...SCRAPS), (text, at, scrap) => {
      const place = at % (text.length + 1)
      const damaged = text.slice(0, place) + scrap + text.slice(place + 1)
      expect(outcome(() => parseJson(damaged))).toEqual(outcome(() => JSON.parse(damaged)))
    }),
    { numRuns: 1000 },
  )
})
