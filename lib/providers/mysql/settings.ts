import type { NetworkConfig } from '../sql/network-config.ts'
import { assertDatabaseNamed } from '../sql/network-config.ts'
import { parseDsn } from './dsn.ts'
import type { MysqlTls } from './tls-modes.ts'
import { TLS_MODES } from './tls-modes.ts'

/** Where the server is and who asks. */
export interface MysqlSettings {
  /** Used instead of host and port when given. */
  socketPath?: string
  host: string
  port: number
  user: string
  password: string
  database: string
  tls: MysqlTls
}

/** @throws Error naming the key and what is allowed; a connection string is never quoted. */
export function mysqlSettings(config: NetworkConfig): MysqlSettings {
  if (config.connection_string !== '') return parseDsn(config.connection_string)
  assertDatabaseNamed('mysql', config.name)
  const tls = TLS_MODES[config.sslmode]
  if (tls === undefined) throw new Error(`data_provider.sslmode is ${config.sslmode}: want 0, 1, 2 or 3`)
  return {
    host: config.host === '' ? 'localhost' : config.host.replace(/^\[(.*)\]$/, '$1'),
    port: config.port,
    user: config.username,
    password: config.password,
    database: config.name,
    tls,
  }
}
