import { FsError } from '../filesystem.ts'
import type { OpenFile } from '../filesystem.ts'
import type { BufferPool } from './buffer-pool.ts'
import { DATA_HEADER_BYTES, writeDataHeader } from './codec.ts'
import type { Handles } from './handles.ts'
import { LAST_OFFSET, MAX_OFFSET, fileOffset } from './offset.ts'
import type { Reply, RequestOf } from './packets.ts'
import { END_OF_FILE, OK } from './status.ts'

export type ReadRequest = RequestOf<'read'>
export type WriteRequest = RequestOf<'write'>

/** Contiguous WRITEs that wait together go to the disk as one, up to this. */
const MAX_GATHERED_WRITE_BYTES = 1024 * 1024
/** The same for READs: few enough that what was read is still in the processor's cache when it is encrypted. */
const MAX_GATHERED_READ_BYTES = 256 * 1024

/** What moving file data needs of the session. */
export interface FileDataPort {
  readonly handles: Handles
  readonly buffers: BufferPool
  readonly maxReadBytes: number
  reply(request: ReadRequest | WriteRequest, reply: Reply): void
  /** A framed reply; `sent` is called when the bytes may change again. */
  send(request: ReadRequest, bytes: Buffer, sent?: () => void): void
  fail(error: unknown, request: ReadRequest | WriteRequest): void
}

/** Moves file data between the wire and the disk: READ and WRITE, without a copy of what is large. */
export class FileData {
  readonly #port: FileDataPort

  constructor(port: FileDataPort) {
    this.#port = port
  }

  /** Bytes a READ takes of the unsent and reading bytes while it is under way, its reply's header included. */
  capacityOf({ len }: ReadRequest): number {
    return Math.min(len, this.#port.maxReadBytes) + DATA_HEADER_BYTES
  }

  /** How many of `next`, which wait right behind `first`, continue it and may go to the disk with it. */
  followers(first: ReadRequest | WriteRequest, next: (index: number) => { kind: string } | undefined): number {
    if (first.kind === 'write' ? this.#appends(first.handle) : first.len === 0) return 0
    const most = first.kind === 'read' ? MAX_GATHERED_READ_BYTES : MAX_GATHERED_WRITE_BYTES
    const limit = Math.min(most, this.#sliceBytes(first))
    let bytes = this.#lengthOf(first)
    let count = 0
    for (;;) {
      const request = next(count)
      if (!continues(request, first, first.offset + BigInt(bytes))) return count
      bytes += this.#lengthOf(request)
      if (bytes > limit) return count
      count++
    }
  }

  /** Answers contiguous READs of one handle. */
  async read(requests: readonly ReadRequest[]): Promise<void> {
    const [first] = requests
    if (first === undefined) return
    try {
      if (first.len === 0) return this.#readNothing(first)
      const file = this.#fileFor(first, 'read')
      const parts = requests.map((request) => ({ request, ...this.#target(request) }))
      // Beyond what a number holds exactly there is no file, so a read there finds the end.
      let left =
        first.offset > LAST_OFFSET
          ? 0
          : await file.read(
              parts.map(({ target }) => target),
              Number(first.offset),
            )
      for (const { request, buffer, target, pooled } of parts) {
        const count = Math.min(left, target.length)
        left -= count
        this.#answer(request, buffer, count, pooled)
      }
    } catch (error) {
      // No buffer goes back to the pool: the disk may hold it.
      if (requests.length === 1) this.#port.fail(error, first)
      // Some of them may be possible: each again by itself, so that each gets the reply it earns.
      else for (const request of requests) await this.read([request])
    }
  }

  /** Answers contiguous WRITEs of one handle. */
  async write(requests: readonly WriteRequest[]): Promise<void> {
    const [first] = requests
    if (first === undefined) return
    try {
      const file = this.#fileFor(first, 'write')
      await file.write(
        requests.flatMap(({ data }) => data),
        file.flags.append ? 0 : fileOffset(first.offset),
      )
      for (const request of requests) this.#port.reply(request, OK)
    } catch (error) {
      if (requests.length === 1) this.#port.fail(error, first)
      else for (const request of requests) await this.write([request])
    }
  }

  #answer(request: ReadRequest, buffer: Buffer, count: number, pooled: boolean): void {
    const { buffers } = this.#port
    if (count === 0) {
      if (pooled) buffers.give(buffer)
      this.#port.reply(request, END_OF_FILE)
      return
    }
    writeDataHeader(buffer, request.id, count)
    const bytes = buffer.subarray(0, DATA_HEADER_BYTES + count)
    if (!pooled) {
      this.#port.send(request, bytes)
    } else if (count < buffer.length / 4) {
      // A short reply must not hold a long buffer: only its own bytes count as unsent.
      this.#port.send(request, Buffer.from(bytes))
      buffers.give(buffer)
    } else {
      this.#port.send(request, bytes, () => buffers.give(buffer))
    }
  }

  /** Room for a reply: the header, then the data where it is read to. */
  #target(request: ReadRequest): { buffer: Buffer; target: Buffer; pooled: boolean } {
    const capacity = this.capacityOf(request)
    const pooled = capacity > this.#port.maxReadBytes / 4
    const buffer = pooled ? this.#port.buffers.take() : Buffer.allocUnsafe(capacity)
    return { buffer, target: buffer.subarray(DATA_HEADER_BYTES, capacity), pooled }
  }

  /** OpenSSH's server answers a READ of no bytes with no bytes, wherever it is and whatever the handle is open for. */
  #readNothing(request: ReadRequest): void {
    this.#fileFor(request)
    this.#port.reply(request, { kind: 'data', data: [] })
  }

  /** @throws FsError for a bad handle, an offset from 2^63 on, or a handle not open for that, as OpenSSH in this order. */
  #fileFor({ kind, handle, offset }: ReadRequest | WriteRequest, use?: 'read' | 'write'): OpenFile {
    const file = this.#port.handles.file(handle)
    // Appending ignores the offset.
    if (offset > MAX_OFFSET && !(kind === 'write' && file.flags.append)) {
      throw new FsError('invalid', 'An offset cannot reach 2^63')
    }
    return this.#port.handles.file(handle, use)
  }

  #lengthOf(request: ReadRequest | WriteRequest): number {
    return request.kind === 'read'
      ? Math.min(request.len, this.#port.maxReadBytes)
      : request.data.reduce((total, { length }) => total + length, 0)
  }

  /** Of a slow file each request is answered by itself: a client that waits long for all of them gives up. */
  #sliceBytes(request: ReadRequest | WriteRequest): number {
    return this.#fileOf(request.handle)?.sliceBytes?.(request.kind) ?? Number.MAX_SAFE_INTEGER
  }

  #appends(handle: Buffer): boolean {
    return this.#fileOf(handle)?.flags.append === true
  }

  #fileOf(handle: Buffer): OpenFile | undefined {
    const found = this.#port.handles.find(handle)
    return found?.kind === 'file' ? found.file : undefined
  }
}

function continues<R extends ReadRequest | WriteRequest>(
  request: { kind: string } | undefined,
  first: R,
  end: bigint,
): request is R {
  if (request?.kind !== first.kind) return false
  const next = request as R
  if (next.kind === 'read' && next.len === 0) return false
  return next.offset === end && next.handle.equals(first.handle)
}
