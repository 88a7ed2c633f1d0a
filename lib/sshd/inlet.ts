import type { Connection as SshConnection, ServerChannel } from 'ssh2'
import type { Borrower, ReadRegions } from './read-regions.ts'
import { channelNumber, takePayloads } from './transport-internals.ts'

/** RFC 4253 section 12, RFC 4254 section 9. */
const SSH_MSG_KEXINIT = 20
const SSH_MSG_CHANNEL_DATA = 94
/** Type, channel, length of the data: RFC 4254 section 5.2. */
const DATA_HEADER_BYTES = 9

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
      this.#borrowing.delete(number)
    }
  }

  #take(payload: Buffer): Buffer {
    const regions = this.#regions
    regions.tell()
    const [type] = payload
    if (type === SSH_MSG_KEXINIT) regions.untold()
    if (type !== SSH_MSG_CHANNEL_DATA || payload.length < DATA_HEADER_BYTES)
      return regions.isReused(payload.buffer) ? Buffer.from(payload) : payload
    const loan = this.#borrowing.get(payload.readUInt32BE(1))
    if (loan === undefined) {
      regions.keep(payload.buffer)
    } else {
      loan.lentBytes += payload.length - DATA_HEADER_BYTES
      regions.lend(payload.buffer, loan, loan.lentBytes)
    }
    return payload
  }
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
