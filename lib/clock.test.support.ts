import type { Clock, Timer } from './clock.ts'

interface Pending {
  dueMs: number
  callback: () => void
}

/** Time that passes only when a test says so. */
export class VirtualClock implements Clock {
  #monotonicMs = 0
  readonly #startMs: number
  readonly #pending = new Set<Pending>()

  constructor(startMs = Date.UTC(2026, 0, 2, 3, 4, 5)) {
    this.#startMs = startMs
  }

  /** Timers that have neither run nor been cancelled. */
  get timers(): number {
    return this.#pending.size
  }

  now(): number {
    return this.#startMs + this.#monotonicMs
  }

  monotonic(): number {
    return this.#monotonicMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const pending = { dueMs: this.#monotonicMs + delayMs, callback }
    this.#pending.add(pending)
    return { cancel: () => void this.#pending.delete(pending) }
  }

  /** Runs what falls due on the way, in order, each at its own time. */
  advance(ms: number): void {
    const untilMs = this.#monotonicMs + ms
    for (;;) {
      const [next] = [...this.#pending].filter(({ dueMs }) => dueMs <= untilMs).toSorted((a, b) => a.dueMs - b.dueMs)
      if (next === undefined) break
      this.#pending.delete(next)
      this.#monotonicMs = Math.max(this.#monotonicMs, next.dueMs)
      next.callback()
    }
    this.#monotonicMs = untilMs
  }
}
