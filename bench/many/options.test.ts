import { expect, test } from 'vitest'

import { parseManyOptions } from './options.ts'

test('the full benchmark is what runs without arguments', () => {
  expect(parseManyOptions([])).toEqual({ clients: 100, sizeMib: 10, idle: 500, help: false })
})

test('each figure can be given', () => {
  const args = ['--clients', '3', '--size', '1', '--idle', '5', '--help']
  expect(parseManyOptions(args)).toEqual({ clients: 3, sizeMib: 1, idle: 5, help: true })
})

test.each([
  { args: ['--clients', '0'], reason: '--clients takes a whole number above 0, not 0' },
  { args: ['more'], reason: 'more' },
])('$args is refused with a reason', ({ args, reason }) => {
  expect(() => parseManyOptions(args)).toThrow(reason)
})
