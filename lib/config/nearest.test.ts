import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

test.each([
  ['bind_prot', 'bind_port'],
  ['BindPort', 'bind_port'],
  ['bind_adress', 'bind_address'],
  ['umask', 'umask'],
  ['completely_else', undefined],
])('%s means %s', (word, meant) => {
  expect(nearest(word, ['umask', 'bind_port', 'bind_address'])).toBe(meant)
})
