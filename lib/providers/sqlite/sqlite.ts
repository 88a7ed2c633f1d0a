import { z } from 'zod'
import type { Log } from '../../logging/log.ts'
import type { Provider } from '../provider.ts'
import { ProviderError } from '../provider.ts'
import type { SchemaScript } from '../scripts.ts'
import { checkedTableName, schemaScripts } from '../scripts.ts'
import { OUTBOX } from '../sql/schema.ts'
import { SqlProvider } from '../sql/sql-provider.ts'
import { BUSY_TIMEOUT_MS, Database } from './database.ts'
import { sqliteDialect } from './dialect.ts'
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
 * Accounts in a SQLite file, which other processes may use at the same time; the file and the table are made when there
 * are none. A database of SFTPGo 0.9.4 opens as it is.
 * @throws ProviderError `unavailable`, naming the path and what is wrong with it.
 */
export async function openSqliteProvider(options: SqliteOptions): Promise<Provider> {
  const { db, table } = await open(options)
  const prepareOutbox = () => makeOutbox(db, table)
  return new SqlProvider({ db, dialect: sqliteDialect, table, log: options.log, prepareOutbox })
}

/**
 * Makes the file and the table, or completes the table.
 * @param parts with `outbox` the tables too that notifications wait in.
 * @returns the names of the schema steps that were run.
 * @throws as {@link openSqliteProvider}.
 */
export async function initSqlite(options: SqliteOptions, { outbox = false } = {}): Promise<string[]> {
  const { db, table, applied } = await open(options)
  try {
    return outbox ? [...applied, ...(await makeOutbox(db, table))] : applied
  } finally {
    await db.close()
  }
}

async function makeOutbox(db: Database, table: string): Promise<string[]> {
  return applySchema(db, table, await schemaScripts('sqlite', 'users_outbox'), OUTBOX)
}

async function open({ path, usersTable, log, scripts }: SqliteOptions) {
  const table = checkedTableName(usersTable)
  const steps = scripts ?? (await schemaScripts('sqlite'))
  let db: Database | undefined
  try {
    db = await Database.open(path)
    const applied = await applySchema(db, table, steps)
    if (applied.length > 0) log.app('sqlite', 'info', `${path}: schema steps applied: ${applied.join(', ')}`)
    await configure(db, path, log)
    return { db, table, applied }
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
