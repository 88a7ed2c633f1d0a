import { FsError } from '../filesystem.ts'
import type { FileSystem } from '../filesystem.ts'
import { BadMessage } from '../wire/bad-message.ts'
import { BufferPool } from './buffer-pool.ts'
import { BadRequest, DATA_HEADER_BYTES, decodeRequest, encodeFramedResponse } from './codec.ts'
import { SSH_FX, SSH_FXP } from './constants.ts'
import { Deframer } from './deframer.ts'
import type { Framed } from './deframer.ts'
import { FileData } from './file-data.ts'
import type { ReadRequest, WriteRequest } from './file-data.ts'
import { onHandle } from './handler.ts'
import type { Handler, Session } from './handler.ts'
import { HANDLERS } from './handlers.ts'
import { Handles } from './handles.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import type { SftpLimits } from './limits.ts'
import { ALONE, INDEPENDENT, conflict } from './order.ts'
import type { Access } from './order.ts'
import { ReplyQueue } from './reply-queue.ts'
import type { Reply, Request, RequestKind, UnknownRequest } from './packets.ts'
import { failureStatus, status } from './status.ts'
import { StreamUse } from './stream-use.ts'
import type { Use } from './stream-use.ts'

/** What the engine asks of whoever owns the channel. */
export interface SftpDriver {
  /**
   * Queues bytes for the client, in order. `sent` is called once they left for good and the buffer may
   * change again; never, when the channel dies before. Does not throw, and does not call `sent` before it returns.
   */
  send(bytes: Buffer, sent: () => void): void
  /** After {@link SftpServer.receive} returned false: there is room again. */
  resume(): void
  /** The client broke the protocol: its last reply is queued, end the channel. */
  fail(reason: BadMessage): void
  /** A handler failed with something else than an FsError, or an FsError has a cause worth a log line. */
  report(error: unknown, request: Request | UnknownRequest): void
  /** Any request of the client, for the idle clock. */
  active(): void
  /** Milliseconds since the epoch. */
  now(): number
}

export interface SftpServerOptions {
  fs: FileSystem
  driver: SftpDriver
  username: string
  limits?: Partial<SftpLimits>
  /** Buffers of at least maxReadBytes + DATA_HEADER_BYTES, shared by any number of sessions. */
  buffers?: BufferPool
}

/** A request in the queue; `bad` stands for bytes that are none, and ends the session in its turn. */
type Pending = { access: Access; bytes: number; use?: Use | undefined } & (
  { request: Request | UnknownRequest; bad?: never } | { bad: BadMessage; request?: never }
)

/** What a request takes of the pending bytes beside its packet. */
const REQUEST_OVERHEAD_BYTES = 256

/**
 * Bytes of READs under way at once: while one is on its way to the client the next comes from the disk, and
 * what arrives meanwhile is gathered into one call instead of waking a thread for each.
 */
const MAX_READING_BYTES = 512 * 1024

/** How far behind a request that must wait another one is looked for that need not. */
const LOOK_AHEAD = 64

/**
 * The server's side of one SFTP session: bytes in, calls of a {@link FileSystem}, bytes out. Requests run
 * side by side as far as {@link Access} allows; replies leave in the order of arrival.
 */
export class SftpServer {
  readonly #driver: SftpDriver
  readonly #session: Session
  readonly #limits: SftpLimits
  readonly #deframer: Deframer
  #received = 0
  /** By requests that look at what was received until they are answered. */
  readonly #used = new StreamUse()
  readonly #fileData: FileData
  readonly #queue: Pending[] = []
  /** An array: what a Set drops as it goes stays in memory, buffers of file data with it, until the heap is marked. */
  readonly #running: Access[] = []
  #initialised = false
  #pendingBytes = 0
  /** Requests queued or under way. */
  #pendingRequests = 0
  readonly #replies = new ReplyQueue((bytes, sent) => this.#send(bytes, sent))
  /** Replies on their way to the client, and READs under way at their full length. */
  #unsentBytes = 0
  #readingBytes = 0
  #stalled = false
  #state: 'open' | 'ending' | 'failed' | 'ended' = 'open'
  #settled: (() => void) | undefined

