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

/** One line of `ls -l` (§7 names it "longname"), numeric owners, local time, one character a byte. */
export function longname({ filename, attrs, links }: DirectoryEntry, nowMs: number): string {
  const { permissions = 0, owner = { uid: 0, gid: 0 }, size = 0n, times = { atime: 0, mtime: 0 } } = attrs
  const modified = new Date(times.mtime * 1000)
  const pad = (value: number): string => String(value).padStart(2, '0')
  const recent = Math.abs(nowMs - modified.getTime()) < RECENT_MS
  const clock = recent ? `${pad(modified.getHours())}:${pad(modified.getMinutes())}` : ` ${modified.getFullYear()}`
  const date = `${MONTHS[modified.getMonth()] ?? ''} ${String(modified.getDate()).padStart(2)} ${clock}`
  return [
    modeText(permissions),
    String(links).padStart(4),
    String(owner.uid).padEnd(8),
    String(owner.gid).padEnd(8),
    String(size).padStart(8),
    date,
    filename,
  ].join(' ')
}
