import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { InFlightStore } from './in-flight.ts'

const noteSchema = z.object({ username: z.string(), instances: z.array(z.string()) })

const NOTE = /^[0-9a-f]{64}\.json$/

/**
 * Accounts with work under way, a small file each: who, and which processes. They survive the process, so that
 * the next one finds the accounts that a crash left in the middle of something. Never removed with the folder.
 */
export class InFlightFolder implements InFlightStore {
  readonly #folder: string
  readonly #instance: string
  /** Processes that ended in the middle of something, by account. */
  readonly #earlier = new Map<string, readonly string[]>()
  readonly #current = new Set<string>()

  private constructor(folder: string, instance: string) {
    this.#folder = folder
    this.#instance = instance
  }

  /** @throws Error of the system when the folder cannot be made, read or written. */
  static async open(folder: string, instance: string): Promise<InFlightFolder> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const opened = new InFlightFolder(folder, instance)
    for (const name of await readdir(folder)) {
      const note = NOTE.test(name) ? await opened.#read(join(folder, name)) : undefined
      if (note !== undefined) opened.#earlier.set(note.username, note.instances)
    }
    // Finds out now, and not in the middle of an upload, whether notes can be left here.
    await opened.#write(join(folder, 'probe'), { username: '', instances: [] })
    await unlink(join(folder, 'probe'))
    return opened
  }

  /** Accounts that earlier processes left in the middle of something, with the instances of those. */
  get leftovers(): ReadonlyMap<string, readonly string[]> {
    return this.#earlier
  }

  async remember(username: string): Promise<void> {
    this.#current.add(username)
    await this.#store(username)
  }

  async forget(username: string): Promise<void> {
    this.#current.delete(username)
    await this.#store(username)
  }

  /** What earlier processes left of this account is put right. */
  async recovered(username: string): Promise<void> {
    this.#earlier.delete(username)
    await this.#store(username)
  }

  async #store(username: string): Promise<void> {
    const instances = [...(this.#earlier.get(username) ?? []), ...(this.#current.has(username) ? [this.#instance] : [])]
    const path = join(this.#folder, `${createHash('sha256').update(username).digest('hex')}.json`)
    if (instances.length > 0) return this.#write(path, { username, instances })
    await unlink(path).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    })
  }

  /** Whole or not at all: a crash may come in the middle. */
  async #write(path: string, note: z.infer<typeof noteSchema>): Promise<void> {
    const fresh = `${path}.${this.#instance}`
    await writeFile(fresh, JSON.stringify(note), { mode: 0o600 })
    await rename(fresh, path)
  }

  /** A file that is no note is left alone. */
  async #read(path: string): Promise<z.infer<typeof noteSchema> | undefined> {
    try {
      return noteSchema.parse(JSON.parse(await readFile(path, 'utf8')))
    } catch {
      return undefined
    }
  }
}
