import { FsError } from '../../protocol/filesystem.ts'
import type { FileSystem } from '../../protocol/filesystem.ts'
import type { Permission } from '../accounts/user.ts'
import type { Attrs } from '../../protocol/sftp/attrs.ts'

/** What each call needs, in the one place that decides it. A call without a row does not compile. */
export const NEEDS: {
  readonly [Op in keyof FileSystem]: (...args: Parameters<FileSystem[Op]>) => readonly Permission[]
} = {
  // An existing file that is written needs `overwrite` besides: known only once it is found.
  open: (_path, { read, write, create, truncate }) => [
    ...(read ? (['download'] as const) : []),
    ...(write || create || truncate ? (['upload'] as const) : []),
  ],
  opendir: () => ['list'],
  stat: () => ['list'],
  lstat: () => ['list'],
  setstat: (_path, attrs) => attrsNeed(attrs),
  lsetstat: (_path, attrs) => attrsNeed(attrs),
  remove: () => ['delete'],
  mkdir: () => ['create_dirs'],
  rmdir: () => ['delete'],
  // Every client asks for its starting directory; see AccountFileSystem for what it is told.
  realpath: () => [],
  // Replacing an existing file needs `overwrite` besides.
  rename: () => ['rename'],
  readlink: () => ['list'],
  symlink: () => ['create_symlinks'],
  // A second name for the content: what reading it and writing it there would have needed.
  hardlink: () => ['download', 'upload'],
  statvfs: () => ['list'],
}

/** Attributes of an open file need the same as by path. */
export function attrsNeed({ size, owner, permissions, times }: Attrs): readonly Permission[] {
  return [
    ...(size === undefined ? [] : (['overwrite'] as const)),
    ...(owner === undefined ? [] : (['chown'] as const)),
    ...(permissions === undefined ? [] : (['chmod'] as const)),
    ...(times === undefined ? [] : (['chtimes'] as const)),
  ]
}

export function allows(granted: ReadonlySet<Permission>, needs: readonly Permission[]): boolean {
  return granted.has('*') || needs.every((need) => granted.has(need))
}

/** @throws FsError `permission` that names what is missing. */
export function demand(granted: ReadonlySet<Permission>, needs: readonly Permission[]): void {
  if (allows(granted, needs)) return
  const missing = needs.filter((need) => !granted.has(need))
  throw new FsError('permission', `Permission denied: this account lacks ${missing.join(', ')}`)
}
