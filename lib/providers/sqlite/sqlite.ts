import { z } from 'zod'
import type { NewUser, User } from '../../accounts/user.ts'
import type { Log } from '../../logging/log.ts'
import type { Provider, QuotaUse, UserQuery } from '../provider.ts'
import { ProviderError } from '../provider.ts'
import { BadRow, SETTABLE_COLUMNS, settableValues, USER_COLUMNS, userFromRow } from '../rows.ts'
import type { SchemaScript } from '../scripts.ts'
import { checkedTableName, schemaScripts } from '../scripts.ts'
import type { Value } from './database.ts'
import { BUSY_TIMEOUT_MS, Database } from './database.ts'
import { applySchema } from './schema.ts'

export interface SqliteOptions {
  /** Of the database file; made when there is none, its folder is not. */
  path: string
  /** Letters, digits and `_`. */
  usersTable: string
  log: Log
  /** The schema's steps, in order; those of the package when absent. */
  scripts?: readonly SchemaScript[]
}

/**
 * Accounts in a SQLite file, which other processes may use at the same time. A database of SFTPGo 0.9.4 opens as it is.
 * @throws ProviderError `unavailable`, naming the path and what is wrong with it.
 */
export async function openSqliteProvider({ path, usersTable, log, scripts }: SqliteOptions): Promise<Provider> {
  const table = checkedTableName(usersTable)
  const steps = scripts ?? (await schemaScripts('sqlite'))
  let db: Database | undefined
  try {
    db = await Database.open(path)
    const applied = await applySchema(db, table, steps)
    if (applied.length > 0) log.app('sqlite', 'info', `${path}: schema steps applied: ${applied.join(', ')}`)
    await configure(db, path, log)
    return new SqliteProvider(db, table, log)
  } catch (error) {
    await db?.close()
    throw new ProviderError('unavailable', `cannot open the SQLite database ${path}: ${reason(error)}`, {
      cause: error,
    })
  }
}

async function configure(db: Database, path: string, log: Log): Promise<void> {
  const mode = await journalMode(db)
  if (mode !== 'wal') {
    log.app('sqlite', 'warn', `${path}: no write-ahead log (journal mode ${mode}), logins wait while others write`)
  }
  // With NORMAL a power cut could undo the last changes: an account that was disabled would be active again.
  await db.exec('PRAGMA synchronous = FULL')
}

const WAL_ATTEMPTS = 10
/** Short: a program that reads on and on must not hold up the start. */
const WAL_WAIT_MS = 20

/**
 * Asks for a write-ahead log and gives the mode that came of it: a network file system has none, and a file that
 * another program is reading keeps what it has.
 */
async function journalMode(db: Database): Promise<string> {
  for (let attempt = 1; attempt <= WAL_ATTEMPTS; attempt++) {
    try {
      await db.exec(`PRAGMA busy_timeout = ${WAL_WAIT_MS}`)
      return modeOf(await db.get('PRAGMA journal_mode = WAL'))
    } catch (error) {
      if (!isBusy(error)) throw error
    } finally {
      await db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
    }
    // The switch does not wait for other servers that start now, a transaction does.
    await db.exec('BEGIN IMMEDIATE; ROLLBACK')
  }
  return modeOf(await db.get('PRAGMA journal_mode'))
}

function modeOf(row: unknown): string {
  return z.object({ journal_mode: z.string() }).parse(row).journal_mode
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY'
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'ENOENT') return 'its folder does not exist'
  return error.message
}

class SqliteProvider implements Provider {
  readonly driver = 'sqlite'
  readonly #db: Database
  readonly #table: string
  readonly #log: Log
  #closing: Promise<void> | undefined

  constructor(db: Database, table: string, log: Log) {
    this.#db = db
    this.#table = `"${table}"`
    this.#log = log
  }

  async checkAvailability(): Promise<void> {
    await this.#ask((db) => db.get(`SELECT 1 FROM ${this.#table} LIMIT 1`))
  }

  userByName(username: string): Promise<User | undefined> {
    return this.#one('username = ?', [username])
  }

  userById(id: number): Promise<User | undefined> {
    return this.#one('id = ?', [id])
  }

