import type { QuotaUse } from '../providers/provider.ts'
import type { FileState, Ledger } from './ledger.ts'

/** One account's view of the {@link Ledger}, for one session. */
export class AccountUsage {
  readonly #ledger: Ledger
  readonly #username: string
  readonly #limits: () => QuotaUse | undefined

  /** @param limits the limits in force, 0 for none; undefined while nothing is counted. Asked at every operation. */
  constructor(ledger: Ledger, username: string, limits: () => QuotaUse | undefined) {
    this.#ledger = ledger
    this.#username = username
    this.#limits = limits
    ledger.enter(username)
  }

  /** The session is over. Once. */
  close(): void {
    this.#ledger.leave(this.#username)
  }

  /** Where not, none of what follows is called. */
  get counted(): boolean {
    return this.#limits() !== undefined
  }

  /** See {@link Ledger.exclusively}. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#ledger.exclusively(this.#username, work)
  }

  /** @throws FsError `quota`. */
  reserveFile(): Promise<void> {
    return this.#ledger.reserveFile(this.#username, this.#inForce())
  }

  releaseFile(): Promise<void> {
    return this.#ledger.releaseFile(this.#username)
  }

  /** A file opened for writing; see {@link Ledger.opened}. */
  async opened(state: FileState, credit?: number): Promise<FileUsage> {
    await this.#ledger.opened(this.#username, state, credit)
    return new FileUsage(this.#ledger, this.#username, state.inode, () => this.#inForce())
  }

  /** See {@link Ledger.resize}. @throws FsError `quota`. */
  resize(state: FileState, to: number): Promise<void> {
    return this.#ledger.resize(this.#username, state, to, this.#inForce())
  }

  /** See {@link Ledger.unlinked}; undefined for what is no regular file. */
  async unlinked(state: FileState | undefined): Promise<void> {
    if (state !== undefined) await this.#ledger.unlinked(this.#username, state)
  }

  /** See {@link Ledger.added}. */
  added(state: { size: number }): Promise<void> {
    return this.#ledger.added(this.#username, state)
  }

  /** What began while the account was counted ends so, without limits if need be. */
  #inForce(): QuotaUse {
    return this.#limits() ?? NO_LIMITS
  }
}

const NO_LIMITS: QuotaUse = { size: 0, files: 0 }

/** A file that was opened for writing while its account was counted, to its end. */
export class FileUsage {
  readonly #ledger: Ledger
  readonly #username: string
  readonly #inode: string
  readonly #limits: () => QuotaUse

  constructor(ledger: Ledger, username: string, inode: string, limits: () => QuotaUse) {
    this.#ledger = ledger
    this.#username = username
    this.#inode = inode
    this.#limits = limits
  }

  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#ledger.exclusively(this.#username, work)
  }

  /** @throws FsError `quota`. */
  extend(end: number): Promise<void> {
    return this.#ledger.extend(this.#username, this.#inode, end, this.#limits())
  }

  /** @throws FsError `quota`. */
  append(bytes: number): Promise<void> {
    return this.#ledger.append(this.#username, this.#inode, bytes, this.#limits())
  }

  /** See {@link Ledger.resize}. @throws FsError `quota`. */
  resize(state: FileState, to: number): Promise<void> {
    return this.#ledger.resize(this.#username, state, to, this.#limits())
  }

  /** @throws FsError `quota`. */
  replacing(state: FileState, replaced: FileState | undefined): Promise<void> {
    return this.#ledger.replacing(this.#username, state, replaced, this.#limits())
  }

  notReplaced(replaced: FileState | undefined): Promise<void> {
    return this.#ledger.notReplaced(this.#username, replaced)
  }

  closed(state: FileState | undefined): Promise<void> {
    return this.#ledger.closed(this.#username, this.#inode, state)
  }
}
