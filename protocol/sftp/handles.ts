import { FsError } from '../filesystem.ts'
import type { OpenFile } from '../filesystem.ts'
import type { Listing } from './listing.ts'

export type Handle =
  { kind: 'file'; file: OpenFile; key: string } | { kind: 'directory'; directory: Listing; key: string }

const HANDLE_BYTES = 4

/** The open files and directories of one session. A handle's bytes are looked up, never trusted (§9). */
export class Handles {
  readonly #handles = new Map<number, Handle>()
  readonly #max: number
  /** Never reused within a session, so that a stale handle cannot name somebody else's file. */
  #next = 0
  /** Opens under way: they count against the limit. */
  readonly #opening = new Set<Promise<void>>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#handles.size
  }

  /**
   * Opens within the limit; where opens under way may reach it, after them.
   * @throws FsError `failure` at the limit, before anything is opened.
   */
  async addFile(open: () => Promise<OpenFile>): Promise<Buffer> {
    return this.#add(open, (file) => ({ kind: 'file', file, key: `file ${file.identity}` }))
  }

  async addDirectory(open: () => Promise<Listing>): Promise<Buffer> {
    return this.#add(open, (directory, id) => ({ kind: 'directory', directory, key: `directory ${id}` }))
  }

  find(handle: Buffer): Handle | undefined {
    return handle.length === HANDLE_BYTES ? this.#handles.get(handle.readUInt32BE(0)) : undefined
  }

  /** @throws FsError when there is no such handle, it is a directory's, or it is not open for that use. */
  file(handle: Buffer, use?: 'read' | 'write'): OpenFile {
    const found = this.find(handle)
    if (found?.kind !== 'file') throw new FsError('failure', 'Not the handle of an open file')
    // OpenSSH's server answers EBADF with NO_SUCH_FILE.
    if (use !== undefined && !found.file.flags[use]) {
      throw new FsError('not-found', `The handle is not open to ${use}`)
    }
    return found.file
  }

  /** @throws FsError when there is no such handle, or it is a file's. */
  directory(handle: Buffer): Listing {
    const found = this.find(handle)
    if (found?.kind !== 'directory') throw new FsError('failure', 'Not the handle of an open directory')
    return found.directory
  }

  /** Forgets the handle; closing what it named is the caller's. @throws FsError when there is none. */
  remove(handle: Buffer): Handle {
    const found = this.find(handle)
    // OpenSSH's server answers CLOSE so, and so only CLOSE.
    if (found === undefined) throw new FsError('not-found', 'No such handle')
    this.#handles.delete(handle.readUInt32BE(0))
    return found
  }

  /** The client is gone: everything still open ends as failed. */
  async abortAll(): Promise<void> {
    const left = [...this.#handles.values()]
    this.#handles.clear()
    await Promise.all(left.map((handle) => (handle.kind === 'file' ? handle.file.abort() : handle.directory.close())))
  }

  async #add<T>(open: () => Promise<T>, wrap: (opened: T, id: number) => Handle): Promise<Buffer> {
    // Numbered as they begin, so that a handle does not tell which of two opens was faster.
    const id = this.#next++
    const earlier = [...this.#opening]
    const adding = this.#addWithin(earlier, open, (opened) => this.#handles.set(id, wrap(opened, id)))
    this.#opening.add(adding)
    try {
      await adding
    } finally {
      this.#opening.delete(adding)
    }
    const handle = Buffer.alloc(HANDLE_BYTES)
    handle.writeUInt32BE(id)
    return handle
  }

  async #addWithin<T>(
    earlier: readonly Promise<void>[],
    open: () => Promise<T>,
    keep: (opened: T) => void,
  ): Promise<void> {
    // Those that fail leave their place to this one, as if each had waited for the one before.
    if (this.#handles.size + earlier.length >= this.#max) await Promise.allSettled(earlier)
    if (this.#handles.size >= this.#max) {
      throw new FsError('failure', `Too many open handles: at most ${this.#max} at once`)
    }
    keep(await open())
  }
}
