import { expect, test } from 'vitest'
import { matches, unescaped } from './glob.ts'

const utf8 = (text: string): string => Buffer.from(text).toString('latin1')

test.each<[string, string, boolean]>([
  ['*', 'a', true],
  ['*', '', true],
  ['*', '.hidden', false],
  ['.*', '.hidden', true],
  ['?hidden', '.hidden', false],
  ['[.]hidden', '.hidden', false],
  ['\\.*', '.hidden', true],
  ['*.txt', 'a.txt', true],
  ['*.txt', 'a.text', false],
  ['a*b*c', 'aXbXbc', true],
  ['a*b*c', 'aXbXb', false],
  ['??', 'ab', true],
  ['??', 'a', false],
  ['?', utf8('ż'), true],
  ['?', utf8('🎉'), true],
  ['?', '\xff', true],
  ['[ab]', 'b', true],
  ['[a-c]x', 'bx', true],
  ['[a-c]', 'd', false],
  ['[!a-c]', 'd', true],
  ['[^a-c]', 'b', false],
  ['[]]', ']', true],
  ['[!]]', 'a', true],
  ['[a-]', '-', true],
  ['[\\]]', ']', true],
  ['[', '[', true],
  ['[a', '[a', true],
  ['\\*', '*', true],
  ['\\*', 'a', false],
  [utf8('[żó]'), utf8('ó'), true],
  ['', '', true],
  ['', 'a', false],
])('%j and %j: %s', (pattern, name, expected) => expect(matches(pattern, name)).toBe(expected))

test('many stars take no exponential time', () => {
  expect(matches('a*'.repeat(500), 'a'.repeat(2000) + 'b')).toBe(true)
  expect(matches(`${'a*'.repeat(500)}c`, 'a'.repeat(2000))).toBe(false)
})

test('what matches nothing means itself', () => expect(unescaped('\\a\\ b*\\\\')).toBe('a b*\\'))
