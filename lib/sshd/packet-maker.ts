import { randomFillSync } from 'node:crypto'

/** How a cipher wants a packet before it encrypts it in place, RFC 4253 section 6. */
export interface PacketLayout {
  /** What the encrypted part is a multiple of. */
  blockBytes: number
  /** In front, not encrypted: 4 where the length is only authenticated, 0 otherwise. */
  clearBytes: number
  /** Left free behind the padding, for the tag. */
  tagBytes: number
}

const LENGTH_BYTES = 4
/** The length, and the length of the padding. */
const HEADER_BYTES = LENGTH_BYTES + 1
/** RFC 4253 section 6: "There MUST be at least four bytes of padding." */
const MIN_PADDING_BYTES = 4

const SSH_MSG_CHANNEL_DATA = 94
/** Type, channel, length of the data: RFC 4254 section 5.2. */
const DATA_HEADER_BYTES = 9

/** The longest channel packet (ssh2 announces it, and cuts what it sends) with everything around it. */
const SLAB_BYTES = 32 * 1024 + 512
/** Packets of so little are not worth a slab. */
const SMALL_BYTES = 1024
/** Slabs kept for the next packet, by all connections together: 1 MiB. */
const MAX_IDLE_SLABS = 32
/** Random bytes fetched at a time: asking for a dozen costs as much as for hundreds. */
const RANDOM_BYTES = 4096

/** Memory for the packets of any number of connections. */
export class PacketSlabs {
  readonly #idle: Buffer[] = []

  take(): Buffer {
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
  }

  giveBack(slabs: readonly Buffer[]): void {
    this.#idle.push(...slabs.slice(0, MAX_IDLE_SLABS - this.#idle.length))
  }
}

/**
 * Makes the packets that carry the data of one connection's channels, in memory that is used again when they have
 * left, and with padding from one supply of random bytes.
 */
export class PacketMaker {
  readonly #slabs: PacketSlabs
  readonly #haveLeft: () => boolean
  #lent: Buffer[] = []
  readonly #random = Buffer.allocUnsafeSlow(RANDOM_BYTES)
  #randomUsed = RANDOM_BYTES

  /** @param haveLeft whether all packets made before are with the kernel, or never will be. */
  constructor(slabs: PacketSlabs, haveLeft: () => boolean) {
    this.#slabs = slabs
    this.#haveLeft = haveLeft
  }

  /** @returns a packet ready to be encrypted in place, with `layout.tagBytes` behind it; valid until it has left. */
  channelData(channel: number, data: Buffer, { blockBytes, clearBytes, tagBytes }: PacketLayout): Buffer {
    const unpadded = HEADER_BYTES + DATA_HEADER_BYTES + data.length
    let padding = blockBytes - ((unpadded - clearBytes) % blockBytes)
    if (padding < MIN_PADDING_BYTES) padding += blockBytes
    const end = unpadded + padding
    const packet = this.#memory(end + tagBytes, data.length)
    packet.writeUInt32BE(end - LENGTH_BYTES, 0)
    packet[LENGTH_BYTES] = padding
    packet[HEADER_BYTES] = SSH_MSG_CHANNEL_DATA
    packet.writeUInt32BE(channel, HEADER_BYTES + 1)
    packet.writeUInt32BE(data.length, HEADER_BYTES + 5)
    packet.set(data, HEADER_BYTES + DATA_HEADER_BYTES)
    this.#pad(packet, unpadded, end)
    return packet
  }

  #memory(bytes: number, dataBytes: number): Buffer {
    if (dataBytes < SMALL_BYTES || bytes > SLAB_BYTES) return Buffer.allocUnsafe(bytes)
    if (this.#lent.length > 0 && this.#haveLeft()) {
      this.#slabs.giveBack(this.#lent)
      this.#lent = []
    }
    const slab = this.#slabs.take()
    this.#lent.push(slab)
    return slab.subarray(0, bytes)
  }

  /** No random byte is used twice. */
  #pad(packet: Buffer, from: number, to: number): void {
    const bytes = to - from
    if (this.#randomUsed + bytes > RANDOM_BYTES) {
      randomFillSync(this.#random)
      this.#randomUsed = 0
    }
    this.#random.copy(packet, from, this.#randomUsed, this.#randomUsed + bytes)
    this.#randomUsed += bytes
  }
}
