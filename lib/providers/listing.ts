import type { User } from '../accounts/user.ts'
import type { UserFilter, UserQuery, UserSort } from './provider.ts'

/** Whether a username has what is searched for, for drivers that look for themselves. */
export function matching(search: UserFilter['search'] = ''): (username: string) => boolean {
  const wanted = search.toLowerCase()
  return (username) => username.toLowerCase().includes(wanted)
}

/** Puts users into the order that was asked for; a new list. */
export function sorted<Item extends Pick<User, 'username' | UserSort>>(
  items: readonly Item[],
  { sort = 'username', order }: { sort: UserQuery['sort'] | undefined; order: UserQuery['order'] },
): Item[] {
  const direction = order === 'DESC' ? -1 : 1
  return items.toSorted((a, b) => direction * compare(a[sort], b[sort]) || byBytes(a.username, b.username))
}

function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : byBytes(String(a), String(b))
}

const HALVES = /[\ud800-\udfff]/

/** The order of their UTF-8 bytes, without making them. */
export function byBytes(a: string, b: string): number {
  // The engine's own order is the same where no character is made of two, and fifty thousand names are many.
  if (!HALVES.test(a) && !HALVES.test(b)) return a < b ? -1 : Number(a > b)
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const difference = rank(a.charCodeAt(at)) - rank(b.charCodeAt(at))
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Halves of characters beyond U+FFFF come behind all that are whole. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit
}
