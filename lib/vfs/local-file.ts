import { createHash } from 'node:crypto'
import { FsError } from '../../protocol/filesystem.ts'
import type { HashAlgorithm, OpenFile, OpenFlags, VolumeStats } from '../../protocol/filesystem.ts'
import type { Attrs } from '../../protocol/sftp/attrs.ts'
import type { Hasher } from '../hashing/hasher.ts'
import { applyAttrs, attrsOf } from './attributes.ts'
import { calling } from './errno.ts'
import type { Storage } from './storage.ts'
import { volumeStats } from './volume.ts'

/** Bytes hashed at a time; a file that is no longer is hashed where it is read. */
const DIGEST_CHUNK_BYTES = 256 * 1024

/** An open regular file on a local disk. */
export class LocalFile implements OpenFile {
  readonly flags: OpenFlags
  readonly identity: string
  readonly #storage: Storage
  readonly #fd: number
  readonly #hasher: Hasher
  readonly #digests = new Set<Promise<unknown>>()
  #aborted = false

  constructor(storage: Storage, fd: number, flags: OpenFlags, identity: string, hasher: Hasher) {
    this.#storage = storage
    this.#fd = fd
    this.flags = flags
    this.identity = identity
    this.#hasher = hasher
  }

  read(targets: readonly Buffer[], offset: number): Promise<number> {
    return calling(() => this.#storage.read(this.#fd, targets, offset))
  }

  write(chunks: readonly Buffer[], offset: number): Promise<void> {
    return calling(() => this.#storage.write(this.#fd, chunks, this.flags.append ? null : offset))
  }

  stat(): Promise<Attrs> {
    return calling(async () => attrsOf(await this.#storage.fstat(this.#fd)))
  }

  setstat(attrs: Attrs): Promise<void> {
    const storage = this.#storage
    const fd = this.#fd
    return calling(() =>
      applyAttrs(attrs, {
        truncate: (size) => storage.ftruncate(fd, size),
        chown: (uid, gid) => storage.fchown(fd, uid, gid),
        chmod: (mode) => storage.fchmod(fd, mode),
        utimes: (atime, mtime) => storage.futimes(fd, atime, mtime),
      }),
    )
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
    return calling(() => this.#storage.close(this.#fd))
  }

  async abort(): Promise<void> {
    this.#aborted = true
    // They hold the descriptor, whose number may be another file's once it is closed.
    await Promise.all(this.#digests)
    // The descriptor is released even where close reports an error (close(2)), and nobody is left to tell.
    await this.#storage.close(this.#fd).catch(() => undefined)
  }

  async #digest(algorithm: HashAlgorithm, offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.min(DIGEST_CHUNK_BYTES, length))
    const readAt = (hashed: number): Promise<number> =>
      this.read([buffer.subarray(0, Math.min(buffer.length, length - hashed))], offset + hashed)
    let count = await readAt(0)
    if (count < DIGEST_CHUNK_BYTES) return createHash(algorithm).update(buffer.subarray(0, count)).digest()
    const hash = this.#hasher.start(algorithm)
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
