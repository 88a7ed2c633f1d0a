import { constants } from 'node:fs'
import { FsError } from '../../protocol/filesystem.ts'
import type { VirtualPath } from '../../protocol/filesystem.ts'
import { errnoOf } from './errno.ts'
import type { Storage } from './storage.ts'

const { O_DIRECTORY, O_NOFOLLOW } = constants
/** Linux; a descriptor that names a place and can neither read nor write. Node's constants lack it. */
export const O_PATH = 0o10000000

/** Linux follows as many in one path (MAXSYMLINKS). */
const MAX_LINKS = 40

/** Directories kept open for the next request in them. */
const CACHED_DIRECTORIES = 8

/**
 * A name in a directory that is known to be the home or beneath it. `at` is a host path through the open
 * directory: whatever happens to the names above, it stays in that directory. Nothing may follow its last
 * component.
 */
export interface Place {
  readonly at: string
  /** Where it really is below the root: links in the directory part are resolved. */
  readonly path: VirtualPath
  /** The root directory itself. */
  readonly isRoot: boolean
  /** When `at` is no longer used; a second call does nothing. */
  release(): void
}

/** An O_PATH descriptor, closed when its last user releases it. */
class Directory {
  readonly fd: number
  readonly #storage: Storage
  #users = 1

  constructor(storage: Storage, fd: number) {
    this.#storage = storage
    this.fd = fd
  }

  retain(): this {
    this.#users++
    return this
  }

  release(): void {
    if (--this.#users === 0) this.#storage.closeSync(this.fd)
  }

  /** Host path of `name` in this directory. */
  at(name: string): string {
    return `/proc/self/fd/${this.fd}/${name}`
  }
}

/**
 * A home directory and the walk that stays inside it. A directory is opened first and asked where it is
 * then (/proc/self/fd), so that no other process can swap a component between check and use. Absolute
 * links mean "from the root", as in a chroot; those an administrator made to a path inside the home work, too.
 */
export class Confinement {
  readonly #storage: Storage
  readonly #root: Directory
  /** By virtual path; the first is the one used longest ago. */
  readonly #cache = new Map<string, Directory>()

  private constructor(storage: Storage, root: Directory) {
    this.#storage = storage
    this.#root = root
  }

  /** @throws the storage's error when `home` is no directory. */
  static async open(storage: Storage, home: string): Promise<Confinement> {
    return new Confinement(storage, new Directory(storage, await storage.open(home, O_PATH | O_DIRECTORY)))
  }

  close(): void {
    for (const directory of this.#cache.values()) directory.release()
    this.#cache.clear()
    this.#root.release()
  }

  /** The place of `path` itself: a link in the last component is not followed, and need not exist. */
  async place(path: VirtualPath): Promise<Place> {
    if (path === '/') return this.#rootPlace()
    const slash = path.lastIndexOf('/')
    const parent = slash === 0 ? '/' : path.slice(0, slash)
    const name = path.slice(slash + 1)
    const found = this.#cached(parent) ?? (await this.#open(parent))
    if (found === undefined) return this.#walk(componentsOf(path), false)
    return placeIn(found.directory, found.path, name)
  }

  /** The place that `path` means with all links followed; the last component need not exist. */
  async followed(path: VirtualPath): Promise<Place> {
    return this.#walk(componentsOf(path), true)
  }

  /** What a link's text means to the account: an absolute text that names the home's inside loses the home. */
  linkTarget(text: string): string {
    const home = this.#home()
    return text.startsWith('/') && isInside(text, home) ? text.slice(home.length) || '/' : text
  }

  /** The host's path of the home, wherever it is now. */
  #home(): string {
    const home = this.#whereIs(this.#root)
    return home === '/' ? '' : home
  }

  #whereIs(directory: Directory): string {
    return this.#storage.readlinkSync(`/proc/self/fd/${directory.fd}`)
  }

  #rootPlace(): Place {
    return placeIn(this.#root.retain(), '/', '.')
  }

  /** A directory opened before and still where `path` says: then no link is on the way, and nothing was moved. */
  #cached(path: string): { directory: Directory; path: string } | undefined {
    if (path === '/') return { directory: this.#root.retain(), path }
    const directory = this.#cache.get(path)
    if (directory === undefined) return undefined
    this.#cache.delete(path)
    if (this.#whereIs(directory) === this.#home() + path) {
      this.#cache.set(path, directory)
      return { directory: directory.retain(), path }
    }
    directory.release()
    return undefined
  }

