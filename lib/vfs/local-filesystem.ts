import { constants } from 'node:fs'
import type { Stats } from 'node:fs'
import { posix } from 'node:path'
import { FsError } from '../../protocol/filesystem.ts'
import type {
  FileSystem,
  OpenDirectory,
  OpenFile,
  OpenFlags,
  VirtualPath,
  VolumeStats,
} from '../../protocol/filesystem.ts'
import type { Attrs } from '../../protocol/sftp/attrs.ts'
import { MAX_OFFSET } from '../../protocol/sftp/offset.ts'
import { inlineHasher } from '../hashing/hasher.ts'
import type { Hasher } from '../hashing/hasher.ts'
import { MODE_BITS, applyAttrs, attrsOf } from './attributes.ts'
import { Confinement, O_PATH } from './confinement.ts'
import type { Place } from './confinement.ts'
import { calling, errnoOf, fsError } from './errno.ts'
import { LocalDirectory } from './local-directory.ts'
import { LocalFile } from './local-file.ts'
import { isInMemory } from './storage.ts'
import type { Storage } from './storage.ts'
import { volumeStats } from './volume.ts'

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_APPEND, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY, O_DIRECTORY } =
  constants

/** A name that changes between being looked at and being opened is looked at again this often. */
const MAX_ATTEMPTS = 8

export interface LocalFileSystemOptions {
  storage: Storage
  /** Moves the data of files that are in memory, where the home is there; absent, `storage` does. */
  memoryStorage?: Storage
  /** Computes the hashes of long files; absent, it is done here, a piece at a time. */
  hasher?: Hasher
  /** Host path of an existing directory. */
  home: string
  /** Given to what is created; absent means the server's own. */
  owner?: { uid: number; gid: number }
  /** Asked at the moment an existing file is about to be opened for writing or replaced. @throws FsError to refuse. */
  authorizeOverwrite(path: VirtualPath): void
}

/**
 * A directory of the host as an account's whole world. Every call resolves its path through a
 * {@link Confinement} and acts on the descriptor it got, never on a path that was checked before.
 */
export class LocalFileSystem implements FileSystem {
  readonly #storage: Storage
  readonly #confinement: Confinement
  readonly #owner: { uid: number; gid: number } | undefined
  readonly #authorizeOverwrite: (path: VirtualPath) => void
  readonly #hasher: Hasher

  /** What moves the data of files on this device; a mount below the home may be another one. */
  readonly #inMemory: { storage: Storage; device: number } | undefined

  private constructor(
    confinement: Confinement,
    { storage, owner, authorizeOverwrite, hasher = inlineHasher }: LocalFileSystemOptions,
    inMemory: { storage: Storage; device: number } | undefined,
  ) {
    this.#storage = storage
    this.#inMemory = inMemory
    this.#confinement = confinement
    this.#owner = owner
    this.#authorizeOverwrite = authorizeOverwrite
    this.#hasher = hasher
  }

  /** @throws FsError when the home is no directory that can be opened. */
  static async open(options: LocalFileSystemOptions): Promise<LocalFileSystem> {
    const confinement = await calling(() => Confinement.open(options.storage, options.home))
    try {
      return new LocalFileSystem(confinement, options, await calling(() => whatIsInMemory(options)))
    } catch (error) {
      confinement.close()
      throw error
    }
  }

  /** Once, after everything opened through it was closed. */
  close(): void {
    this.#confinement.close()
  }

