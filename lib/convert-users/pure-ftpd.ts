import { basics, digits, readEntries } from './account.ts'
import type { Entry, ForeignAccount } from './account.ts'

/**
 * A file of `pure-pw`, 18 fields: name, hash, uid, gid, gecos, home, upload and download in bytes a second, upload and
 * download ratio, sessions, files, bytes, allowed and denied local addresses, allowed and denied client addresses, hours
 * of the day. An empty one means no limit.
 */
export function readPureFtpd(content: Buffer): Entry[] {
  return readEntries(content, 17, (fields) => {
    const account = basics(fields)
    if ('notes' in account) return account
    const notes: string[] = []
    const limits: Partial<Record<Limit, number>> = {}
    for (const [key, at, what] of LIMITS) {
      const text = fields[at] ?? ''
      const value = digits(text)
      if (text !== '' && value === undefined) return { notes: [`${what} is no number`] }
      if (value !== undefined) limits[key] = value
    }
    for (const [at, what] of DROPPED) if ((fields[at] ?? '') !== '') notes.push(`${what} is not carried over`)
    return { account: { ...account, ...limits, ...homeOf(account, notes) }, notes }
  })
}

type Limit = keyof ForeignAccount &
  ('uploadBytesPerSecond' | 'downloadBytesPerSecond' | 'maxSessions' | 'quotaFiles' | 'quotaBytes')

const LIMITS: readonly (readonly [key: Limit, field: number, what: string])[] = [
  ['uploadBytesPerSecond', 6, 'its upload bandwidth'],
  ['downloadBytesPerSecond', 7, 'its download bandwidth'],
  ['maxSessions', 10, 'its number of sessions'],
  ['quotaFiles', 11, 'its number of files'],
  ['quotaBytes', 12, 'its size of files'],
]

const DROPPED: readonly (readonly [field: number, what: string])[] = [
  [8, 'its upload ratio'],
  [9, 'its download ratio'],
  [13, 'the list of local addresses that it may use'],
  [14, 'the list of local addresses that it may not use'],
  [15, 'the list of client addresses that may use it'],
  [16, 'the list of client addresses that may not use it'],
  [17, 'the hours at which it may log in'],
]

/** `/./` marks where the account's root is; without it the account was not confined. */
function homeOf({ home }: ForeignAccount, notes: string[]): { home: string } {
  const mark = home.indexOf('/./')
  if (mark === -1) {
    notes.push('it was not confined to its home directory, here it is')
    return { home }
  }
  if (mark + 3 < home.length) notes.push('it begins in its root instead of a directory below')
  return { home: home.slice(0, mark) || '/' }
}
