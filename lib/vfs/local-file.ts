import { createHash } from 'node:crypto'
import { FsError } from '../../protocol/filesystem.ts'
import type { HashAlgorithm, OpenFile, OpenFlags, VolumeStats } from '../../protocol/filesystem.ts'
import type { Attrs } from '../../protocol/sftp/attrs.ts'
import type { Hasher } from '../hashing/hasher.ts'
import type { FileUsage } from '../transfers/account-usage.ts'
import { applyAttrs, attrsOf } from './attributes.ts'
import { calling } from './errno.ts'
import type { FileState } from '../transfers/ledger.ts'
import type { Storage } from './storage.ts'
import { volumeStats } from './volume.ts'

/** Bytes hashed at a time; a file that is no longer is hashed where it is read. */
const DIGEST_CHUNK_BYTES = 256 * 1024

export interface LocalFileOptions {
  storage: Storage
  /** Computes the hashes of what is long. */
  hasher: Hasher
  fd: number
  flags: OpenFlags
  /** The file's inode. */
  identity: string
  /** Asked before attributes are changed; throws to refuse. */
  judge?: (attrs: Attrs) => void
  /** What is written counts against the account's quota. */
  usage?: FileUsage
  /** Runs before a close that the client asked for, while the file is still open; rejects to fail it. */
  beforeClose?: () => Promise<void>
  /** Called once, when the file is closed, however that ended. */
  over?: () => void
}

/** An open regular file on a local disk. */
export class LocalFile implements OpenFile {
  readonly flags: OpenFlags
  readonly identity: string
  readonly #storage: Storage
  readonly #fd: number
  /** Absent where nothing is counted. */
  readonly usage: FileUsage | undefined
  readonly #digests = new Set<Promise<unknown>>()
  #aborted = false
  readonly #options: LocalFileOptions

  constructor(options: LocalFileOptions) {
    this.#options = options
    this.#storage = options.storage
    this.#fd = options.fd
    this.usage = options.usage
    this.flags = options.flags
    this.identity = options.identity
  }

  read(targets: readonly Buffer[], offset: number): Promise<number> {
    return calling(() => this.#storage.read(this.#fd, targets, offset))
  }

  write(chunks: readonly Buffer[], offset: number): Promise<void> {
    if (this.usage === undefined) return calling(() => this.#write(chunks, offset))
    const usage = this.usage
    const bytes = chunks.reduce((total, { length }) => total + length, 0)
    return calling(async () => {
      // Before the bytes: what the quota has no room for never reaches the disk.
      await (this.flags.append ? usage.append(bytes) : usage.extend(offset + bytes))
      await this.#write(chunks, offset)
    })
  }

  /** For the ledger: size and links as they are now. */
  async state(): Promise<FileState> {
    const stats = await this.#storage.fstat(this.#fd)
    return { inode: this.identity, size: stats.size, links: stats.nlink }
  }

  stat(): Promise<Attrs> {
    return calling(async () => attrsOf(await this.#storage.fstat(this.#fd)))
  }

  setstat(attrs: Attrs): Promise<void> {
    const storage = this.#storage
    const fd = this.#fd
    return calling(async () => {
      this.#options.judge?.(attrs)
      await applyAttrs(attrs, {
        truncate: (size) => this.#truncate(size),
        chown: (uid, gid) => storage.fchown(fd, uid, gid),
        chmod: (mode) => storage.fchmod(fd, mode),
        utimes: (atime, mtime) => storage.futimes(fd, atime, mtime),
      })
    })
  }

  sync(): Promise<void> {
    return calling(() => this.#storage.fsync(this.#fd))
  }

  digest(algorithm: HashAlgorithm, offset: number, length: number): Promise<Buffer> {
    const digest = this.#digest(algorithm, offset, length)
    const settled = digest.catch(() => undefined).finally(() => this.#digests.delete(settled))
    this.#digests.add(settled)
    return digest
  }

  statvfs(): Promise<VolumeStats> {
    return calling(async () => volumeStats(await this.#storage.statfs(`/proc/self/fd/${this.#fd}`)))
  }

  close(): Promise<void> {
    return calling(async () => {
      try {
        await this.#options.beforeClose?.()
      } catch (error) {
        await this.abort()
        throw error
      }
      await this.#close()
    })
  }

  async abort(): Promise<void> {
    await this.#endDigests()
    // The descriptor is released even where close reports an error (close(2)), and nobody is left to tell.
    await this.#close().catch(() => undefined)
  }

  /** {@link abort} for a file whose name is gone, or will be: nothing counts it any more. */
  async discard(): Promise<void> {
    await this.#endDigests()
    const { usage } = this
    const close = (): Promise<void> => this.#storage.close(this.#fd).catch(() => undefined)
    if (usage === undefined) return close()
    await usage.exclusively(async () => {
      await close()
      await usage.closed({ inode: this.identity, size: 0, links: 0 })
    })
  }

  /** They hold the descriptor, whose number may be another file's once it is closed. */
  async #endDigests(): Promise<void> {
    this.#aborted = true
    await Promise.all(this.#digests)
  }

  #write(chunks: readonly Buffer[], offset: number): Promise<void> {
    return this.#storage.write(this.#fd, chunks, this.flags.append ? null : offset)
  }

  async #truncate(size: number): Promise<void> {
    const usage = this.usage
    if (usage === undefined) return this.#storage.ftruncate(this.#fd, size)
    return usage.exclusively(async () =>
      resized(usage, await this.state(), size, () => this.#storage.ftruncate(this.#fd, size)),
    )
  }

  /** {@link close} for a caller that has the account to itself already. */
  async closeAlone(): Promise<void> {
    const state = this.usage && (await this.state().catch(() => undefined))
    try {
      await this.#storage.close(this.#fd)
    } finally {
      await this.usage?.closed(state)
    }
  }

  async #close(): Promise<void> {
    try {
      await (this.usage === undefined ? this.closeAlone() : this.usage.exclusively(() => this.closeAlone()))
    } finally {
      this.#options.over?.()
    }
  }

  async #digest(algorithm: HashAlgorithm, offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.min(DIGEST_CHUNK_BYTES, length))
    const readAt = (hashed: number): Promise<number> =>
      this.read([buffer.subarray(0, Math.min(buffer.length, length - hashed))], offset + hashed)
    let count = await readAt(0)
    if (count < DIGEST_CHUNK_BYTES) return createHash(algorithm).update(buffer.subarray(0, count)).digest()
    const hash = this.#options.hasher.start(algorithm)
    try {
      for (let hashed = 0; count > 0; count = hashed < length ? await readAt(hashed) : 0) {
        if (this.#aborted) throw new FsError('failure', 'The file was closed')
        await hash.update(buffer.subarray(0, count))
        hashed += count
      }
    } catch (error) {
      hash.discard()
      throw error
    }
    return hash.digest()
  }
}

/** Changes a size whose difference counts: reserved before, given back when it fails. */
export async function resized(
  usage: Pick<FileUsage, 'resize'>,
  state: FileState,
  size: number,
  resize: () => Promise<void>,
): Promise<void> {
  await usage.resize(state, size)
  try {
    await resize()
  } catch (error) {
    await usage.resize({ ...state, size }, state.size)
    throw error
  }
}
