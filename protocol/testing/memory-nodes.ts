import { FsError } from '../filesystem.ts'
import type { Attrs } from '../sftp/attrs.ts'
import { S_IF } from '../sftp/constants.ts'

interface Inode {
  ino: number
  /** Permission bits, without the type. */
  mode: number
  uid: number
  gid: number
  /** Seconds since the epoch. */
  atime: number
  mtime: number
  /** Names it has. */
  links: number
}
export type FileNode = Inode & { kind: 'file'; contents: Buffer }
export type DirectoryNode = Inode & { kind: 'directory'; entries: Map<string, MemoryNode> }
export type LinkNode = Inode & { kind: 'link'; target: string }
export type MemoryNode = FileNode | DirectoryNode | LinkNode

/** A larger file is refused, so that a test with a far offset does not need the memory for it. */
export const MAX_FILE_BYTES = 16 * 1024 * 1024

const TYPE_BITS: Readonly<Record<MemoryNode['kind'], number>> = {
  file: S_IF.REG,
  directory: S_IF.DIR,
  link: S_IF.LNK,
}

export function attrsOf(node: MemoryNode): Attrs {
  return {
    size: BigInt(sizeOf(node)),
    owner: { uid: node.uid, gid: node.gid },
    permissions: TYPE_BITS[node.kind] | node.mode,
    times: { atime: node.atime, mtime: node.mtime },
  }
}

function sizeOf(node: MemoryNode): number {
  if (node.kind === 'directory') return 0
  return node.kind === 'file' ? node.contents.length : node.target.length
}

/** Applies what is present; the size first, because it moves mtime. */
export function applyAttrs(node: MemoryNode, attrs: Attrs, nowSeconds: number): void {
  if (attrs.size !== undefined) {
    if (node.kind !== 'file') throw new FsError('failure', 'Not a regular file')
    resize(node, Number(attrs.size))
    node.mtime = nowSeconds
  }
  if (attrs.owner !== undefined) Object.assign(node, attrs.owner)
  if (attrs.permissions !== undefined) node.mode = attrs.permissions & 0o7777
  if (attrs.times !== undefined) Object.assign(node, attrs.times)
}

/** Grows with zeros, as a sparse file reads. */
export function resize(file: FileNode, bytes: number): void {
  if (bytes > MAX_FILE_BYTES) throw new FsError('failure', 'File too large')
  const resized = Buffer.alloc(bytes)
  file.contents.copy(resized)
  file.contents = resized
}

/** Where a path leads: the directory and the name in it, and what has that name. */
export interface Place {
  parent: DirectoryNode
  /** Empty for the root. */
  name: string
  node: MemoryNode | undefined
  /** Absolute, links resolved. */
  path: string
}

/** Linux' limit, against links that lead in circles. */
const MAX_LINKS_FOLLOWED = 40

/**
 * Walks from `root`; an absolute link starts there again.
 * @param follow whether a link in the last component is followed.
 * @throws FsError `not-found` when a component on the way is missing or no directory.
 */
export function walk(root: DirectoryNode, path: string, follow: boolean): Place {
  const ancestors: DirectoryNode[] = [root]
  const names: string[] = []
  const todo = components(path)
  let followed = 0
  for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
    if (name === '..') {
      if (names.pop() !== undefined) ancestors.pop()
      continue
    }
    const parent = ancestors.at(-1) as DirectoryNode
    const node = parent.entries.get(name)
    const last = todo.length === 0
    if (node?.kind === 'link' && (follow || !last)) {
      if (++followed > MAX_LINKS_FOLLOWED) throw new FsError('not-found', 'Too many links')
      if (node.target.startsWith('/')) {
        ancestors.length = 1
        names.length = 0
      }
      todo.unshift(...components(node.target))
    } else if (last && node?.kind !== 'directory') {
      return { parent, name, node, path: `/${[...names, name].join('/')}` }
    } else if (node?.kind !== 'directory') {
      throw new FsError('not-found', 'No such file or directory')
    } else {
      ancestors.push(node)
      names.push(name)
    }
  }
  return {
    parent: ancestors.at(-2) ?? root,
    name: names.at(-1) ?? '',
    node: ancestors.at(-1),
    path: `/${names.join('/')}`,
  }
}

function components(path: string): string[] {
  return path.split('/').filter((component) => component !== '' && component !== '.')
}
