import type { User } from '../accounts/user.ts'

/**
 * Whether an account's usage is counted, by `data_provider.track_quota`: 0 never, 1 for every account, 2 for those
 * with a quota. Nothing is where the accounts may not be changed (`manage_users` 0): usage is stored with them.
 */
export function countsUsage({
  track_quota,
  manage_users,
}: {
  track_quota: 0 | 1 | 2
  manage_users: 0 | 1
}): (user: Pick<User, 'quota_size' | 'quota_files'>) => boolean {
  if (manage_users === 0 || track_quota === 0) return () => false
  return track_quota === 1 ? () => true : ({ quota_size, quota_files }) => quota_size > 0 || quota_files > 0
}
