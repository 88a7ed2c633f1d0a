import type { User } from '../../accounts/user.ts'
import { userSchema } from '../../accounts/user.ts'
import type { UserSort } from '../provider.ts'
import { BadRow } from '../rows.ts'

/** A user as the value of its key: JSON with the keys of the REST API, password hash and counters included. */
export function recordOf(user: User): string {
  return JSON.stringify(user)
}

/** @throws BadRow naming the user's key and what is wrong with the value, never the value. */
export function userOfRecord(record: string, username: string): User {
  const parsed = userSchema.safeParse(json(record))
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new BadRow(`stored user ${JSON.stringify(username)} is not readable: ${problems.join(', ')}`)
}

export type SortKey = Pick<User, UserSort>

const sortKeySchema = userSchema.pick({
  status: true,
  expiration_date: true,
  home_dir: true,
  used_quota_size: true,
  used_quota_files: true,
  last_login: true,
})
const NO_KEY = {
  status: 0,
  expiration_date: 0,
  home_dir: '',
  used_quota_size: 0,
  used_quota_files: 0,
  last_login: 0,
}

/** What lists are ordered by, without the cost of the rest; a record that cannot be read comes as one with nothing. */
export function sortKeyOfRecord(record: string): Omit<SortKey, 'username'> {
  return sortKeySchema.safeParse(json(record)).data ?? NO_KEY
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
