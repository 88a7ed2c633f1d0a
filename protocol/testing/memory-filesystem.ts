import { FsError, virtualPath } from '../filesystem.ts'
import type { FileSystem, HashAlgorithm, OpenDirectory, OpenFile, OpenFlags, VirtualPath } from '../filesystem.ts'
import type { DirectoryEntry, VolumeStats } from '../filesystem.ts'
import type { Attrs } from '../sftp/attrs.ts'
import { Hooks } from './hooks.ts'
import { MAX_FILE_BYTES, applyAttrs, attrsOf, resize, walk } from './memory-nodes.ts'
import type { DirectoryNode, FileNode, MemoryNode, Place } from './memory-nodes.ts'

export interface MemoryFileSystemOptions {
  /** Milliseconds since the epoch, for the times of what is made and changed. */
  now?: () => number
  /** A real hash where one is needed; {@link fakeDigest} otherwise. */
  digest?: (algorithm: HashAlgorithm, data: Buffer) => Buffer
}

/** How an open file or directory ended: exactly one entry once it has. */
export interface Opened {
  path: string
  ends: ('close' | 'abort')[]
}

/** What one path names, as plain data. */
export type TreeEntry = { kind: 'file'; contents: string } | { kind: 'directory' } | { kind: 'link'; target: string }

/** A {@link FileSystem} in memory: POSIX in what it does and refuses, except that nobody lacks a permission. */
export class MemoryFileSystem implements FileSystem {
  readonly hooks = new Hooks()
  /** Every file and directory ever opened. */
  readonly opened: Opened[] = []
  /** What {@link OpenFile.sliceBytes} says of every file. */
  sliceBytes: number | undefined
  readonly #now: () => number
  readonly #digest: (algorithm: HashAlgorithm, data: Buffer) => Buffer
  readonly #root: DirectoryNode
  #inodes = 0

  constructor({ now = () => 0, digest = fakeDigest }: MemoryFileSystemOptions = {}) {
    this.#now = now
    this.#digest = digest
    this.#root = { ...this.#inode(0o755), kind: 'directory', entries: new Map() }
  }

  async open(path: VirtualPath, flags: OpenFlags, attrs: Attrs): Promise<OpenFile> {
    return this.hooks.run({ name: 'open', path }, () => {
      const place = this.#walk(path, !(flags.create && flags.exclusive))
      if (place.node !== undefined && flags.create && flags.exclusive) throw new FsError('exists', 'File exists')
      if (place.node === undefined && !flags.create) throw notFound()
      const mode = (attrs.permissions ?? 0o644) & 0o7777
      const node = place.node ?? this.#link(place, { ...this.#inode(mode), kind: 'file', contents: Buffer.alloc(0) })
      if (node.kind !== 'file') throw new FsError('failure', 'Is a directory')
      if (flags.truncate && node.contents.length > 0) {
        resize(node, 0)
        node.mtime = this.#seconds()
      }
      return this.#openFile(path, node, flags)
    })
  }

  async opendir(path: VirtualPath): Promise<OpenDirectory> {
    return this.hooks.run({ name: 'opendir', path }, () => {
      const { node } = this.#walk(path, true)
      if (node?.kind !== 'directory') throw notFound()
      return this.#openDirectory(path, node)
    })
  }

