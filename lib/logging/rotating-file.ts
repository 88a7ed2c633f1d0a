import fs, { existsSync, mkdirSync, openSync } from 'node:fs'
import { rename, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Clock, Timer } from '../clock.ts'
import { backupPath, tidyBackups } from './backups.ts'
import type { Retention } from './backups.ts'
import { describeError } from './describe.ts'

const [open, close, write, fstat, fchmod, fchown] = [
  promisify(fs.open),
  promisify(fs.close),
  promisify(fs.write),
  promisify(fs.fstat),
  promisify(fs.fchmod),
  promisify(fs.fchown),
]

/** Lines that wait for a slow or full disk; past it new ones are dropped, so that the log cannot eat the memory. */
export const MAX_PENDING_BYTES = 16 * 1024 * 1024
/** Lines that are written together: each batch takes some turns of an event loop that may be busy. */
const MAX_BATCH_BYTES = 1024 * 1024
/** How often a file that could not be written is tried again: a disk gets room when somebody makes it. */
export const RETRY_MS = 1000
/** How long the old file is written on where it could not be rotated. */
export const ROTATE_RETRY_MS = 60 * 1000

export interface Rotation extends Retention {
  /** A line that would make the file longer than this goes into a new one. */
  maxBytes: number
}

export interface RotatingFileOptions {
  /** Relative to the working directory or absolute. Missing directories are made. */
  path: string
  /** Absent: never rotated by itself, and nothing is deleted. */
  rotation?: Rotation
  clock: Clock
  /** Takes one line, once an outage: the log cannot be told then. */
  complain(line: string): void
  /** Takes what the log itself should say of its file. */
  tell(message: string, error?: unknown): void
  maxPendingBytes?: number
}

/**
 * A log file that rotates. Writes in the order of its lines, one batch at a time; nothing of it throws once it is
 * open. While the file cannot be written lines wait, and a line that was written in half is completed then.
 */
export class RotatingFile {
  readonly #options: RotatingFileOptions
  readonly #maxPendingBytes: number
  #fd: number | undefined
  /** Of the file; only this server appends to it. */
  #size = 0
  #lines: string[] = []
  /** In {@link #lines} and in the batch. */
  #pendingBytes = 0
  #batch: Buffer | undefined
  /** Of the batch. */
  #written = 0
  #lost = 0
  /** Since when, and why, nothing can be written. */
  #outage: { sinceMs: number; reason: string } | undefined
  #running: Promise<void> | undefined
  #retry: Timer | undefined
  #rotateAsked = false
  /** Before this the file is not rotated, as that has just failed. */
  #rotateAfterMs = -Infinity
  #tidying: Promise<void> = Promise.resolve()
  #closed = false

  /** @throws Error with a one-line message when the file cannot be opened. */
  constructor(options: RotatingFileOptions) {
    this.#options = options
    this.#maxPendingBytes = options.maxPendingBytes ?? MAX_PENDING_BYTES
    const { path } = options
    try {
      makeDirectories(dirname(resolve(path)))
      this.#fd = openSync(path, 'a', 0o644)
    } catch (error) {
      throw new Error(`the log file ${path} cannot be opened: ${describeError(error)}`, { cause: error })
    }
    this.#tidy()
  }

