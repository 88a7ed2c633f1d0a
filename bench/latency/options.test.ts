import { expect, test } from 'vitest'

import { parseLatencyOptions } from './options.ts'

test('the full benchmark is what runs without arguments', () => {
  expect(parseLatencyOptions([])).toEqual({ rounds: 3, sizeMib: 128, roundTripMs: 100, inFlightMib: 16, help: false })
})

test('each figure can be given', () => {
  const args = ['--rounds', '1', '--size', '8', '--round-trip', '20', '--in-flight', '4', '--help']
  expect(parseLatencyOptions(args)).toEqual({ rounds: 1, sizeMib: 8, roundTripMs: 20, inFlightMib: 4, help: true })
})

test.each([
  { args: ['--round-trip', 'long'], reason: '--round-trip takes a whole number above 0, not long' },
  { args: ['--slow'], reason: '--slow' },
])('$args is refused with a reason', ({ args, reason }) => {
  expect(() => parseLatencyOptions(args)).toThrow(reason)
})
