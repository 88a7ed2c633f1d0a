import type { DirectoryEntry, OpenDirectory } from '../filesystem.ts'

/**
 * Entries a NAME reply carries. With names of 255 bytes, twice in each entry, it stays under 200 KiB,
 * well below every client's packet limit.
 */
export const MAX_NAME_ENTRIES = 256
/** What was read ahead longer ago is looked at again: somebody else may have changed it. */
export const FRESH_MS = 100

/** What a listing needs of its session. */
export interface ListingSession {
  /** Milliseconds; only differences count. */
  now(): number
  /** Grows with every request that may change what a listing shows. */
  readonly changes: number
  /** At most one listing of a session reads ahead, so that listings which are left alone hold no memory. */
  ahead: Listing | undefined
}

interface Ahead {
  entries: Promise<readonly DirectoryEntry[]>
  changes: number
  sinceMs: number
}

/**
 * A directory being listed. While the client takes in one reply the entries of the next are read; it sees them as
 * if they had been read when it asked.
 */
export class Listing {
  readonly #directory: OpenDirectory
  readonly #session: ListingSession
  #ahead: Ahead | undefined
  /** The latest reply was full, so that there probably is more. */
  #more = false

  constructor(directory: OpenDirectory, session: ListingSession) {
    this.#directory = directory
    this.#session = session
  }

  /** At most {@link MAX_NAME_ENTRIES}; none is the end. */
  async next(): Promise<readonly DirectoryEntry[]> {
    const entries = (await this.#takeAhead()) ?? (await this.#directory.read(MAX_NAME_ENTRIES))
    this.#more = entries.length === MAX_NAME_ENTRIES
    return entries
  }

  /** The latest reply has left: the client is busy with it. */
  readAhead(): void {
    if (!this.#more || this.#session.ahead !== undefined) return
    const entries = this.#directory.read(MAX_NAME_ENTRIES)
    // Told when it is asked for.
    entries.catch(() => undefined)
    this.#ahead = { entries, changes: this.#session.changes, sinceMs: this.#session.now() }
    this.#session.ahead = this
  }

  /** Never throws. */
  async close(): Promise<void> {
    this.#more = false
    await this.#release()?.entries.catch(() => undefined)
    await this.#directory.close()
  }

  /** @returns undefined when there is nothing, or nothing of it is left. */
  async #takeAhead(): Promise<readonly DirectoryEntry[] | undefined> {
    const ahead = this.#release()
    if (ahead === undefined) return undefined
    const entries = await ahead.entries
    const age = Math.abs(this.#session.now() - ahead.sinceMs)
    if (ahead.changes === this.#session.changes && age < FRESH_MS) return entries
    const left = await this.#directory.again(entries)
    return left.length === 0 ? undefined : left
  }

  #release(): Ahead | undefined {
    const ahead = this.#ahead
    this.#ahead = undefined
    if (this.#session.ahead === this) this.#session.ahead = undefined
    return ahead
  }
}
