import { FsError } from '../../protocol/filesystem.ts'
import type { FileSystem, VirtualPath } from '../../protocol/filesystem.ts'
import type { Attrs } from '../../protocol/sftp/attrs.ts'
import type { Permission } from '../accounts/user.ts'
import { parentOf } from './grants.ts'
import type { Grants } from './grants.ts'

/** One thing that an operation needs. */
export type Need =
  /** All of these words at `at`, or at `orAt`. */
  | { words: readonly Permission[]; at: VirtualPath; orAt?: VirtualPath }
  /** Neither this path nor anything below it has a list of its own: what is there would get another. */
  | { noListFrom: VirtualPath }
  /** What comes to be at `at` may be treated there in no way that it may not be at `from`. */
  | { noMoreAt: VirtualPath; than: VirtualPath }

type NeedsOf<Op extends keyof FileSystem> = (...args: Parameters<FileSystem[Op]>) => readonly Need[]

/**
 * What each operation needs, in the one place that decides it. An operation without a row does not compile. It is asked
 * with the path a client sent before anything happens, and with the places that links lead to right before acting.
 */
export const NEEDS: { readonly [Op in keyof FileSystem]: NeedsOf<Op> } = {
  // An existing file that is written or truncated needs `overwrite` besides: see overwriteNeeds.
  open: (at, { read, write, create, truncate }) => [
    {
      at,
      words: [...(read ? (['download'] as const) : []), ...(write || create || truncate ? (['upload'] as const) : [])],
    },
  ],
  opendir: (at) => [{ at, words: ['list'] }],
  stat: (at) => seen(at),
  lstat: (at) => seen(at),
  setstat: (at, attrs) => attrsNeed(at, attrs),
  lsetstat: (at, attrs) => attrsNeed(at, attrs),
  remove: (at) => [{ at, words: ['delete'] }],
  mkdir: (at) => [{ at, words: ['create_dirs'] }],
  rmdir: (at) => [{ at, words: ['delete'] }, { noListFrom: at }],
  // Everybody may ask; without `list` the answer is the path itself, which tells nothing.
  realpath: (at) => [{ at, words: ['list'] }],
  // Replacing an existing file needs `overwrite` besides.
  rename: (from, to) => [
    { at: from, words: ['rename'] },
    { at: to, words: ['rename'] },
    { noListFrom: from },
    { noListFrom: to },
    { noMoreAt: to, than: from },
  ],
  readlink: (at) => [{ at, words: ['list'] }],
  symlink: (_target, at) => [{ at, words: ['create_symlinks'] }],
  // A second name for the content: what reading it and writing it there would have needed. It stays the same file,
  // so it must not become one that may be changed.
  hardlink: (from, to) => [
    { at: from, words: ['download'] },
    { at: to, words: ['upload'] },
    { noMoreAt: to, than: from },
  ],
  statvfs: (at) => [{ at, words: ['list'] }],
}

/** Of an existing file that is about to be written, truncated or replaced. */
export function overwriteNeeds(at: VirtualPath): readonly Need[] {
  return [{ at, words: ['overwrite'] }]
}

/** Attributes of an open file need the same as by path. */
export function attrsNeed(at: VirtualPath, { size, owner, permissions, times }: Attrs): readonly Need[] {
  return [
    {
      at,
      words: [
        ...(size === undefined ? [] : (['overwrite'] as const)),
        ...(owner === undefined ? [] : (['chown'] as const)),
        ...(permissions === undefined ? [] : (['chmod'] as const)),
        ...(times === undefined ? [] : (['chtimes'] as const)),
      ],
    },
  ]
}

/** A refusal for want of permissions; not the host's, whose FsError has the same kind. */
export class PermissionDenied extends FsError {
  constructor(reason: string) {
    super('permission', `Permission denied: ${reason}`)
  }
}

/** @throws PermissionDenied that names what is missing. */
export function demand(grants: Grants, needs: readonly Need[]): void {
  demandWords(grants, needs)
  // Where every place is alike, nothing can come to be treated otherwise.
  if (grants.uniform) return
  for (const need of needs) {
    if ('noListFrom' in need && grants.differAt(need.noListFrom)) {
      throw new PermissionDenied('a directory with permissions of its own stays')
    }
    if ('noMoreAt' in need) {
      const had = grants.at(need.than)
      const gained = [...grants.at(need.noMoreAt)].filter((word) => word !== '*' && !had.has(word))
      if (gained.length > 0) throw new PermissionDenied(`this would grant ${gained.join(', ')}, which was not granted`)
    }
  }
}

/** Only the words: all that a place must grant for a path to lead through it. @throws PermissionDenied. */
export function demandWords(grants: Grants, needs: readonly Need[]): void {
  const missing = new Set<Permission>()
  for (const need of needs) {
    if (!('words' in need)) continue
    const { words, at, orAt } = need
    const lacking = words.filter((word) => !grants.at(at).has(word))
    if (orAt !== undefined && words.every((word) => grants.at(orAt).has(word))) continue
    for (const word of lacking) missing.add(word)
  }
  if (missing.size === 0) return
  throw new PermissionDenied(`this account lacks ${[...missing].join(', ')}${grants.uniform ? '' : ' there'}`)
}

/** A directory with a list of its own is seen by who may list it, and by who may list the one that holds it. */
function seen(at: VirtualPath): readonly Need[] {
  return [{ at, words: ['list'], orAt: parentOf(at) }]
}
