import { FsError, virtualPath } from '../filesystem.ts'
import type { DirectoryEntry, FileSystem, OpenDirectory, OpenFile, VirtualPath } from '../filesystem.ts'
import type { Attrs } from '../sftp/attrs.ts'
import { S_IF } from '../sftp/constants.ts'

/** Entries read from a directory at a time. */
const BATCH = 256
/** Directories that one walk is inside of, each open: no more than SFTP's handles, of which one takes two descriptors. */
export const MAX_DEPTH = 500

const FOR_DOWNLOAD = {
  read: true,
  write: false,
  append: false,
  create: false,
  truncate: false,
  exclusive: false,
} as const

/** What a walk comes across. */
export type Found =
  /** Whoever gets it closes it. */
  | { kind: 'file'; path: VirtualPath; name: string; file: OpenFile; attrs: Attrs }
  | { kind: 'directory'; path: VirtualPath; name: string; attrs: Attrs }
  /** All of the last directory that was entered, and not left, has been seen. */
  | { kind: 'leave' }
  | { kind: 'failure'; path: string; error: unknown }
  | { kind: 'last' }

interface Level {
  path: VirtualPath
  /** With links resolved: whoever comes by it again goes in a circle. */
  real: VirtualPath
  directory: OpenDirectory
  entries: DirectoryEntry[]
}

/**
 * Goes through files and, where asked to, whole trees, one thing at a time: files open to read, links
 * followed, but not into a directory that the walk is inside of.
 */
export class Walk {
  readonly #fs: FileSystem
  readonly #roots: string[]
  readonly #recursive: boolean
  readonly #rootName: string
  readonly #levels: Level[] = []

  /** @param rootName what to call the account's root, which has no name. */
  constructor(fs: FileSystem, roots: readonly string[], recursive: boolean, rootName: string) {
    this.#fs = fs
    this.#roots = [...roots]
    this.#recursive = recursive
    this.#rootName = rootName
  }

  /** Never rejects. */
  async next(): Promise<Found> {
    for (;;) {
      const level = this.#levels.at(-1)
      const place = level === undefined ? this.#nextRoot() : await this.#nextIn(level)
      if ('kind' in place) return place
      try {
        return place.entry === undefined ? await this.#root(place.path) : await this.#entry(place.path, place.entry)
      } catch (error) {
        return { kind: 'failure', path: place.path, error }
      }
    }
  }

  /** Out of the directory that was found last. */
  async skip(): Promise<void> {
    await this.#levels.pop()?.directory.close()
  }

  async close(): Promise<void> {
    this.#roots.length = 0
    while (this.#levels.length > 0) await this.skip()
  }

  #nextRoot(): { path: VirtualPath; entry: undefined } | Found {
    const root = this.#roots.shift()
    if (root === undefined) return { kind: 'last' }
    try {
      return { path: virtualPath(root), entry: undefined }
    } catch (error) {
      return { kind: 'failure', path: root, error }
    }
  }

  async #nextIn(level: Level): Promise<{ path: VirtualPath; entry: DirectoryEntry } | Found> {
    try {
      if (level.entries.length === 0) level.entries = [...(await level.directory.read(BATCH))].toReversed()
      const entry = level.entries.pop()
      if (entry !== undefined) return { path: virtualPath(`${level.path}/${entry.filename}`), entry }
    } catch (error) {
      // Nothing else can come of this directory.
      level.entries = []
      level.directory = await replaced(level.directory)
      return { kind: 'failure', path: level.path, error }
    }
    await this.skip()
    return { kind: 'leave' }
  }

  async #root(path: VirtualPath): Promise<Found> {
    try {
      return await this.#file(path)
    } catch (error) {
      // Opening is asked first: an account that may not look around may still fetch a file.
      if (!this.#recursive) throw error
      const attrs = await this.#fs.stat(path).catch(() => undefined)
      if (attrs === undefined || typeOf(attrs) !== S_IF.DIR) throw error
      return await this.#directory(path, await this.#fs.realpath(path), attrs)
    }
  }

  async #entry(path: VirtualPath, { filename, attrs }: DirectoryEntry): Promise<Found> {
    // The protocol has lines, and a name that ends one would be taken for two.
    if (filename.includes('\n')) throw new FsError('invalid', 'a name with a line feed cannot be sent')
    switch (typeOf(attrs)) {
      case S_IF.REG:
        return this.#file(path)
      case S_IF.DIR:
        return this.#directory(path, virtualPath(`${this.#levels.at(-1)?.real}/${filename}`), attrs)
      case S_IF.LNK: {
        const target = await this.#fs.stat(path)
        if (typeOf(target) !== S_IF.DIR) return this.#file(path)
        return this.#directory(path, await this.#fs.realpath(path), target)
      }
      default:
        throw new FsError('failure', 'Not a regular file')
    }
  }

  async #file(path: VirtualPath): Promise<Found> {
    const file = await this.#fs.open(path, FOR_DOWNLOAD, {})
    try {
      return { kind: 'file', path, name: this.#nameOf(path), file, attrs: await file.stat() }
    } catch (error) {
      await file.abort()
      throw error
    }
  }

  async #directory(path: VirtualPath, real: VirtualPath, attrs: Attrs): Promise<Found> {
    if (this.#levels.some((level) => level.real === real)) {
      throw new FsError('failure', 'The directory is inside itself')
    }
    if (this.#levels.length >= MAX_DEPTH) throw new FsError('failure', `More than ${MAX_DEPTH} directories deep`)
    this.#levels.push({ path, real, directory: await this.#fs.opendir(path), entries: [] })
    return { kind: 'directory', path, name: this.#nameOf(path), attrs }
  }

  #nameOf(path: VirtualPath): string {
    return path.slice(path.lastIndexOf('/') + 1) || this.#rootName
  }
}

/** In place of a directory that cannot be read on. */
async function replaced(directory: OpenDirectory): Promise<OpenDirectory> {
  await directory.close()
  return { read: async () => [], again: async () => [], close: async () => undefined }
}

function typeOf({ permissions = 0 }: Attrs): number {
  return permissions & S_IF.MT
}
