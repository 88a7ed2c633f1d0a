import { connect } from 'node:net'
import { createPool } from 'mysql2'
import type { ConnectionOptions, ResultSetHeader, RowDataPacket } from 'mysql2'
import type { Pool, PoolConnection } from 'mysql2/promise'
import type { Clock } from '../../clock.ts'
import type { SqlDatabase, Value } from '../sql/database.ts'
import { ANSWER_LIMIT_MS, beforeDeadline } from '../sql/deadline.ts'
import { code } from './dialect.ts'
import type { MysqlSettings } from './settings.ts'

export interface MysqlDatabaseOptions {
  settings: MysqlSettings
  /** Most connections at a time, from 1. */
  poolSize: number
  /** PEM. */
  authorities: string[]
  clock: Clock
}

/** Else a server may cut what is too long and round what is out of range instead of refusing it. */
const STRICT = "SET SESSION sql_mode = CONCAT_WS(',', NULLIF(@@SESSION.sql_mode, ''), 'STRICT_ALL_TABLES')"

/** Connections to a MySQL or MariaDB server, made when they are needed. */
export class MysqlDatabase implements SqlDatabase {
  readonly #options: MysqlDatabaseOptions
  #pool: Pool

  constructor(options: MysqlDatabaseOptions) {
    this.#options = options
    this.#pool = openPool(options, options.settings.tls !== 'false')
  }

  all(sql: string, params: readonly Value[] = []): Promise<unknown[]> {
    return this.#use((connection) => new Session(connection).all(sql, params))
  }

  run(sql: string, params: readonly Value[] = []): Promise<{ lastID: number; changes: number }> {
    return this.#use((connection) => new Session(connection).run(sql, params))
  }

  /** Lends one connection for as long as `work` takes. */
  async borrow<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const connection = await this.#connection()
    try {
      return await work(new Session(connection))
    } finally {
      connection.release()
    }
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  async #use<T>(work: (connection: PoolConnection) => Promise<T>): Promise<T> {
    const connection = await this.#connection()
    const giveUp = () => connection.destroy()
    try {
      return await beforeDeadline(this.#options.clock, 'answer of the database', work(connection), { giveUp })
    } finally {
      connection.release()
    }
  }

  async #connection(): Promise<PoolConnection> {
    const pool = this.#pool
    const late = (connection: PoolConnection) => connection.release()
    try {
      return await beforeDeadline(this.#options.clock, 'connection to the database', pool.getConnection(), { late })
    } catch (error) {
      if (this.#options.settings.tls !== 'preferred' || code(error) !== 'HANDSHAKE_NO_SSL_SUPPORT') throw error
      if (this.#pool === pool) {
        this.#pool = openPool(this.#options, false)
        await pool.end()
      }
      return this.#pool.getConnection()
    }
  }
}

/** One connection. */
class Session {
  readonly #connection: PoolConnection

  constructor(connection: PoolConnection) {
    this.#connection = connection
  }

  async all(sql: string, params: readonly Value[]): Promise<unknown[]> {
    const [rows] = await this.#connection.execute<RowDataPacket[]>(...positional(sql, params))
    return rows
  }

  async run(sql: string, params: readonly Value[]): Promise<{ lastID: number; changes: number }> {
    const [{ insertId, affectedRows }] = await this.#connection.execute<ResultSetHeader>(...positional(sql, params))
    return { lastID: insertId, changes: affectedRows }
  }

  /** One statement without parameters, such as cannot be prepared. */
  async exec(sql: string): Promise<void> {
    await this.#connection.query(sql)
  }
}

function openPool(options: MysqlDatabaseOptions, encrypted: boolean): Pool {
  const pool = createPool({
    ...connectionOptions(options, encrypted),
    connectionLimit: options.poolSize,
    waitForConnections: true,
  })
  pool.on('connection', (connection) => {
    // A connection that is lost may say so more than once; the pool drops it, and the query in progress is told.
    connection.on('error', () => undefined)
    connection.query(STRICT, (error) => {
      if (error !== null) connection.destroy()
    })
  })
  return pool.promise()
}

function connectionOptions({ settings, authorities }: MysqlDatabaseOptions, encrypted: boolean): ConnectionOptions {
  const { socketPath, host, port, user, password, database, tls } = settings
  const place = socketPath === undefined ? { host, port, stream: () => openSocket(host, port) } : { socketPath }
  const verify = tls === 'true'
  return {
    ...place,
    user,
    password,
    database,
    connectTimeout: ANSWER_LIMIT_MS,
    charset: 'utf8mb4',
    // What does not fit a number exactly comes as text, and then the row is refused instead of rounded.
    supportBigNumbers: true,
    multipleStatements: false,
    ...(encrypted ? { ssl: { ca: authorities, rejectUnauthorized: verify, verifyIdentity: verify } } : {}),
  }
}

/**
 * A socket that remembers its host: TLS compares the certificate with it. The package leaves the name out for IP
 * addresses, and a certificate for "localhost" would then do for any of them.
 */
function openSocket(host: string, port: number) {
  const socket = connect({ host, port, noDelay: true, keepAlive: true })
  return Object.assign(socket, { _host: host })
}

/** The server knows `?` alone, so a parameter that stands twice is sent twice. */
function positional(sql: string, params: readonly Value[]): [sql: string, params: Value[]] {
  const sent: Value[] = []
  const text = sql.replaceAll(/\$(\d+)/g, (_, number: string) => {
    sent.push(params[Number(number) - 1] ?? null)
    return '?'
  })
  return [text, sent]
}
