import { z } from 'zod'
import type { NewUser, User } from '../../accounts/user.ts'
import { describeError } from '../../logging/describe.ts'
import type { Log } from '../../logging/log.ts'
import type { Outbox } from '../outbox.ts'
import type { Provider, QuotaUse, UserFilter, UserQuery } from '../provider.ts'
import { ProviderError, USER_SORTS } from '../provider.ts'
import { BadRow, SETTABLE_COLUMNS, settableValues, USER_COLUMNS, userFromRow } from '../rows.ts'
import type { SqlDatabase, Value } from './database.ts'
import type { Dialect } from './dialect.ts'
import { quoted } from './dialect.ts'
import { SqlOutbox } from './outbox.ts'
import { INIT_HINT } from './schema.ts'

export interface SqlProviderOptions {
  /** Closed with the provider. */
  db: SqlDatabase
  dialect: Dialect
  /** Checked: it becomes a part of statements. */
  table: string
  log: Log
  /** Makes the tables that notifications wait in, where the server may do that by itself. */
  prepareOutbox?: () => Promise<unknown>
}

/** Accounts in one table of a SQL database, which other processes may use at the same time. */
export class SqlProvider implements Provider {
  readonly driver: string
  readonly #db: SqlDatabase
  readonly #dialect: Dialect
  readonly #table: string
  readonly #selectUser: string
  readonly #openOutbox: () => Promise<Outbox>
  readonly #log: Log
  #closing: Promise<void> | undefined

  constructor({ db, dialect, table, log, prepareOutbox = async () => undefined }: SqlProviderOptions) {
    this.driver = dialect.driver
    this.#db = db
    this.#dialect = dialect
    this.#table = quoted(table, dialect)
    this.#selectUser = `SELECT ${USER_COLUMNS.join(', ')} FROM ${this.#table}`
    this.#log = log
    this.#openOutbox = async () => {
      await this.#ask(prepareOutbox)
      return new SqlOutbox({ ask: (question) => this.#ask(question), dialect, table })
    }
  }

  async checkAvailability(): Promise<void> {
    await this.#ask((db) => db.all(`SELECT 1 FROM ${this.#table} LIMIT 1`))
  }

  userByName(username: string): Promise<User | undefined> {
    return this.#one(this.#dialect.nameIs('$1'), [username])
  }

  userById(id: number): Promise<User | undefined> {
    return this.#one(`id = ${this.#int('$1')}`, [id])
  }

  /** Rows that cannot be read are logged and left out. */
  async users({ limit, offset, order, sort = 'username', username, search = '' }: UserQuery): Promise<User[]> {
    const { nameIs, nameHas, bytesOf } = this.#dialect
    const params: Value[] = [limit, offset]
    const conditions: string[] = []
    if (username !== undefined) conditions.push(nameIs(`$${params.push(username)}`))
    if (search !== '') conditions.push(nameHas(`$${params.push(search)}`))
    const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
    const direction = order === 'DESC' ? 'DESC' : 'ASC'
    // It becomes a part of the statement, whatever the types promise.
    const column = USER_SORTS.find((known) => known === sort) ?? 'username'
    const value = column === 'username' || column === 'home_dir' ? bytesOf(column) : column
    const ordered = `${value} ${direction}${column === 'username' ? '' : `, ${bytesOf('username')}`}`
    const sql = `${this.#selectUser} ${filter} ORDER BY ${ordered} LIMIT $1 OFFSET $2`
    const rows = await this.#select(sql, params)
    return rows.flatMap((row) => {
      try {
        return [this.#read(row)]
      } catch (error) {
        if (!(error instanceof BadRow)) throw error
        this.#log.app('dataProvider', 'error', error.message)
        return []
      }
    })
  }

  async countUsers({ search = '' }: UserFilter): Promise<number> {
    const filter = search === '' ? '' : `WHERE ${this.#dialect.nameHas('$1')}`
    const counted = `SELECT COUNT(*) AS users FROM ${this.#table} ${filter}`
    const rows = await this.#select(counted, search === '' ? [] : [search])
    // No row at all: the table's character set has no such letters.
    return rows.length === 0 ? 0 : z.object({ users: z.coerce.number() }).parse(rows[0]).users
  }

  async addUser(user: NewUser): Promise<User> {
    const columns = ['username', ...SETTABLE_COLUMNS]
    const marks = columns.map((_, index) => `$${index + 1}`).join(', ')
    const { lastID } = await this.#ask((db) =>
      db.run(
        `INSERT INTO ${this.#table} (${columns.join(', ')}, used_quota_size, used_quota_files, last_quota_update,
          last_login) VALUES (${marks}, 0, 0, 0, 0)${this.#dialect.returningId}`,
        [user.username, ...settableValues(user)],
      ),
    )
    const stored = await this.userById(lastID)
    if (stored === undefined) throw notFound(`id ${lastID}`)
    return stored
  }

  async updateUser(user: User): Promise<void> {
    const settings = SETTABLE_COLUMNS.map((column, index) => `${column} = $${index + 2}`).join(', ')
    const { changes } = await this.#ask((db) =>
      db.run(`UPDATE ${this.#table} SET ${settings} WHERE id = ${this.#int('$1')}`, [user.id, ...settableValues(user)]),
    )
    if (changes === 0) throw notFound(`id ${user.id}`)
  }