  constructor({ fs, driver, username, limits, buffers }: SftpServerOptions) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    this.#driver = driver
    this.#deframer = new Deframer(this.#limits.maxPacketBytes)
    this.#session = {
      fs,
      handles: new Handles(this.#limits.maxHandles),
      limits: this.#limits,
      username,
      now: () => driver.now(),
      changes: 0,
      ahead: undefined,
    }
    this.#fileData = new FileData({
      handles: this.#session.handles,
      buffers: buffers ?? new BufferPool(this.#limits.maxReadBytes + DATA_HEADER_BYTES, 8),
      maxReadBytes: this.#limits.maxReadBytes,
      reply: (request, reply) => this.#reply(request, reply),
      send: (request, bytes, sent) => this.#replies.answer(request, bytes, sent),
      fail: (error, request) => this.#fail(error, request),
    })
  }

  /** Files and directories the client has open. */
  get openHandles(): number {
    return this.#session.handles.size
  }

  /**
   * Takes bytes of the client; the chunk must not change before {@link releasedBytes} has passed it. Never throws.
   * @returns false when the caller should read no further until `driver.resume()`.
   */
  receive(chunk: Buffer): boolean {
    this.#received += chunk.length
    if (this.#state !== 'open') return true
    try {
      for (const framed of this.#deframer.push(chunk)) {
        // What follows a packet that is refused is not looked at: it could only be refused once more.
        if (!this.#enqueue(framed)) break
      }
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error
      this.#refuse(error)
    }
    this.#pump()
    this.#stalled = this.#full(1)
    return !this.#stalled
  }

  /** How much of what was received, from its beginning, is not looked at any more: its memory may be used again. */
  get releasedBytes(): number {
    return this.#used.from ?? this.#received - (this.#state === 'open' ? this.#deframer.buffered : 0)
  }

  /** The client ended its side: what it sent is still executed, then everything left open ends as failed. */
  async end(): Promise<void> {
    if (this.#state === 'open') this.#state = 'ending'
    await this.#settle()
  }

  /** The client is gone: nothing further starts, what runs is waited for, everything open ends as failed. */
  async abandon(): Promise<void> {
    this.#state = 'ended'
    this.#replies.clear()
    for (const pending of this.#queue.splice(0)) this.#over(pending)
    this.#settled?.()
    await this.#settle()
  }

  async #settle(): Promise<void> {
    while (this.#pendingRequests > 0) {
      await new Promise<void>((resolve) => {
        const earlier = this.#settled
        this.#settled = () => {
          earlier?.()
          resolve()
        }
      })
    }
    this.#state = 'ended'
    await this.#session.handles.abortAll()
  }

  #full(share: number): boolean {
    return (
      this.#pendingRequests + this.#replies.readyReplies >= this.#limits.maxPendingRequests * share ||
      this.#pendingBytes >= this.#limits.maxPendingBytes * share
    )
  }

  /** @returns false when the packet was refused, which ends the session. */
  #enqueue(framed: Framed): boolean {
    this.#driver.active()
    const { tail } = framed
    const packetBytes = framed.head.length + sizeOf(tail)
    const carriesData = framed.head[0] === SSH_FXP.WRITE
    // A handle or a name may be kept for longer than its request lasts.
    const head = carriesData ? framed.head : Buffer.from(framed.head)
    let request: Request | UnknownRequest
    try {
      request = decodeRequest(head, tail)
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error
      this.#refuse(error)
      return false
    }
    if (request.kind === 'init') {
      this.#initialised = true
    } else if (!this.#initialised) {
      // §4: INIT comes first. OpenSSH ends the session.
      this.#refuse(new BadMessage(`type: ${request.kind} before INIT`))
      return false
    }
    // Names and attributes count as file data does: each may be as long as a packet.
    const bytes = REQUEST_OVERHEAD_BYTES + packetBytes
    const use = carriesData ? this.#used.begin(this.#received - this.#deframer.buffered - packetBytes) : undefined
    this.#queueUp({ request, access: this.#accessOf(request), bytes, use })
    return true
  }

  #refuse(bad: BadMessage): void {
    this.#queueUp({ bad, access: ALONE, bytes: 0 })
    this.#state = 'failed'
  }

  #queueUp(pending: Pending): void {
    this.#queue.push(pending)
    this.#replies.expect(pending.request ?? pending.bad)
    this.#pendingBytes += pending.bytes
    this.#pendingRequests++
  }

  #accessOf(request: Request | UnknownRequest): Access {
    switch (request.kind) {
      case 'unknown':
        return INDEPENDENT
      case 'read':
        return onHandle(this.#session, request.handle, 'observe')
      case 'write':
        return onHandle(this.#session, request.handle, 'change')
      default:
        return handlerOf(request).access(this.#session, request)
    }
  }

  /** Starts every request whose turn it is. */
  #pump(): void {
    const waiting: Access[] = []
    let index = 0
    while (index < this.#queue.length && index < LOOK_AHEAD) {
      const next = this.#queue[index] as Pending
      if (!this.#hasRoomFor(next)) return
      if (this.#mustWait(next, waiting)) {
        if (next.access === ALONE) return
        waiting.push(next.access)
        index++
        continue
      }
      this.#queue.splice(index, 1)
      this.#start(next, index)
    }
  }

  /**
   * The oldest request needs room among the unsent replies only: the replies that wait for it cannot leave
   * before its own does.
   */
  #hasRoomFor({ request, bad }: Pending): boolean {
    const { maxRunning, maxUnsentBytes } = this.#limits
    if (this.#running.length >= maxRunning || this.#unsentBytes >= maxUnsentBytes) return false
    return this.#unsentBytes + this.#replies.readyBytes < maxUnsentBytes || this.#replies.isOldest(request ?? bad)
  }

  #mustWait({ request, access }: Pending, waiting: readonly Access[]): boolean {
    if (request?.kind === 'read' && this.#readingBytes >= MAX_READING_BYTES) return true
    if (waiting.some((earlier) => conflict(earlier, access))) return true
    return this.#running.some((running) => conflict(running, access))
  }

  #start(pending: Pending, index: number): void {
    if (pending.bad !== undefined) {
      const { bad } = pending
      const reply =
        bad instanceof BadRequest
          ? encodeFramedResponse(bad.id, status(SSH_FX.BAD_MESSAGE, bad.message))
          : Buffer.alloc(0)
      this.#replies.answer(bad, reply)
      this.#driver.fail(bad)
      this.#finished([pending])
      return
    }
    const { request } = pending
    const { access } = pending
    this.#running.push(access)
    this.#noteChange(request, access)
    const followers =
      request.kind === 'read' || request.kind === 'write'
        ? this.#queue.splice(
            index,
            this.#fileData.followers(request, (behind) => this.#queue[index + behind]?.request),
          )
        : []
    void this.#run(
      request,
      followers.map((follower) => follower.request),
    ).finally(() => {
      // Equal ones are alike: which of them goes makes no difference.
      this.#running.splice(this.#running.indexOf(access), 1)
      this.#noteChange(request, access)
      this.#finished([pending, ...followers])
    })
  }

  /** Whatever could change an entry of a directory: where it begins, and where it has ended. */
  #noteChange({ kind }: Request | UnknownRequest, { changes }: Access): void {
    if (changes !== 'nothing' && kind !== 'readdir') this.#session.changes++
  }

  #run(request: Request | UnknownRequest, followers: readonly (Request | UnknownRequest | undefined)[]): Promise<void> {
    // Followers are of their leader's kind.
    if (request.kind === 'read') return this.#read([request, ...(followers as ReadRequest[])])
    if (request.kind === 'write') return this.#fileData.write([request, ...(followers as WriteRequest[])])
    return this.#handle(request)
  }

  #over({ bytes, use }: Pending): void {
    this.#pendingBytes -= bytes
    this.#pendingRequests--
    if (use !== undefined) this.#used.end(use)
  }

  #finished(requests: readonly Pending[]): void {
    for (const request of requests) this.#over(request)
    if (this.#state !== 'ended') this.#pump()
    if (this.#pendingRequests === 0) {
      const settled = this.#settled
      this.#settled = undefined
      settled?.()
    }
    if (this.#stalled && this.#state === 'open' && !this.#full(0.5)) {
      this.#stalled = false
      this.#driver.resume()
    }
  }

  async #read(requests: readonly ReadRequest[]): Promise<void> {
    // Reserved before the disk is asked, so that reads under way cannot pass the limit together.
    const bytes = requests.reduce((total, request) => total + this.#fileData.capacityOf(request), 0)
    this.#unsentBytes += bytes
    this.#readingBytes += bytes
    await this.#fileData.read(requests)
    this.#unsentBytes -= bytes
    this.#readingBytes -= bytes
  }

  async #handle(request: Exclude<Request, { kind: 'read' | 'write' }> | UnknownRequest): Promise<void> {
    try {
      if (request.kind === 'unknown') throw new FsError('unsupported', unsupportedText(request))
      const handler = handlerOf(request)
      const reply = await handler.run(this.#session, request)
      this.#reply(request, reply, handler.afterwards && (() => handler.afterwards?.(this.#session, request)))
    } catch (error) {
      this.#fail(error, request)
    }
  }

  #fail(error: unknown, request: Request | UnknownRequest): void {
    if (!(error instanceof FsError) || error.cause !== undefined) this.#driver.report(error, request)
    this.#reply(request, failureStatus(error))
  }

  #reply(request: Request | UnknownRequest, reply: Reply, sent?: () => void): void {
    this.#replies.answer(request, encodeFramedResponse(request.id, reply), sent)
  }

  #send(bytes: Buffer, sent: () => void): void {
    if (this.#state === 'ended') return
    this.#unsentBytes += bytes.length
    this.#driver.send(bytes, () => {
      const wasFull = this.#unsentBytes >= this.#limits.maxUnsentBytes
      this.#unsentBytes -= bytes.length
      sent()
      if (wasFull && this.#unsentBytes < this.#limits.maxUnsentBytes && this.#state !== 'ended') this.#pump()
    })
  }
}

/** The table's rows are typed one by one; behind a union the compiler cannot see which row belongs to the request. */
function handlerOf(request: Exclude<Request, { kind: 'read' | 'write' }>): Handler<RequestKind> {
  return HANDLERS[request.kind]
}

function unsupportedText({ type, extension }: UnknownRequest): string {
  return extension === undefined ? `Packet type ${type} is not supported` : 'This extension is not supported'
}

function sizeOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((total, { length }) => total + length, 0)
}