  async stat(path: VirtualPath): Promise<Attrs> {
    return this.hooks.run({ name: 'stat', path }, () => attrsOf(this.#find(path, true)))
  }

  async lstat(path: VirtualPath): Promise<Attrs> {
    return this.hooks.run({ name: 'lstat', path }, () => attrsOf(this.#find(path, false)))
  }

  async setstat(path: VirtualPath, attrs: Attrs): Promise<void> {
    return this.hooks.run({ name: 'setstat', path }, () => applyAttrs(this.#find(path, true), attrs, this.#seconds()))
  }

  async lsetstat(path: VirtualPath, attrs: Attrs): Promise<void> {
    return this.hooks.run({ name: 'lsetstat', path }, () => applyAttrs(this.#find(path, false), attrs, this.#seconds()))
  }

  async remove(path: VirtualPath): Promise<void> {
    return this.hooks.run({ name: 'remove', path }, () => {
      const place = this.#walk(path, false)
      if (place.node === undefined) throw notFound()
      if (place.node.kind === 'directory') throw new FsError('failure', 'Is a directory')
      this.#unlink(place)
    })
  }

  async mkdir(path: VirtualPath, attrs: Attrs): Promise<void> {
    return this.hooks.run({ name: 'mkdir', path }, () => {
      const place = this.#walk(path, false)
      if (place.node !== undefined) throw new FsError('exists', 'File exists')
      const mode = (attrs.permissions ?? 0o755) & 0o7777
      this.#link(place, { ...this.#inode(mode), kind: 'directory', entries: new Map() })
    })
  }

  async rmdir(path: VirtualPath): Promise<void> {
    return this.hooks.run({ name: 'rmdir', path }, () => {
      const place = this.#walk(path, false)
      if (place.node?.kind !== 'directory') throw notFound()
      if (place.node === this.#root) throw new FsError('permission', 'The root cannot be removed')
      if (place.node.entries.size > 0) throw new FsError('failure', 'Directory not empty')
      this.#unlink(place)
    })
  }

  async realpath(path: VirtualPath): Promise<VirtualPath> {
    return this.hooks.run({ name: 'realpath', path }, () => virtualPath(this.#walk(path, true).path))
  }

  async rename(oldpath: VirtualPath, newpath: VirtualPath, { replace }: { replace: boolean }): Promise<void> {
    return this.hooks.run({ name: 'rename', path: oldpath }, () => {
      const from = this.#walk(oldpath, false)
      const to = this.#walk(newpath, false)
      if (from.node === undefined) throw notFound()
      if (from.node === this.#root || to.node === this.#root) throw new FsError('permission', 'The root stays')
      if (to.node !== undefined && !replace) throw new FsError('exists', 'File exists')
      if (`${to.path}/`.startsWith(`${from.path}/`) && to.path !== from.path) {
        throw new FsError('invalid', 'A directory cannot move into itself')
      }
      // POSIX: two names of one file both stay.
      if (to.node === from.node) return
      if (to.node !== undefined) this.#makeWay(from.node, to)
      from.parent.entries.delete(from.name)
      to.parent.entries.set(to.name, from.node)
      from.parent.mtime = to.parent.mtime = this.#seconds()
    })
  }

  async readlink(path: VirtualPath): Promise<string> {
    return this.hooks.run({ name: 'readlink', path }, () => {
      const node = this.#find(path, false)
      if (node.kind !== 'link') throw new FsError('invalid', 'Not a link')
      return node.target
    })
  }

  async symlink(target: string, link: VirtualPath): Promise<void> {
    return this.hooks.run({ name: 'symlink', path: link }, () => {
      const place = this.#walk(link, false)
      if (place.node !== undefined) throw new FsError('exists', 'File exists')
      this.#link(place, { ...this.#inode(0o777), kind: 'link', target })
    })
  }

  async hardlink(oldpath: VirtualPath, newpath: VirtualPath): Promise<void> {
    return this.hooks.run({ name: 'hardlink', path: oldpath }, () => {
      const node = this.#find(oldpath, false)
      const place = this.#walk(newpath, false)
      if (place.node !== undefined) throw new FsError('exists', 'File exists')
      if (node.kind === 'directory') throw new FsError('permission', 'Is a directory')
      this.#link(place, node)
      node.links++
    })
  }

  async statvfs(path: VirtualPath): Promise<VolumeStats> {
    return this.hooks.run({ name: 'statvfs', path }, () => {
      this.#find(path, true)
      return VOLUME
    })
  }

  /** Puts a file there at once, without a call. The directories on the way must exist. */
  addFile(path: string, contents: string | Buffer = ''): void {
    this.#link(this.#walk(path, true), { ...this.#inode(0o644), kind: 'file', contents: Buffer.from(contents) })
  }

  addDirectory(path: string): void {
    this.#link(this.#walk(path, true), { ...this.#inode(0o755), kind: 'directory', entries: new Map() })
  }

  addLink(path: string, target: string): void {
    this.#link(this.#walk(path, false), { ...this.#inode(0o777), kind: 'link', target })
  }

  /** What a file holds, one character a byte. */
  contents(path: string): string {
    const node = this.#find(path, true)
    if (node.kind !== 'file') throw new Error(`${path} is no file`)
    return node.contents.toString('latin1')
  }

  /** Everything below the root as plain data, sorted by path. */
  tree(): Record<string, TreeEntry & { attrs: Attrs; links: number }> {
    const found: [string, TreeEntry & { attrs: Attrs; links: number }][] = []
    const visit = (path: string, node: MemoryNode): void => {
      found.push([path, { ...treeEntry(node), attrs: attrsOf(node), links: node.links }])
      if (node.kind === 'directory') for (const [name, child] of node.entries) visit(`${path}/${name}`, child)
    }
    for (const [name, node] of this.#root.entries) visit(`/${name}`, node)
    return Object.fromEntries(found.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  #openFile(path: string, node: FileNode, flags: OpenFlags): OpenFile {
    const opened: Opened = { path, ends: [] }
    this.opened.push(opened)
    return {
      flags,
      identity: String(node.ino),
      sliceBytes: () => this.sliceBytes,
      read: (targets, offset) =>
        this.hooks.run({ name: 'file.read', path }, () => {
          let at = offset
          for (const target of targets) if (at < node.contents.length) at += node.contents.copy(target, 0, at)
          return at - offset
        }),
      write: (chunks, offset) =>
        this.hooks.run({ name: 'file.write', path }, () => {
          const data = Buffer.concat(chunks)
          const start = flags.append ? node.contents.length : offset
          if (start + data.length > MAX_FILE_BYTES) throw new FsError('failure', 'File too large')
          if (data.length === 0) return
          if (start + data.length > node.contents.length) resize(node, start + data.length)
          data.copy(node.contents, start)
          node.mtime = this.#seconds()
        }),
      stat: () => this.hooks.run({ name: 'file.stat', path }, () => attrsOf(node)),
      setstat: (attrs) =>
        this.hooks.run({ name: 'file.setstat', path }, () => {
          if (attrs.size !== undefined && !flags.write) throw new FsError('invalid', 'Not open to write')
          applyAttrs(node, attrs, this.#seconds())
        }),
      sync: () => this.hooks.run({ name: 'file.sync', path }, () => undefined),
      digest: (algorithm, offset, length) =>
        this.hooks.run({ name: 'file.digest', path }, () =>
          this.#digest(algorithm, node.contents.subarray(offset, offset + length)),
        ),
      statvfs: () => this.hooks.run({ name: 'file.statvfs', path }, () => VOLUME),
      close: () => this.#end(opened, 'file.close', 'close'),
      abort: () => this.#end(opened, 'file.abort', 'abort'),
    }
  }

  #openDirectory(path: string, node: DirectoryNode): OpenDirectory {
    const opened: Opened = { path, ends: [] }
    this.opened.push(opened)
    let last = ''
    return {
      // By name from the last one given, so that each read shows the directory as it is then.
      read: (max) =>
        this.hooks.run({ name: 'directory.read', path }, () => {
          const names = [...node.entries.keys()].filter((name) => name > last).toSorted()
          const given = names.slice(0, max)
          last = given.at(-1) ?? last
          return entriesOf(node, given)
        }),
      again: (entries) =>
        this.hooks.run({ name: 'directory.again', path }, () =>
          entriesOf(
            node,
            entries.map(({ filename }) => filename),
          ),
        ),
      close: () => this.#end(opened, 'directory.close', 'close'),
    }
  }

  /** Counted when asked for: a file is not to be ended twice, even where the first time fails. */
  #end(opened: Opened, name: 'file.close' | 'file.abort' | 'directory.close', end: 'close' | 'abort'): Promise<void> {
    opened.ends.push(end)
    return this.hooks.run({ name, path: opened.path }, () => undefined)
  }

  #walk(path: string, follow: boolean): Place {
    return walk(this.#root, path, follow)
  }

  #find(path: string, follow: boolean): MemoryNode {
    const { node } = this.#walk(path, follow)
    if (node === undefined) throw notFound()
    return node
  }

  #link(place: Place, node: MemoryNode): MemoryNode {
    place.parent.entries.set(place.name, node)
    place.parent.mtime = this.#seconds()
    return node
  }

  #unlink({ parent, name, node }: Place): void {
    parent.entries.delete(name)
    parent.mtime = this.#seconds()
    if (node !== undefined) node.links--
  }

  /** POSIX rename: a directory replaces an empty one only, anything else no directory. */
  #makeWay(moved: MemoryNode, to: Place): void {
    if (to.node?.kind === 'directory') {
      if (moved.kind !== 'directory') throw new FsError('failure', 'Is a directory')
      if (to.node.entries.size > 0) throw new FsError('failure', 'Directory not empty')
    } else if (moved.kind === 'directory') {
      throw new FsError('not-found', 'Not a directory')
    }
    this.#unlink(to)
  }

  #inode(mode: number): Omit<FileNode, 'kind' | 'contents'> {
    const seconds = this.#seconds()
    return { ino: ++this.#inodes, mode, uid: 1000, gid: 1000, atime: seconds, mtime: seconds, links: 1 }
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000)
  }
}

/** No hash, but of the right length and different for different data. */
export function fakeDigest(algorithm: HashAlgorithm, data: Buffer): Buffer {
  const digest = Buffer.alloc(DIGEST_BYTES[algorithm])
  let state = DIGEST_BYTES[algorithm]
  for (const value of data) state = (Math.imul(state, 31) + value + 1) >>> 0
  for (let index = 0; index < digest.length; index++) digest[index] = state >>> ((index % 4) * 8)
  return digest
}

const DIGEST_BYTES: Readonly<Record<HashAlgorithm, number>> = { md5: 16, sha1: 20, sha256: 32, sha384: 48, sha512: 64 }

const VOLUME: VolumeStats = {
  blockSize: 4096n,
  fragmentSize: 4096n,
  blocks: 1000n,
  freeBlocks: 500n,
  availableBlocks: 400n,
  files: 100n,
  freeFiles: 50n,
  availableFiles: 40n,
  filesystemId: 7n,
  flags: 0n,
  maxNameBytes: 255n,
}

function treeEntry(node: MemoryNode): TreeEntry {
  if (node.kind === 'file') return { kind: 'file', contents: node.contents.toString('latin1') }
  return node.kind === 'link' ? { kind: 'link', target: node.target } : { kind: 'directory' }
}

function notFound(): FsError {
  return new FsError('not-found', 'No such file or directory')
}

function entriesOf({ entries }: DirectoryNode, names: readonly string[]): DirectoryEntry[] {
  return names.flatMap((filename) => {
    const child = entries.get(filename)
    return child === undefined ? [] : [{ filename, attrs: attrsOf(child), links: child.links }]
  })
}
