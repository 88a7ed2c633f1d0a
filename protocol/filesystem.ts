/** The port: what the engines ask of a filesystem. Virtual paths and bytes only; nothing here names a host. */

import type { Attrs } from './sftp/attrs.ts'

declare const brand: unique symbol

/**
 * Absolute, normalised, below the account's root, one character a byte (latin1), so that every name
 * a disk can hold survives. Only {@link virtualPath} makes one.
 */
export type VirtualPath = string & { readonly [brand]: 'VirtualPath' }

/** Linux' PATH_MAX, without its terminating NUL. */
export const MAX_PATH_BYTES = 4095

/**
 * Draft §6.2: relative to `home`, empty means `home`, and `..` stops at `/`.
 * @throws FsError `not-found` for a NUL byte, `invalid` over {@link MAX_PATH_BYTES}.
 */
export function virtualPath(raw: string, home = '/'): VirtualPath {
  if (raw.includes('\0')) throw new FsError('not-found', 'A name cannot hold a NUL byte')
  if (raw.length > MAX_PATH_BYTES) throw new FsError('invalid', `A path cannot be longer than ${MAX_PATH_BYTES} bytes`)
  const components: string[] = []
  for (const component of (raw.startsWith('/') ? raw : `${home}/${raw}`).split('/')) {
    if (component === '..') components.pop()
    else if (component !== '' && component !== '.') components.push(component)
  }
  return `/${components.join('/')}` as VirtualPath
}

/** Why a call failed: all that an engine may tell a client. */
export type FsErrorKind =
  'not-found' | 'permission' | 'exists' | 'quota' | 'no-space' | 'unsupported' | 'invalid' | 'failure'

export class FsError extends Error {
  override readonly name = 'FsError'
  readonly kind: FsErrorKind
  /** @param message goes to the client, so virtual paths only; `options.cause` is for the log. */
  constructor(kind: FsErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

/** How a file is opened; the draft's pflags (§6.3) without their bits. */
export interface OpenFlags {
  read: boolean
  write: boolean
  /** Every write lands at the end, whatever its offset. */
  append: boolean
  create: boolean
  truncate: boolean
  /** With `create`: fail if the name exists, a link included. */
  exclusive: boolean
}

export interface DirectoryEntry {
  /** One component, one character a byte. */
  filename: string
  /** Of the entry itself, links not followed. */
  attrs: Attrs
  /** Count of hard links, for the long name. */
  links: number
}

/** Space of the filesystem that holds a path, in POSIX statvfs terms. */
export interface VolumeStats {
  /** Bytes a block. */
  blockSize: bigint
  fragmentSize: bigint
  blocks: bigint
  freeBlocks: bigint
  availableBlocks: bigint
  files: bigint
  freeFiles: bigint
  availableFiles: bigint
  filesystemId: bigint
  /** 1 read-only, 2 no setuid. */
  flags: bigint
  maxNameBytes: bigint
}

/** Follows symbolic links in the last component unless a method says otherwise. Every method may throw {@link FsError}. */
export interface FileSystem {
  /** `attrs` hold for a file that this call creates. */
  open(path: VirtualPath, flags: OpenFlags, attrs: Attrs): Promise<OpenFile>
  opendir(path: VirtualPath): Promise<OpenDirectory>
  stat(path: VirtualPath): Promise<Attrs>
  /** Of the link itself. */
  lstat(path: VirtualPath): Promise<Attrs>
  /** Applies every attribute that is present. */
  setstat(path: VirtualPath, attrs: Attrs): Promise<void>
  /** On the link itself. */
  lsetstat(path: VirtualPath, attrs: Attrs): Promise<void>
  /** Never a directory, never through a link. */
  remove(path: VirtualPath): Promise<void>
  mkdir(path: VirtualPath, attrs: Attrs): Promise<void>
  rmdir(path: VirtualPath): Promise<void>
  /** Links resolved; the last component need not exist. */
  realpath(path: VirtualPath): Promise<VirtualPath>
  /** Acts on links themselves. Without `replace` an existing `newpath` is an `exists` error. */
  rename(oldpath: VirtualPath, newpath: VirtualPath, options: { replace: boolean }): Promise<void>
  /** The link's text, or the virtual path it means where the text would name the host. */
  readlink(path: VirtualPath): Promise<string>
  /** `target` is stored as it is: text, not a path that must exist. */
  symlink(target: string, link: VirtualPath): Promise<void>
  /** Of a link itself, not of what it names. */
  hardlink(oldpath: VirtualPath, newpath: VirtualPath): Promise<void>
  statvfs(path: VirtualPath): Promise<VolumeStats>
}

export const HASH_ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'] as const
export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number]

/** An open regular file. Whoever opened it calls exactly one of `close` and `abort`, once. */
export interface OpenFile {
  readonly flags: OpenFlags
  /** Equal for two handles that may name one file: what is done through one must not overtake the other. */
  readonly identity: string
  /** Fills `targets`, one after the other, from `offset` as far as the file goes. @returns bytes read, 0 at the end. */
  read(targets: readonly Buffer[], offset: number): Promise<number>
  /** Writes all of `chunks` at `offset`, one after the other. The caller leaves them alone until it resolves or rejects. */
  write(chunks: readonly Buffer[], offset: number): Promise<void>
  /** How many bytes are worth one call, as things are now: what comes slowly shall come steadily. Absent: any number. */
  sliceBytes?(use: 'read' | 'write'): number | undefined
  stat(): Promise<Attrs>
  setstat(attrs: Attrs): Promise<void>
  /** Resolves when the data is on stable storage. */
  sync(): Promise<void>
  /** Hash of `length` bytes from `offset`, or of what the file has of them. */
  digest(algorithm: HashAlgorithm, offset: number, length: number): Promise<Buffer>
  statvfs(): Promise<VolumeStats>
  /** The client closed it: what was written is complete. */
  close(): Promise<void>
  /** The client vanished with it open: what was written may be partial. Cuts a digest under way short. Never throws. */
  abort(): Promise<void>
}

export interface OpenDirectory {
  /** At most `max` further entries in any order, without `.` and `..`; an empty list is the end. */
  read(max: number): Promise<readonly DirectoryEntry[]>
  /** Entries that were read before as they are now, without those that are gone. */
  again(entries: readonly DirectoryEntry[]): Promise<readonly DirectoryEntry[]>
  /** Never throws. */
  close(): Promise<void>
}
