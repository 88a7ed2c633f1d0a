import { basename, dirname, join } from 'node:path'
import type { UserInput } from '../../accounts/accounts.ts'
import { authorizedKey, KeyError } from '../../accounts/public-keys.ts'
import { PERMISSIONS, permissionsByPath, type User } from '../../accounts/user.ts'
import { bytes, dateTime, visible } from './show.ts'

/** What was typed, by the names of 0.9.4's fields; the password is never among them when a form is shown again. */
export interface UserDraft {
  username: string
  status: string
  expiration_date: string
  public_keys: string
  home_dir: string
  uid: string
  gid: string
  max_sessions: string
  quota_files: string
  quota_size: string
  upload_bandwidth: string
  download_bandwidth: string
  /** Of `/`. */
  permissions: string[]
  /** Lists of their own. */
  directories: { path: string; permissions: string[] }[]
}

export type FormErrors = Record<string, string>

const NUMBERS = [
  'uid',
  'gid',
  'max_sessions',
  'quota_files',
  'quota_size',
  'upload_bandwidth',
  'download_bandwidth',
] as const
const TEXTS = ['username', 'status', 'expiration_date', 'public_keys', 'home_dir', ...NUMBERS] as const

/** Directories with a list of their own in one form: one more than an account may have, so that its refusal is seen. */
const MAX_DIRECTORIES = 101

export function emptyDraft(): UserDraft {
  const numbers = { uid: '0', gid: '0', max_sessions: '0', quota_files: '0', quota_size: '0' }
  const bandwidth = { upload_bandwidth: '0', download_bandwidth: '0' }
  const rest = { username: '', status: '1', expiration_date: '', public_keys: '', home_dir: '' }
  return { ...rest, ...numbers, ...bandwidth, permissions: ['*'], directories: [] }
}

export function draftOf(user: User): UserDraft {
  const { '/': root = [], ...others } = permissionsByPath(user.permissions)
  const numbers = Object.fromEntries(NUMBERS.map((name) => [name, String(user[name])]))
  return {
    ...emptyDraft(),
    ...numbers,
    username: user.username,
    status: String(user.status),
    expiration_date: user.expiration_date > 0 ? dateTime(user.expiration_date) : '',
    public_keys: user.public_keys.join('\n'),
    home_dir: user.home_dir,
    permissions: [...root],
    directories: Object.entries(others).map(([path, permissions]) => ({ path, permissions: [...permissions] })),
  }
}

/** The settings of an account for another one: what names it, lets somebody in or holds its files is left out. */
export function cloneOf(user: User): UserDraft {
  return { ...draftOf(user), username: '', public_keys: '', home_dir: '', status: '1' }
}

/** A home beside that of the account that is copied, as a hint. */
export function homeBeside(user: User): string {
  return basename(user.home_dir) === user.username ? join(dirname(user.home_dir), '…') : ''
}

export function readDraft(form: URLSearchParams): UserDraft {
  const text = (name: string): string => form.get(name) ?? ''
  const texts = Object.fromEntries(TEXTS.map((name) => [name, text(name)]))
  const rows = [...form.keys()].flatMap((name) => /^directory_(\d{1,4})$/.exec(name)?.[1] ?? [])
  const directories = [...new Set(rows)].slice(0, MAX_DIRECTORIES).map((row) => ({
    path: text(`directory_${row}`),
    permissions: form.getAll(`directory_permissions_${row}`),
  }))
  return {
    ...emptyDraft(),
    ...texts,
    permissions: form.getAll('permissions'),
    // A row that was offered and left alone.
    directories: directories.filter(({ path, permissions }) => path !== '' || permissions.length > 0),
  }
}

/**
 * What the draft asks for, in the types of an account; everything that can be told wrong from the text alone is told.
 * @param password `''` keeps the stored one, or has none.
 * @param stored of an update: what is as it was is left out, so that rules for new values do not judge it.
 */
