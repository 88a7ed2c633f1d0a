import { expect, test } from 'vitest'
import { FIRST_DELAY_MS, LONGEST_DELAY_MS, backoffMs } from './backoff.ts'

test.each([
  [1, FIRST_DELAY_MS],
  [2, 2 * FIRST_DELAY_MS],
  [5, 16 * FIRST_DELAY_MS],
  [7, LONGEST_DELAY_MS],
  [1_000_000, LONGEST_DELAY_MS],
])('after %i failures the delay is at most %i ms, and at least half of it', (failures, most) => {
  expect(backoffMs(failures, () => 0)).toBe(most)
  expect(backoffMs(failures, () => 0.5)).toBe(most * 0.75)
  expect(backoffMs(failures, () => 1)).toBe(most / 2)
})
