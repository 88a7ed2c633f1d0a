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
import type { AccountUsage, FileUsage } from '../transfers/account-usage.ts'
import type { FileState } from '../transfers/ledger.ts'
import { MODE_BITS, applyAttrs, attrsOf } from './attributes.ts'
import { Confinement, O_PATH } from './confinement.ts'
import type { Passage, Place } from './confinement.ts'
import { copyTree, removeTree } from './copy-tree.ts'
import { calling, errnoOf, fsError } from './errno.ts'
import { fileState, inodeOf } from './file-state.ts'
import { LocalDirectory } from './local-directory.ts'
import { LocalFile, resized } from './local-file.ts'
import type { LocalFileOptions } from './local-file.ts'
import { hasMountBelow } from './mounts.ts'
import { moveByLink } from './move-by-link.ts'
import { StagedFile } from './staged-file.ts'
import { isInMemory } from './storage.ts'
import type { Storage } from './storage.ts'
import { syncDirectory } from './sync-directory.ts'
import { isTemporaryName, temporaryName } from './temporary-name.ts'
import { volumeStats } from './volume.ts'

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_APPEND, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY, O_DIRECTORY } =
  constants

/** A name that changes between being looked at and being opened is looked at again this often. */
const MAX_ATTEMPTS = 8

/**
 * Judges an operation once more, by where its paths really lead: `args` are those of the operation, with places in their
 * stead. To refuse, it throws an FsError.
 */
export interface PlacePolicy {
  /** Of each place that links lead through or to. */
  pass<Op extends keyof FileSystem>(operation: Op, ...args: Parameters<FileSystem[Op]>): void
  /** Right before acting, of an operation that changes what else is where. */
  act<Op extends 'rename' | 'rmdir' | 'hardlink'>(operation: Op, ...args: Parameters<FileSystem[Op]>): void
}

const ANYWHERE: PlacePolicy = { pass: () => undefined, act: () => undefined }

/** A path of an operation, and who judges where it leads. */
interface Asked {
  path: VirtualPath
  passage: Passage
}

type OnOnePath = Exclude<keyof FileSystem, 'rename' | 'hardlink' | 'symlink'>

export interface LocalFileSystemOptions {
  storage: Storage
  /** Makes the calls on files that are in memory, where the whole home is there; absent, `storage` does. */
  memoryStorage?: Storage
  /** Computes the hashes of long files; absent, it is done here, a piece at a time. */
  hasher?: Hasher
  /** Host path of an existing directory. */
  home: string
  /** Given to what is created; absent means the server's own. */
  owner?: { uid: number; gid: number }
  /** Asked at the moment an existing file is about to be opened for writing or replaced. @throws FsError to refuse. */
  authorizeOverwrite(path: VirtualPath): void
  /** Absent, every place is as good as another. */
  policy?: PlacePolicy
  /** What the account occupies; absent, nothing is counted. */
  usage?: AccountUsage
  /** Absent: straight to the name asked for, and no syncing. */
  uploads?: Uploads
}

/** How files come to their names. */
export interface Uploads {
  /** As `sftpd.upload_mode`: 0 straight to the name asked for, 1 when complete, 2 also what failed, to go on with. */
  mode: 0 | 1 | 2
  /** Closing a file that was written waits until it is on stable storage. */
  sync: boolean
  /** Whose the temporary files are. */
  instance: string
  /** Resolves when a crash would no longer leave a temporary file unnoticed; {@link end} once for each. */
  begin(): Promise<void>
  end(): void
}

