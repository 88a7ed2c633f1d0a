/** One transfer's part of a bucket. */
export interface Share {
  /** Bytes, on the scale of {@link Shares}: whose is lowest is next. */
  due: number
  /** Requests of it that wait. */
  waiting: number
}

/** Shares of transfers that were seen lately are kept up to here, and beyond it those that matter. */
const FORGET_ABOVE = 64

/**
 * Who is next: the transfer that was given the fewest bytes, where one that comes or comes back counts from about
 * where the others are. That is self-clocked fair queueing (Golestani 1994): fair in bytes, whatever the size of
 * requests, and small files without end, each a transfer of its own, do not come first all the time.
 */
export class Shares {
  readonly #shares = new Map<string, Share>()
  /** As far as anybody was served. */
  #virtual = 0

  /** @param credit bytes a transfer may be behind the others: between two requests it is gone for a moment. */
  of(transfer: string, credit: number): Share {
    let share = this.#shares.get(transfer)
    if (share === undefined) {
      this.#forget()
      share = { due: this.#virtual, waiting: 0 }
      this.#shares.set(transfer, share)
    }
    share.due = Math.max(share.due, this.#virtual - credit)
    return share
  }

  /** How many are remembered. */
  get size(): number {
    return this.#shares.size
  }

  /** @returns undefined when nobody waits. */
  next<W extends { share: Share }>(waiting: readonly W[]): W | undefined {
    let best = waiting[0]
    for (const waiter of waiting) if (best === undefined || waiter.share.due < best.share.due) best = waiter
    return best
  }

  served(share: Share, bytes: number): void {
    share.due += bytes
    this.#virtual = Math.max(this.#virtual, share.due)
  }

  /** One that does not wait is about where a new one would begin. */
  #forget(): void {
    if (this.#shares.size < FORGET_ABOVE) return
    for (const [transfer, { waiting }] of this.#shares) {
      if (waiting === 0) this.#shares.delete(transfer)
    }
  }
}
