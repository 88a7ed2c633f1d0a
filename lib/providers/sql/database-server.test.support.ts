import type { ProviderConfig } from '../open.ts'

/** A database server that the tests of one file share. */
export interface DatabaseServer {
  /** Leads to it over 127.0.0.1, without TLS, as the owner of the empty database "accounts". */
  config: ProviderConfig
  /** Where its socket is. */
  socketFolder: string
  /** File of the authority that signed its certificate for "localhost". */
  authority: string
  /** What another program sees in the database, and does to it. */
  admin(sql: string, params?: (string | number)[]): Promise<Record<string, unknown>[]>
  /** One connection, until it is ended. */
  session(): Promise<Session>
  start(options?: { tls?: boolean }): Promise<void>
  /** Ends it as a crash does. */
  kill(): Promise<void>
  remove(): Promise<void>
}

export interface Session {
  ask(sql: string, params?: (string | number)[]): Promise<Record<string, unknown>[]>
  end(): Promise<void>
}

export const CONFIG: ProviderConfig = {
  driver: '',
  name: '',
  host: '',
  port: 0,
  username: '',
  password: '',
  sslmode: 0,
  connection_string: '',
  pool_size: 0,
  users_table: 'users',
}

/** One connection for many questions, made with the first one; after `forget` with the next one. */
export class KeptSession {
  readonly #open: () => Promise<Session>
  #session: Promise<Session> | undefined

  constructor(open: () => Promise<Session>) {
    this.#open = open
  }

  async ask(sql: string, params: (string | number)[] = []): Promise<Record<string, unknown>[]> {
    return (await (this.#session ??= this.#open())).ask(sql, params)
  }

  async forget(): Promise<void> {
    const session = this.#session
    this.#session = undefined
    await (await session)?.end()
  }
}
