import { basename, isAbsolute, join, normalize } from 'node:path'
import { invalid } from './errors.ts'
import { checkRanges, type SentFields } from './fields.ts'
import type { Passwords } from './passwords.ts'
import { authorizedKey, KeyError } from './public-keys.ts'
import { checkedPermissions, grantsNothing } from './granted.ts'
import type { NewUser } from './user.ts'
import { PERMISSIONS } from './user.ts'
import { shown } from './shown.ts'

/** Bytes of UTF-8. */
export const USERNAME_MAX_BYTES = 255
/** Characters: the column's size. */
export const HOME_DIR_MAX_LENGTH = 255
/** Each login by key may have to look at all of them. */
export const PUBLIC_KEYS_MAX = 100

export interface Rules {
  /** Absolute; homes are derived from it when none is given. `''` for none. */
  usersBaseDir: string
  passwords: Passwords
}

const NEW_USER: NewUser = {
  // SFTPGo 0.9.4 makes an inactive account when `status` is left out; nobody means that.
  status: 1,
  username: '',
  expiration_date: 0,
  password: '',
  public_keys: [],
  home_dir: '',
  uid: 0,
  gid: 0,
  max_sessions: 0,
  quota_size: 0,
  quota_files: 0,
  permissions: [],
  upload_bandwidth: 0,
  download_bandwidth: 0,
}

/**
 * A user made of what was sent, and of defaults.
 * @throws AccountError `validation`; PasswordError.
 */
export function validNewUser(sent: SentFields, rules: Rules): Promise<NewUser> {
  return validOverlay(NEW_USER, sent, rules)
}

/**
 * `stored` with what was sent put over it; an absent key keeps its value. What was stored is not judged by rules for
 * new values: an account from another tool must not become one that cannot be switched off.
 * @throws AccountError `validation`; PasswordError.
 */
export async function validOverlay<Base extends NewUser>(stored: Base, sent: SentFields, rules: Rules): Promise<Base> {
  const { id: _, username = stored.username, permissions: grants, password: plain, public_keys: lines, ...rest } = sent
  checkUsername(stored, username)
  const home = homeOf(username, sent.home_dir ?? stored.home_dir, rules)
  const password = plain ?? stored.password
  const keys = lines ?? stored.public_keys
  if (password === '' && keys.length === 0) throw invalid('password and public_keys are both empty, want one of them')
  if (grantsNothing(grants ?? stored.permissions)) {
    throw invalid(`permissions is empty, want some of ${PERMISSIONS.join(', ')}`)
  }
  checkHome(home, sent.home_dir !== undefined)
  const permissions = grants === undefined ? stored.permissions : checkedPermissions(grants)
  checkRanges(sent)
  const hash = plain === undefined || plain === '' ? password : await rules.passwords.toStore(plain)
  const publicKeys = lines === undefined ? stored.public_keys : checkKeys(lines)
  return { ...stored, ...rest, username, home_dir: home, permissions, password: hash, public_keys: publicKeys }
}

/**
 * Any text that can be a file name, so that Unicode names and `me@example.com` work: 1 to 255 bytes, no control
 * characters or line separators, no `/`, not `.` or `..`. SFTPGo 0.9.4 takes anything, later releases only
 * `[a-zA-Z0-9-_.~]+`.
 */
function checkUsername(stored: NewUser, username: string): void {
  if (username === '') throw invalid('username is empty')
  if (stored.username === username) return
  if (stored.username !== '') {
    throw invalid(`username cannot be changed, got ${shown(username)} for ${shown(stored.username)}`)
  }
  const problem = usernameProblem(username)
  if (problem !== undefined) throw invalid(problem)
}

/** Why a text cannot be the name of a new account; undefined when it can. */
export function usernameProblem(username: string): string | undefined {
  if (username === '') return 'username is empty'
  const bytes = Buffer.byteLength(username)
  if (bytes > USERNAME_MAX_BYTES) return `username has ${bytes} bytes, want at most ${USERNAME_MAX_BYTES}`
  if (/[\p{Cc}\p{Zl}\p{Zp}/]/u.test(username) || username === '.' || username === '..') {
    return `username is ${shown(username)}, want no "/", no control characters, not "." or ".."`
  }
  return undefined
}

function homeOf(username: string, home: string, { usersBaseDir }: Rules): string {
  if (home !== '') return home
  if (usersBaseDir === '') throw invalid('home_dir is empty, want an absolute path (or users_base_dir configured)')
  const derived = join(usersBaseDir, username)
  // Also where "\" or ":" divide paths, and for names stored before there was a rule.
  if (
    username === '..' ||
    basename(derived) !== username ||
    derived !== join(normalize(usersBaseDir), basename(derived))
  ) {
    throw invalid(`username ${shown(username)} is not a folder name, so home_dir cannot be derived from users_base_dir`)
  }
  return derived
}

function checkHome(home: string, isNew: boolean): void {
  if (!isAbsolute(home)) throw invalid(`home_dir is ${shown(home)}, want an absolute path`)
  if (!isNew) return
  if (home.includes('\0')) throw invalid('home_dir holds a NUL character')
  if (home.length > HOME_DIR_MAX_LENGTH) throw invalid(`home_dir is longer than ${HOME_DIR_MAX_LENGTH} characters`)
}

function checkKeys(lines: readonly string[]): string[] {
  if (lines.length > PUBLIC_KEYS_MAX)
    throw invalid(`public_keys has ${lines.length} keys, want at most ${PUBLIC_KEYS_MAX}`)
  return lines.map((line, index) => {
    try {
      authorizedKey(line)
      return line.trim()
    } catch (error) {
      if (error instanceof KeyError) throw invalid(`public_keys[${index}]: ${error.message}`)
      throw error
    }
  })
}
