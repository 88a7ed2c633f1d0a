import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

const DAY_MS = 24 * 60 * 60 * 1000
const GZIP_SUFFIX = '.gz'
/** `2026-01-02T03-04-05.678`, in UTC. */
const STAMP = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})$/

/** What becomes of a log file that was rotated away. */
export interface Retention {
  /** 0 keeps them all. */
  maxBackups: number
  /** 0 keeps them for ever. */
  maxAgeDays: number
  /** With gzip. */
  compress: boolean
}

/** A rotated file; `name` is without directory and without `.gz`. */
interface Backup {
  name: string
  timeMs: number
  /** Both may be there when compressing was cut short. */
  forms: Set<'' | typeof GZIP_SUFFIX>
}

/** Beside `file`: `sftpgo-2026-01-02T03-04-05.678.log` for `sftpgo.log`. @param timeMs since the epoch. */
export function backupPath(file: string, timeMs: number): string {
  const { dir, name, ext } = path.parse(file)
  const stamp = new Date(timeMs).toISOString().slice(0, -1).replaceAll(':', '-')
  return path.join(dir, `${name}-${stamp}${ext}`)
}

/**
 * Deletes the rotated files of `file` that are too old or too many, and compresses the others. Files whose names do
 * not follow the pattern are somebody else's.
 * @throws the system's error; what came before it is done.
 */
export async function tidyBackups(file: string, { maxBackups, maxAgeDays, compress }: Retention, nowMs: number) {
  const { dir } = path.parse(path.resolve(file))
  const backups = await backupsOf(file)
  const oldestMs = maxAgeDays === 0 ? -Infinity : nowMs - maxAgeDays * DAY_MS
  const most = maxBackups === 0 ? Infinity : maxBackups
  for (const [index, { name, timeMs, forms }] of backups.entries()) {
    const at = path.join(dir, name)
    if (index >= most || timeMs < oldestMs) {
      for (const form of forms) await rm(at + form, { force: true })
    } else if (compress && forms.has('')) {
      await gzip(at)
    }
  }
}

/** Newest first. */
async function backupsOf(file: string): Promise<Backup[]> {
  const { dir, name: stem, ext } = path.parse(path.resolve(file))
  const found = new Map<string, Backup>()
  for (const entry of await namesIn(dir)) {
    const form = entry.endsWith(GZIP_SUFFIX) && !ext.endsWith(GZIP_SUFFIX) ? GZIP_SUFFIX : ''
    const name = form === '' ? entry : entry.slice(0, -GZIP_SUFFIX.length)
    if (!name.startsWith(`${stem}-`) || !name.endsWith(ext)) continue
    const timeMs = timeOf(name.slice(stem.length + 1, name.length - ext.length))
    if (timeMs === undefined) continue
    const backup = found.get(name) ?? { name, timeMs, forms: new Set() }
    backup.forms.add(form)
    found.set(name, backup)
  }
  return [...found.values()].toSorted((a, b) => b.timeMs - a.timeMs)
}

/** None where the directory is gone: the log file itself says so. */
async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}

function timeOf(stamp: string): number | undefined {
  const [, day, hour, minute, second] = STAMP.exec(stamp) ?? []
  const timeMs = Date.parse(`${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(timeMs) ? undefined : timeMs
}

/** The original goes last: what is cut short is done again, over its half. */
async function gzip(file: string): Promise<void> {
  try {
    await pipeline(createReadStream(file), createGzip(), createWriteStream(file + GZIP_SUFFIX, { mode: 0o644 }))
  } catch (error) {
    await rm(file + GZIP_SUFFIX, { force: true }).catch(() => undefined)
    throw error
  }
  await rm(file, { force: true })
}
