import type { Stats } from 'node:fs'
import type { FileState } from '../transfers/ledger.ts'

/** What usage is counted by; undefined for anything but a regular file: only those take part in a quota. */
export function fileState(stats: Stats | undefined): FileState | undefined {
  if (stats?.isFile() !== true) return undefined
  return { inode: inodeOf(stats), size: stats.size, links: stats.nlink }
}

/** Equal for two names of one file. */
export function inodeOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`
}
