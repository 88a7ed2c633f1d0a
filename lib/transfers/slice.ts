/**
 * What one call of the throttle gets at most, in milliseconds at the account's limit: how long others wait for
 * their turn, and how long an old limit outlives its change.
 */
export const SLICE_MS = 50

/** In bytes. */
export function sliceOf(bytesPerSecond: number): number {
  return Math.max(1, Math.floor((bytesPerSecond * SLICE_MS) / 1000))
}
