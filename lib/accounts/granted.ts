import { FsError, virtualPath } from '../../protocol/filesystem.ts'
import type { VirtualPath } from '../../protocol/filesystem.ts'
import { invalid } from './errors.ts'
import type { SentPermissions } from './fields.ts'
import { shown } from './shown.ts'
import type { GrantedPermissions, Permission } from './user.ts'
import { PERMISSIONS } from './user.ts'

/** Paths with a list of their own, `/` included: more than anybody keeps an overview of. */
export const PERMISSION_PATHS_MAX = 100
/** Bytes of JSON: what a `text` column of MySQL holds. */
export const PERMISSIONS_MAX_BYTES = 65_535

/**
 * What is stored of the permissions that were sent: each word once, `*` instead of all; a list stays a list.
 * @throws AccountError `validation` for a word that is not known, a path that is none, no `/`, or too many of them.
 */
export function checkedPermissions(sent: SentPermissions): GrantedPermissions {
  if (Array.isArray(sent)) return checkedWords(sent, '')
  const paths = Object.keys(sent)
  if (paths.length > PERMISSION_PATHS_MAX) {
    throw invalid(`permissions has ${paths.length} paths, want at most ${PERMISSION_PATHS_MAX}`)
  }
  const unusable = paths.find((path) => grantedPath(path) === undefined)
  if (unusable !== undefined) throw unusablePath(unusable)
  if (!Object.hasOwn(sent, '/')) throw invalid('permissions has no "/", want a list for it, too')
  const lists = Object.entries(sent).map(([path, words]) => [path, checkedWords(words, ` of ${shown(path)}`)] as const)
  const granted = Object.fromEntries(lists)
  const bytes = Buffer.byteLength(JSON.stringify(granted))
  if (bytes > PERMISSIONS_MAX_BYTES) {
    throw invalid(`permissions has ${bytes} bytes as JSON, want at most ${PERMISSIONS_MAX_BYTES}`)
  }
  return granted
}

export function unusablePath(path: string): Error {
  return invalid(
    `permissions has the path ${shown(path)}, want absolute ones without "//", ".", ".." or a "/" at the end`,
  )
}

/** The path of a list, one character a byte as the filesystem has it; undefined for text that names no directory. */
export function grantedPath(text: string): VirtualPath | undefined {
  const name = Buffer.from(text).toString('latin1')
  try {
    const path = virtualPath(name)
    return path === name ? path : undefined
  } catch (error) {
    if (error instanceof FsError) return undefined
    throw error
  }
}

/** An account that may do nothing anywhere. */
export function grantsNothing(sent: SentPermissions): boolean {
  return Array.isArray(sent) ? sent.length === 0 : Object.values(sent).every((words) => words.length === 0)
}

export function isPermission(word: string): word is Permission {
  return (PERMISSIONS as readonly string[]).includes(word)
}

function checkedWords(words: readonly string[], where: string): Permission[] {
  const unknown = words.find((word) => !isPermission(word))
  if (unknown !== undefined) {
    throw invalid(`permission ${shown(unknown)}${where} is not known, want some of ${PERMISSIONS.join(', ')}`)
  }
  const granted = [...new Set(words.filter(isPermission))]
  return granted.includes('*') ? ['*'] : granted
}