  async open(path: VirtualPath, flags: OpenFlags, attrs: Attrs): Promise<OpenFile> {
    return calling(async () => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const opened = await this.#tryOpen(path, flags, attrs)
        if (opened !== undefined) return opened
      }
      throw new FsError('failure', 'The name keeps changing')
    })
  }

  opendir(path: VirtualPath): Promise<OpenDirectory> {
    return this.#onFollowed(path, async (place) => {
      const fd = await this.#storage.open(place.at, O_PATH | O_DIRECTORY | O_NOFOLLOW)
      try {
        return new LocalDirectory(this.#storage, await this.#storage.opendir(`/proc/self/fd/${fd}`), fd)
      } catch (error) {
        this.#storage.closeSync(fd)
        throw error
      }
    })
  }

  stat(path: VirtualPath): Promise<Attrs> {
    return this.#onFollowed(path, async (_place, stats) => attrsOf(present(stats)))
  }

  lstat(path: VirtualPath): Promise<Attrs> {
    return this.#on(path, async (place) => attrsOf(await this.#storage.lstat(place.at)))
  }

  async setstat(path: VirtualPath, attrs: Attrs): Promise<void> {
    const { size, ...others } = attrs
    if (changesNothing(attrs)) return
    // truncate(2) looks at the size before it looks for the file.
    if (size !== undefined && size > MAX_OFFSET && changesNothing(others)) {
      throw new FsError('invalid', 'No file is that long')
    }
    await this.#onFollowed(path, (place) => this.#applyAttrs(place, attrs))
  }

  async lsetstat(path: VirtualPath, attrs: Attrs): Promise<void> {
    if (attrs.size !== undefined) throw new FsError('invalid', 'A link has no size to set')
    if (changesNothing(attrs)) return
    await this.#on(path, async (place) => {
      if (!(await this.#storage.lstat(place.at)).isSymbolicLink()) return this.#applyAttrs(place, attrs)
      return applyAttrs(attrs, {
        chown: (uid, gid) => this.#storage.lchown(place.at, uid, gid),
        chmod: async () => {
          throw new FsError('failure', 'The mode of a link cannot be changed')
        },
        utimes: (atime, mtime) => this.#storage.lutimes(place.at, atime, mtime),
      })
    })
  }

  remove(path: VirtualPath): Promise<void> {
    return this.#on(path, (place) => this.#storage.unlink(notRoot(place).at))
  }

  mkdir(path: VirtualPath, attrs: Attrs): Promise<void> {
    return this.#on(path, async (place) => {
      if (place.isRoot) throw new FsError('exists', 'File exists')
      await this.#storage.mkdir(place.at, (attrs.permissions ?? 0o777) & MODE_BITS)
      await this.#own(place, () => this.#storage.rmdir(place.at))
    })
  }

  rmdir(path: VirtualPath): Promise<void> {
    return this.#on(path, (place) => this.#storage.rmdir(notRoot(place).at))
  }

  async realpath(path: VirtualPath): Promise<VirtualPath> {
    return this.#onFollowed(path, async (place) => place.path)
  }

  rename(oldpath: VirtualPath, newpath: VirtualPath, { replace }: { replace: boolean }): Promise<void> {
    return this.#on(oldpath, (from) =>
      this.#on(newpath, async (to) => {
        notRoot(from)
        notRoot(to)
        const stats = await this.#storage.lstat(from.at)
        if (replace) {
          if ((await this.#lookAt(to.at)) !== undefined) this.#authorizeOverwrite(to.path)
          return this.#storage.rename(from.at, to.at)
        }
        // A hard link fails where the name is taken: no moment in which somebody else's file could be lost.
        if (!stats.isDirectory() && (await this.#moveByLink(from.at, to.at))) return undefined
        if ((await this.#lookAt(to.at)) !== undefined) throw new FsError('exists', 'File exists')
        return this.#storage.rename(from.at, to.at)
      }),
    )
  }

  readlink(path: VirtualPath): Promise<string> {
    return this.#on(path, async (place) => {
      return this.#confinement.linkTarget(await this.#storage.readlink(place.at), posix.dirname(place.path))
    })
  }

  symlink(target: string, link: VirtualPath): Promise<void> {
    return this.#on(link, async (place) => {
      await this.#storage.symlink(target, notRoot(place).at)
      await this.#own(place, () => this.#storage.unlink(place.at))
    })
  }

  hardlink(oldpath: VirtualPath, newpath: VirtualPath): Promise<void> {
    return this.#on(oldpath, (from) => this.#on(newpath, (to) => this.#storage.link(notRoot(from).at, notRoot(to).at)))
  }

  statvfs(path: VirtualPath): Promise<VolumeStats> {
    return this.#onFollowed(path, (place) =>
      this.#pinned(place, async (host) => volumeStats(await this.#storage.statfs(host))),
    )
  }

  /** @returns undefined when the name changed meanwhile and must be looked at again. */
  async #tryOpen(path: VirtualPath, flags: OpenFlags, attrs: Attrs): Promise<OpenFile | undefined> {
    let place = await this.#confinement.place(path)
    try {
      if (flags.create && !place.isRoot) {
        const created = await this.#create(place, flags, attrs)
        if (created !== undefined) return created
        if (flags.exclusive) throw new FsError('exists', 'File exists')
      }
      let stats = await this.#lookAt(place.at)
      if (stats?.isSymbolicLink() === true) {
        place.release()
        place = await this.#confinement.followed(path, flags.create)
        stats = await this.#lookAt(place.at)
        if (stats === undefined && flags.create) return await this.#create(place, flags, attrs)
      }
      if (stats === undefined) {
        // Removed since the attempt to create it found it: look again.
        if (flags.create) return undefined
        throw new FsError('not-found', 'No such file or directory')
      }
      if (stats.isDirectory()) throw new FsError('failure', 'Is a directory')
      if (stats.isSymbolicLink()) return undefined
      // Opening a FIFO may wait for ever, opening a device may act.
      if (!stats.isFile()) throw new FsError('failure', 'Not a regular file')
      if (flags.write || flags.truncate) this.#authorizeOverwrite(place.path)
      return await this.#openExisting(place, flags)
    } finally {
      place.release()
    }
  }

  /** @returns undefined when the name is taken. */
  async #create(place: Place, flags: OpenFlags, attrs: Attrs): Promise<OpenFile | undefined> {
    const mode = (attrs.permissions ?? 0o666) & MODE_BITS
    let fd: number
    try {
      fd = await this.#storage.open(place.at, accessMode(flags) | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return undefined
      throw error
    }
    const prepare = async (): Promise<void> => {
      if (this.#owner !== undefined) await this.#storage.fchown(fd, this.#owner.uid, this.#owner.gid)
    }
    return this.#wrap(fd, flags, prepare, () => this.#discard(fd, place))
  }

  async #openExisting(place: Place, flags: OpenFlags): Promise<OpenFile | undefined> {
    let fd: number
    try {
      fd = await this.#storage.open(place.at, accessMode(flags) | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ELOOP') return undefined
      throw error
    }
    return this.#wrap(fd, flags, async () => {
      // Not O_TRUNC: what is truncated must be the regular file that was judged.
      if (!flags.truncate) return
      // Without write access Linux truncates all the same, and so does OpenSSH's server.
      if (flags.write) await this.#storage.ftruncate(fd, 0)
      else await this.#storage.truncate(`/proc/self/fd/${fd}`, 0)
    })
  }

  /** @param undo what to do before `fd` is closed when the file cannot be handed out. */
  async #wrap(
    fd: number,
    flags: OpenFlags,
    prepare: () => Promise<void>,
    undo?: () => Promise<void>,
  ): Promise<OpenFile> {
    try {
      const stats = await this.#storage.fstat(fd)
      if (!stats.isFile()) throw new FsError('failure', 'Not a regular file')
      await prepare()
      const storage = this.#inMemory?.device === stats.dev ? this.#inMemory.storage : this.#storage
      return new LocalFile(storage, fd, flags, `${stats.dev}:${stats.ino}`, this.#hasher)
    } catch (error) {
      await undo?.()
      await this.#storage.close(fd).catch(() => undefined)
      throw error
    }
  }

  /** Takes a file that was made, and then could not be opened properly, away again: if the name still means it. */
  async #discard(fd: number, { at }: Place): Promise<void> {
    try {
      const [made, named] = [await this.#storage.fstat(fd), await this.#storage.lstat(at)]
      if (made.dev === named.dev && made.ino === named.ino) await this.#storage.unlink(at)
    } catch {
      // An empty file stays behind; what the client is told is the error that led here.
    }
  }

  /** Gives what was just made at `place` to the account, or takes it away again. */
  async #own({ at }: Place, undo: () => Promise<void>): Promise<void> {
    if (this.#owner === undefined) return
    try {
      await this.#storage.lchown(at, this.#owner.uid, this.#owner.gid)
    } catch (error) {
      await undo().catch(() => undefined)
      throw error
    }
  }

  #applyAttrs(place: Place, attrs: Attrs): Promise<void> {
    return this.#pinned(place, async (host, stats) => {
      if (attrs.permissions !== undefined || attrs.owner !== undefined) this.#confinement.forget()
      await applyAttrs(attrs, {
        truncate: async (size) => {
          if (!stats.isFile()) throw new FsError('failure', 'Only a regular file can be truncated')
          await this.#storage.truncate(host, size)
        },
        chown: (uid, gid) => this.#storage.chown(host, uid, gid),
        chmod: (mode) => this.#storage.chmod(host, mode),
        utimes: (atime, mtime) => this.#storage.utimes(host, atime, mtime),
      })
    })
  }

  /** @returns false where the file system has no hard links. */
  async #moveByLink(from: string, to: string): Promise<boolean> {
    try {
      await this.#storage.link(from, to)
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === 'EOPNOTSUPP' || errno === 'ENOSYS' || errno === 'EPERM' || errno === 'EMLINK') return false
      throw error
    }
    try {
      await this.#storage.unlink(from)
    } catch (error) {
      await this.#storage.unlink(to).catch(() => undefined)
      throw error
    }
    return true
  }

  async #lookAt(at: string): Promise<Stats | undefined> {
    try {
      return await this.#storage.lstat(at)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** Acts on the name itself. */
  async #on<T>(path: VirtualPath, work: (place: Place) => Promise<T>): Promise<T> {
    return calling(async () => {
      const place = await this.#confinement.place(path)
      try {
        return await work(place)
      } finally {
        place.release()
      }
    })
  }

  /** Acts on what the name means with links followed; `stats` is undefined when that does not exist. */
  async #onFollowed<T>(path: VirtualPath, work: (place: Place, stats: Stats | undefined) => Promise<T>): Promise<T> {
    return calling(async () => {
      let place = await this.#confinement.place(path)
      try {
        let stats = await this.#lookAt(place.at)
        if (stats?.isSymbolicLink() === true) {
          place.release()
          place = await this.#confinement.followed(path)
          stats = await this.#lookAt(place.at)
          if (stats?.isSymbolicLink() === true) throw new FsError('failure', 'The name keeps changing')
        }
        return await work(place, stats)
      } finally {
        place.release()
      }
    })
  }

  /** Gives `work` a host path that names this very file whatever happens to its name. */
  async #pinned<T>(place: Place, work: (host: string, stats: Stats) => Promise<T>): Promise<T> {
    const fd = await this.#storage.open(place.at, O_PATH | O_NOFOLLOW)
    try {
      const stats = await this.#storage.fstat(fd)
      if (stats.isSymbolicLink()) throw new FsError('failure', 'The name keeps changing')
      return await work(`/proc/self/fd/${fd}`, stats)
    } finally {
      this.#storage.closeSync(fd)
    }
  }
}

function present(stats: Stats | undefined): Stats {
  if (stats === undefined) throw fsError(Object.assign(new Error('no such file'), { code: 'ENOENT' }))
  return stats
}

async function whatIsInMemory({ storage, memoryStorage, home }: LocalFileSystemOptions) {
  if (memoryStorage === undefined || !isInMemory(await storage.statfs(home))) return undefined
  return { storage: memoryStorage, device: (await storage.lstat(`${home}/.`)).dev }
}

/** OpenSSH's server looks at nothing then, not even whether the name exists. */
function changesNothing({ size, owner, permissions, times }: Attrs): boolean {
  return size === undefined && owner === undefined && permissions === undefined && times === undefined
}

function notRoot(place: Place): Place {
  if (place.isRoot) throw new FsError('permission', 'The root directory stays as it is')
  return place
}

function accessMode({ read, write, append }: OpenFlags): number {
  return (read && write ? O_RDWR : write ? O_WRONLY : O_RDONLY) | (append ? O_APPEND : 0)
}
