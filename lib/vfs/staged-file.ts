import type { Stats } from 'node:fs'
import { FsError } from '../../protocol/filesystem.ts'
import type { HashAlgorithm, OpenFile, OpenFlags, VolumeStats } from '../../protocol/filesystem.ts'
import type { Attrs } from '../../protocol/sftp/attrs.ts'
import type { FileUsage } from '../transfers/account-usage.ts'
import type { Place } from './confinement.ts'
import { calling, errnoOf } from './errno.ts'
import { fileState } from './file-state.ts'
import type { LocalFile } from './local-file.ts'
import { moveByLink } from './move-by-link.ts'
import { syncDirectory } from './sync-directory.ts'
import type { Storage } from './storage.ts'

export interface StagedFileOptions {
  storage: Storage
  /** The temporary file, open for writing. */
  file: LocalFile
  /** Host path of the temporary file, in the target's directory. */
  temporary: string
  /** The name to publish under; released when the upload is over. */
  target: Place
  /** Bytes of the file that was there when the upload began; undefined for a new name. */
  replaces: number | undefined
  /** An upload that fails is kept, so that the client can go on with it. */
  resumable: boolean
  /** Published means: on stable storage. */
  sync: boolean
  /** @throws FsError to refuse. */
  authorizeOverwrite(): void
  /** Called once, when the upload is closed, however that ended. */
  ended(): void
  /** Called once, when the temporary file is no more. */
  over(): void
}

/**
 * An upload that nobody sees before it is complete: it is written to a temporary file beside its target, and
 * takes its name when the client closes it after every write went well. Whatever else happens, the file that
 * was there stays as it was.
 */
export class StagedFile implements OpenFile {
  readonly flags: OpenFlags
  readonly identity: string
  readonly #options: StagedFileOptions
  readonly #file: LocalFile
  #failed = false
  /** It has its name, and is closed. */
  #published = false
  /** Nothing before this offset was written, or cut off. */
  #lowestWrite = Number.POSITIVE_INFINITY

  constructor(options: StagedFileOptions) {
    this.#options = options
    this.#file = options.file
    this.flags = options.file.flags
    this.identity = options.file.identity
    if (this.flags.truncate) this.#lowestWrite = 0
  }

  read(targets: readonly Buffer[], offset: number): Promise<number> {
    return this.#file.read(targets, offset)
  }

  async write(chunks: readonly Buffer[], offset: number): Promise<void> {
    if (!this.flags.append) this.#lowestWrite = Math.min(this.#lowestWrite, offset)
    await this.#watching(this.#file.write(chunks, offset))
  }

  stat(): Promise<Attrs> {
    return this.#file.stat()
  }

  async setstat(attrs: Attrs): Promise<void> {
    if (attrs.size === undefined) return this.#file.setstat(attrs)
    this.#lowestWrite = Math.min(this.#lowestWrite, Number(attrs.size))
    return this.#watching(this.#file.setstat(attrs))
  }

  sync(): Promise<void> {
    return this.#watching(this.#file.sync())
  }

  digest(algorithm: HashAlgorithm, offset: number, length: number): Promise<Buffer> {
    return this.#file.digest(algorithm, offset, length)
  }

  statvfs(): Promise<VolumeStats> {
    return this.#file.statvfs()
  }

  async close(): Promise<void> {
    if (this.#failed) {
      const kept = await this.#giveUp()
      throw new FsError('failure', kept ? 'Upload failed: what arrived is kept' : 'Upload failed: nothing was changed')
    }
    try {
      await calling(() => this.#publish())
    } catch (error) {
      await this.#giveUp()
      throw error
    }
    this.#finish()
  }

  async abort(): Promise<void> {
    await this.#giveUp()
  }

  async #watching<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      this.#failed = true
      throw error
    }
  }

  async #publish(): Promise<void> {
    const { storage, target, sync } = this.#options
    const { usage } = this.#file
    if (sync) await this.#file.sync()
    const publish = async (): Promise<void> => {
      await this.#takeName(usage)
      this.#published = true
      // At once, or who replaces the file next would find it still open, and its space taken.
      await this.#file.closeAlone()
    }
    await (usage === undefined ? publish() : usage.exclusively(publish))
    if (sync) await syncDirectory(storage, target)
  }

  async #takeName(usage?: FileUsage): Promise<void> {
    const { storage, target, replaces, authorizeOverwrite } = this.#options
    const there = await this.#lookAt(target.at)
    if (there?.isDirectory() === true) throw new FsError('failure', 'Is a directory')
    if (there !== undefined && this.flags.exclusive) throw new FsError('exists', 'File exists')
    if (there !== undefined && replaces === undefined) authorizeOverwrite()
    const replaced = fileState(there)
    if (usage !== undefined) await usage.replacing(await this.#file.state(), replaced)
    try {
      await this.#rename(storage, there === undefined)
    } catch (error) {
      await usage?.notReplaced(replaced)
      throw error
    }
  }

  async #rename(storage: Storage, free: boolean): Promise<void> {
    const { temporary, target } = this.#options
    if (free && (await moveByLink(storage, temporary, target.at))) return
    await storage.rename(temporary, target.at)
  }

  /** Keeps what a client can go on with, where that is wanted and loses nothing. @returns whether it did. Never rejects. */
  async #giveUp(): Promise<boolean> {
    const { target, replaces, resumable, ended, over } = this.#options
    // A file that was only added to still holds all that it did.
    const losesNothing = replaces === undefined || this.#lowestWrite >= replaces
    if (!this.#published && resumable && losesNothing && !this.flags.exclusive) await this.#keep()
    if (!this.#published) {
      await this.#file.discard()
      // A disk that fails may not fail twice. What stays is swept at the next start: the upload is not over.
      const gone = (await this.#remove()) || (await this.#remove())
      target.release()
      ended()
      if (gone) over()
      return false
    }
    this.#finish()
    return true
  }

  /** @returns whether the temporary file is gone. */
  async #remove(): Promise<boolean> {
    try {
      await this.#options.storage.unlink(this.#options.temporary)
      return true
    } catch (error) {
      return errnoOf(error) === 'ENOENT'
    }
  }

  async #keep(): Promise<void> {
    const { replaces, target } = this.#options
    try {
      // Somebody else may have finished a file of that name meanwhile: that one stays.
      if (replaces === undefined && (await this.#lookAt(target.at)) !== undefined) return
      await this.#publish()
    } catch {
      // Then it goes the way of every other upload that failed.
    }
  }

  #finish(): void {
    this.#options.target.release()
    this.#options.ended()
    this.#options.over()
  }

  async #lookAt(at: string): Promise<Stats | undefined> {
    try {
      return await this.#options.storage.lstat(at)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }
}