  /** Rows that cannot be read are logged and left out. */
  async users({ limit, offset, order, username }: UserQuery): Promise<User[]> {
    const filter = username === undefined ? '' : 'WHERE username = ?'
    const direction = order === 'DESC' ? 'DESC' : 'ASC'
    const sql = `${this.#select()} ${filter} ORDER BY username ${direction} LIMIT ? OFFSET ?`
    const params = username === undefined ? [limit, offset] : [username, limit, offset]
    const rows = await this.#ask((db) => db.all(sql, params))
    return rows.flatMap((row) => {
      try {
        return [this.#read(row)]
      } catch (error) {
        if (!(error instanceof BadRow)) throw error
        this.#log.app('sqlite', 'error', error.message)
        return []
      }
    })
  }

  async addUser(user: NewUser): Promise<User> {
    const columns = ['username', ...SETTABLE_COLUMNS]
    const marks = columns.map(() => '?').join(', ')
    const { lastID } = await this.#ask((db) =>
      db.run(
        `INSERT INTO ${this.#table} (${columns.join(', ')}, used_quota_size, used_quota_files, last_quota_update,
          last_login) VALUES (${marks}, 0, 0, 0, 0)`,
        [user.username, ...settableValues(user)],
      ),
    )
    const stored = await this.userById(lastID)
    if (stored === undefined) throw notFound(`id ${lastID}`)
    return stored
  }

  async updateUser(user: User): Promise<void> {
    const settings = SETTABLE_COLUMNS.map((column) => `${column} = ?`).join(', ')
    const { changes } = await this.#ask((db) =>
      db.run(`UPDATE ${this.#table} SET ${settings} WHERE id = ?`, [...settableValues(user), user.id]),
    )
    if (changes === 0) throw notFound(`id ${user.id}`)
  }

  async deleteUser(id: number): Promise<void> {
    const { changes } = await this.#ask((db) => db.run(`DELETE FROM ${this.#table} WHERE id = ?`, [id]))
    if (changes === 0) throw notFound(`id ${id}`)
  }

  async addUse(username: string, change: QuotaUse, nowMs: number): Promise<void> {
    // The package binds numbers above 32 bits as floating point: CAST keeps the sum an integer.
    await this.#ask((db) =>
      db.run(
        `UPDATE ${this.#table} SET used_quota_size = max(0, used_quota_size + CAST(? AS INTEGER)),
          used_quota_files = max(0, used_quota_files + CAST(? AS INTEGER)), last_quota_update = ? WHERE username = ?`,
        [change.size, change.files, nowMs, username],
      ),
    )
  }

  async resetUse(username: string, use: QuotaUse, nowMs: number): Promise<void> {
    await this.#ask((db) =>
      db.run(
        `UPDATE ${this.#table} SET used_quota_size = ?, used_quota_files = ?, last_quota_update = ? WHERE username = ?`,
        [use.size, use.files, nowMs, username],
      ),
    )
  }

  async usedQuota(username: string): Promise<QuotaUse> {
    const sql = `SELECT used_quota_size AS size, used_quota_files AS files FROM ${this.#table} WHERE username = ?`
    const row = await this.#ask((db) => db.get(sql, [username]))
    if (row === undefined) throw notFound(JSON.stringify(username))
    const use = z.object({ size: z.int(), files: z.int() }).safeParse(row)
    if (!use.success)
      throw new ProviderError('unavailable', `stored quota of ${JSON.stringify(username)} is not readable`)
    return use.data
  }

  async setLastLogin(username: string, nowMs: number): Promise<void> {
    await this.#ask((db) => db.run(`UPDATE ${this.#table} SET last_login = ? WHERE username = ?`, [nowMs, username]))
  }

  close(): Promise<void> {
    this.#closing ??= this.#db.close()
    return this.#closing
  }

  #select(): string {
    return `SELECT ${USER_COLUMNS.join(', ')} FROM ${this.#table}`
  }

  async #one(condition: string, params: readonly Value[]): Promise<User | undefined> {
    const row = await this.#ask((db) => db.get(`${this.#select()} WHERE ${condition}`, params))
    if (row === undefined) return undefined
    try {
      return this.#read(row)
    } catch (error) {
      if (error instanceof BadRow) throw new ProviderError('unavailable', error.message, { cause: error })
      throw error
    }
  }

  #read(row: unknown): User {
    return userFromRow(row, (text) => this.#log.app('sqlite', 'warn', text))
  }

  async #ask<T>(question: (db: Database) => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw new ProviderError('unavailable', 'the data provider is closed')
    try {
      return await question(this.#db)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      if (message.includes('UNIQUE constraint failed')) {
        throw new ProviderError('exists', 'the username is taken', { cause: error })
      }
      throw new ProviderError('unavailable', message, { cause: error })
    }
  }
}

function notFound(who: string): ProviderError {
  return new ProviderError('not-found', `no user with ${who}`)
}