  async deleteUser(id: number): Promise<void> {
    const { changes } = await this.#ask((db) =>
      db.run(`DELETE FROM ${this.#table} WHERE id = ${this.#int('$1')}`, [id]),
    )
    if (changes === 0) throw notFound(`id ${id}`)
  }

  async addUse(username: string, change: QuotaUse, nowMs: number): Promise<void> {
    const { greatest } = this.#dialect
    const sum = (column: string, parameter: string) => `${greatest}(0, ${column} + ${this.#int(parameter)})`
    await this.#change(
      `used_quota_size = ${sum('used_quota_size', '$2')}, used_quota_files = ${sum('used_quota_files', '$3')},
        last_quota_update = $4`,
      [username, change.size, change.files, nowMs],
    )
  }

  resetUse(username: string, use: QuotaUse, nowMs: number): Promise<void> {
    const settings = 'used_quota_size = $2, used_quota_files = $3, last_quota_update = $4'
    return this.#change(settings, [username, use.size, use.files, nowMs])
  }

  async usedQuota(username: string): Promise<QuotaUse> {
    const sql = `SELECT used_quota_size AS size, used_quota_files AS files FROM ${this.#table}
      WHERE ${this.#dialect.nameIs('$1')}`
    const [row] = await this.#select(sql, [username])
    if (row === undefined) throw notFound(JSON.stringify(username))
    const use = z.object({ size: z.int(), files: z.int() }).safeParse(row)
    if (!use.success)
      throw new ProviderError('unavailable', `stored quota of ${JSON.stringify(username)} is not readable`)
    return use.data
  }

  setLastLogin(username: string, nowMs: number): Promise<void> {
    return this.#change('last_login = $2', [username, nowMs])
  }

  openOutbox(): Promise<Outbox> {
    return this.#openOutbox()
  }

  close(): Promise<void> {
    this.#closing ??= this.#db.close()
    return this.#closing
  }

  /** None where a parameter has letters that the table has not: then no row has it. */
  #select(sql: string, params: readonly Value[]): Promise<unknown[]> {
    return this.#ask((db) => db.all(sql, params).catch(this.#unlessForeign([])))
  }

  #unlessForeign<T>(none: T): (error: unknown) => T {
    return (error) => {
      if (this.#dialect.isForeign(error)) return none
      throw error
    }
  }

  /** Drivers hand numbers over as text or as floating point: CAST makes them the integers they are. */
  #int(parameter: string): string {
    return `CAST(${parameter} AS ${this.#dialect.integer})`
  }

  async #one(condition: string, params: readonly Value[]): Promise<User | undefined> {
    const [row] = await this.#select(`${this.#selectUser} WHERE ${condition}`, params)
    if (row === undefined) return undefined
    try {
      return this.#read(row)
    } catch (error) {
      if (error instanceof BadRow) throw new ProviderError('unavailable', error.message, { cause: error })
      throw error
    }
  }

  /** Sets columns of the user whose name is the first parameter; no such user is no error. */
  async #change(settings: string, params: readonly [username: string, ...Value[]]): Promise<void> {
    const sql = `UPDATE ${this.#table} SET ${settings} WHERE ${this.#dialect.nameIs('$1')}`
    await this.#ask((db) => db.run(sql, params).catch(this.#unlessForeign(undefined)))
  }

  #read(row: unknown): User {
    return userFromRow(row, (text) => this.#log.app('dataProvider', 'warn', text))
  }

  async #ask<T>(question: (db: SqlDatabase) => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw new ProviderError('unavailable', 'the data provider is closed')
    try {
      return await question(this.#db)
    } catch (error) {
      if (this.#dialect.isTaken(error)) throw new ProviderError('exists', 'the username is taken', { cause: error })
      const hint = this.#dialect.isMissing(error) ? `: ${INIT_HINT}` : ''
      throw new ProviderError('unavailable', `${describeError(error)}${hint}`, { cause: error })
    }
  }
}

function notFound(who: string): ProviderError {
  return new ProviderError('not-found', `no user with ${who}`)
}
