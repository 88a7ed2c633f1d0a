import type { DirectoryEntry } from '../filesystem.ts'
import { S_IF } from './constants.ts'

const TYPE_LETTERS: Readonly<Record<number, string>> = {
  [S_IF.SOCK]: 's',
  [S_IF.LNK]: 'l',
  [S_IF.REG]: '-',
  [S_IF.BLK]: 'b',
  [S_IF.DIR]: 'd',
  [S_IF.CHR]: 'c',
  [S_IF.IFO]: 'p',
}
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
/** Older or later than this, `ls` shows the year instead of the time. */
const RECENT_MS = (365 / 2) * 24 * 60 * 60 * 1000

/** `-rw-r--r--`: type and mode bits as `ls -l` shows them, setuid, setgid and sticky included. */
export function modeText(mode: number): string {
  const bits = (read: number, special: number, letter: string): string => {
    const execute = (mode & (read >> 2)) !== 0
    const x = (mode & special) === 0 ? (execute ? 'x' : '-') : execute ? letter : letter.toUpperCase()
    return `${mode & read ? 'r' : '-'}${mode & (read >> 1) ? 'w' : '-'}${x}`
  }
  return `${TYPE_LETTERS[mode & S_IF.MT] ?? '?'}${bits(0o400, 0o4000, 's')}${bits(0o040, 0o2000, 's')}${bits(0o004, 0o1000, 't')}`
}

/**
 * Makes lines of `ls -l` (§7 names them "longname"): numeric owners, local time, one character a byte. What entries have in
 * common, as those of one directory do, is made once.
 */
export function longnames(nowMs: number): (entry: DirectoryEntry) => string {
  const mode = remembered(modeText)
  const ids = remembered((id: number) => String(id).padEnd(8))
  const date = remembered((seconds: number) => dateText(seconds, nowMs))
  return ({ filename, attrs, links }) => {
    const { permissions = 0, owner, size = 0n, times } = attrs
    const owners = `${ids(owner?.uid ?? 0)} ${ids(owner?.gid ?? 0)}`
    const numbers = `${String(links).padStart(4)} ${owners} ${String(size).padStart(8)}`
    return `${mode(permissions)} ${numbers} ${date(times?.mtime ?? 0)} ${filename}`
  }
}

function dateText(seconds: number, nowMs: number): string {
  const modified = new Date(seconds * 1000)
  const pad = (value: number): string => String(value).padStart(2, '0')
  const recent = Math.abs(nowMs - modified.getTime()) < RECENT_MS
  const clock = recent ? `${pad(modified.getHours())}:${pad(modified.getMinutes())}` : ` ${modified.getFullYear()}`
  return `${MONTHS[modified.getMonth()] ?? ''} ${String(modified.getDate()).padStart(2)} ${clock}`
}

/** The texts of one reply's entries at most: it is made anew for the next. */
function remembered(make: (value: number) => string): (value: number) => string {
  const texts = new Map<number, string>()
  return (value) => {
    const known = texts.get(value)
    if (known !== undefined) return known
    const text = make(value)
    texts.set(value, text)
    return text
  }
}
