import type { Clock, Timer } from '../clock.ts'
import { Shares } from './shares.ts'
import type { Share } from './shares.ts'
import { sliceOf } from './slice.ts'

/**
 * What a pause earns: enough for the gaps in what a client sends, and 1 % of what ten seconds bring.
 */
export const IDLE_BURST_MS = 100
/** What is made up for when this process was late for those that wait. */
export const LATE_BURST_MS = 1000
/** Slices that a transfer may fall behind the others between two of its requests, and be given later. */
const CREDIT_SLICES = 2

interface Waiter {
  share: Share
  bytes: number
  granted(bytes: number): void
}

/** The bandwidth of one account in one direction: fills with time, and what wants to move waits for it. */
export class TokenBucket {
  readonly #clock: Clock
  readonly #shares = new Shares()
  readonly #waiting: Waiter[] = []
  #bytesPerSecond: number
  #balance: number
  #countedMs: number
  /** When somebody last waited. */
  #busyMs = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
    this.#balance = this.#worth(IDLE_BURST_MS)
    this.#countedMs = clock.monotonic()
  }

  /** Nobody waits, and a new one would hold no more. */
  isFull(): boolean {
    this.#count()
    return this.#waiting.length === 0 && this.#balance >= this.#worth(IDLE_BURST_MS)
  }

  changeTo(bytesPerSecond: number): void {
    if (bytesPerSecond === this.#bytesPerSecond) return
    this.#count()
    this.#bytesPerSecond = bytesPerSecond
    this.#serve()
  }

  /** @returns how many of the bytes may move, once they may. @throws the signal's reason. */
  take(transfer: string, bytes: number, signal: AbortSignal | undefined): Promise<number> {
    this.#count()
    const fullSlice = sliceOf(this.#bytesPerSecond)
    const share = this.#shares.of(transfer, CREDIT_SLICES * fullSlice)
    const slice = Math.min(bytes, fullSlice)
    if (this.#waiting.length === 0 && this.#balance >= slice) {
      this.#spend(share, slice)
      return Promise.resolve(slice)
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        share.waiting--
        this.#serve()
        reject(signal?.reason as Error)
      }
      const waiter: Waiter = {
        share,
        bytes,
        granted(count) {
          signal?.removeEventListener('abort', leave)
          share.waiting--
          resolve(count)
        },
      }
      signal?.addEventListener('abort', leave, { once: true })
      share.waiting++
      this.#waiting.push(waiter)
      this.#serve()
    })
  }

  /** Gives to those that wait what there is, and comes back when there is more. */
  #serve(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (;;) {
      const next = this.#shares.next(this.#waiting)
      if (next === undefined) return
      const slice = Math.min(next.bytes, sliceOf(this.#bytesPerSecond))
      const missing = slice - this.#balance
      if (missing > 0) {
        const delayMs = Math.ceil((missing / this.#bytesPerSecond) * 1000)
        this.#timer = this.#clock.after(delayMs, () => {
          this.#count()
          this.#serve()
        })
        return
      }
      this.#waiting.splice(this.#waiting.indexOf(next), 1)
      this.#spend(next.share, slice)
      next.granted(slice)
    }
  }

  #spend(share: Share, bytes: number): void {
    this.#balance -= bytes
    this.#shares.served(share, bytes)
  }

  /** Adds what time has brought since the last call, as far as there is room for it. */
  #count(): void {
    const nowMs = this.#clock.monotonic()
    const earned = ((nowMs - this.#countedMs) / 1000) * this.#bytesPerSecond
    if (this.#waiting.length > 0) this.#busyMs = nowMs
    // While somebody waits, or did a moment ago, nothing is lost: the timer that is late was ours.
    const isBusy = nowMs - this.#busyMs <= IDLE_BURST_MS
    this.#balance = Math.min(this.#balance + earned, this.#worth(isBusy ? LATE_BURST_MS : IDLE_BURST_MS))
    this.#countedMs = nowMs
  }

  #worth(ms: number): number {
    return (this.#bytesPerSecond * ms) / 1000
  }
}
