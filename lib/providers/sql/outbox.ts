import { z } from 'zod'
import type { Outbox, OutboxEntry, OutboxOwner } from '../outbox.ts'
import type { SqlDatabase, Value } from './database.ts'
import type { Dialect } from './dialect.ts'
import { quoted } from './dialect.ts'

/** Behind the name of the accounts' table: several servers with tables of their own may share a database. */
export const OUTBOX_SUFFIX = '_outbox'
export const OUTBOX_COLUMNS = ['owner', 'id', 'kind', 'created_at', 'payload'] as const

/** Entries to one statement: enough to save round trips, and few enough that the statements that differ stay few. */
const MAX_ROWS = 64
/** Well below MySQL's usual max_allowed_packet of 16 MiB. */
const MAX_STATEMENT_BYTES = 2 * 1024 * 1024

/** Of a statement that meets others; several servers that take over at once need two or three. */
const MAX_ATTEMPTS = 10

const entryRow = z.object({ id: z.string(), kind: z.string(), created_at: z.int(), payload: z.string() })
const ownerRow = z.object({ owner: z.string(), until_ms: z.int() })

export interface SqlOutboxOptions {
  /** Asks the database; errors become those of the provider. */
  ask: <T>(question: (db: SqlDatabase) => Promise<T>) => Promise<T>
  dialect: Dialect
  /** Of the accounts. */
  table: string
}

/** Entries in a table of a SQL database, beside one that says who is alive. */
export class SqlOutbox implements Outbox {
  readonly #ask: SqlOutboxOptions['ask']
  readonly #entries: string
  readonly #owners: string
  readonly #dialect: Dialect

  constructor({ ask, dialect, table }: SqlOutboxOptions) {
    this.#ask = ask
    this.#entries = quoted(table + OUTBOX_SUFFIX, dialect)
    this.#owners = quoted(`${table}${OUTBOX_SUFFIX}_owners`, dialect)
    this.#dialect = dialect
  }

  async hold(owner: string, untilMs: number): Promise<void> {
    const { changes } = await this.#run(`UPDATE ${this.#owners} SET until_ms = $2 WHERE owner = $1`, [owner, untilMs])
    if (changes > 0) return
    await this.#run(`INSERT INTO ${this.#owners} (owner, until_ms) VALUES ($1, $2)`, [owner, untilMs])
  }

  async add(owner: string, entries: readonly OutboxEntry[]): Promise<void> {
    for (const chunk of chunks(entries)) {
      const marks = chunk.map((_, at) => `($1, $${at * 4 + 2}, $${at * 4 + 3}, $${at * 4 + 4}, $${at * 4 + 5})`)
      await this.#run(
        `INSERT INTO ${this.#entries} (${OUTBOX_COLUMNS.join(', ')}) VALUES ${marks.join(', ')} ${this.#dialect.keepFirst}`,
        [owner, ...chunk.flatMap(({ id, kind, createdMs, payload }) => [id, kind, createdMs, payload])],
      )
    }
  }

  async owners(): Promise<OutboxOwner[]> {
    const rows = await this.#ask((db) =>
      db.all(`SELECT owner, until_ms FROM ${this.#owners} UNION ALL
        SELECT DISTINCT owner, 0 AS until_ms FROM ${this.#entries}
        WHERE owner NOT IN (SELECT owner FROM ${this.#owners})`),
    )
    return z
      .array(ownerRow)
      .parse(rows)
      .map(({ owner, until_ms: untilMs }) => ({ owner, untilMs }))
  }

  async takeOver({ owner, untilMs }: OutboxOwner, to: string): Promise<void> {
    await this.#run(`DELETE FROM ${this.#owners} WHERE owner = $1 AND until_ms = $2`, [owner, untilMs])
    const alive = await this.#ask((db) => db.all(`SELECT owner FROM ${this.#owners} WHERE owner = $1`, [owner]))
    if (alive.length > 0) return
    await this.#run(`UPDATE ${this.#entries} SET owner = $2 WHERE owner = $1`, [owner, to])
  }

  async entries(owner: string, after: string, limit: number): Promise<OutboxEntry[]> {
    const rows = await this.#ask((db) =>
      db.all(
        `SELECT id, kind, created_at, payload FROM ${this.#entries} WHERE owner = $1 AND id > $2
          ORDER BY id LIMIT ${Math.trunc(limit)}`,
        [owner, after],
      ),
    )
    return z
      .array(entryRow)
      .parse(rows)
      .map(({ created_at: createdMs, ...rest }) => ({ ...rest, createdMs }))
  }

  async remove(owner: string, ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += MAX_ROWS) {
      const chunk = ids.slice(at, at + MAX_ROWS)
      const marks = chunk.map((_, index) => `$${index + 2}`).join(', ')
      await this.#run(`DELETE FROM ${this.#entries} WHERE owner = $1 AND id IN (${marks})`, [owner, ...chunk])
    }
  }

  async letGo(owner: string): Promise<void> {
    await this.#run(`DELETE FROM ${this.#owners} WHERE owner = $1`, [owner])
  }

  /** Every statement here may be asked again. */
  #run(sql: string, params: readonly Value[]): Promise<{ changes: number }> {
    return this.#ask(async (db) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await db.run(sql, params)
        } catch (error) {
          if (attempt === MAX_ATTEMPTS || !this.#dialect.isUndone(error)) throw error
        }
      }
    })
  }
}

/** Each with at least one entry. */
function* chunks(entries: readonly OutboxEntry[]): Generator<OutboxEntry[]> {
  let chunk: OutboxEntry[] = []
  let bytes = 0
  for (const entry of entries) {
    const length = Buffer.byteLength(entry.payload)
    if (chunk.length > 0 && (chunk.length === MAX_ROWS || bytes + length > MAX_STATEMENT_BYTES)) {
      yield chunk
      chunk = []
      bytes = 0
    }
    chunk.push(entry)
    bytes += length
  }
  if (chunk.length > 0) yield chunk
}
