import { hashFormats, UNSUPPORTED_PREFIXES } from '../accounts/hash-formats.ts'
import { STORED_PASSWORD_MAX_LENGTH } from '../accounts/passwords.ts'
import { HOME_DIR_MAX_LENGTH, usernameProblem } from '../accounts/validate.ts'
import type { Entry, ForeignAccount } from './account.ts'

export interface ConvertOptions {
  /** Accounts with a smaller or larger uid are not asked for; absent for no bound. */
  minUid?: number | undefined
  maxUid?: number | undefined
  /** Only these are asked for; empty for all. */
  usernames: readonly string[]
  /** Given to every account instead of its own. */
  forceUid?: number | undefined
  forceGid?: number | undefined
}

/** An account as `loaddata` takes it. */
export interface DumpUser {
  id: number
  status: 0 | 1
  username: string
  expiration_date: number
  password: string
  home_dir: string
  uid: number
  gid: number
  max_sessions: number
  quota_size: number
  quota_files: number
  permissions: readonly ['*']
  upload_bandwidth: number
  download_bandwidth: number
}

export interface Conversion {
  users: DumpUser[]
  /** One line each: accounts that were left out, and what others lost. */
  notes: string[]
  /** Accounts that were asked for and are not among the users. */
  leftOut: number
  /** Accounts that the options exclude. */
  notAsked: number
}

/** The largest that an account may have. */
const ID_MAX = 65_535

/** Turns what a file holds into accounts; all that does not come along is noted. */
export function convertUsers(entries: readonly Entry[], options: ConvertOptions): Conversion {
  const users: DumpUser[] = []
  const notes: string[] = []
  const taken = new Set<string>()
  let leftOut = 0
  let notAsked = 0
  for (const entry of entries) {
    const tell = (what: string): void => {
      notes.push(`line ${entry.line}, ${shownLabel(entry)}: ${what}`)
    }
    if (!isAsked(entry, options)) {
      notAsked++
      continue
    }
    const user = entry.account && makeUser(entry.account, options, users.length + 1)
    const problem =
      user === undefined
        ? (entry.notes[0] ?? 'the line says nothing')
        : typeof user === 'string'
          ? user
          : taken.has(user.username)
            ? 'the name was there before'
            : undefined
    if (user === undefined || typeof user === 'string' || problem !== undefined) {
      tell(`left out, ${problem}`)
      leftOut++
      continue
    }
    taken.add(user.username)
    users.push(user)
    for (const note of [...entry.notes, ...remarks(entry.account, user)]) tell(note)
  }
  for (const name of options.usernames)
    if (!entries.some((entry) => entry.label === name)) notes.push(`${name}: there is no such account`)
  return { users, notes, leftOut, notAsked }
}

/** Longer ones would hide what is told of them. */
const LABEL_MAX_LENGTH = 64

function shownLabel({ label }: Entry): string {
  if (label === '') return 'without a name'
  return label.length > LABEL_MAX_LENGTH ? `${label.slice(0, LABEL_MAX_LENGTH)}…` : label
}

function isAsked({ account, label }: Entry, { minUid = 0, maxUid = Infinity, usernames }: ConvertOptions): boolean {
  if (usernames.length > 0 && !usernames.includes(label)) return false
  // What cannot be read has no uid to judge it by.
  return account === undefined || (account.uid >= minUid && account.uid <= maxUid)
}

/** The account, or why there can be none. */
function makeUser(account: ForeignAccount, { forceUid, forceGid }: ConvertOptions, id: number): DumpUser | string {
  const nameProblem = usernameProblem(account.name)
  if (nameProblem !== undefined) return nameProblem
  if (/^[*!]+$/.test(account.hash)) return 'nobody can log in with a password'
  const locked = account.hash.startsWith('!')
  const hash = account.hash.replace(/^!+/, '')
  const hashProblem = judgeHash(hash)
  if (hashProblem !== undefined) return hashProblem
  const { home } = account
  if (!home.startsWith('/')) return 'its home directory is no absolute path'
  if (home.includes('\0')) return 'its home directory holds a NUL character'
  if (home.length > HOME_DIR_MAX_LENGTH) return `its home directory is longer than ${HOME_DIR_MAX_LENGTH} characters`
  const uid = forceUid ?? account.uid
  const gid = forceGid ?? account.gid
  if (uid > ID_MAX) return `its uid ${uid} is above ${ID_MAX}: --force-uid gives it another`
  if (gid > ID_MAX) return `its gid ${gid} is above ${ID_MAX}: --force-gid gives it another`
  return {
    id,
    status: locked || account.inactive === true ? 0 : 1,
    username: account.name,
    expiration_date: account.expiresMs ?? 0,
    password: hash,
    home_dir: home,
    uid,
    gid,
    max_sessions: account.maxSessions ?? 0,
    quota_size: account.quotaBytes ?? 0,
    quota_files: account.quotaFiles ?? 0,
    permissions: ['*'],
    upload_bandwidth: kilobytes(account.uploadBytesPerSecond),
    download_bandwidth: kilobytes(account.downloadBytesPerSecond),
  }
}

/** Rounded up: a limit must not become none. */
function kilobytes(bytesPerSecond = 0): number {
  return Math.ceil(bytesPerSecond / 1024)
}

const notComputed = () => Promise.reject(new Error('only the shape of a hash is looked at'))
const FORMATS = hashFormats({ argon2id: notComputed, shaCrypt: notComputed })

/** Why a password cannot be checked by its hash; undefined when it can. The hash itself is never told. */
function judgeHash(hash: string): string | undefined {
  if (hash === '') return 'it has no password'
  const format = FORMATS.find(({ prefix }) => hash.startsWith(prefix))
  if (format !== undefined) {
    if (format.parse(hash) !== undefined && hash.length <= STORED_PASSWORD_MAX_LENGTH) return undefined
    return `its ${format.prefix} hash cannot be checked, want ${format.shape}`
  }
  const known = UNSUPPORTED_PREFIXES.find((prefix) => hash.startsWith(prefix))
  const kind = known === undefined ? 'of an unknown kind' : (NAMES.get(known) ?? `of the kind ${known}`)
  return `its hash is ${kind}, which cannot be checked: it needs a new password`
}

const NAMES: ReadonlyMap<string, string> = new Map([
  ['$1$', 'MD5 ($1$)'],
  ['$apr1$', 'MD5 ($apr1$)'],
  ['$y$', 'yescrypt ($y$)'],
])

function remarks(account: ForeignAccount | undefined, user: DumpUser): string[] {
  const result: string[] = []
  if (account?.hash.startsWith('!') === true) result.push('it is locked: inactive')
  if (user.home_dir === '/') result.push('its home directory is /, so it sees everything')
  if (user.uid === 0) result.push("uid 0 means here that the server's own account owns its files")
  return result
}
