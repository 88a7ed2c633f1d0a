import type { Clock, Timer } from '../clock.ts'

/** Often enough to meet what holds the server up for longer, seldom enough to cost nothing. */
export const SAMPLE_INTERVAL_MS = 500

/**
 * Asks for a turn now and then, and tells how late it came.
 * @returns ends it.
 */
export function watchEventLoop(clock: Clock, late: (ms: number) => void): () => void {
  let timer: Timer
  const ask = (): void => {
    const dueMs = clock.monotonic() + SAMPLE_INTERVAL_MS
    timer = clock.after(SAMPLE_INTERVAL_MS, () => {
      late(Math.max(0, clock.monotonic() - dueMs))
      ask()
    })
  }
  ask()
  return () => timer.cancel()
}