  /** @param line ends with a newline; lost once the file is closed. */
  write(line: string): void {
    if (this.#closed) return
    const bytes = Buffer.byteLength(line)
    if (this.#pendingBytes + bytes > this.#maxPendingBytes) {
      this.#lost++
      this.#failed('too many lines wait')
      return
    }
    this.#lines.push(line)
    this.#pendingBytes += bytes
    if (this.#retry === undefined) this.#start()
  }

  /**
   * Gives the file its backup's name and begins a new one, unless it is empty; opens the file anew where somebody else
   * has moved it. Resolves when that is done, or has failed.
   */
  async rotate(): Promise<void> {
    this.#rotateAsked = true
    if (this.#closed) return
    await this.#running
    this.#start()
    await this.#running
  }

  /** Writes what waits, if that is possible now. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#running
    this.#start()
    await this.#running
    this.#retry?.cancel()
    await this.#tidying
    const { path, complain } = this.#options
    const unwritten = this.#lost + this.#lines.length + newlines(this.#batch?.subarray(this.#written))
    if (unwritten > 0) complain(`Error: ${unwritten} lines of the log file ${path} were lost\n`)
    if (this.#fd !== undefined) await close(this.#fd).catch(() => undefined)
    this.#fd = undefined
  }

  #start(): void {
    this.#retry?.cancel()
    this.#retry = undefined
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    try {
      // What is logged in one turn of the event loop is written together.
      await Promise.resolve()
      while (this.#rotateAsked || this.#pendingBytes > 0) {
        await this.#ensureOpen()
        // Into an empty file go the lines that were there before it was asked for.
        if (this.#rotateAsked && (this.#size > 0 || this.#pendingBytes === 0)) {
          this.#rotateAsked = false
          if (this.#size > 0) await this.#rotate()
        } else {
          await this.#writeBatch()
        }
      }
    } catch (error) {
      this.#failed(describeError(error))
      this.#retry = this.#options.clock.after(RETRY_MS, () => this.#start())
    }
  }

  #failed(reason: string): void {
    if (this.#outage !== undefined) return
    const { path, clock, complain } = this.#options
    this.#outage = { sinceMs: clock.monotonic(), reason }
    complain(`Error: the log file ${path} is not being written: ${reason}\n`)
  }

  /** A batch is on the disk. */
  #worked(): void {
    // While more lines come than are written the outage is not over; a log that is being closed takes no more lines.
    if (this.#outage === undefined || this.#closed || this.#pendingBytes > this.#maxPendingBytes / 2) return
    const { sinceMs, reason } = this.#outage
    const seconds = Math.round((this.#options.clock.monotonic() - sinceMs) / 1000)
    const lost = this.#lost === 0 ? 'no line was lost' : `lines lost: ${this.#lost}`
    this.#outage = undefined
    this.#lost = 0
    this.#options.tell(`the log file could not be written for ${seconds} seconds (${reason}); ${lost}`)
  }

  /** Somebody may have deleted or moved the file: then lines would go where nobody sees them. */
  async #ensureOpen(): Promise<void> {
    const { path } = this.#options
    if (this.#fd !== undefined) {
      const [own, there] = await Promise.all([fstat(this.#fd), stat(path).catch(() => undefined)])
      // A terminal or a pipe may have no name.
      if (!own.isFile()) return
      if (there?.ino === own.ino && there.dev === own.dev) {
        this.#size = own.size
        return
      }
      const left = this.#fd
      this.#fd = undefined
      await close(left)
    }
    makeDirectories(dirname(resolve(path)))
    this.#fd = await open(path, 'a', 0o644)
    this.#size = (await fstat(this.#fd)).size
    this.#beginLineAgain()
  }

  /** In another file: the half of a line that is in the old one is of no use there. */
  #beginLineAgain(): void {
    if (this.#batch !== undefined && this.#written > 0)
      this.#written = this.#batch.lastIndexOf('\n', this.#written - 1) + 1
  }

  async #writeBatch(): Promise<void> {
    if (this.#batch === undefined) {
      const next = Buffer.byteLength(this.#lines[0] ?? '')
      if (this.#size > 0 && this.#size + next > this.#maxBytes()) await this.#rotate()
      this.#batch = this.#takeBatch(this.#maxBytes() - this.#size)
    }
    const batch = this.#batch
    while (this.#written < batch.length) {
      if (this.#fd === undefined) throw new Error('the log file is closed')
      // A disk that has room for a part takes that part, and says so without an error.
      const { bytesWritten } = await write(this.#fd, batch, this.#written, batch.length - this.#written, null)
      if (bytesWritten === 0) throw new Error('the disk takes nothing')
      this.#written += bytesWritten
    }
    this.#pendingBytes -= batch.length
    this.#batch = undefined
    this.#written = 0
    this.#worked()
  }

  /** At least one line. @param room bytes left in the file. */
  #takeBatch(room: number): Buffer {
    let bytes = 0
    let count = 0
    for (const line of this.#lines) {
      const length = Buffer.byteLength(line)
      if (count > 0 && bytes + length > Math.min(room, MAX_BATCH_BYTES)) break
      bytes += length
      count++
    }
    return Buffer.from(this.#lines.splice(0, count).join(''))
  }

  #maxBytes(): number {
    const { rotation, clock } = this.#options
    return rotation === undefined || clock.monotonic() < this.#rotateAfterMs ? Infinity : rotation.maxBytes
  }

  /** Never rejects: where it fails the old file goes on. */
  async #rotate(): Promise<void> {
    const { path, clock, tell } = this.#options
    const old = this.#fd
    if (old === undefined) return
    try {
      const { mode, uid, gid } = await fstat(old)
      const backup = await this.#freeBackupPath()
      await rename(path, backup)
      try {
        this.#fd = await open(path, 'a', mode & 0o777)
      } catch (error) {
        await rename(backup, path)
        throw error
      }
      this.#size = 0
      this.#beginLineAgain()
      // As the old one was, whatever the umask; not allowed to everybody.
      await fchmod(this.#fd, mode & 0o777).catch(() => undefined)
      await fchown(this.#fd, uid, gid).catch(() => undefined)
      await close(old).catch(() => undefined)
      this.#tidy()
    } catch (error) {
      this.#rotateAfterMs = clock.monotonic() + ROTATE_RETRY_MS
      tell('the log file cannot be rotated, and grows', error)
    }
  }

  async #freeBackupPath(): Promise<string> {
    const { path, clock } = this.#options
    for (let timeMs = clock.now(); ; timeMs++) {
      const backup = backupPath(path, timeMs)
      const taken = await Promise.all([backup, `${backup}.gz`].map((one) => stat(one).catch(() => undefined)))
      if (taken.every((there) => there === undefined)) return backup
    }
  }

  /** In the background, one after the other: compressing must not hold up the lines. */
  #tidy(): void {
    const { path, rotation, clock, tell } = this.#options
    if (rotation === undefined) return
    this.#tidying = this.#tidying
      .then(() => tidyBackups(path, rotation, clock.now()))
      .catch((error: unknown) => tell('old log files could not be deleted or compressed', error))
  }
}

/** Step by step: Node's recursive mkdir never returns where a file system answers ENOENT, as Linux's /proc does. */
function makeDirectories(path: string): void {
  if (existsSync(path)) return
  makeDirectories(dirname(path))
  mkdirSync(path, { mode: 0o744 })
}

function newlines(bytes: Buffer | undefined): number {
  return bytes?.toString('latin1').match(/\n/g)?.length ?? 0
}
