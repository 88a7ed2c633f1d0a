/** What has arrived and was not taken yet: lines and data out of one stream, whatever its pieces are. */
export class Input {
  #chunks: Buffer[] = []
  #bytes = 0
  #ended = false

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  /** Nothing further arrives. */
  end(): void {
    this.#ended = true
  }

  get bytes(): number {
    return this.#bytes
  }

  /** All of it was taken, and nothing further arrives. */
  get exhausted(): boolean {
    return this.#ended && this.#bytes === 0
  }

  /** The stream ended: what is here is all there will be. */
  get ended(): boolean {
    return this.#ended
  }

  /** The next byte, left where it is; undefined when there is none yet. */
  peek(): number | undefined {
    return this.#chunks[0]?.[0]
  }

  /** At most `max` bytes, as views of what arrived. */
  take(max: number): Buffer[] {
    const taken: Buffer[] = []
    let left = Math.min(max, this.#bytes)
    this.#bytes -= left
    while (left > 0) {
      const first = this.#chunks[0] as Buffer
      if (first.length <= left) {
        taken.push(first)
        this.#chunks.shift()
        left -= first.length
      } else {
        taken.push(first.subarray(0, left))
        this.#chunks[0] = first.subarray(left)
        left = 0
      }
    }
    return taken
  }

  /** A line without its line feed, one character a byte; undefined while its end is not here. */
  takeLine(): string | undefined {
    let before = 0
    for (const chunk of this.#chunks) {
      const end = chunk.indexOf(LINE_FEED)
      if (end !== -1) {
        const line = Buffer.concat(this.take(before + end)).toString('latin1')
        this.take(1)
        return line
      }
      before += chunk.length
    }
    return undefined
  }
}

const LINE_FEED = 0x0a
