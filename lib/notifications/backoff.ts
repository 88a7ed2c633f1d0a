/** Before the first attempt that follows a failure. */
export const FIRST_DELAY_MS = 1_000
/** A destination that is back is noticed within this time. */
export const LONGEST_DELAY_MS = 60_000

/**
 * Doubles with each failure up to {@link LONGEST_DELAY_MS}; up to half of it is cut at random, so that servers which
 * failed together do not come back together.
 * @param failures so far, from 1.
 * @param random from 0 up to 1.
 */
export function backoffMs(failures: number, random: () => number): number {
  const whole = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 30))
  return whole * (1 - random() / 2)
}