export function inputOf(draft: UserDraft, password: string, stored?: User): { input: UserInput; errors: FormErrors } {
  const errors: FormErrors = {}
  const input: Record<string, unknown> = {}

  for (const name of NUMBERS) {
    const typed = draft[name].trim()
    if (/^\d{1,16}$/.test(typed) && Number.isSafeInteger(Number(typed))) input[name] = Number(typed)
    else errors[name] = typed === '' ? 'Enter a number; 0 stands for none.' : 'Enter a whole number, 0 or more.'
  }
  if (draft.status === '0' || draft.status === '1') input['status'] = Number(draft.status)
  else errors['status'] = 'Choose one of the two.'

  const expiration = expirationOf(draft.expiration_date)
  if (expiration === undefined) errors['expiration_date'] = 'Enter a date and time, such as 2030-12-31 23:59:59.'
  else input['expiration_date'] = expiration

  const keys = draft.public_keys.split(/\r\n|\r|\n/).flatMap((line) => line.trim() || [])
  const wrongKeys = keys.flatMap((line, index) => {
    const problem = keyProblem(line)
    return problem === undefined || stored?.public_keys.includes(line) === true ? [] : [`Key ${index + 1}: ${problem}.`]
  })
  if (wrongKeys.length > 0) errors['public_keys'] = wrongKeys.join(' ')
  input['public_keys'] = keys

  const nameless = draft.directories.some(({ path }) => path === '')
  const paths = draft.directories.map(({ path }) => path)
  if (nameless) errors['directories'] = 'Enter the path of each directory that has permissions.'
  else if (paths.includes('/')) errors['directories'] = 'The permissions of / are those above.'
  else if (new Set(paths).size < paths.length) errors['directories'] = 'Name each directory once.'
  input['permissions'] =
    draft.directories.length === 0
      ? draft.permissions
      : Object.fromEntries([
          ['/', draft.permissions],
          ...draft.directories.map(({ path, permissions }) => [path, permissions] as const),
        ])

  input['home_dir'] = draft.home_dir
  input['username'] = draft.username
  if (password !== '') input['password'] = password
  if (stored !== undefined) leaveOutUnchanged(input, stored)
  return { input, errors }
}

function leaveOutUnchanged(input: Record<string, unknown>, stored: User): void {
  for (const [key, value] of Object.entries(stored)) {
    if (key === 'permissions') {
      if (JSON.stringify(permissionsOf(input[key])) === JSON.stringify(permissionsOf(value))) delete input[key]
    } else if (JSON.stringify(input[key]) === JSON.stringify(value) || asTyped(value) === input[key]) {
      delete input[key]
    }
  }
}

/** In one form and order, however they were written. */
function permissionsOf(granted: unknown): unknown {
  if (typeof granted !== 'object' || granted === null) return granted
  const byPath = Array.isArray(granted) ? { '/': granted } : granted
  return Object.entries(byPath).map(([path, words]) => [
    path,
    Array.isArray(words) ? words.map(String).toSorted(byText) : words,
  ])
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

/** What a browser makes of a text in a field of one line. */
function asTyped(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/[\r\n]/g, '') : undefined
}

/** Milliseconds since the epoch, 0 for none: `YYYY-MM-DD HH:MM:SS` in UTC, as a browser's picker writes it as well. */
function expirationOf(text: string): number | undefined {
  const typed = text.trim()
  if (typed === '') return 0
  const parts = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(?::(\d\d)(?:\.\d{1,3})?)?$/.exec(typed)
  if (parts === null) return undefined
  const [, day, minute, second = '00'] = parts
  const time = Date.parse(`${day}T${minute}:${second}Z`)
  // Date.parse takes the 31st of February for a day in March.
  return Number.isNaN(time) || !dateTime(time).startsWith(`${day}`) || time < 0 ? undefined : time
}

function keyProblem(line: string): string | undefined {
  try {
    authorizedKey(line)
    return undefined
  } catch (error) {
    if (error instanceof KeyError) return error.message
    throw error
  }
}

/** Which field the accounts' refusal is about; `form` when it is about none of them. */
export function fieldOfRefusal(message: string): { field: string; text: string } {
  const text = message.replace(/^(Validation error|User already exists): /, '')
  if (message.startsWith('User already exists')) return { field: 'username', text: 'This username is taken.' }
  const first = /^\w+/.exec(text)?.[0] ?? ''
  const known = [...TEXTS, 'password', 'permissions'].find((name) => name === first)
  const field = known ?? (first === 'permission' ? 'permissions' : 'form')
  return { field, text: `${text.charAt(0).toUpperCase()}${text.slice(1)}.` }
}

export interface UserPage {
  draft: UserDraft
  errors: FormErrors
  /** Of an update. */
  user?: User
  cloned?: User
}

interface Field {
  name: string
  label: string
  value: string
  help: string
  error: string
  /** What the value holds that cannot be seen. */
  hidden: string
}

