import { expect, test } from 'vitest'

import { parseLoginOptions } from './options.ts'

test('the full benchmark is what runs without arguments', () => {
  expect(parseLoginOptions([])).toEqual({ rounds: 3, sizeMib: 1024, seconds: 5, parallel: 4, help: false })
})

test('each figure can be given', () => {
  expect(parseLoginOptions(['--rounds', '1', '--size', '64', '--seconds', '2', '--parallel', '8', '--help'])).toEqual({
    rounds: 1,
    sizeMib: 64,
    seconds: 2,
    parallel: 8,
    help: true,
  })
})

test.each([
  { args: ['quick'], reason: 'quick' },
  { args: ['--rounds', '0'], reason: '--rounds takes a whole number above 0, not 0' },
  { args: ['--fast'], reason: '--fast' },
])('$args is refused with a reason', ({ args, reason }) => {
  expect(() => parseLoginOptions(args)).toThrow(reason)
})
