import { basics, digits, readEntries } from './account.ts'
import type { Entry, Parsed } from './account.ts'

const DAY_MS = 86_400_000
/** A larger one is no date: shadow-utils write 99999 where they mean "never". */
const LAST_DAY = 99_999

/**
 * passwd(5) with shadow(5): `name:x:uid:gid:gecos:home:shell` and
 * `name:hash:changed:min:max:warn:inactive:expires:`, days since the epoch.
 */
export function readUnixPasswd(passwd: Buffer, shadow: Buffer): Entry[] {
  const hashes = readShadow(shadow)
  return readEntries(passwd, 7, (fields) => {
    const account = basics(fields)
    if ('notes' in account) return account
    // Before there was a shadow file, the hash stood here.
    if (account.hash !== 'x') return { account }
    const found = hashes.get(account.name)
    if (found === undefined) return { notes: ['it has no line in the shadow file'] }
    return 'account' in found ? { account: { ...account, ...found.account }, notes: found.notes } : found
  })
}

type Shadow =
  { account: { hash: string; expiresMs?: number; inactive?: boolean }; notes: string[] } | { notes: string[] }

/** The first line of a name counts, as in the system. */
function readShadow(content: Buffer): ReadonlyMap<string, Shadow> {
  const found = new Map<string, Shadow>()
  readEntries(content, 2, (fields): Parsed => {
    const [name = ''] = fields
    if (!found.has(name)) found.set(name, shadowOf(fields))
    return { notes: [] }
  })
  return found
}

function shadowOf([, hash = '', changed, , max, , , expires = '']: readonly string[]): Shadow {
  const notes: string[] = []
  if (changed === '0') notes.push('that its password must be changed at the next login is not carried over')
  const maxDays = digits(max)
  if (maxDays !== undefined && maxDays < LAST_DAY) notes.push('the age its password may reach is not carried over')
  const day = digits(expires)
  if (expires === '') return { account: { hash }, notes }
  if (day === undefined) return { notes: ['its expiry in the shadow file is no day'] }
  // 0 would mean "never" here, and to most programs there it means "long ago".
  if (day === 0) return { account: { hash, inactive: true }, notes: [...notes, 'it expired on day 0: inactive'] }
  if (day > LAST_DAY) return { account: { hash }, notes }
  return { account: { hash, expiresMs: day * DAY_MS }, notes }
}
