/** Writes RFC 4251 §5 primitives into one growing buffer. */
export class Writer {
  #buffer: Buffer
  #length = 0

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity)
  }

  get length(): number {
    return this.#length
  }

  byte(value: number): void {
    const start = this.#reserve(1)
    this.#buffer[start] = value
  }

  uint32(value: number): void {
    const start = this.#reserve(4)
    this.#buffer.writeUInt32BE(value, start)
  }

  uint64(value: bigint): void {
    const start = this.#reserve(8)
    this.#buffer.writeBigUInt64BE(value, start)
  }

  bytes(value: Uint8Array): void {
    this.uint32(value.length)
    this.raw(value)
  }

  /** Bytes without their length. */
  raw(value: Uint8Array): void {
    const start = this.#reserve(value.length)
    this.#buffer.set(value, start)
  }

  /** A length-prefixed text in the given encoding. */
  text(value: string, encoding: 'latin1' | 'utf8'): void {
    const length = Buffer.byteLength(value, encoding)
    this.uint32(length)
    const start = this.#reserve(length)
    this.#buffer.write(value, start, length, encoding)
  }

  /** Overwrites four bytes written earlier. */
  patchUint32(position: number, value: number): void {
    this.#buffer.writeUInt32BE(value, position)
  }

  /** What was written, as a view: the writer is done with it. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  #reserve(length: number): number {
    const start = this.#length
    const end = start + length
    if (end > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, this.#buffer.length * 2))
      grown.set(this.#buffer.subarray(0, start))
      this.#buffer = grown
    }
    this.#length = end
    return start
  }
}