  /** The kernel's own walk, judged by where it ended; undefined when only the careful walk can tell. */
  async #open(path: string): Promise<{ directory: Directory; path: string } | undefined> {
    let fd: number
    try {
      fd = await this.#storage.open(this.#root.at(path.slice(1)), O_PATH | O_DIRECTORY)
    } catch {
      // A link that dangles for the host may lead somewhere below the root; the walk also finds the right error.
      return undefined
    }
    const directory = new Directory(this.#storage, fd)
    const home = this.#home()
    const real = this.#whereIs(directory)
    if (!isInside(real, home)) {
      directory.release()
      return undefined
    }
    const resolved = real.slice(home.length) || '/'
    if (resolved === path) this.#keep(path, directory.retain())
    return { directory, path: resolved }
  }

  #keep(path: string, directory: Directory): void {
    const earlier = this.#cache.get(path)
    if (earlier !== undefined) {
      this.#cache.delete(path)
      earlier.release()
    }
    this.#cache.set(path, directory)
    if (this.#cache.size > CACHED_DIRECTORIES) {
      const [oldest] = this.#cache
      if (oldest !== undefined) {
        this.#cache.delete(oldest[0])
        oldest[1].release()
      }
    }
  }

  /** One component after the other, links read and resolved here instead of by the kernel. */
  async #walk(components: string[], followLast: boolean): Promise<Place> {
    const pending = components.toReversed()
    let directory = this.#root.retain()
    let links = 0
    const enter = (next: Directory): void => {
      directory.release()
      directory = next
    }
    try {
      for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
        if (name === '..') {
          if (!this.#isRoot(directory)) enter(await this.#enter(directory, '..'))
          continue
        }
        const last = pending.length === 0
        if (last && !followLast) return placeIn(directory.retain(), this.#virtualPathOf(directory), name)
        const target = await this.#linkAt(directory.at(name), last)
        if (target !== undefined) {
          if (++links > MAX_LINKS) throw new FsError('not-found', 'Too many levels of symbolic links')
          const text = this.linkTarget(target)
          if (text.startsWith('/')) enter(this.#root.retain())
          pending.push(...componentsOf(text).toReversed())
        } else if (last) {
          return placeIn(directory.retain(), this.#virtualPathOf(directory), name)
        } else {
          enter(await this.#enter(directory, name))
        }
      }
      return placeIn(directory.retain(), this.#virtualPathOf(directory), '.')
    } finally {
      directory.release()
    }
  }

  async #enter(from: Directory, name: string): Promise<Directory> {
    const fd = await this.#storage.open(from.at(name), O_PATH | O_DIRECTORY | O_NOFOLLOW)
    return new Directory(this.#storage, fd)
  }

  /** The text of the link at `at`; undefined when it is none, or is missing and `mayBeMissing`. */
  async #linkAt(at: string, mayBeMissing: boolean): Promise<string | undefined> {
    try {
      return await this.#storage.readlink(at)
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === 'EINVAL' || (errno === 'ENOENT' && mayBeMissing)) return undefined
      throw error
    }
  }

  #isRoot(directory: Directory): boolean {
    return this.#virtualPathOf(directory) === '/'
  }

  /** @throws FsError `permission` when the directory is not (or no longer) below the root. */
  #virtualPathOf(directory: Directory): string {
    const home = this.#home()
    const real = this.#whereIs(directory)
    if (!isInside(real, home)) throw new FsError('permission', 'Permission denied')
    return real.slice(home.length) || '/'
  }
}

function placeIn(directory: Directory, parent: string, name: string): Place {
  const isRoot = name === '.' && parent === '/'
  const path = name === '.' ? parent : parent === '/' ? `/${name}` : `${parent}/${name}`
  let held = true
  const release = (): void => {
    if (held) directory.release()
    held = false
  }
  return { at: directory.at(name), path: path as VirtualPath, isRoot, release }
}

function componentsOf(path: string): string[] {
  return path.split('/').filter((component) => component !== '' && component !== '.')
}

/** By whole components: `/srv/bobby` is not inside `/srv/bob`. `directory` is `''` for the host's root. */
function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`)
}
