import type { User } from '../accounts/user.ts'
import type { UserFilter, UserQuery } from './provider.ts'

/** Whether a username has what is searched for, for drivers that look for themselves. */
export function matching(search: UserFilter['search'] = ''): (user: Pick<User, 'username'>) => boolean {
  const wanted = folded(search)
  return ({ username }) => folded(username).includes(wanted)
}

/** Only the letters of ASCII: they are the same in every store. */
function folded(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/** A new list in the order that was asked for. */
export function sorted(
  users: readonly User[],
  { sort = 'username', order }: { sort: UserQuery['sort'] | undefined; order: UserQuery['order'] },
): User[] {
  const direction = order === 'DESC' ? -1 : 1
  return users.toSorted((a, b) => direction * compare(a[sort], b[sort]) || byBytes(a.username, b.username))
}

function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : byBytes(String(a), String(b))
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
