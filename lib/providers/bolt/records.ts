import type { User } from '../../accounts/user.ts'
import { userSchema } from '../../accounts/user.ts'
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

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
