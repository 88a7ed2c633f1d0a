import type { Clock } from '../clock.ts'

/** What the transport gives every channel, and tops up when half of it is used (ssh2's MAX_WINDOW). */
export const TRANSPORT_WINDOW_BYTES = 2 * 1024 * 1024
/** 16 MiB for each round trip: 160 MiB/s at 100 ms. */
export const MAX_WINDOW_BYTES = 16 * 1024 * 1024
/** What the windows of all channels together may have beyond the transport's: a client may fill it while we wait. */
export const MAX_GRANTED_BYTES = 256 * 1024 * 1024

/** What is given back at once of a window that cannot grow. */
const FULL_STEP_BYTES = 1024 * 1024
/**
 * A client that waits for less is near: there the window holds nothing up, and a larger one costs speed, since what is
 * under way no longer fits into the processor's caches.
 */
export const MIN_WAIT_MS = 10

/** What all channels of a server may be granted together. */
export class WindowBudget {
  #left: number

  constructor(bytes: number = MAX_GRANTED_BYTES) {
    this.#left = bytes
  }

  /** @returns false when there is not so much left. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false
    this.#left -= bytes
    return true
  }

  giveBack(bytes: number): void {
    this.#left += bytes
  }
}

/** A channel's side of flow control, RFC 4254 section 5.2. */
export interface WindowedChannel {
  /** Bytes that the client may still send. */
  window(): number
  /** Lets the client send so many more. */
  adjust(bytes: number): void
}

/**
 * Lets a channel's window grow with the way to its client. A client that has sent all it may, to the byte, waits for
 * the next adjustment to arrive. Where nothing comes from it for {@link MIN_WAIT_MS} then, the window is what limits it,
 * and is doubled.
 */
export class ReceiveWindow {
  readonly #channel: WindowedChannel
  readonly #budget: WindowBudget
  readonly #clock: Pick<Clock, 'monotonic'>
  #size = TRANSPORT_WINDOW_BYTES
  /** What the client may send without the latest adjustment, which may be on its way. */
  #certain = TRANSPORT_WINDOW_BYTES
  /** When all of that had come; undefined before, and once more has come. */
  #usedUpAt: number | undefined
  /** The client was kept waiting since the latest adjustment. */
  #held = false
  #last: number

  constructor(channel: WindowedChannel, budget: WindowBudget, clock: Pick<Clock, 'monotonic'>) {
    this.#channel = channel
    this.#budget = budget
    this.#clock = clock
    this.#last = channel.window()
  }

  /** After every chunk that was taken, `bytes` long. */
  received(bytes: number): void {
    this.#growIfWaited()
    const expected = this.#last - bytes
    const left = this.#channel.window()
    // More is left where the transport has made an adjustment of its own meanwhile.
    if (left > expected) this.#adjusted(expected)
    else this.#certain -= bytes
    if (this.#certain === 0 && !this.#held) this.#usedUpAt = this.#clock.monotonic()
    this.#topUp(left)
    this.#last = this.#channel.window()
  }

  /** The client is not listened to for a while: that it has sent all it may says nothing. */
  hold(): void {
    this.#held = true
  }

  /** Once, when the channel is over. */
  release(): void {
    this.#budget.giveBack(this.#size - TRANSPORT_WINDOW_BYTES)
    this.#size = TRANSPORT_WINDOW_BYTES
  }

  #adjusted(certain: number): void {
    this.#certain = certain
    this.#held = false
  }

  #growIfWaited(): void {
    const since = this.#usedUpAt
    this.#usedUpAt = undefined
    if (since === undefined || this.#held || this.#clock.monotonic() - since < MIN_WAIT_MS) return
    if (this.#size < MAX_WINDOW_BYTES && this.#budget.take(this.#size)) this.#size *= 2
  }

  #topUp(left: number): void {
    if (this.#size === TRANSPORT_WINDOW_BYTES) return
    // Half at a time shows where the window holds the client up. One that cannot grow is kept full, so that a round trip
    // carries all of it: half at a time would leave the client waiting for one half while it has sent the other.
    const step = this.#size === MAX_WINDOW_BYTES ? FULL_STEP_BYTES : this.#size / 2
    if (left > this.#size - step) return
    this.#adjusted(left)
    this.#channel.adjust(this.#size - left)
  }
}
