import { FsError } from '../filesystem.ts'
import type { FileSystem } from '../filesystem.ts'
import { BadMessage } from '../wire/bad-message.ts'
import { BufferPool } from './buffer-pool.ts'
import { BadRequest, DATA_HEADER_BYTES, decodeRequest, encodeFramedResponse, writeDataHeader } from './codec.ts'
import { SSH_FX } from './constants.ts'
import { Deframer } from './deframer.ts'
import type { Framed } from './deframer.ts'
import { LAST_OFFSET, MAX_OFFSET, fileOffset } from './offset.ts'
import { onHandle } from './handler.ts'
import type { Handler, Session } from './handler.ts'
import { HANDLERS } from './handlers.ts'
import { Handles } from './handles.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import type { SftpLimits } from './limits.ts'
import { ALONE, INDEPENDENT, conflict } from './order.ts'
import type { Access } from './order.ts'
import type { Reply, Request, RequestKind, RequestOf, UnknownRequest } from './packets.ts'
import { END_OF_FILE, OK, failureStatus, status } from './status.ts'

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
type Pending = { access: Access; bytes: number } & (
  { request: Request | UnknownRequest; bad?: never } | { bad: BadMessage; request?: never }
)

/** What a request takes of the pending bytes beside its packet. */
const REQUEST_OVERHEAD_BYTES = 256

/** Contiguous WRITEs that wait together go to the disk as one, up to this. */
const MAX_GATHERED_BYTES = 1024 * 1024

/** How far behind a request that must wait another one is looked for that need not. */
const LOOK_AHEAD = 64

/**
 * The server's side of one SFTP session: bytes in, calls of a {@link FileSystem}, bytes out. Requests run
 * side by side as far as {@link Access} allows; replies come in the order of completion (§7).
 */
export class SftpServer {
  readonly #driver: SftpDriver
  readonly #session: Session
  readonly #limits: SftpLimits
  readonly #deframer: Deframer
  readonly #buffers: BufferPool
  readonly #queue: Pending[] = []
  readonly #running = new Set<Access>()
  #initialised = false
  #pendingBytes = 0
  /** Requests queued or under way. */
  #pendingRequests = 0
  #unsentBytes = 0
  #stalled = false
  #state: 'open' | 'ending' | 'failed' | 'ended' = 'open'
  #settled: (() => void) | undefined

