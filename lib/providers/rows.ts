import { z } from 'zod'
import { grantedPath, isPermission } from '../accounts/granted.ts'
import type { GrantedPermissions, User } from '../accounts/user.ts'
import { userSchema } from '../accounts/user.ts'

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
 * 0.9.4 stores a list. A path that is none makes the row unreadable: left out, its list could keep nobody out.
 */
const grants = z.union([
  strings,
  z
    .record(z.string(), z.array(z.string()))
    .refine(
      (lists) => Object.hasOwn(lists, '/') && Object.keys(lists).every((path) => grantedPath(path) !== undefined),
    ),
])

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
  const stored = permissions === null ? [] : fromJson(grants, permissions)
  if (stored === undefined) {
    throw new BadRow(
      `stored user ${identity(row)} is not readable: permissions is neither a JSON array of strings ` +
        'nor an object of such arrays by absolute path, "/" among them',
    )
  }
  const known = knownPermissions(stored ?? [], () =>
    note(`stored user ${identity(row)} has permissions that are not known: left out`),
  )
  const lines = keys === null ? [] : fromJson(strings, keys)
  if (lines === undefined) note(`stored user ${identity(row)}: public_keys is not a JSON array of strings: none used`)
  return { ...rest, password: password ?? '', public_keys: lines ?? [], permissions: known }
}

function knownPermissions(stored: string[] | Record<string, string[]>, unknown: () => void): GrantedPermissions {
  const lists = Object.values(Array.isArray(stored) ? { '/': stored } : stored)
  if (!lists.flat().every(isPermission)) unknown()
  if (Array.isArray(stored)) return stored.filter(isPermission)
  return Object.fromEntries(Object.entries(stored).map(([path, words]) => [path, words.filter(isPermission)]))
}

function fromJson<T>(schema: z.ZodType<T>, json: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(json)).data
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function identity(row: unknown): string {
  const { id, username } = z.object({ id: z.unknown(), username: z.unknown() }).partial().catch({}).parse(row)
  return `${JSON.stringify(username)} (id ${String(id)})`
}
