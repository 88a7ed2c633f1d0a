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
 * where the others are. That is start-time fair queueing (Goyal, Vin, Cheng 1996): fair in bytes, whatever the size
 * of requests.
 */
export class Shares {
  readonly #shares = new Map<string, Share>()
  /** Where the transfer that was served last began. */
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

  /** @returns undefined when nobody waits. */
  next<W extends { share: Share }>(waiting: readonly W[]): W | undefined {
    let best = waiting[0]
    for (const waiter of waiting) if (best === undefined || waiter.share.due < best.share.due) best = waiter
    return best
  }

  served(share: Share, bytes: number): void {
    this.#virtual = Math.max(this.#virtual, share.due)
    share.due += bytes
  }

  /** A share that is not ahead of the others is about what a new one would be. */
  #forget(): void {
    if (this.#shares.size < FORGET_ABOVE) return
    for (const [transfer, { due, waiting }] of this.#shares) {
      if (waiting === 0 && due <= this.#virtual) this.#shares.delete(transfer)
    }
  }
}
