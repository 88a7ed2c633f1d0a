import { open } from 'node:fs/promises'
import sqlite3 from 'sqlite3'
import type { SqlDatabase, Value } from '../sql/database.ts'

/** How long a statement waits while another process writes. */
export const BUSY_TIMEOUT_MS = 5_000

/** A promise for each call of the `sqlite3` package that is used here. */
export class Database implements SqlDatabase {
  readonly #db: sqlite3.Database

  private constructor(db: sqlite3.Database) {
    this.#db = db
  }

  /** Opens a database for writing, and makes an empty one, readable by its owner only, where there is no file. */
  static async open(path: string): Promise<Database> {
    await createMissing(path)
    const db = await new Promise<sqlite3.Database>((resolve, reject) => {
      const opened: sqlite3.Database = new sqlite3.Database(path, sqlite3.OPEN_READWRITE, (error) =>
        error === null ? resolve(opened) : reject(error),
      )
    })
    db.configure('busyTimeout', BUSY_TIMEOUT_MS)
    // A connection runs one statement at a time anyway; unqueued, a burst would hold every thread of libuv's pool.
    db.serialize()
    return new Database(db)
  }

  run(sql: string, params: readonly Value[] = []): Promise<{ lastID: number; changes: number }> {
    return new Promise((resolve, reject) => {
      this.#db.run(numbered(sql), [...params], function (error) {
        if (error === null) resolve({ lastID: this.lastID, changes: this.changes })
        else reject(error)
      })
    })
  }

  /** The first row, `undefined` when there is none. */
  get(sql: string, params: readonly Value[] = []): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#db.get<unknown>(sql, [...params], (error, row) => (error === null ? resolve(row) : reject(error)))
    })
  }

  all(sql: string, params: readonly Value[] = []): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      this.#db.all<unknown>(numbered(sql), [...params], (error, rows) =>
        error === null ? resolve(rows) : reject(error),
      )
    })
  }

  /** Any number of statements, without results. */
  exec(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#db.exec(sql, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  /** Waits for what was asked before. */
  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#db.close((error) => (error === null ? resolve() : reject(error)))
    })
  }
}

/** To SQLite `$1` is a name, and named parameters are counted as they appear. */
function numbered(sql: string): string {
  return sql.replaceAll(/\$(\d+)/g, '?$1')
}

/** Password hashes are stored, so the file is not left to the umask. An existing file is not touched. */
async function createMissing(path: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600)
    await file.close()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}
