import { checkServerIdentity } from 'node:tls'
import pg from 'pg'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import type { SqlDatabase, Value } from '../sql/database.ts'
import { ANSWER_LIMIT_MS, beforeDeadline } from '../sql/deadline.ts'
import type { PostgresqlSettings } from './settings.ts'

export interface PostgresqlDatabaseOptions {
  settings: PostgresqlSettings
  /** Most connections at a time, from 1. */
  poolSize: number
  /** PEM. */
  authorities: string[]
  clock: Clock
}

/** As SFTPGo's: what a balancer or a failover has moved is noticed in time. */
const LIFE_S = 1800

/** Connections to a PostgreSQL server, made when they are needed. */
export class PostgresqlDatabase implements SqlDatabase {
  readonly #pool: pg.Pool
  readonly #clock: Clock

  constructor({ settings, poolSize, authorities, clock }: PostgresqlDatabaseOptions) {
    const { host, port, user, password, database, applicationName } = settings
    this.#clock = clock
    this.#pool = new pg.Pool({
      host,
      port,
      user,
      password,
      database,
      application_name: applicationName,
      ssl: tlsOptions(settings, authorities),
      max: poolSize,
      maxLifetimeSeconds: LIFE_S,
      connectionTimeoutMillis: ANSWER_LIMIT_MS,
      keepAlive: true,
      types: { getTypeParser },
    })
    // A connection that is lost while nobody uses it; the pool has dropped it, and the next call says what is wrong.
    this.#pool.on('error', () => undefined)
  }

  async all(sql: string, params: readonly Value[] = []): Promise<unknown[]> {
    return (await this.#use((client) => client.query<pg.QueryResultRow>(sql, [...params]))).rows
  }

  async run(sql: string, params: readonly Value[] = []): Promise<{ lastID: number; changes: number }> {
    const { rows, rowCount } = await this.#use((client) => client.query<pg.QueryResultRow>(sql, [...params]))
    const inserted = z.object({ id: z.int() }).safeParse(rows[0])
    return { lastID: inserted.success ? inserted.data.id : 0, changes: rowCount ?? 0 }
  }

  /**
   * Lends one connection for as long as `work` takes.
   * @param isUsable says whether it may be lent again after `work` has failed.
   */
  async borrow<T>(
    work: (client: pg.PoolClient) => Promise<T>,
    isUsable: (error: unknown) => boolean = () => false,
  ): Promise<T> {
    const client = await beforeDeadline(this.#clock, 'connection to the database', this.#pool.connect(), {
      late: (connected) => connected.release(),
    })
    // While it is lent the pool does not listen; the query in progress is told anyway.
    const ignore = () => undefined
    client.on('error', ignore)
    try {
      const result = await work(client)
      client.release()
      return result
    } catch (error) {
      client.release(!isUsable(error))
      throw error
    } finally {
      client.off('error', ignore)
    }
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  #use<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return this.borrow((client) => beforeDeadline(this.#clock, 'answer of the database', work(client)), isRefusal)
  }
}

/** The server refused one statement, and waits for the next. */
function isRefusal(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === 'ERROR'
}

function tlsOptions({ sslmode, host }: PostgresqlSettings, authorities: string[]) {
  if (sslmode === 'disable' || host.startsWith('/')) return false
  if (sslmode === 'require') return { rejectUnauthorized: false }
  const named = sslmode === 'verify-full'
  return {
    ca: authorities,
    rejectUnauthorized: true,
    checkServerIdentity: named ? checkServerIdentity : () => undefined,
  }
}

/** The object id of int8, as PostgreSQL's catalogue has it. */
const INT8: number = pg.types.builtins.INT8

/** Eight bytes come as text, to be read by whoever knows that they fit; here those that do become numbers. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid !== INT8 || format === 'binary') return pg.types.getTypeParser(oid, format)
  return (text: string) => (Number.isSafeInteger(Number(text)) ? Number(text) : text)
}
