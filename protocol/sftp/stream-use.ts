/** A stretch of the stream that something still looks at. */
export interface Use {
  /** Where it begins, in bytes from the beginning of the stream. */
  readonly from: number
  over: boolean
}

/** Follows which bytes of a stream are still looked at, by uses that begin in its order and end in any. */
export class StreamUse {
  readonly #uses: Use[] = []

  /** @param from not before that of the use that began last. */
  begin(from: number): Use {
    const use = { from, over: false }
    this.#uses.push(use)
    return use
  }

  end(use: Use): void {
    use.over = true
    while (this.#uses[0]?.over === true) this.#uses.shift()
  }

  /** Where the first use that is not over begins. */
  get from(): number | undefined {
    return this.#uses[0]?.from
  }
}
