import type { NetworkConfig } from '../sql/network-config.ts'
import { assertDatabaseNamed } from '../sql/network-config.ts'
import { parseConnectionString } from './conninfo.ts'
import type { PostgresqlTls } from './tls-modes.ts'
import { TLS_MODES } from './tls-modes.ts'

/** Where the server is and who asks. */
export interface PostgresqlSettings {
  /** A name, an address, or the absolute path of a socket's folder. */
  host: string
  port: number
  user: string
  password: string
  database: string
  sslmode: PostgresqlTls
  /** File of the authorities to trust, instead of the usual ones. */
  sslrootcert?: string
  applicationName: string
}

/** @throws Error naming the key and what is allowed; a connection string is never quoted. */
export function postgresqlSettings(config: NetworkConfig): PostgresqlSettings {
  if (config.connection_string !== '') return parseConnectionString(config.connection_string)
  assertDatabaseNamed('postgresql', config.name)
  const sslmode = TLS_MODES[config.sslmode]
  if (sslmode === undefined) throw new Error(`data_provider.sslmode is ${config.sslmode}: want 0, 1, 2 or 3`)
  return {
    host: config.host === '' ? 'localhost' : config.host.replace(/^\[(.*)\]$/, '$1'),
    port: config.port,
    user: config.username,
    password: config.password,
    database: config.name,
    sslmode,
    applicationName: 'sftpgo',
  }
}
