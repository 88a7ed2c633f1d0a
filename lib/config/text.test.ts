import { expect, test } from 'vitest'
import { parseBoolean, parseInteger, parseList } from './text.ts'

test.each([
  ['0', 0],
  ['-5', -5],
  ['007', 7],
  ['', undefined],
  ['1.5', undefined],
  ['0x10', undefined],
  ['1e3', undefined],
  [' 1', undefined],
  ['99999999999999999999', undefined],
])('integer "%s" is %s', (text, value) => expect(parseInteger(text)).toBe(value))

test.each([
  ['1', true],
  ['TRUE', true],
  ['t', true],
  ['0', false],
  ['False', false],
  ['F', false],
  ['yes', undefined],
  ['tRUE', undefined],
  ['', undefined],
])('boolean "%s" is %s', (text, value) => expect(parseBoolean(text)).toBe(value))

test.each([
  ['', []],
  ['a', ['a']],
  ['a, b', ['a', 'b']],
  ['a,,', ['a', '', '']],
])('list "%s" is %j', (text, value) => expect(parseList(text)).toEqual(value))
