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

/** The account record, keys as in REST, SQL and hooks. */
export const userSchema = z.object({
  id: int64,
  /** 1 active, 0 inactive. */
  status: int64,
  username: z.string(),
  /** Milliseconds since the epoch, 0 none. */
  expiration_date: int64,
  /** A hash, `''` when there is none. */
  password: z.string(),
  /** authorized_keys lines. */
  public_keys: z.array(z.string()),
  /** Absolute path on the host. */
  home_dir: z.string(),
  /** 1..65535; anything else means "do not change the owner". */
  uid: int64,
  gid: int64,
  /** 0 unlimited. */
  max_sessions: int64,
  /** Bytes, 0 unlimited. */
  quota_size: int64,
  /** 0 unlimited. */
  quota_files: int64,
  permissions: grantedSchema,
  used_quota_size: int64,
  used_quota_files: int64,
  /** Milliseconds since the epoch, 0 never. */
  last_quota_update: int64,
  /** KB/s with 1 KB = 1000 bytes, 0 unlimited. */
  upload_bandwidth: int64,
  download_bandwidth: int64,
  /** Milliseconds since the epoch, 0 never. */
  last_login: int64,
})

export type User = z.infer<typeof userSchema>

/** A user as it is added: the provider chooses the id and starts the counters at zero. */
export type NewUser = Omit<User, 'id' | 'used_quota_size' | 'used_quota_files' | 'last_quota_update' | 'last_login'>
