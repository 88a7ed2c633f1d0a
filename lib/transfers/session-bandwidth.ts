import { randomUUID } from 'node:crypto'
import { sliceOf } from './slice.ts'
import type { Direction, Throttle } from './throttle.ts'

export interface SessionBandwidthOptions {
  username: string
  /** The account's limit just now in bytes a second, 0 for none: read at every turn. */
  limit(direction: Direction): number
  throttle: Throttle
  /** Aborted when the client is gone: its reason is what those that wait then fail with. */
  gone: AbortSignal
  /** How many more (1) or fewer (-1) transfers of the session wait for bandwidth: it is not idle meanwhile. */
  waiting(change: 1 | -1): void
}

/** What one session may move of its account's bandwidth. */
export class SessionBandwidth {
  readonly #options: SessionBandwidthOptions

  constructor(options: SessionBandwidthOptions) {
    this.#options = options
  }

  /** For one open file. */
  transfer(): TransferBandwidth {
    return new TransferBandwidth(this.#options)
  }
}

/** One transfer's way through the throttle. */
export class TransferBandwidth {
  readonly #options: SessionBandwidthOptions
  readonly #transfer = randomUUID()
  /** The last in line in each direction: a transfer pays in order, so that replies come one by one. */
  readonly #line: Partial<Record<Direction, Promise<void>>> = {}

  constructor(options: SessionBandwidthOptions) {
    this.#options = options
  }

  /** How much is worth moving in one call; undefined without a limit. */
  sliceBytes(direction: Direction): number | undefined {
    const bytesPerSecond = this.#options.limit(direction)
    return bytesPerSecond === 0 ? undefined : sliceOf(bytesPerSecond)
  }

  /**
   * Resolves when the bytes may move.
   * @returns undefined where there is no limit, and nothing to wait for.
   * @throws the reason of `gone`, at once, when the client goes.
   */
  pay(direction: Direction, bytes: number): Promise<void> | undefined {
    if (bytes === 0 || this.#options.limit(direction) === 0) return undefined
    const turn = this.#inTurn(this.#line[direction], direction, bytes)
    this.#line[direction] = turn
    return turn
  }

  async #inTurn(before: Promise<void> | undefined, direction: Direction, bytes: number): Promise<void> {
    const { username, limit, throttle, gone, waiting } = this.#options
    waiting(1)
    try {
      await before
      for (let left = bytes; left > 0;) {
        const bytesPerSecond = limit(direction)
        if (bytesPerSecond === 0) return
        left -= await throttle.take(
          { username, direction, transfer: this.#transfer, bytes: left, bytesPerSecond },
          gone,
        )
      }
    } finally {
      waiting(-1)
    }
  }
}
