/** The one source of time: everything that waits, expires or measures takes it as an argument. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number
  /** Never goes back; milliseconds from an arbitrary origin. */
  monotonic(): number
  /** Runs `callback` once after `delayMs`; the timer keeps the process alive only if `ref` says so. */
  after(delayMs: number, callback: () => void, options?: { ref?: boolean }): Timer
}

export interface Timer {
  /** Does nothing once the callback has run. */
  cancel(): void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback, options) {
    const timer = setTimeout(callback, delayMs)
    if (options?.ref !== true) timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}
