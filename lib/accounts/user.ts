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
  permissions: z.array(z.enum(PERMISSIONS)),
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
