import { createHash } from 'node:crypto'
import type { HashAlgorithm, OpenFile, OpenFlags, VolumeStats } from '../../protocol/filesystem.ts'
import type { Attrs } from '../../protocol/sftp/attrs.ts'
import { applyAttrs, attrsOf } from './attributes.ts'
import { calling } from './errno.ts'
import type { Storage } from './storage.ts'
import { volumeStats } from './volume.ts'

/** Bytes hashed at a time. */
const DIGEST_CHUNK_BYTES = 256 * 1024

/** An open regular file on a local disk. */
export class LocalFile implements OpenFile {
  readonly flags: OpenFlags
  readonly identity: string
  readonly #storage: Storage
  readonly #fd: number
  readonly #judge: (attrs: Attrs) => void

  /** @param judge asked before attributes are changed; throws to refuse. */
  constructor(
    storage: Storage,
    fd: number,
    flags: OpenFlags,
    identity: string,
    judge: (attrs: Attrs) => void = () => undefined,
  ) {
    this.#judge = judge
    this.#storage = storage
    this.#fd = fd
    this.flags = flags
    this.identity = identity
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
    return calling(async () => {
      this.#judge(attrs)
      await applyAttrs(attrs, {
        truncate: (size) => storage.ftruncate(fd, size),
        chown: (uid, gid) => storage.fchown(fd, uid, gid),
        chmod: (mode) => storage.fchmod(fd, mode),
        utimes: (atime, mtime) => storage.futimes(fd, atime, mtime),
      })
    })
  }

  sync(): Promise<void> {
    return calling(() => this.#storage.fsync(this.#fd))
  }

  async digest(algorithm: HashAlgorithm, offset: number, length: number): Promise<Buffer> {
    const hash = createHash(algorithm)
    const buffer = Buffer.allocUnsafe(Math.min(DIGEST_CHUNK_BYTES, length))
    for (let hashed = 0; hashed < length;) {
      const count = await this.read([buffer.subarray(0, Math.min(buffer.length, length - hashed))], offset + hashed)
      if (count === 0) break
      hash.update(buffer.subarray(0, count))
      hashed += count
    }
    return hash.digest()
  }

  statvfs(): Promise<VolumeStats> {
    return calling(async () => volumeStats(await this.#storage.statfs(`/proc/self/fd/${this.#fd}`)))
  }

  close(): Promise<void> {
    return calling(() => this.#storage.close(this.#fd))
  }

  async abort(): Promise<void> {
    // The descriptor is released even where close reports an error (close(2)), and nobody is left to tell.
    await this.#storage.close(this.#fd).catch(() => undefined)
  }
}
