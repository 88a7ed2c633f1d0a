import { BadMessage } from './bad-message.ts'

/**
 * Reads RFC 4251 §5 primitives, one after the other. `field` names the culprit in errors.
 * Buffers it returns are views of the packet.
 */
export class Reader {
  readonly #head: Buffer
  readonly #tail: readonly Buffer[]
  #position = 0

  /**
   * @param head holds every fixed field.
   * @param tail what follows `head` of the same packet; only {@link payload} reaches into it.
   */
  constructor(head: Buffer, tail: readonly Buffer[] = []) {
    this.#head = head
    this.#tail = tail
  }

  /** Bytes of the head not read yet. */
  get remaining(): number {
    return this.#head.length - this.#position
  }

  byte(field: string): number {
    return this.#head[this.#take(1, field)] as number
  }

  uint32(field: string): number {
    return this.#head.readUInt32BE(this.#take(4, field))
  }

  uint64(field: string): bigint {
    return this.#head.readBigUInt64BE(this.#take(8, field))
  }

  /** `string` of RFC 4251: any bytes behind their length. */
  bytes(field: string): Buffer {
    const length = this.uint32(field)
    const start = this.#take(length, field)
    return this.#head.subarray(start, start + length)
  }

  /** As {@link bytes}, across the chunks in which the packet arrived, so that nothing is copied. */
  payload(field: string): Buffer[] {
    let wanted = this.uint32(field)
    const chunks: Buffer[] = []
    const first = this.#head.subarray(this.#position, this.#position + wanted)
    this.#position += first.length
    for (const chunk of [first, ...this.#tail]) {
      if (wanted === 0) break
      if (chunk.length === 0) continue
      const part = chunk.length > wanted ? chunk.subarray(0, wanted) : chunk
      chunks.push(part)
      wanted -= part.length
    }
    if (wanted > 0) throw new BadMessage(`${field}: ${wanted} bytes are missing`)
    return chunks
  }

  /** Everything up to the end of the head. */
  rest(): Buffer {
    const start = this.#position
    this.#position = this.#head.length
    return this.#head.subarray(start)
  }

  #take(length: number, field: string): number {
    const start = this.#position
    const missing = start + length - this.#head.length
    if (missing > 0) throw new BadMessage(`${field}: ${missing} bytes are missing`)
    this.#position = start + length
    return start
  }
}
