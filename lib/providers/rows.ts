import { z } from 'zod'
import type { Permission, User } from '../accounts/user.ts'
import { PERMISSIONS, userSchema } from '../accounts/user.ts'

/** What an administrator may set, in the order of {@link settableValues}. */
export const SETTABLE_COLUMNS = [
  'password',
  'public_keys',
  'home_dir',
  'uid',
  'gid',
  'max_sessions',
  'quota_size',
  'quota_files',
  'permissions',
  'upload_bandwidth',
  'download_bandwidth',
  'status',
  'expiration_date',
] as const

export const COUNTER_COLUMNS = ['used_quota_size', 'used_quota_files', 'last_quota_update', 'last_login'] as const

/** All columns of the accounts table. */
export const USER_COLUMNS = ['id', 'username', ...SETTABLE_COLUMNS, ...COUNTER_COLUMNS] as const

/** A stored row that cannot be an account; the message names the account and the column, never a value. */
export class BadRow extends Error {
  override readonly name = 'BadRow'
}

/** Column values as the SQL drivers store them: `public_keys` is JSON `null` when there are none. */
export function settableValues(user: Pick<User, (typeof SETTABLE_COLUMNS)[number]>): (string | number)[] {
  return SETTABLE_COLUMNS.map((column) => {
    if (column === 'permissions') return JSON.stringify(user.permissions)
    if (column === 'public_keys') return user.public_keys.length === 0 ? 'null' : JSON.stringify(user.public_keys)
    return user[column]
  })
}

const rowSchema = userSchema.extend({
  password: z.string().nullable(),
  public_keys: z.string().nullable(),
  permissions: z.string().nullable(),
})

const strings = z.array(z.string()).nullable()

/**
 * Reads one row. NULL is tolerated in password, public_keys and permissions.
 * @param note told what was left out: unreadable public_keys, permissions this server does not know.
 * @throws BadRow
 */
export function userFromRow(row: unknown, note: (text: string) => void): User {
  const parsed = rowSchema.safeParse(row)
  if (!parsed.success) {
    const columns = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw new BadRow(`stored user ${identity(row)} is not readable: ${columns.join(', ')}`)
  }
  const { password, public_keys: keys, permissions, ...rest } = parsed.data
  const words = stringList(permissions)
  if (words === undefined) {
    throw new BadRow(`stored user ${identity(row)} is not readable: permissions is not a JSON array of strings`)
  }
  const known = words.filter(isPermission)
  if (known.length < words.length) note(`stored user ${identity(row)} has permissions that are not known: left out`)
  const lines = stringList(keys)
  if (lines === undefined) note(`stored user ${identity(row)}: public_keys is not a JSON array of strings: none used`)
  return { ...rest, password: password ?? '', public_keys: lines ?? [], permissions: known }
}

function stringList(json: string | null): string[] | undefined {
  if (json === null) return []
  try {
    const parsed = strings.safeParse(JSON.parse(json))
    return parsed.success ? (parsed.data ?? []) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isPermission(word: string): word is Permission {
  return (PERMISSIONS as readonly string[]).includes(word)
}

function identity(row: unknown): string {
  const { id, username } = z.object({ id: z.unknown(), username: z.unknown() }).partial().catch({}).parse(row)
  return `${JSON.stringify(username)} (id ${String(id)})`
}
