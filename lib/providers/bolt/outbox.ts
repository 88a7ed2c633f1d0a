import type { Database as LmdbDatabase } from 'lmdb'
import { z } from 'zod'
import type { Outbox, OutboxEntry, OutboxOwner } from '../outbox.ts'

const entrySchema = z.object({ kind: z.string(), createdMs: z.int(), payload: z.string() })

export interface BoltOutboxOptions {
  /** From owner, NUL and id to the rest of the entry. */
  entries: LmdbDatabase<string, Buffer>
  /** From owner to the time until which it is taken for alive. */
  owners: LmdbDatabase<string, Buffer>
  read<T>(question: () => T): Promise<T>
  change<T>(change: () => T): Promise<T>
}

/** Entries in two tables of their own beside the accounts'. */
export class BoltOutbox implements Outbox {
  readonly #parts: BoltOutboxOptions

  constructor(parts: BoltOutboxOptions) {
    this.#parts = parts
  }

  async hold(owner: string, untilMs: number): Promise<void> {
    await this.#parts.change(() => this.#parts.owners.putSync(Buffer.from(owner), String(untilMs)))
  }

  async add(owner: string, entries: readonly OutboxEntry[]): Promise<void> {
    await this.#parts.change(() => {
      for (const { id, ...rest } of entries) {
        const key = entryKey(owner, id)
        if (!this.#parts.entries.doesExist(key)) this.#parts.entries.putSync(key, JSON.stringify(rest))
      }
    })
  }

  owners(): Promise<OutboxOwner[]> {
    return this.#parts.read(() => {
      const found = new Map<string, number>()
      for (const { key, value } of this.#parts.owners.getRange()) found.set(key.toString(), Number(value))
      for (let next: Buffer | undefined = Buffer.alloc(1); next !== undefined;) {
        const [key] = this.#parts.entries.getKeys({ start: next, limit: 1 })
        const owner = key && ownerOf(key)
        if (owner !== undefined && !found.has(owner)) found.set(owner, 0)
        next = owner === undefined ? undefined : Buffer.from(`${owner}\u0001`)
      }
      return [...found].map(([owner, untilMs]) => ({ owner, untilMs }))
    })
  }

  async takeOver({ owner, untilMs }: OutboxOwner, to: string): Promise<void> {
    await this.#parts.change(() => {
      const held = Number(this.#parts.owners.get(Buffer.from(owner)) ?? 0)
      if (held !== untilMs) return
      this.#parts.owners.removeSync(Buffer.from(owner))
      const taken = Array.from(this.#parts.entries.getRange(rangeOf(owner)))
      for (const { key, value } of taken) {
        this.#parts.entries.putSync(entryKey(to, idOf(key)), value)
        this.#parts.entries.removeSync(key)
      }
    })
  }

  entries(owner: string, after: string, limit: number): Promise<OutboxEntry[]> {
    return this.#parts.read(() => {
      const range = { ...rangeOf(owner), start: entryKey(owner, `${after}\u0001`), limit }
      return [...this.#parts.entries.getRange(range)].map(({ key, value }) => ({
        id: idOf(key),
        ...entrySchema.parse(JSON.parse(value)),
      }))
    })
  }

  async remove(owner: string, ids: readonly string[]): Promise<void> {
    await this.#parts.change(() => {
      for (const id of ids) this.#parts.entries.removeSync(entryKey(owner, id))
    })
  }

  async letGo(owner: string): Promise<void> {
    await this.#parts.change(() => this.#parts.owners.removeSync(Buffer.from(owner)))
  }
}

function entryKey(owner: string, id: string): Buffer {
  return Buffer.from(`${owner}\0${id}`)
}

/** Owners and ids are ASCII, without control characters. */
function rangeOf(owner: string): { start: Buffer; end: Buffer } {
  return { start: Buffer.from(`${owner}\0`), end: Buffer.from(`${owner}\u0001`) }
}

function ownerOf(key: Buffer): string {
  return key.toString('utf8', 0, key.indexOf(0))
}

function idOf(key: Buffer): string {
  return key.toString('utf8', key.indexOf(0) + 1)
}
