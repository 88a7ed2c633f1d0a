import { expect, test } from 'vitest'
import { parseOptions } from './options.ts'

test('without arguments both modes run', () => {
  expect(parseOptions([])).toEqual({ mode: 'all', seed: 1, inputs: 100_000, help: false })
})

test('a replay is one input with that seed', () => {
  expect(parseOptions(['--mode', 'session', '--replay', '77'])).toEqual({
    mode: 'session',
    seed: 77,
    inputs: 1,
    help: false,
  })
})

test.each([
  { args: ['--mode', 'both'], says: '--mode is decode, session or all, not both' },
  { args: ['--inputs', '1e6'], says: '--inputs takes a whole number, not 1e6' },
  { args: ['--seed', '-1'], says: 'seed' },
  { args: ['--seed', '9007199254740993'], says: '--seed takes a whole number, not 9007199254740993' },
  { args: ['--replay', '5'], says: '--replay needs the --mode of the input' },
  { args: ['--inptus', '5'], says: '--inptus' },
])('$args is refused', ({ args, says }) => {
  expect(() => parseOptions(args)).toThrow(says)
})
