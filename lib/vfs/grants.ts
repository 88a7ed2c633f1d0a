import type { VirtualPath } from '../../protocol/filesystem.ts'
import { grantedPath } from '../accounts/granted.ts'
import type { GrantedPermissions, Permission } from '../accounts/user.ts'
import { PERMISSIONS, permissionsByPath } from '../accounts/user.ts'

/** What an account is granted, by place. */
export class Grants {
  /** Every place is alike. */
  readonly uniform: boolean
  readonly #lists = new Map<string, ReadonlySet<Permission>>()
  /** Paths below which something may differ, `/` included when anything does. */
  readonly #holders = new Set<string>()
  readonly #root: ReadonlySet<Permission>

  constructor(granted: GrantedPermissions) {
    for (const [text, words] of Object.entries(permissionsByPath(granted))) {
      const path = grantedPath(text)
      if (path === undefined) throw new TypeError(`no path: ${JSON.stringify(text)}`)
      this.#lists.set(path, new Set(words.includes('*') ? PERMISSIONS : words))
    }
    this.#root = this.#lists.get('/') ?? new Set()
    this.uniform = this.#lists.size === 0 || (this.#lists.size === 1 && this.#lists.has('/'))
    if (this.uniform) return
    for (const path of this.#lists.keys()) {
      for (let at = path; !this.#holders.has(at); at = parentOf(at)) this.#holders.add(at)
    }
  }

  /** The list of `path`, or else of its nearest ancestor that has one; all words where `*` is granted. */
  at(path: VirtualPath): ReadonlySet<Permission> {
    if (this.uniform) return this.#root
    for (let at: string = path; at !== '/'; at = parentOf(at)) {
      const list = this.#lists.get(at)
      if (list !== undefined) return list
    }
    return this.#root
  }

  /** Whether `path` has a list of its own, or something below it has. */
  differAt(path: VirtualPath): boolean {
    return this.#holders.has(path)
  }
}

/** Of `/`, itself. */
export function parentOf(path: string): VirtualPath {
  return (path.slice(0, path.lastIndexOf('/')) || '/') as VirtualPath
}
