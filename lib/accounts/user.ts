import { z } from 'zod'

/** What an account may be granted; `*` stands for all of them. */
export const PERMISSIONS = [
  '*',
  'list',
  'download',
  'upload',
  'overwrite',
  'delete',
  'rename',
  'create_dirs',
  'create_symlinks',
  'chmod',
  'chown',
  'chtimes',
] as const
export type Permission = (typeof PERMISSIONS)[number]

const words = z.array(z.enum(PERMISSIONS))

/**
 * A list holds for the whole home. An object gives lists by virtual path, `/` among them: the list of a path, or else of
 * its nearest ancestor that has one, decides.
 */
export const grantedSchema = z.union([words, z.record(z.string(), words)])
export type GrantedPermissions = z.infer<typeof grantedSchema>

/** The lists by virtual path, as text: a plain list is that of `/`. */
export function permissionsByPath(granted: GrantedPermissions): Readonly<Record<string, readonly Permission[]>> {
  return Array.isArray(granted) ? { '/': granted } : granted
}

const int64 = z.int()

/** The account record, keys as in REST, SQL and hooks, in the order in which SFTPGo 0.9.4 gives them. */
export const userSchema = z.object({
  id: int64,
  status: int64.describe('1 active, 0 inactive.'),
  username: z.string(),
  expiration_date: int64.describe('Milliseconds since the epoch; 0 for none.'),
  password: z.string().describe('A hash; empty when there is none.'),
  public_keys: z.array(z.string()).describe('Lines as in authorized_keys.'),
  home_dir: z.string().describe('Absolute path on the host.'),
  uid: int64.describe('Owner of what the user makes, 1 to 65535; anything else leaves it to the server.'),
  gid: int64.describe('Group of what the user makes, 1 to 65535; anything else leaves it to the server.'),
  max_sessions: int64.describe('Connections at once; 0 for any number.'),
  quota_size: int64.describe('Bytes; 0 for any number.'),
  quota_files: int64.describe('Files; 0 for any number.'),
  permissions: grantedSchema.describe(
    'What the user may do: a list for the whole home, or an object of lists by virtual path with one for "/". ' +
      `Words: ${PERMISSIONS.join(', ')}.`,
  ),
  used_quota_size: int64.describe('Bytes.'),
  used_quota_files: int64,
  last_quota_update: int64.describe('Milliseconds since the epoch; 0 for never.'),
  upload_bandwidth: int64.describe('KB/s of 1000 bytes; 0 for no limit.'),
  download_bandwidth: int64.describe('KB/s of 1000 bytes; 0 for no limit.'),
  last_login: int64.describe('Milliseconds since the epoch; 0 for never.'),
})

export type User = z.infer<typeof userSchema>

/** A user as it is added: the provider chooses the id and starts the counters at zero. */
export type NewUser = Omit<User, 'id' | 'used_quota_size' | 'used_quota_files' | 'last_quota_update' | 'last_login'>
