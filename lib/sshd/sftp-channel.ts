import type { ServerChannel } from 'ssh2'
import type { BufferPool } from '../../protocol/sftp/buffer-pool.ts'
import { SftpServer } from '../../protocol/sftp/server.ts'
import type { FileSystem } from '../../protocol/filesystem.ts'
import type { Clock } from '../clock.ts'
import type { Inlet } from './inlet.ts'
import type { Outlet } from './outlet.ts'
import type { ReceiveWindow } from './receive-window.ts'

/** Replies up to this are put together before they are encrypted: most are a few dozen bytes. */
const SMALL_REPLY_BYTES = 1024
/** A channel packet's worth (ssh2 cuts there). */
const GATHERED_BYTES = 32 * 1024
export interface SftpChannelOptions {
  channel: ServerChannel
  inlet: Inlet
  /** Under the channel, for its backpressure. */
  outlet: Outlet
  window: ReceiveWindow
  fs: FileSystem
  username: string
  buffers: BufferPool
  clock: Clock
  active(): void
  /** What the engine could not explain to the client. */
  report(message: string, error: unknown): void
}

/** A queued reply; `sent` is called once, also when the client is gone and nobody will take it. */
export interface Outgoing {
  bytes: Buffer
  sent: () => void
}

/**
 * Moves bytes between an SSH channel and an {@link SftpServer}. What the client sent before it left is
 * executed; resolves when the session is over and nothing is open any more. Never rejects.
 */
export async function serveSftp(options: SftpChannelOptions): Promise<void> {
  const { channel, fs, username, buffers, clock } = options
  const replies = new ReplyWriter(options.channel, options.outlet)
  let exitStatus = 0

  return new Promise((resolve) => {
    let finishing = false
    const finish = async (): Promise<void> => {
      if (finishing) return
      finishing = true
      await server.end()
      takeBack()
      await replies.flushed()
      channel.exit(exitStatus)
      channel.end()
      resolve()
    }
    const server = new SftpServer({
      fs,
      username,
      buffers,
      driver: {
        send: (bytes, sent) =>
          replies.push({
            bytes,
            sent() {
              // A slow client is at work as long as it takes what it asked for.
              options.active()
              sent()
            },
          }),
        resume: () => channel.resume(),
        fail(reason) {
          options.report('the client broke the SFTP protocol', reason)
          exitStatus = 1
          void finish()
        },
        report: (error, request) => options.report(`${request.kind} failed`, error),
        active: options.active,
        now: () => clock.now(),
      },
    })
    const takeBack = options.inlet.lend(channel, () => server.releasedBytes)
    channel.on('data', (chunk: Buffer) => {
      options.active()
      if (!server.receive(chunk)) {
        channel.pause()
        options.window.hold()
      }
      options.window.received(chunk.length)
    })
    channel.on('error', (error: Error) => options.report('channel error', error))
    channel.on('end', () => void finish())
    // The one sign of the peer's CHANNEL_CLOSE, or of a lost connection, that does not wait for buffered data:
    // 'close' waits for 'end', and a write that waits for the client's window is never called back.
    channel.stderr.on('error', (error: Error) => options.report('channel error', error))
    const lost = (): void => {
      replies.discard()
      channel.resume()
    }
    if (channel.stderr.writableEnded) lost()
    else channel.stderr.once('finish', lost)
  })
}

/** Writes replies to a channel, as fast as the client takes them and no faster. */
export class ReplyWriter {
  readonly #channel: ServerChannel
  readonly #outlet: Outlet
  readonly #queue: Outgoing[] = []
  /** Handed to the channel, which has not passed them on yet. */
  #underWay: Outgoing[] = []
  #scheduled = false
  #discarding = false
  #waitingForRoom = false

  constructor(channel: ServerChannel, outlet: Outlet) {
    this.#channel = channel
    this.#outlet = outlet
  }

  push(reply: Outgoing): void {
    this.#queue.push(reply)
    this.#schedule()
  }

  /** As {@link push}, without waiting for what may leave with it. */
  pushAtOnce(reply: Outgoing): void {
    this.#queue.push(reply)
    if (this.#discarding) this.#schedule()
    else this.#flush()
  }

  /** Resolves when everything pushed so far was passed on or discarded. */
  flushed(): Promise<void> {
    return new Promise((resolve) => this.push({ bytes: Buffer.alloc(0), sent: resolve }))
  }

  /** Nobody listens any more: everything counts as sent. */
  discard(): void {
    this.#discarding = true
    this.#schedule()
  }

  /** Once a turn of the event loop, so that what the disk answered in it leaves together. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.#discarding) this.#passedOn([...this.#underWay.splice(0), ...this.#queue.splice(0)])
      else this.#flush()
    })
  }

  #flush(): void {
    const gone: Outgoing[] = []
    this.#outlet.together(() => {
      // What the channel still holds waits for the client's window.
      while (this.#queue.length > 0 && this.#channel.writableLength === 0 && this.#hasRoom()) {
        const batch = takeBatch(this.#queue)
        const bytes = bytesOf(batch)
        // Nothing may be told to have left before what did so earlier.
        if (this.#underWay.length === 0 && this.#outlet.sendAtOnce(this.#channel, bytes)) gone.push(...batch)
        else this.#write(bytes, batch)
      }
    })
    // Not before: what it starts would keep the client waiting.
    this.#passedOn(gone)
  }

  #write(bytes: Buffer, batch: Outgoing[]): void {
    this.#underWay = batch
    this.#channel.write(bytes, () => {
      // The client may have gone meanwhile, and the batch with it.
      if (this.#underWay === batch) this.#underWay = []
      this.#passedOn(batch.splice(0))
      if (this.#queue.length > 0) this.#schedule()
    })
  }

  #hasRoom(): boolean {
    if (this.#outlet.hasRoom()) return true
    if (!this.#waitingForRoom) {
      this.#waitingForRoom = true
      this.#outlet.whenRoom(() => {
        this.#waitingForRoom = false
        this.#schedule()
      })
    }
    return false
  }

  #passedOn(batch: Outgoing[]): void {
    for (const { sent } of batch) sent()
  }
}

function bytesOf(batch: readonly Outgoing[]): Buffer {
  const [first] = batch
  return batch.length === 1 && first !== undefined ? first.bytes : Buffer.concat(batch.map(({ bytes }) => bytes))
}

/** The next reply, with the small ones behind it when it is small. */
function takeBatch(outgoing: Outgoing[]): Outgoing[] {
  let count = 0
  let bytes = 0
  for (const { bytes: next } of outgoing) {
    if (next.length > SMALL_REPLY_BYTES || bytes + next.length > GATHERED_BYTES) break
    bytes += next.length
    count++
  }
  return outgoing.splice(0, Math.max(count, 1))
}
