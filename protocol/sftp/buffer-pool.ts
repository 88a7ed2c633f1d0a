/** Lends the buffers that file data is read into, so that a long download does not allocate for every READ. */
export class BufferPool {
  readonly #bufferBytes: number
  readonly #maxIdle: number
  readonly #idle: Buffer[] = []

  /**
   * @param bufferBytes capacity of every buffer.
   * @param maxIdle buffers kept for later; more are left to the garbage collector.
   */
  constructor(bufferBytes: number, maxIdle: number) {
    this.#bufferBytes = bufferBytes
    this.#maxIdle = maxIdle
  }

  /** A buffer of the pool's capacity with anything in it. Not giving it back is allowed. */
  take(): Buffer {
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(this.#bufferBytes)
  }

  /** Only once nobody reads it any more. */
  give(buffer: Buffer): void {
    if (this.#idle.length < this.#maxIdle) this.#idle.push(buffer)
  }
}
