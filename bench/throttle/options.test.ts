import { expect, test } from 'vitest'

import { parseThrottleOptions } from './options.ts'

test('three limits, one and eight transfers, ten seconds', () => {
  expect(parseThrottleOptions([])).toEqual({
    limitsKb: [100, 1000, 50_000],
    transfers: [1, 8],
    seconds: 10,
    out: 'bench/results',
    help: false,
  })
})

test.each([
  { args: ['--limits', '100,fast'], reason: '--limits takes a whole number above 0, not fast' },
  { args: ['--transfers', '0'], reason: '--transfers takes a whole number above 0, not 0' },
  { args: ['--seconds', ''], reason: '--seconds takes a whole number above 0, not ' },
  { args: ['--quick'], reason: '--quick' },
  { args: ['quick'], reason: 'quick' },
])('$args is refused with a reason', ({ args, reason }) => {
  expect(() => parseThrottleOptions(args)).toThrow(reason)
})
