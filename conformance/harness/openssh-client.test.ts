import { expect, test } from 'vitest'

import { command } from './openssh-client.ts'

test('names in a command are quoted, with quotes and backslashes escaped', () => {
  expect(command`put ${'two words'} ${'a"b\\c'}`.toString()).toBe('put "two words" "a\\"b\\\\c"')
})

test('a Buffer goes into a command byte for byte, text as UTF-8', () => {
  expect(command`rm ${Buffer.from([0xff, 0x22])}`).toEqual(Buffer.from('rm "\xff\\""', 'latin1'))
  expect(command`rm ${'é'}`).toEqual(Buffer.from('rm "é"'))
})
