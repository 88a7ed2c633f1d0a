import type { Connection as SshConnection, ServerChannel } from 'ssh2'
import type { Borrower, ReadRegions } from './read-regions.ts'
import { channelNumber, takePayloads } from './transport-internals.ts'

/** RFC 4253 section 12, RFC 4254 section 9. */
const SSH_MSG_KEXINIT = 20
const SSH_MSG_CHANNEL_DATA = 94
const SSH_MSG_CHANNEL_CLOSE = 97
/** Type and channel: RFC 4254 section 5. */
const CHANNEL_HEADER_BYTES = 5
/** With the length of the data behind them: RFC 4254 section 5.2. */
const DATA_HEADER_BYTES = CHANNEL_HEADER_BYTES + 4

/**
 * The way in that all channels of a connection share. The data of a channel stays where it was read: of one that
 * borrows until it is returned, of another one for good. Everything else is copied out of memory that is used again.
 */
export class Inlet {
  readonly #regions: ReadRegions
  readonly #borrowing = new Map<number, ChannelLoan>()

  constructor(client: SshConnection, regions: ReadRegions) {
    this.#regions = regions
    takePayloads(client, (payload) => this.#take(payload))
  }

  /**
   * Lends what comes for `channel`, from now on, before anything of it was read.
   * @param returnedBytes how many of the channel's bytes, from the first that was read, nobody looks at any more.
   * @returns ends it: what was lent is back, and what comes after that is kept.
   */
  lend(channel: ServerChannel, returnedBytes: () => number): () => void {
    const number = channelNumber(channel)
    // What waits in the channel already was kept.
    const loan = new ChannelLoan(channel.readableLength, returnedBytes)
    this.#borrowing.set(number, loan)
    return () => {
      loan.end()
      if (this.#borrowing.get(number) === loan) this.#borrowing.delete(number)
    }
  }

  #take(payload: Buffer): Buffer {
    const regions = this.#regions
    regions.tell()
    const [type] = payload
    if (type === SSH_MSG_CHANNEL_DATA && payload.length >= DATA_HEADER_BYTES) {
      this.#leave(payload.buffer, channelOf(payload), payload.length - DATA_HEADER_BYTES)
      return payload
    }
    if (type === SSH_MSG_KEXINIT) regions.untold()
    // The number may be another channel's from now on, while this one still looks at what it was lent.
    if (type === SSH_MSG_CHANNEL_CLOSE && payload.length >= CHANNEL_HEADER_BYTES)
      this.#borrowing.delete(channelOf(payload))
    return regions.isReused(payload.buffer) ? Buffer.from(payload) : payload
  }

  /** Leaves the data of a channel where it is. */
  #leave(memory: ArrayBufferLike, channel: number, bytes: number): void {
    const loan = this.#borrowing.get(channel)
    if (loan === undefined) {
      this.#regions.keep(memory)
    } else {
      loan.lentBytes += bytes
      this.#regions.lend(memory, loan, loan.lentBytes)
    }
  }
}

function channelOf(payload: Buffer): number {
  return payload.readUInt32BE(1)
}

class ChannelLoan implements Borrower {
  lentBytes: number
  #returnedBytes: () => number

  constructor(lentBytes: number, returnedBytes: () => number) {
    this.lentBytes = lentBytes
    this.#returnedBytes = returnedBytes
  }

  returnedBytes(): number {
    return this.#returnedBytes()
  }

  end(): void {
    this.#returnedBytes = () => Number.POSITIVE_INFINITY
  }
}