/** What the template shows. */
export function userPage({ draft, errors, user, cloned }: UserPage): object {
  const field = (name: (typeof TEXTS)[number], label: string, help: string): Field => ({
    name,
    label,
    value: draft[name],
    help,
    error: visible(errors[name] ?? ''),
    hidden: name === 'public_keys' || visible(draft[name]) === draft[name] ? '' : visible(draft[name]),
  })
  const size = Number(draft.quota_size)
  return {
    isNew: user === undefined,
    action: user === undefined ? '/web/user' : `/web/user/${user.id}`,
    name: visible(user?.username ?? ''),
    cloned: cloned && visible(cloned.username),
    id: user?.id,
    active: user?.status === 1,
    hasErrors: Object.keys(errors).length > 0,
    formError: visible(errors['form'] ?? ''),
    errorList: Object.entries(errors)
      .filter(([name]) => name !== 'form')
      .map(([name, text]) => ({ name, text: visible(text) })),
    fields: {
      username: field(
        'username',
        'Username',
        user === undefined
          ? 'The name to log in with; it cannot be changed later. No slashes or control characters.'
          : 'A username cannot be changed. Clone the account to have it under another name.',
      ),
      status: field('status', 'Status', 'Who is disabled cannot log in; open sessions end at once.'),
      expiration: {
        ...field('expiration_date', 'Expires', 'Date and time in UTC. From then on nobody can log in. Empty: never.'),
        value: draft.expiration_date.trim().replace(' ', 'T'),
      },
      keys: field(
        'public_keys',
        'Public keys',
        'One key a line, as in authorized_keys: ssh-ed25519 AAAA… name. Types: Ed25519, ECDSA, RSA from 2048 bits.',
      ),
      home: {
        ...field(
          'home_dir',
          'Home directory',
          'An absolute path on the server; the user sees it as / and nothing outside. It may be empty where the ' +
            'configuration sets users_base_dir.',
        ),
        placeholder: cloned === undefined ? '/srv/sftp/name' : homeBeside(cloned),
      },
      uid: field('uid', 'User id', 'Who owns new files, 1 to 65535. 0: whoever the server runs as.'),
      gid: field('gid', 'Group id', 'The group of new files, 1 to 65535. 0: that of the server.'),
      sessions: field('max_sessions', 'Sessions at once', '0: any number.'),
      quotaSize: field(
        'quota_size',
        'Storage in bytes',
        size > 0 && Number.isSafeInteger(size) ? `Now ${bytes(size)}. 0: no limit.` : '0: no limit.',
      ),
      quotaFiles: field('quota_files', 'Number of files', '0: no limit.'),
      upload: field('upload_bandwidth', 'Upload in KB/s', 'For all transfers of the user together. 0: no limit.'),
      download: field('download_bandwidth', 'Download in KB/s', 'For all transfers of the user together. 0: no limit.'),
    },
    passwordHelp:
      user === undefined
        ? 'A password, a public key or both. A hash of a known format is stored as it is.'
        : 'Leave it empty to keep what is stored.',
    passwordError: visible(errors['password'] ?? ''),
    placeholderKeys: 'ssh-ed25519 AAAAC3Nz… alice@laptop',
    keyList: draft.public_keys
      .split(/\r\n|\r|\n/)
      .flatMap((line) => line.trim() || [])
      .map(shownKey),
    permissions: choices('permissions', draft.permissions),
    permissionsError: visible(errors['permissions'] ?? ''),
    directoriesError: visible(errors['directories'] ?? ''),
    directories: [...draft.directories, { path: '', permissions: [] }].map(({ path, permissions }, index) => ({
      index,
      path,
      hidden: visible(path) === path ? '' : visible(path),
      isNew: index === draft.directories.length,
      permissions: choices(`directory_permissions_${index}`, permissions),
    })),
  }
}

function choices(name: string, chosen: readonly string[]): object[] {
  return PERMISSIONS.map((word) => ({
    name,
    word,
    label: word === '*' ? 'everything' : word.replace('_', ' '),
    checked: chosen.includes(word),
  }))
}

function shownKey(line: string): { fingerprint: string; type: string; comment: string; usable: boolean } {
  try {
    const { fingerprint, type, comment } = authorizedKey(line)
    return { fingerprint, type, comment: visible(comment), usable: true }
  } catch (error) {
    if (!(error instanceof KeyError)) throw error
    return { fingerprint: '', type: '', comment: visible(error.message), usable: false }
  }
}
