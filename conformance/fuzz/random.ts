const WARM_UP = 12

/** sfc32: all of a fuzzed input follows from its seed, so that it can be made again. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /**
   * @param seed a whole number up to 2^53.
   * @param stream different streams of one seed have nothing in common.
   */
  constructor(seed: number, stream = 0) {
    this.#a = seed >>> 0
    this.#b = Math.floor(seed / 2 ** 32) >>> 0
    this.#c = stream
    for (let round = 0; round < WARM_UP; round++) this.uint32()
  }

  uint32(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0
    return result >>> 0
  }

  /** From 0 up to `limit`, exclusive; 0 where the limit is 0. */
  below(limit: number): number {
    return limit === 0 ? 0 : this.uint32() % limit
  }

  /** True once in `count` on average. */
  oneIn(count: number): boolean {
    return this.uint32() % count === 0
  }

  pick<T>(items: readonly T[]): T {
    return items[this.uint32() % items.length] as T
  }
}
