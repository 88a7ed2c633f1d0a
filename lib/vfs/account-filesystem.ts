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

/** What came to nothing. */
export type FailedAttempt =
  | FileEvent
  | { kind: 'Upload'; path: VirtualPath }
  | { kind: 'Download'; path: VirtualPath }
  /** Whatever has no event of its own. */
  | { kind: 'Other'; operation: keyof FileSystem; path: VirtualPath }

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
  /** It was not permitted, or did not work. What only looks is told of where it was not permitted. */
  failed?(attempt: FailedAttempt, error: unknown): void
}

export interface AccountRules {
  /** Read at each operation: an account may change while it is used. */
  permissions: Grants
  /** `sftpd.setstat_mode` 1: owner, mode and times are accepted and left alone. */
  ignoreSetstat: boolean
  /** No further file is opened: the server is about to stop. */
  ending?(): boolean
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
    const file = await this.#telling({ kind: flags.write ? 'Upload' : 'Download', path }, () => {
      if (this.#rules.ending?.() === true) throw new FsError('failure', 'The server is about to stop')
      this.#demand('open', path, flags, attrs)
      return this.#inner.open(path, flags, attrs)
    })
    const progress = this.#observer.transfer(flags.write ? 'upload' : 'download', path)
    return new AccountFile(file, path, this.#rules, this.#observer, progress)
  }

  async opendir(path: VirtualPath): Promise<OpenDirectory> {
    return this.#looking('opendir', path)
  }

  async stat(path: VirtualPath): Promise<Attrs> {
    return this.#looking('stat', path)
  }

  async lstat(path: VirtualPath): Promise<Attrs> {
    return this.#looking('lstat', path)
  }

  async setstat(path: VirtualPath, attrs: Attrs): Promise<void> {
    await this.#setting('setstat', path, attrs)
  }

  async lsetstat(path: VirtualPath, attrs: Attrs): Promise<void> {
    await this.#setting('lsetstat', path, attrs)
  }

  async remove(path: VirtualPath): Promise<void> {
    await this.#doing({ kind: 'Remove', path }, () => {
      this.#demand('remove', path)
      return this.#inner.remove(path)
    })
  }

  async mkdir(path: VirtualPath, attrs: Attrs): Promise<void> {
    await this.#doing({ kind: 'Mkdir', path }, () => {
      this.#demand('mkdir', path, attrs)
      return this.#inner.mkdir(path, attrs)
    })
  }

  async rmdir(path: VirtualPath): Promise<void> {
    await this.#doing({ kind: 'Rmdir', path }, () => {
      this.#demand('rmdir', path)
      return this.#inner.rmdir(path)
    })
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
    await this.#doing({ kind: 'Rename', path: oldpath, target: newpath }, () => {
      this.#demand('rename', oldpath, newpath, options)
      return this.#inner.rename(oldpath, newpath, options)
    })
  }

  async readlink(path: VirtualPath): Promise<string> {
    return this.#looking('readlink', path)
  }

  async symlink(target: string, link: VirtualPath): Promise<void> {
    await this.#doing({ kind: 'Symlink', target, link }, () => {
      this.#demand('symlink', target, link)
      return this.#inner.symlink(target, link)
    })
  }

  async hardlink(oldpath: VirtualPath, newpath: VirtualPath): Promise<void> {
    return this.#telling({ kind: 'Other', operation: 'hardlink', path: newpath }, () => {
      this.#demand('hardlink', oldpath, newpath)
      return this.#inner.hardlink(oldpath, newpath)
    })
  }

  async statvfs(path: VirtualPath): Promise<VolumeStats> {
    return shownVolume(await this.#looking('statvfs', path), this.#rules)
  }

  async #doing(event: FileEvent, act: () => Promise<void>): Promise<void> {
    await this.#telling(event, act)
    this.#observer.done(event)
  }

  async #telling<T>(attempt: FailedAttempt, act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      this.#observer.failed?.(attempt, error)
      throw error
    }
  }

  async #looking<Op extends 'opendir' | 'stat' | 'lstat' | 'readlink' | 'statvfs'>(
    operation: Op,
    path: VirtualPath,
  ): Promise<Awaited<ReturnType<FileSystem[Op]>>>
  async #looking(operation: 'opendir' | 'stat' | 'lstat' | 'readlink' | 'statvfs', path: VirtualPath) {
    try {
      this.#demand(operation, path)
      return await this.#inner[operation](path)
    } catch (error) {
      // Clients ask all the time for what is not there.
      if (error instanceof PermissionDenied) this.#observer.failed?.({ kind: 'Other', operation, path }, error)
      throw error
    }
  }

  async #setting(operation: 'setstat' | 'lsetstat', path: VirtualPath, attrs: Attrs): Promise<void> {
    const effective = effectiveAttrs(attrs, this.#rules)
    await settingAttrs(this.#observer, path, effective, () => {
      this.#demand(operation, path, effective)
      return this.#inner[operation](path, effective)
    })
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
    await settingAttrs(this.#observer, this.#path, effective, () => {
      demand(this.#rules.permissions, attrsNeed(this.#path, effective))
      if (effective.size !== undefined && !this.flags.write)
        throw new FsError('invalid', 'The handle is not open to write')
      return this.#inner.setstat(effective)
    })
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

/** One event for each kind of attribute, done or failed together. */
async function settingAttrs(
  observer: FileObserver,
  path: VirtualPath,
  attrs: Attrs,
  act: () => Promise<void>,
): Promise<void> {
  const events = [...attrEvents(path, attrs)]
  try {
    await act()
  } catch (error) {
    const attempts: FailedAttempt[] = events.length > 0 ? events : [{ kind: 'Other', operation: 'setstat', path }]
    for (const attempt of attempts) observer.failed?.(attempt, error)
    throw error
  }
  for (const event of events) observer.done(event)
}

function* attrEvents(path: VirtualPath, { permissions, owner, times }: Attrs): Generator<FileEvent> {
  if (permissions !== undefined) yield { kind: 'Chmod', path, mode: permissions }
  if (owner !== undefined) yield { kind: 'Chown', path, ...owner }
  if (times !== undefined) yield { kind: 'Chtimes', path, ...times }
}