  constructor({ fs, driver, username, limits, buffers }: SftpServerOptions) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    this.#driver = driver
    this.#deframer = new Deframer(this.#limits.maxPacketBytes)
    this.#buffers = buffers ?? new BufferPool(this.#limits.maxReadBytes + DATA_HEADER_BYTES, 8)
    this.#session = {
      fs,
      handles: new Handles(this.#limits.maxHandles),
      limits: this.#limits,
      username,
      now: () => driver.now(),
    }
  }

  /** Files and directories the client has open. */
  get openHandles(): number {
    return this.#session.handles.size
  }

  /**
   * Takes bytes of the client; the chunk must not change afterwards. Never throws.
   * @returns false when the caller should read no further until `driver.resume()`.
   */
  receive(chunk: Buffer): boolean {
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

  /** The client ended its side: what it sent is still executed, then everything left open ends as failed. */
  async end(): Promise<void> {
    if (this.#state === 'open') this.#state = 'ending'
    await this.#settle()
  }

  /** The client is gone: nothing further starts, what runs is waited for, everything open ends as failed. */
  async abandon(): Promise<void> {
    this.#state = 'ended'
    for (const { bytes } of this.#queue.splice(0)) {
      this.#pendingBytes -= bytes
      this.#pendingRequests--
    }
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
      this.#pendingRequests >= this.#limits.maxPendingRequests * share ||
      this.#pendingBytes >= this.#limits.maxPendingBytes * share
    )
  }

  /** @returns false when the packet was refused, which ends the session. */
  #enqueue(framed: Framed): boolean {
    this.#driver.active()
    let request: Request | UnknownRequest
    try {
      request = decodeRequest(framed.head, framed.tail)
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
    const bytes = REQUEST_OVERHEAD_BYTES + framed.head.length + sizeOf(framed.tail)
    this.#queueUp({ request, access: this.#accessOf(request), bytes })
    return true
  }

  #refuse(bad: BadMessage): void {
    this.#queueUp({ bad, access: ALONE, bytes: 0 })
    this.#state = 'failed'
  }

  #queueUp(pending: Pending): void {
    this.#queue.push(pending)
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
      if (this.#running.size >= this.#limits.maxRunning || this.#unsentBytes >= this.#limits.maxUnsentBytes) return
      const next = this.#queue[index] as Pending
      if (waiting.some((access) => conflict(access, next.access)) || this.#collides(next.access)) {
        if (next.access === ALONE) return
        waiting.push(next.access)
        index++
        continue
      }
      this.#queue.splice(index, 1)
      this.#start(next, index)
    }
  }

  #collides(access: Access): boolean {
    for (const running of this.#running) if (conflict(running, access)) return true
    return false
  }

  #start(pending: Pending, index: number): void {
    if (pending.bad !== undefined) {
      if (pending.bad instanceof BadRequest) {
        this.#reply(pending.bad.id, status(SSH_FX.BAD_MESSAGE, pending.bad.message))
      }
      this.#finished(pending.bytes, 1)
      this.#driver.fail(pending.bad)
      return
    }
    const { request } = pending
    // An object of its own: the set tells running requests apart by identity.
    const access = { ...pending.access }
    this.#running.add(access)
    if (request.kind === 'write') {
      const followers = this.#takeFollowers(request, index)
      const bytes = followers.reduce((total, follower) => total + follower.bytes, pending.bytes)
      const writes = [request, ...followers.map((follower) => follower.request as RequestOf<'write'>)]
      void this.#write(writes).finally(() => {
        this.#running.delete(access)
        this.#finished(bytes, writes.length)
      })
      return
    }
    const work = request.kind === 'read' ? this.#read(request) : this.#handle(request)
    void work.finally(() => {
      this.#running.delete(access)
      this.#finished(pending.bytes, 1)
    })
  }

  #finished(bytes: number, requests: number): void {
    this.#pendingBytes -= bytes
    this.#pendingRequests -= requests
    if (this.#state !== 'ended') this.#pump()
    if (this.#pendingRequests === 0) {
      const settled = this.#settled
      this.#settled = undefined
      settled?.()
    }
    if (this.#stalled && !this.#full(0.5)) {
      this.#stalled = false
      this.#driver.resume()
    }
  }

  /** Takes from the queue the WRITEs right behind `first` that continue it. */
  #takeFollowers(first: RequestOf<'write'>, index: number): Pending[] {
    if (this.#appends(first.handle)) return []
    let end = first.offset + BigInt(sizeOf(first.data))
    let bytes = sizeOf(first.data)
    let count = 0
    for (;;) {
      const request = this.#queue[index + count]?.request
      if (request?.kind !== 'write' || request.offset !== end || !request.handle.equals(first.handle)) break
      const size = sizeOf(request.data)
      if (bytes + size > MAX_GATHERED_BYTES) break
      end += BigInt(size)
      bytes += size
      count++
    }
    return this.#queue.splice(index, count)
  }

  #appends(handle: Buffer): boolean {
    const found = this.#session.handles.find(handle)
    return found?.kind === 'file' && found.file.flags.append
  }

  async #write(writes: RequestOf<'write'>[]): Promise<void> {
    if (writes.length > 1) {
      const first = writes[0] as RequestOf<'write'>
      try {
        const file = this.#session.handles.file(first.handle, 'write')
        await file.write(
          writes.flatMap((write) => write.data),
          fileOffset(first.offset),
        )
        for (const { id } of writes) this.#reply(id, OK)
        return
      } catch {
        // Some of them may have been possible: each again by itself, so that each gets the reply it earned.
      }
    }
    for (const request of writes) {
      const { id, handle, offset, data } = request
      try {
        const file = this.#session.handles.file(handle, 'write')
        await file.write(data, fileOffset(offset))
        this.#reply(id, OK)
      } catch (error) {
        this.#fail(error, request)
      }
    }
  }

  async #read(request: RequestOf<'read'>): Promise<void> {
    const length = Math.min(request.len, this.#limits.maxReadBytes)
    const capacity = length + DATA_HEADER_BYTES
    // Reserved before the disk is asked, so that reads under way cannot pass the limit together.
    this.#unsentBytes += capacity
    try {
      const file = this.#session.handles.file(request.handle, 'read')
      // Taken once there is something to read: a failed read does not give its buffer back, as the disk may hold it.
      const buffer = this.#buffers.take()
      const target = buffer.subarray(DATA_HEADER_BYTES, capacity)
      const count =
        request.offset > LAST_OFFSET ? pastEveryEnd(request.offset) : await file.read(target, Number(request.offset))
      this.#unsentBytes -= capacity
      if (count === 0) {
        this.#buffers.give(buffer)
        this.#reply(request.id, END_OF_FILE)
        return
      }
      writeDataHeader(buffer, request.id, count)
      this.#send(buffer.subarray(0, DATA_HEADER_BYTES + count), () => this.#buffers.give(buffer))
    } catch (error) {
      this.#unsentBytes -= capacity
      this.#fail(error, request)
    }
  }

  async #handle(request: Exclude<Request, { kind: 'read' | 'write' }> | UnknownRequest): Promise<void> {
    try {
      if (request.kind === 'unknown') throw new FsError('unsupported', unsupportedText(request))
      this.#reply(request.id, await handlerOf(request).run(this.#session, request))
    } catch (error) {
      this.#fail(error, request)
    }
  }

  #fail(error: unknown, request: Request | UnknownRequest): void {
    if (!(error instanceof FsError) || error.cause !== undefined) this.#driver.report(error, request)
    this.#reply(request.id, failureStatus(error))
  }

  #reply(id: number, reply: Reply): void {
    this.#send(encodeFramedResponse(id, reply))
  }

  #send(bytes: Buffer, sent?: () => void): void {
    if (this.#state === 'ended') return
    this.#unsentBytes += bytes.length
    this.#driver.send(bytes, () => {
      const wasFull = this.#unsentBytes >= this.#limits.maxUnsentBytes
      this.#unsentBytes -= bytes.length
      sent?.()
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

/** Beyond what a number holds exactly there is no file, so a read there finds the end. @throws FsError from 2^63 on. */
function pastEveryEnd(offset: bigint): number {
  if (offset > MAX_OFFSET) throw new FsError('invalid', 'An offset cannot reach 2^63')
  return 0
}

function sizeOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((total, { length }) => total + length, 0)
}
