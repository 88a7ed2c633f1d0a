import { FsError } from '../../protocol/filesystem.ts'
import type {
  FileSystem,
  HashAlgorithm,
  OpenDirectory,
  OpenFile,
  OpenFlags,
  VirtualPath,
  VolumeStats,
} from '../../protocol/filesystem.ts'
import type { Attrs } from '../../protocol/sftp/attrs.ts'
import type { Grants } from './grants.ts'
import type { PlacePolicy } from './local-filesystem.ts'
import type { SessionBandwidth, TransferBandwidth } from '../transfers/session-bandwidth.ts'
import { withinQuota } from './volume.ts'
import type { QuotaView } from './volume.ts'
import { NEEDS, PermissionDenied, attrsNeed, demand, demandWords, overwriteNeeds } from './permissions.ts'

/** What is worth telling of a session's work on files; paths are virtual. */
export type FileEvent =
  | { kind: 'Rename'; path: VirtualPath; target: VirtualPath }
  | { kind: 'Rmdir' | 'Mkdir' | 'Remove'; path: VirtualPath }
  | { kind: 'Symlink'; target: string; link: VirtualPath }
  | { kind: 'Chmod'; path: VirtualPath; mode: number }
  | { kind: 'Chown'; path: VirtualPath; uid: number; gid: number }
  | { kind: 'Chtimes'; path: VirtualPath; atime: number; mtime: number }

/** An upload or download under way. */
export interface TransferProgress {
  moved(bytes: number): void
  /** {@link end} is to be told how long the file is: asking for it costs a call of the system. */
  readonly wantsLength?: boolean
  /**
   * After all of it is done: an upload has its name.
   * @param error why it failed; undefined for a transfer that the client completed.
   * @param lengthBytes of the file, where that is wanted and known.
   */
  end(error: string | undefined, lengthBytes?: number): void
}

/** Learns of what an account does. */
export interface FileObserver {
  transfer(operation: 'upload' | 'download', path: VirtualPath): TransferProgress
  /** After it succeeded. */
  done(event: FileEvent): void
}

export interface AccountRules {
  /** Read at each operation: an account may change while it is used. */
  permissions: Grants
  /** `sftpd.setstat_mode` 1: owner, mode and times are accepted and left alone. */
  ignoreSetstat: boolean
  /** Absent for an account without limits. */
  quota?: QuotaView
  /** Absent where nothing is held back. */
  bandwidth?: SessionBandwidth
}

/** What a filesystem asks where its paths turn out to lead. */
export function placePolicy(rules: Pick<AccountRules, 'permissions'>): {
  authorizeOverwrite(path: VirtualPath): void
  policy: PlacePolicy
} {
  return {
    authorizeOverwrite: (path) => demand(rules.permissions, overwriteNeeds(path)),
    policy: {
      // Where every place is alike, what was asked for told all.
      pass(operation, ...args) {
        if (!rules.permissions.uniform) demandWords(rules.permissions, NEEDS[operation](...args))
      },
      act(operation, ...args) {
        if (!rules.permissions.uniform) demand(rules.permissions, NEEDS[operation](...args))
      },
    },
  }
}

/**
 * A filesystem as one account may use it: what is not permitted is refused before anything happens, what
 * happens is told to the observer. Every protocol goes through it.
 */
export class AccountFileSystem implements FileSystem {
  readonly #inner: FileSystem
  readonly #rules: AccountRules
  readonly #observer: FileObserver

  constructor(inner: FileSystem, rules: AccountRules, observer: FileObserver) {
    this.#inner = inner
    this.#rules = rules
    this.#observer = observer
  }

