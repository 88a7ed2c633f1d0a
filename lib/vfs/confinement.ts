import { constants } from 'node:fs'
import { posix } from 'node:path'
import { FsError, virtualPath } from '../../protocol/filesystem.ts'
import type { VirtualPath } from '../../protocol/filesystem.ts'
import { errnoOf } from './errno.ts'
import type { Storage } from './storage.ts'

const { O_DIRECTORY, O_NOFOLLOW } = constants
/** Linux; a descriptor that names a place and can neither read nor write. Node's constants lack it. */
export const O_PATH = 0o10000000

/** Linux follows as many in one path (MAXSYMLINKS). */
const MAX_LINKS = 40

/** What the kernel puts behind the former path of a removed directory. */
const REMOVED = ' (deleted)'

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
  /** The same place for another user, who releases it in turn. */
  hold(): Place
  /** When `at` is no longer used; a second call does nothing. */
  release(): void
}

/**
 * Told of the places that a path with links leads to: further links, directories left by `..`, where it ends or fails.
 * Those that the path itself names on its way are left out. What it throws is all that the client learns: a link must
 * not tell more than the path of what it names.
 */
export type Passage = (path: VirtualPath) => void

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
  /** The home as it was named, which may lead through links: an administrator's links may name it so. */
  readonly #name: string
  /** By virtual path; the first is the one used longest ago. */
  readonly #cache = new Map<string, Directory>()
  /** Where it was when that was last asked. */
  #lastHome: string | undefined
  #closed = false

  private constructor(storage: Storage, root: Directory, name: string) {
    this.#storage = storage
    this.#root = root
    this.#name = name
  }

  /** @throws the storage's error when `home` is no directory. */
  static async open(storage: Storage, home: string): Promise<Confinement> {
    const root = new Directory(storage, await storage.open(home, O_PATH | O_DIRECTORY))
    return new Confinement(storage, root, home.replace(/\/+$/, ''))
  }

  /** Places that are still held stay valid until they are released; a second call does nothing. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.forget()
    this.#root.release()
  }

  /** After a change of modes or owners: who may pass through a directory is judged anew. */
  forget(): void {
    for (const directory of this.#cache.values()) directory.release()
    this.#cache.clear()
  }

  /** The place of `path` itself: a link in the last component is not followed, and need not exist. */
  async place(path: VirtualPath, passage?: Passage): Promise<Place> {
    return this.#holdingRoot(async () => {
      if (path === '/') return this.#placeIn(this.#root.retain(), '/', '.')
      const slash = path.lastIndexOf('/')
      const parent = slash === 0 ? '/' : path.slice(0, slash)
      const directory = this.#cached(parent) ?? (await this.#open(parent))
      if (directory === undefined) return this.#walk(componentsOf(path), false, false, passage)
      return this.#placeIn(directory, parent, path.slice(slash + 1))
    })
  }

  /**
   * The place that `path` means with all links followed; the last component need not exist.
   * @param creating a file is to be made there, which a link's text that ends in a slash forbids.
   */
  async followed(path: VirtualPath, creating = false, passage?: Passage): Promise<Place> {
    return this.#holdingRoot(() => this.#walk(componentsOf(path), true, creating, passage))
  }

  /**
   * What the text of a link in `directory` (virtual) means to the account: relative and below the root as it
   * is, or from the root. A text that names the home's inside by its host path loses the home; any other
   * that climbs out stops at the root.
   */
  linkTarget(text: string, directory: string): string {
    const home = this.#home()
    if (text.startsWith('/')) {
      const named = [home, this.#name].find((name) => isInside(text, name))
      return named === undefined ? text : text.slice(named.length) || '/'
    }
    if (!climbsOut(text, directory)) return text
    const host = posix.resolve(`${home}${directory}`, text)
    return isInside(host, home) ? host.slice(home.length) || '/' : virtualPath(text, directory)
  }

  /** Keeps the root open for a walk under way, past {@link close}, too: its number could name somebody else's then. */
  async #holdingRoot<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new FsError('failure', 'The session is over')
    const root = this.#root.retain()
    try {
      return await work()
    } finally {
      root.release()
    }
  }

  /** The host's path of the home, wherever it is now. */
  #home(): string {
    const home = this.#whereIs(this.#root)
    this.#lastHome = home === '/' ? '' : home
    return this.#lastHome
  }

  #whereIs(directory: Directory): string {
    return this.#storage.readlinkSync(`/proc/self/fd/${directory.fd}`)
  }

  /** `path` leads to it without any link. Where the kernel's mark of a removed directory could deceive: no. */
  #isAt(directory: Directory, path: string): boolean {
    return !path.endsWith(REMOVED) && this.#whereIs(directory) === this.#home() + path
  }

  /** A directory opened before and still where `path` says: then nothing was moved, and no link is on the way. */
  #cached(path: string): Directory | undefined {
    if (path === '/') return this.#root.retain()
    const directory = this.#cache.get(path)
    if (directory === undefined) return undefined
    // It was in the home once: a home that is moved takes it along, so one that has stayed tells that both have.
    const stayed = this.#lastHome !== undefined && this.#whereIs(directory) === this.#lastHome + path
    const isThere = stayed || this.#isAt(directory, path)
    this.#cache.delete(path)
    if (!isThere) {
      directory.release()
      return undefined
    }
    this.#cache.set(path, directory)
    return directory.retain()
  }

  /**
   * The kernel's own walk, which counts when it met no link; undefined when only the careful walk can tell.
   * The kernel's reading of a link is never used: on its way through the host it would tell what exists there.
   */
  async #open(path: string): Promise<Directory | undefined> {
    let fd: number
    try {
      fd = await this.#storage.open(this.#root.at(path.slice(1)), O_PATH | O_DIRECTORY)
    } catch {
      // A link that dangles for the host may lead somewhere below the root; the walk also finds the right error.
      return undefined
    }
    const directory = new Directory(this.#storage, fd)
    try {
      if (!this.#isAt(directory, path)) return undefined
      if (!this.#closed) this.#keep(path, directory.retain())
      return directory.retain()
    } finally {
      directory.release()
    }
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
  async #walk(components: string[], followLast: boolean, creating: boolean, passage?: Passage): Promise<Place> {
    const pending = components.toReversed()
    let directory = this.#root.retain()
    let links = 0
    const enter = (next: Directory): void => {
      directory.release()
      directory = next
    }
    const pass = (name: string): void => {
      if (links > 0) passage?.(pathIn(this.#virtualPathOf(directory), name))
    }
    const passing = async <T>(name: string, step: Promise<T>): Promise<T> => {
      try {
        return await step
      } catch (error) {
        pass(name)
        throw error
      }
    }
    try {
      for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
        if (name === '.') continue
        if (name === '..') {
          pass('.')
          if (!this.#isRoot(directory)) enter(await this.#enter(directory, '..'))
          continue
        }
        const last = pending.length === 0
        if (last && !followLast) return this.#placeBelow(directory, name, passage)
        const target = await passing(name, this.#linkAt(directory.at(name), last))
        if (target !== undefined) {
          pass(name)
          if (++links > MAX_LINKS) throw new FsError('not-found', 'Too many levels of symbolic links')
          const text = this.linkTarget(target, this.#virtualPathOf(directory))
          if (text.startsWith('/')) enter(this.#root.retain())
          // What ends in a slash must be a directory: then another component follows, which stays there.
          if (/\/\.?$/.test(text)) {
            // open(2) with O_CREAT says so before it looks whether there is one.
            if (creating && last && text.endsWith('/')) throw new FsError('failure', 'Is a directory')
            pending.push('.')
          }
          pending.push(...componentsOf(text).toReversed())
        } else if (last) {
          return this.#placeBelow(directory, name, passage)
        } else {
          enter(await passing(name, this.#enter(directory, name)))
        }
      }
      return this.#placeBelow(directory, '.', passage)
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

  #placeBelow(directory: Directory, name: string, passage?: Passage): Place {
    const parent = this.#virtualPathOf(directory)
    passage?.(pathIn(parent, name))
    return this.#placeIn(directory.retain(), parent, name)
  }

  /** Takes over the caller's hold of `directory`; `parent` is its virtual path. */
  #placeIn(directory: Directory, parent: string, name: string): Place {
    const root = this.#root.retain()
    const path = pathIn(parent, name)
    let held = true
    const release = (): void => {
      if (!held) return
      held = false
      directory.release()
      root.release()
    }
    return {
      at: directory.at(name),
      path,
      isRoot: path === '/',
      hold: () => this.#placeIn(directory.retain(), parent, name),
      release,
    }
  }
}

/** `name` is one component, or `.` for the directory itself. */
function pathIn(directory: string, name: string): VirtualPath {
  const path = name === '.' ? directory : directory === '/' ? `/${name}` : `${directory}/${name}`
  return path as VirtualPath
}

function componentsOf(path: string): string[] {
  return path.split('/').filter((component) => component !== '' && component !== '.')
}

/** By whole components: `/srv/bobby` is not inside `/srv/bob`. `directory` is `''` for the host's root. */
function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`)
}

/** A relative text that, taken from `directory`, passes above the root on its way. */
function climbsOut(text: string, directory: string): boolean {
  let depth = componentsOf(directory).length
  for (const component of componentsOf(text)) {
    depth += component === '..' ? -1 : 1
    if (depth < 0) return true
  }
  return false
}
