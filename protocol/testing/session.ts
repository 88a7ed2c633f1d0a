import type { FileSystem } from '../filesystem.ts'
import type { BufferPool } from '../sftp/buffer-pool.ts'
import type { SftpLimits } from '../sftp/limits.ts'
import type { Request, UnknownRequest } from '../sftp/packets.ts'
import { SftpServer } from '../sftp/server.ts'
import type { BadMessage } from '../wire/bad-message.ts'
import { SftpClient } from './client.ts'

export interface SessionOptions {
  fs: FileSystem
  username?: string
  limits?: Partial<SftpLimits>
  buffers?: BufferPool
  /** How what the client sends is cut on its way; whole packets otherwise. */
  cut?: (bytes: Buffer) => Iterable<Buffer>
  /** Replies stay unsent until {@link MemorySession.deliver}; otherwise they leave by themselves, a moment later. */
  held?: boolean
  /** Milliseconds since the epoch. */
  now?: () => number
}

/** What memory holds that is used again for something else. */
const REUSED = 0xee

/**
 * A server engine and a client, joined in memory. What the engine has released of what it received is overwritten at
 * once, so that nothing it still needed stays unnoticed.
 */
export class MemorySession {
  readonly server: SftpServer
  readonly client: SftpClient
  /** Why the server ended the session: at most one. */
  readonly failures: BadMessage[] = []
  /** Replies queued before the server ended the session. */
  repliesBeforeFailure: number | undefined
  readonly reports: { error: unknown; request: Request | UnknownRequest }[] = []
  /** What the last {@link SftpServer.receive} returned. */
  ready = true
  resumed = 0
  /** How often the client was seen to be active. */
  packets = 0
  held: boolean
  #replies = 0
  readonly #cut: (bytes: Buffer) => Iterable<Buffer>
  readonly #unsent: { bytes: Buffer; sent: () => void }[] = []
  /** With what the engine may look at still, and where in the stream the first of them begins. */
  readonly #received: Buffer[] = []
  #reusedBytes = 0

  constructor({ fs, username = 'user', limits, buffers, cut, held = false, now = () => 0 }: SessionOptions) {
    this.held = held
    this.#cut = cut ?? ((bytes) => [bytes])
    this.client = new SftpClient((bytes) => this.send(bytes))
    this.server = new SftpServer({
      fs,
      username,
      ...(limits && { limits }),
      ...(buffers && { buffers }),
      driver: {
        send: (bytes, sent) => {
          this.#reuse()
          this.#unsent.push({ bytes, sent })
          this.#replies++
          if (!this.held) void Promise.resolve().then(() => this.deliver(1))
        },
        resume: () => {
          this.ready = true
          this.resumed++
        },
        fail: (reason) => {
          this.failures.push(reason)
          this.repliesBeforeFailure = this.#replies
        },
        report: (error, request) => this.reports.push({ error, request }),
        active: () => {
          this.packets++
        },
        now,
      },
    })
  }

  /** A session past INIT. */
  static async start(options: SessionOptions): Promise<MemorySession> {
    const session = new MemorySession({ ...options, held: false })
    await session.client.init()
    session.held = options.held ?? false
    return session
  }

  /** Replies the client has not taken yet. */
  get unsent(): number {
    return this.#unsent.length
  }

  /** Sends bytes as they are, cut as the session's options say. */
  send(bytes: Buffer): void {
    for (const piece of this.#cut(bytes)) {
      const chunk = Buffer.from(piece)
      this.#received.push(chunk)
      this.ready = this.server.receive(chunk)
      this.#reuse()
    }
  }

  #reuse(): void {
    const released = this.server.releasedBytes
    if (released < this.#reusedBytes) throw new Error(`${this.#reusedBytes} bytes were released, now only ${released}`)
    let left = released - this.#reusedBytes
    this.#reusedBytes = released
    while (left > 0) {
      const chunk = this.#received[0]
      if (chunk === undefined) throw new Error(`${left} bytes more were released than received`)
      const count = Math.min(left, chunk.length)
      chunk.fill(REUSED, 0, count)
      left -= count
      if (count === chunk.length) this.#received.shift()
      else this.#received[0] = chunk.subarray(count)
    }
  }

  /** Lets the oldest unsent replies leave. Their bytes are read only now, when the engine may still not touch them. */
  deliver(count = Number.POSITIVE_INFINITY): void {
    this.#reuse()
    for (const { bytes, sent } of this.#unsent.splice(0, count)) {
      this.client.receive(Buffer.from(bytes))
      sent()
    }
  }
}
