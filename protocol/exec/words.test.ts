import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BadCommand, splitWords } from './words.ts'

const texts = (line: string): string[] => splitWords(line).map(({ text }) => text)

describe('a line becomes the words a shell would see', () => {
  test.each<[string, string[]]>([
    ['', []],
    ['  ', []],
    ['pwd', ['pwd']],
    [' md5sum   a\tb ', ['md5sum', 'a', 'b']],
    ['pwd\n', ['pwd']],
    ['md5sum \'a b\' "c d"', ['md5sum', 'a b', 'c d']],
    ['a\\ b', ['a b']],
    ["it\\'s", ["it's"]],
    ['"it\'s \\"so\\" \\$x \\n"', ['it\'s "so" $x \\n']],
    ["'back\\slash'", ['back\\slash']],
    ['a\'b\'"c"d', ['abcd']],
    ["''", ['']],
    ['""', ['']],
    ['a\\', ['a\\']],
    ['a\\\nb', ['ab']],
    ['"a\\\nb"', ['ab']],
    ['~', ['/']],
    ['~/a', ['//a']],
    ["'~'", ['~']],
    ['\\~', ['~']],
    ['a~', ['a~']],
    ['~bob', ['~bob']],
    ['a;b|c>d&$(e)`f`', ['a;b|c>d&$(e)`f`']],
    ['\xc5\xbc\xc3\xb3', ['\xc5\xbc\xc3\xb3']],
  ])('%j', (line, expected) => expect(texts(line)).toEqual(expected))
})

describe('a wildcard counts where it stands unquoted', () => {
  test.each<[string, string | undefined]>([
    ['*.txt', '*.txt'],
    ['a?', 'a?'],
    ['[ab]', '[ab]'],
    ["'*'.txt", undefined],
    ['\\*', undefined],
    ['"*"', undefined],
    ["'*'*", '\\**'],
    ['plain', undefined],
    ['"a b"*', '\\a\\ \\b*'],
  ])('%j', (line, expected) => expect(splitWords(line)[0]?.pattern).toBe(expected))
})

test.each(["'", "a'b", '"', '"a\\"', 'a\0b'])('%j is refused', (line) => {
  expect(() => splitWords(line)).toThrow(BadCommand)
})

test('quoted as shells are told to, any words come back', () => {
  const word = fc.string({ unit: 'binary', maxLength: 8 }).filter((text) => !text.includes('\0'))
  fc.assert(
    fc.property(fc.array(word), (words) => {
      const line = words.map((text) => `'${text.replaceAll("'", "'\\''")}'`).join(' ')
      expect(texts(line)).toEqual(words)
    }),
  )
})

test('any line is words or a BadCommand', () => {
  const line = fc.string({ unit: fc.constantFrom(...'ab \'"\\*?[~\n\0$;'.split('')), maxLength: 30 })
  fc.assert(
    fc.property(line, (text) => {
      try {
        splitWords(text)
      } catch (error) {
        expect(error).toBeInstanceOf(BadCommand)
      }
    }),
  )
})