const STRAIGHT: Uploads = { mode: 0, sync: false, instance: '', begin: async () => undefined, end: () => undefined }

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
  readonly #policy: PlacePolicy
  readonly #usage: AccountUsage | undefined
  readonly #uploads: Uploads
  /** Uploads of this session under names that are not taken yet, by where those are. */
  readonly #staged = new Map<VirtualPath, StagedFile>()

  private constructor(
    confinement: Confinement,
    storage: Storage,
    {
      owner,
      authorizeOverwrite,
      hasher = inlineHasher,
      policy = ANYWHERE,
      usage,
      uploads = STRAIGHT,
    }: Omit<LocalFileSystemOptions, 'storage'>,
  ) {
    this.#storage = storage
    this.#confinement = confinement
    this.#owner = owner
    this.#authorizeOverwrite = authorizeOverwrite
    this.#policy = policy
    this.#usage = usage
    this.#uploads = uploads
    this.#hasher = hasher
  }

  /** @throws FsError when the home is no directory that can be opened. */
  static async open(options: LocalFileSystemOptions): Promise<LocalFileSystem> {
    const inMemory = await calling(() => isAllInMemory(options))
    const storage = (inMemory ? options.memoryStorage : undefined) ?? options.storage
    return new LocalFileSystem(await calling(() => Confinement.open(storage, options.home)), storage, options)
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
    return this.#onFollowed(this.#asked('opendir', path), async (place) => {
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
    return this.#onFollowed(this.#asked('stat', path), async (place, stats) => this.#shown(place, stats))
  }

  lstat(path: VirtualPath): Promise<Attrs> {
    return this.#on(this.#asked('lstat', path), async (place) => this.#shown(place, await this.#lookAt(place.at)))
  }

  async setstat(path: VirtualPath, attrs: Attrs): Promise<void> {
    const { size, ...others } = attrs
    if (changesNothing(attrs)) return
    // truncate(2) looks at the size before it looks for the file.
    if (size !== undefined && size > MAX_OFFSET && changesNothing(others)) {
      throw new FsError('invalid', 'No file is that long')
    }
    await this.#onFollowed(
      this.#asked('setstat', path, attrs),
      (place, stats) => this.#nascent(place, stats)?.setstat(attrs) ?? this.#applyAttrs(place, attrs),
    )
  }

  async lsetstat(path: VirtualPath, attrs: Attrs): Promise<void> {
    if (attrs.size !== undefined) throw new FsError('invalid', 'A link has no size to set')
    if (changesNothing(attrs)) return
    await this.#on(this.#asked('lsetstat', path, attrs), async (place) => {
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
    return this.#on(this.#asked('remove', path), (place) =>
      this.#counting(async (usage) => {
        const state = usage && fileState(await this.#storage.lstat(notRoot(place).at))
        await this.#storage.unlink(notRoot(place).at)
        await usage?.unlinked(state)
      }),
    )
  }

  mkdir(path: VirtualPath, attrs: Attrs): Promise<void> {
    return this.#on(this.#asked('mkdir', path, attrs), async (place) => {
      if (place.isRoot) throw new FsError('exists', 'File exists')
      await this.#storage.mkdir(place.at, (attrs.permissions ?? 0o777) & MODE_BITS)
      await this.#own(place, 'isDirectory', () => this.#storage.rmdir(place.at))
    })
  }

  rmdir(path: VirtualPath): Promise<void> {
    return this.#on(this.#asked('rmdir', path), async (place) => {
      this.#policy.act('rmdir', notRoot(place).path)
      await this.#storage.rmdir(place.at)
    })
  }

  async realpath(path: VirtualPath): Promise<VirtualPath> {
    return this.#onFollowed(this.#asked('realpath', path), async (place) => place.path)
  }

  rename(oldpath: VirtualPath, newpath: VirtualPath, options: { replace: boolean }): Promise<void> {
    const { replace } = options
    const old: Asked = { path: oldpath, passage: (at) => this.#policy.pass('rename', at, newpath, options) }
    const target: Asked = { path: newpath, passage: (at) => this.#policy.pass('rename', oldpath, at, options) }
    return this.#on(old, (from) =>
      this.#on(target, async (to) => {
        this.#policy.act('rename', notRoot(from).path, notRoot(to).path, options)
        const mayReplace = (): void => this.#mayOverwrite(newpath, to)
        try {
          await this.#counting((usage) => this.#rename(from, to, replace ? mayReplace : undefined, usage))
        } catch (error) {
          if (errnoOf(error) !== 'EXDEV') throw error
          await this.#moveAcross(from, to, replace ? mayReplace : undefined)
        }
      }),
    )
  }

  readlink(path: VirtualPath): Promise<string> {
    return this.#on(this.#asked('readlink', path), async (place) => {
      return this.#confinement.linkTarget(await this.#storage.readlink(place.at), posix.dirname(place.path))
    })
  }

  symlink(target: string, link: VirtualPath): Promise<void> {
    const asked: Asked = { path: link, passage: (at) => this.#policy.pass('symlink', target, at) }
    return this.#on(asked, async (place) => {
      await this.#storage.symlink(target, notRoot(place).at)
      await this.#own(place, 'isSymbolicLink', () => this.#storage.unlink(place.at))
    })
  }

  hardlink(oldpath: VirtualPath, newpath: VirtualPath): Promise<void> {
    const old: Asked = { path: oldpath, passage: (at) => this.#policy.pass('hardlink', at, newpath) }
    const target: Asked = { path: newpath, passage: (at) => this.#policy.pass('hardlink', oldpath, at) }
    return this.#on(old, (from) =>
      this.#on(target, async (to) => {
        this.#policy.act('hardlink', notRoot(from).path, notRoot(to).path)
        // The number of a file's names says what its removal frees.
        await this.#counting(() => this.#storage.link(from.at, to.at))
      }),
    )
  }

  statvfs(path: VirtualPath): Promise<VolumeStats> {
    return this.#onFollowed(this.#asked('statvfs', path), (place) =>
      this.#pinned(place, async (host) => volumeStats(await this.#storage.statfs(host))),
    )
  }

  /** @returns undefined when the name changed meanwhile and must be looked at again. */
  async #tryOpen(path: VirtualPath, flags: OpenFlags, attrs: Attrs): Promise<OpenFile | undefined> {
    const staged = flags.write && this.#uploads.mode !== 0
    const asked = this.#asked('open', path, flags, attrs)
    const { passage } = asked
    let place = await this.#place(asked)
    try {
      if (flags.create && !staged && !place.isRoot) {
        const created = await this.#create(place, flags, attrs)
        if (created !== undefined) return created
        if (flags.exclusive) throw new FsError('exists', 'File exists')
      }
      let stats = await this.#lookAt(place.at)
      if (flags.create && flags.exclusive && stats !== undefined) throw new FsError('exists', 'File exists')
      if (stats?.isSymbolicLink() === true) {
        place.release()
        place = await this.#confinement.followed(path, flags.create, passage)
        stats = await this.#lookAt(place.at)
        if (stats === undefined && flags.create && !staged) return await this.#create(place, flags, attrs)
      }
      if (stats === undefined) {
        if (flags.create && staged) return await this.#stage(path, place, flags, attrs)
        // Removed since the attempt to create it found it: look again.
        if (flags.create) return undefined
        throw new FsError('not-found', 'No such file or directory')
      }
      if (stats.isDirectory()) throw new FsError('failure', 'Is a directory')
      if (stats.isSymbolicLink()) return undefined
      // Opening a FIFO may wait for ever, opening a device may act.
      if (!stats.isFile()) throw new FsError('failure', 'Not a regular file')
      if (flags.write || flags.truncate) this.#mayOverwrite(path, place)
      return await (staged ? this.#stageExisting(path, place, flags) : this.#openExisting(place, flags))
    } finally {
      place.release()
    }
  }

  /** @returns undefined when the name is taken. */
  #create(place: Place, flags: OpenFlags, attrs: Attrs): Promise<OpenFile | undefined> {
    return this.#counting(async (usage) => {
      try {
        await usage?.reserveFile()
      } catch (error) {
        // A file that is there already needs no new one.
        if ((await this.#lookAt(place.at)) === undefined) throw error
        return undefined
      }
      let created: OpenFile | undefined
      try {
        const fd = await this.#make(place.at, flags, attrs)
        if (fd !== undefined) {
          created = await this.#wrap(fd, place, flags, usage, {
            prepare: () => this.#give(fd),
            undo: () => this.#discard(fd, place),
            ...(this.#uploads.sync ? { created: place } : {}),
          })
        }
        return created
      } finally {
        if (created === undefined) await usage?.releaseFile()
      }
    })
  }

  /** @returns undefined when the name is taken. */
  async #make(at: string, flags: OpenFlags, attrs: Attrs): Promise<number | undefined> {
    const mode = (attrs.permissions ?? 0o666) & MODE_BITS
    try {
      return await this.#storage.open(at, accessMode(flags) | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return undefined
      throw error
    }
  }

  async #give(fd: number): Promise<void> {
    if (this.#owner !== undefined) await this.#storage.fchown(fd, this.#owner.uid, this.#owner.gid)
  }

  #openExisting(place: Place, flags: OpenFlags): Promise<OpenFile | undefined> {
    const open = async (usage?: AccountUsage): Promise<OpenFile | undefined> => {
      const fd = await this.#openRegular(place, flags)
      if (fd === undefined) return undefined
      return this.#wrap(fd, place, flags, usage, {
        // Not O_TRUNC: what is truncated must be the regular file that was judged.
        prepare: async (state) => (flags.truncate ? this.#cutOff(fd, flags, usage, state) : undefined),
      })
    }
    return flags.write || flags.truncate ? this.#counting(open) : open()
  }

  async #openRegular(place: Place, flags: OpenFlags): Promise<number | undefined> {
    try {
      return await this.#storage.open(place.at, accessMode(flags) | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ELOOP') return undefined
      throw error
    }
  }

  #cutOff(fd: number, flags: OpenFlags, usage: AccountUsage | undefined, state: FileState): Promise<void> {
    // Without write access Linux truncates all the same, and so does OpenSSH's server.
    const resize = (): Promise<void> =>
      flags.write ? this.#storage.ftruncate(fd, 0) : this.#storage.truncate(`/proc/self/fd/${fd}`, 0)
    return usage === undefined ? resize() : resized(usage, state, 0, resize)
  }

  async #wrap(
    fd: number,
    { path }: Place,
    flags: OpenFlags,
    usage: AccountUsage | undefined,
    hooks: WrapHooks,
  ): Promise<LocalFile> {
    let fileUsage: FileUsage | undefined
    try {
      const stats = await this.#storage.fstat(fd)
      const state = fileState(stats)
      if (state === undefined) throw new FsError('failure', 'Not a regular file')
      if (flags.write) fileUsage = await usage?.opened(state, hooks.credit)
      await hooks.prepare?.(state)
      return new LocalFile({
        storage: this.#storage,
        hasher: this.#hasher,
        fd,
        flags,
        identity: state.inode,
        judge: (changes) => this.#policy.pass('setstat', path, changes),
        ...(fileUsage === undefined ? {} : { usage: fileUsage }),
        ...(flags.write && this.#uploads.mode === 0 && this.#uploads.sync ? this.#syncing(fd, hooks.created) : {}),
      })
    } catch (error) {
      await hooks.undo?.()
      const left = fileUsage && fileState(await this.#storage.fstat(fd).catch(() => undefined))
      await this.#storage.close(fd).catch(() => undefined)
      await fileUsage?.closed(left)
      throw error
    }
  }

  /** Makes closing wait for stable storage: of the data, and of the name of a file that is new. */
  #syncing(fd: number, created: Place | undefined): Pick<LocalFileOptions, 'beforeClose' | 'over'> {
    const held = created?.hold()
    return {
      beforeClose: async () => {
        await this.#storage.fsync(fd)
        if (held !== undefined) await syncDirectory(this.#storage, held)
      },
      over: () => held?.release(),
    }
  }

  /** A new file that gets its name when it is complete. */
  async #stage(asked: VirtualPath, place: Place, flags: OpenFlags, attrs: Attrs): Promise<OpenFile> {
    if (place.isRoot) throw new FsError('failure', 'Is a directory')
    return this.#staging(asked, place, undefined, (temporary) =>
      this.#counting(async (usage) => {
        await usage?.reserveFile()
        try {
          const fd = await this.#make(temporary, flags, attrs)
          if (fd === undefined) throw new FsError('failure', 'The name keeps changing')
          return await this.#wrap(fd, place, flags, usage, { prepare: () => this.#give(fd) })
        } catch (error) {
          await usage?.releaseFile()
          throw error
        }
      }),
    )
  }

  /** A file that takes the place of another when it is complete, and begins as its copy unless that is cut off. */
  async #stageExisting(asked: VirtualPath, place: Place, flags: OpenFlags): Promise<OpenFile | undefined> {
    // Opened for writing, although nothing is: who may not write the file may not replace it.
    const old = await this.#openRegular(place, { ...flags, append: false })
    if (old === undefined) return undefined
    try {
      const stats = await this.#storage.fstat(old)
      if (!stats.isFile()) throw new FsError('failure', 'Not a regular file')
      return await this.#staging(asked, place, stats.size, async (temporary, usage) => {
        if (!flags.truncate) await this.#storage.copyFile(`/proc/self/fd/${old}`, temporary)
        const create = flags.truncate ? O_CREAT | O_EXCL : 0
        const fd = await this.#storage.open(temporary, accessMode(flags) | create | O_NOFOLLOW, 0o600)
        return this.#wrap(fd, place, flags, usage, {
          credit: stats.size,
          prepare: async () => {
            // An owner that cannot be kept is the server's own user, as for a file that is new.
            await this.#storage.fchown(fd, stats.uid, stats.gid).catch(() => undefined)
            await this.#storage.fchmod(fd, stats.mode & MODE_BITS)
          },
        })
      })
    } finally {
      await this.#storage.close(old).catch(() => undefined)
    }
  }

  /** @param make makes the temporary file and opens it; what it leaves behind when it fails is removed. */
  async #staging(
    asked: VirtualPath,
    place: Place,
    replaces: number | undefined,
    make: (temporary: string, usage: AccountUsage | undefined) => Promise<LocalFile>,
  ): Promise<OpenFile> {
    const { mode, sync, begin, end } = this.#uploads
    const temporary = this.#temporaryBeside(place)
    await begin()
    try {
      const staged = new StagedFile({
        storage: this.#storage,
        // Not exclusively: a copy may take long, and nobody knows the file yet.
        file: await make(temporary, this.#counted()),
        temporary,
        target: place.hold(),
        replaces,
        resumable: mode === 2,
        sync,
        authorizeOverwrite: () => this.#mayOverwrite(asked, place),
        ended: () => {
          if (this.#staged.get(place.path) === staged) this.#staged.delete(place.path)
        },
        over: end,
      })
      if (replaces === undefined) this.#staged.set(place.path, staged)
      return staged
    } catch (error) {
      await this.#storage.unlink(temporary).catch(() => undefined)
      end()
      throw error
    }
  }

  #temporaryBeside({ at }: Place): string {
    const slash = at.lastIndexOf('/') + 1
    return at.slice(0, slash) + temporaryName(this.#uploads.instance, at.slice(slash))
  }

  /** @param mayReplace throws to refuse that; absent, nothing is replaced. */
  async #rename(
    from: Place,
    to: Place,
    mayReplace: (() => void) | undefined,
    usage: AccountUsage | undefined,
  ): Promise<void> {
    const stats = await this.#storage.lstat(from.at)
    if (mayReplace !== undefined) {
      const there = await this.#lookAt(to.at)
      if (there !== undefined) mayReplace()
      await this.#storage.rename(from.at, to.at)
      // Of two names of one file rename(2) leaves both.
      if (there !== undefined && inodeOf(there) !== inodeOf(stats)) await usage?.unlinked(fileState(there))
      return
    }
    if (!stats.isDirectory() && (await moveByLink(this.#storage, from.at, to.at))) return
    if ((await this.#lookAt(to.at)) !== undefined) throw new FsError('exists', 'File exists')
    await this.#storage.rename(from.at, to.at)
  }

  /** rename(2) stays on one file system: a copy takes its name when it is complete, then the source goes. */
  async #moveAcross(from: Place, to: Place, mayReplace: (() => void) | undefined): Promise<void> {
    const { begin, end } = this.#uploads
    const temporary = this.#temporaryBeside(to)
    await begin()
    try {
      const made = await copyTree(this.#storage, from.at, temporary)
      await this.#counting(async (usage) => {
        const there = await this.#lookAt(to.at)
        if (there !== undefined && mayReplace === undefined) throw new FsError('exists', 'File exists')
        if (there !== undefined) mayReplace?.()
        await this.#storage.rename(temporary, to.at)
        await usage?.unlinked(fileState(there))
        for (const file of made) await usage?.added(file)
      })
      await syncDirectory(this.#storage, to)
    } catch (error) {
      await removeTree(this.#storage, temporary).catch(() => undefined)
      throw error
    } finally {
      end()
    }
    await this.#counting((usage) =>
      removeTree(this.#storage, from.at, async (stats) => usage?.unlinked(fileState(stats))),
    )
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

  /** Gives what was just made at `place` to the account, or takes it away again: never what took its name meanwhile. */
  async #own({ at }: Place, made: 'isDirectory' | 'isSymbolicLink', undo: () => Promise<void>): Promise<void> {
    if (this.#owner === undefined) return
    const { uid, gid } = this.#owner
    try {
      const fd = await this.#storage.open(at, O_PATH | O_NOFOLLOW)
      try {
        // Through the descriptor the kernel comes to the link itself, and follows it no further.
        if ((await this.#storage.fstat(fd))[made]()) await this.#storage.chown(`/proc/self/fd/${fd}`, uid, gid)
      } finally {
        this.#storage.closeSync(fd)
      }
    } catch (error) {
      await undo().catch(() => undefined)
      throw error
    }
  }

  #applyAttrs(place: Place, attrs: Attrs): Promise<void> {
    return this.#pinned(place, async (host, stats, fd) => {
      if (attrs.permissions !== undefined || attrs.owner !== undefined) this.#confinement.forget()
      await applyAttrs(attrs, {
        truncate: async (size) => {
          if (!stats.isFile()) throw new FsError('failure', 'Only a regular file can be truncated')
          const resize = (): Promise<void> => this.#storage.truncate(host, size)
          await this.#counting(async (usage) => {
            const state = usage && fileState(await this.#storage.fstat(fd))
            return usage === undefined || state === undefined ? resize() : resized(usage, state, size, resize)
          })
        },
        chown: (uid, gid) => this.#storage.chown(host, uid, gid),
        chmod: (mode) => this.#storage.chmod(host, mode),
        utimes: (atime, mtime) => this.#storage.utimes(host, atime, mtime),
      })
    })
  }

  async #shown(place: Place, stats: Stats | undefined): Promise<Attrs> {
    return this.#nascent(place, stats)?.stat() ?? attrsOf(present(stats))
  }

  /**
   * A file of this session that has no name yet: who made it may ask for it by the name that it will have, as sshfs
   * does right after it has opened one.
   */
  #nascent(place: Place, stats: Stats | undefined): OpenFile | undefined {
    return stats === undefined ? this.#staged.get(place.path) : undefined
  }

  async #lookAt(at: string): Promise<Stats | undefined> {
    try {
      return await this.#storage.lstat(at)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** @throws FsError for the name of an upload under way. */
  #place({ path, passage }: Asked): Promise<Place> {
    if (isTemporaryName(path.slice(path.lastIndexOf('/') + 1))) {
      throw new FsError('permission', 'Such names are kept for uploads under way')
    }
    return this.#confinement.place(path, passage)
  }

  /** The account's usage, while it is counted. */
  #counted(): AccountUsage | undefined {
    return this.#usage?.counted === true ? this.#usage : undefined
  }

  /** Runs what changes names and sizes alone, where it is counted. */
  #counting<T>(work: (usage: AccountUsage | undefined) => Promise<T>): Promise<T> {
    const usage = this.#counted()
    return usage === undefined ? work(undefined) : usage.exclusively(() => work(usage))
  }

  #asked<Op extends OnOnePath>(operation: Op, ...args: Parameters<FileSystem[Op]>): Asked {
    const [path, ...rest] = args
    const withPlace = (at: VirtualPath): Parameters<FileSystem[Op]> => [at, ...rest] as Parameters<FileSystem[Op]>
    return { path, passage: (at) => this.#policy.pass(operation, ...withPlace(at)) }
  }

  /** Where it is, and as it was asked for. */
  #mayOverwrite(asked: VirtualPath, { path }: Place): void {
    this.#authorizeOverwrite(path)
    if (asked !== path) this.#authorizeOverwrite(asked)
  }

  /** Acts on the name itself. */
  async #on<T>(asked: Asked, work: (place: Place) => Promise<T>): Promise<T> {
    return calling(async () => {
      const place = await this.#place(asked)
      try {
        return await work(place)
      } finally {
        place.release()
      }
    })
  }

  /** Acts on what the name means with links followed; `stats` is undefined when that does not exist. */
  async #onFollowed<T>(asked: Asked, work: (place: Place, stats: Stats | undefined) => Promise<T>): Promise<T> {
    return calling(async () => {
      let place = await this.#place(asked)
      try {
        let stats = await this.#lookAt(place.at)
        if (stats?.isSymbolicLink() === true) {
          place.release()
          place = await this.#confinement.followed(asked.path, false, asked.passage)
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
  async #pinned<T>(place: Place, work: (host: string, stats: Stats, fd: number) => Promise<T>): Promise<T> {
    const fd = await this.#storage.open(place.at, O_PATH | O_NOFOLLOW)
    try {
      const stats = await this.#storage.fstat(fd)
      if (stats.isSymbolicLink()) throw new FsError('failure', 'The name keeps changing')
      return await work(`/proc/self/fd/${fd}`, stats, fd)
    } finally {
      this.#storage.closeSync(fd)
    }
  }
}

function present(stats: Stats | undefined): Stats {
  if (stats === undefined) throw fsError(Object.assign(new Error('no such file'), { code: 'ENOENT' }))
  return stats
}

/** A mount below the home may lead anywhere; one that is made later is seen from the next login on. */
async function isAllInMemory({ storage, memoryStorage, home }: LocalFileSystemOptions): Promise<boolean> {
  return memoryStorage !== undefined && isInMemory(await storage.statfs(home)) && !(await hasMountBelow(home))
}

/** OpenSSH's server looks at nothing then, not even whether the name exists. */
function changesNothing({ size, owner, permissions, times }: Attrs): boolean {
  return size === undefined && owner === undefined && permissions === undefined && times === undefined
}

function notRoot(place: Place): Place {
  if (place.isRoot) throw new FsError('permission', 'The root directory stays as it is')
  return place
}

interface WrapHooks {
  /** See {@link Ledger.opened}. */
  credit?: number
  prepare?: (state: FileState) => Promise<void>
  /** What to do before the descriptor is closed when the file cannot be handed out. */
  undo?: () => Promise<void>
  /** The name of a file that is new. */
  created?: Place
}

function accessMode({ read, write, append }: OpenFlags): number {
  return (read && write ? O_RDWR : write ? O_WRONLY : O_RDONLY) | (append ? O_APPEND : 0)
}
