import { BadMessage } from '../wire/bad-message.ts'
import { MAX_HANDLE_BYTES, MAX_WRITE_HEADER_BYTES } from './codec.ts'
import { SSH_FXP } from './constants.ts'

/** OpenSSH's own limit (SFTP_MAX_MSG_LENGTH), which limits@openssh.com announces. */
export const MAX_PACKET_BYTES = 256 * 1024

/** One packet without its length field: `head` holds every fixed field, `tail` the rest of a WRITE's data. */
export interface Framed {
  head: Buffer
  tail: readonly Buffer[]
}

/** Neighbours that together stay within this are joined by a copy. */
const TINY_BYTES = 512

/** Where a WRITE has its handle's length: behind type and id. */
const HANDLE_AT = 5

const NO_TAIL: readonly Buffer[] = []

/** Cuts a byte stream into packets (§3). Bytes in, packets out; file data is never copied. */
export class Deframer {
  readonly #maxPacketBytes: number
  #chunks: Buffer[] = []
  #buffered = 0
  /** Bytes of the packet under way, -1 before its length is known. */
  #length = -1

  /** @param maxPacketBytes a longer packet is refused from its length field, before its body is kept. */
  constructor(maxPacketBytes = MAX_PACKET_BYTES) {
    this.#maxPacketBytes = maxPacketBytes
  }

  /** Bytes kept of a packet that is not complete yet. */
  get buffered(): number {
    return this.#buffered
  }

  /**
   * The chunk must not change afterwards: packets are views of it.
   * @throws BadMessage for a length of 0 or over the limit: the stream cannot be resynchronised, end it.
   */
  *push(chunk: Buffer): Generator<Framed, void> {
    if (chunk.length === 0) return
    this.#keep(chunk)
    for (;;) {
      if (this.#length === -1) {
        if (this.#buffered < 4) return
        const length = this.#takeContiguous(4).readUInt32BE(0)
        if (length === 0) throw new BadMessage('length: 0, a packet has at least a type')
        if (length > this.#maxPacketBytes) {
          throw new BadMessage(`length: ${length}, a packet has at most ${this.#maxPacketBytes} bytes`)
        }
        this.#length = length
      }
      if (this.#buffered < this.#length) return
      const packet = this.#takePacket(this.#length)
      this.#length = -1
      yield packet
    }
  }

  #keep(chunk: Buffer): void {
    const last = this.#chunks.at(-1)
    // A peer that sends byte by byte must not turn a packet into 262,144 views.
    if (last !== undefined && last.length + chunk.length <= TINY_BYTES) {
      this.#chunks[this.#chunks.length - 1] = Buffer.concat([last, chunk])
    } else {
      this.#chunks.push(chunk)
    }
    this.#buffered += chunk.length
  }

  #takePacket(length: number): Framed {
    const first = this.#chunks[0] as Buffer
    if (first.length >= length || first[0] !== SSH_FXP.WRITE)
      return { head: this.#takeContiguous(length), tail: NO_TAIL }
    const headBytes = Math.min(length, Math.max(first.length, MAX_WRITE_HEADER_BYTES))
    const head = this.#takeContiguous(headBytes)
    const tail = this.#take(length - headBytes)
    // A handle over §6's limit reaches into the tail: copied, so that the packet means the same however it was cut.
    const tooLong = head.length >= HANDLE_AT + 4 && head.readUInt32BE(HANDLE_AT) > MAX_HANDLE_BYTES
    return tooLong ? { head: Buffer.concat([head, ...tail], length), tail: NO_TAIL } : { head, tail }
  }

  /** The next bytes as one buffer: a view where they arrived together, a copy where not. */
  #takeContiguous(length: number): Buffer {
    const parts = this.#take(length)
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, length)
  }

  #take(length: number): Buffer[] {
    const taken: Buffer[] = []
    let wanted = length
    while (wanted > 0) {
      const chunk = this.#chunks[0] as Buffer
      if (chunk.length <= wanted) {
        taken.push(chunk)
        this.#chunks.shift()
        wanted -= chunk.length
      } else {
        taken.push(chunk.subarray(0, wanted))
        this.#chunks[0] = chunk.subarray(wanted)
        wanted = 0
      }
    }
    this.#buffered -= length
    return taken
  }
}