  async open(path: VirtualPath, flags: OpenFlags, attrs: Attrs): Promise<OpenFile> {
    this.#demand('open', path, flags, attrs)
    const file = await this.#inner.open(path, flags, attrs)
    const progress = this.#observer.transfer(flags.write ? 'upload' : 'download', path)
    return new AccountFile(file, path, this.#rules, this.#observer, progress)
  }

  async opendir(path: VirtualPath): Promise<OpenDirectory> {
    this.#demand('opendir', path)
    return this.#inner.opendir(path)
  }

  async stat(path: VirtualPath): Promise<Attrs> {
    this.#demand('stat', path)
    return this.#inner.stat(path)
  }

  async lstat(path: VirtualPath): Promise<Attrs> {
    this.#demand('lstat', path)
    return this.#inner.lstat(path)
  }

  async setstat(path: VirtualPath, attrs: Attrs): Promise<void> {
    const effective = effectiveAttrs(attrs, this.#rules)
    this.#demand('setstat', path, effective)
    await this.#inner.setstat(path, effective)
    for (const event of attrEvents(path, effective)) this.#observer.done(event)
  }

  async lsetstat(path: VirtualPath, attrs: Attrs): Promise<void> {
    const effective = effectiveAttrs(attrs, this.#rules)
    this.#demand('lsetstat', path, effective)
    await this.#inner.lsetstat(path, effective)
    for (const event of attrEvents(path, effective)) this.#observer.done(event)
  }

  async remove(path: VirtualPath): Promise<void> {
    this.#demand('remove', path)
    await this.#inner.remove(path)
    this.#observer.done({ kind: 'Remove', path })
  }

  async mkdir(path: VirtualPath, attrs: Attrs): Promise<void> {
    this.#demand('mkdir', path, attrs)
    await this.#inner.mkdir(path, attrs)
    this.#observer.done({ kind: 'Mkdir', path })
  }

  async rmdir(path: VirtualPath): Promise<void> {
    this.#demand('rmdir', path)
    await this.#inner.rmdir(path)
    this.#observer.done({ kind: 'Rmdir', path })
  }

  async realpath(path: VirtualPath): Promise<VirtualPath> {
    try {
      this.#demand('realpath', path)
      return await this.#inner.realpath(path)
    } catch (error) {
      // Where it may not be told what exists, the normalised path must do: every client asks for its first directory.
      if (error instanceof PermissionDenied) return path
      throw error
    }
  }

  async rename(oldpath: VirtualPath, newpath: VirtualPath, options: { replace: boolean }): Promise<void> {
    this.#demand('rename', oldpath, newpath, options)
    await this.#inner.rename(oldpath, newpath, options)
    this.#observer.done({ kind: 'Rename', path: oldpath, target: newpath })
  }

  async readlink(path: VirtualPath): Promise<string> {
    this.#demand('readlink', path)
    return this.#inner.readlink(path)
  }

  async symlink(target: string, link: VirtualPath): Promise<void> {
    this.#demand('symlink', target, link)
    await this.#inner.symlink(target, link)
    this.#observer.done({ kind: 'Symlink', target, link })
  }

  async hardlink(oldpath: VirtualPath, newpath: VirtualPath): Promise<void> {
    this.#demand('hardlink', oldpath, newpath)
    return this.#inner.hardlink(oldpath, newpath)
  }

  async statvfs(path: VirtualPath): Promise<VolumeStats> {
    this.#demand('statvfs', path)
    return shownVolume(await this.#inner.statvfs(path), this.#rules)
  }

  #demand<Op extends keyof FileSystem>(operation: Op, ...args: Parameters<FileSystem[Op]>): void {
    demand(this.#rules.permissions, NEEDS[operation](...args))
  }
}

/** An open file whose transfer is watched. */
class AccountFile implements OpenFile {
  readonly flags: OpenFlags
  readonly identity: string
  readonly #inner: OpenFile
  readonly #path: VirtualPath
  readonly #rules: AccountRules
  readonly #observer: FileObserver
  readonly #progress: TransferProgress
  readonly #bandwidth: TransferBandwidth | undefined
  /** The first read or write that failed: the transfer failed with it, whatever the client does then. */
  #failure: string | undefined

  constructor(
    inner: OpenFile,
    path: VirtualPath,
    rules: AccountRules,
    observer: FileObserver,
    progress: TransferProgress,
  ) {
    this.#inner = inner
    this.flags = inner.flags
    this.identity = inner.identity
    this.#path = path
    this.#rules = rules
    this.#observer = observer
    this.#progress = progress
    this.#bandwidth = rules.bandwidth?.transfer()
  }

  sliceBytes(use: 'read' | 'write'): number | undefined {
    return this.#bandwidth?.sliceBytes(use === 'read' ? 'download' : 'upload')
  }

  async read(targets: readonly Buffer[], offset: number): Promise<number> {
    const count = await this.#noting(this.#inner.read(targets, offset))
    // Only what there was is paid for, and the client gets none of it before.
    const paid = this.#bandwidth?.pay('download', count)
    if (paid !== undefined) await this.#noting(paid)
    this.#progress.moved(count)
    return count
  }

  async write(chunks: readonly Buffer[], offset: number): Promise<void> {
    const count = chunks.reduce((total, { length }) => total + length, 0)
    // Before it is on the disk: what a client that left had not paid for stays out.
    const paid = this.#bandwidth?.pay('upload', count)
    if (paid !== undefined) await this.#noting(paid)
    await this.#noting(this.#inner.write(chunks, offset))
    this.#progress.moved(count)
  }

  stat(): Promise<Attrs> {
    return this.#inner.stat()
  }

  async setstat(attrs: Attrs): Promise<void> {
    const effective = effectiveAttrs(attrs, this.#rules)
    demand(this.#rules.permissions, attrsNeed(this.#path, effective))
    if (effective.size !== undefined && !this.flags.write)
      throw new FsError('invalid', 'The handle is not open to write')
    await this.#inner.setstat(effective)
    for (const event of attrEvents(this.#path, effective)) this.#observer.done(event)
  }

  sync(): Promise<void> {
    return this.#inner.sync()
  }

  digest(algorithm: HashAlgorithm, offset: number, length: number): Promise<Buffer> {
    return this.#inner.digest(algorithm, offset, length)
  }

  async statvfs(): Promise<VolumeStats> {
    return shownVolume(await this.#inner.statvfs(), this.#rules)
  }

  async close(): Promise<void> {
    const length = this.#progress.wantsLength === true ? await this.#length() : undefined
    try {
      await this.#noting(this.#inner.close())
    } finally {
      this.#progress.end(this.#failure, length)
    }
  }

  async #length(): Promise<number | undefined> {
    const { size } = await this.#inner.stat().catch((): Attrs => ({}))
    return size === undefined ? undefined : Number(size)
  }

  async abort(): Promise<void> {
    await this.#inner.abort()
    this.#progress.end(this.#failure ?? 'the connection ended before the file was closed')
  }

  async #noting<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      this.#failure ??= error instanceof Error ? error.message : String(error)
      throw error
    }
  }
}

async function shownVolume(volume: VolumeStats, { quota }: AccountRules): Promise<VolumeStats> {
  return quota === undefined ? volume : withinQuota(volume, quota)
}

function effectiveAttrs(attrs: Attrs, { ignoreSetstat }: AccountRules): Attrs {
  return ignoreSetstat ? (attrs.size === undefined ? {} : { size: attrs.size }) : attrs
}

function* attrEvents(path: VirtualPath, { permissions, owner, times }: Attrs): Generator<FileEvent> {
  if (permissions !== undefined) yield { kind: 'Chmod', path, mode: permissions }
  if (owner !== undefined) yield { kind: 'Chown', path, ...owner }
  if (times !== undefined) yield { kind: 'Chtimes', path, ...times }
}
