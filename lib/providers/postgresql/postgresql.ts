import { readFile } from 'node:fs/promises'
import type { Clock } from '../../clock.ts'
import type { Log } from '../../logging/log.ts'
import type { Provider } from '../provider.ts'
import { checkedTableName, schemaScripts } from '../scripts.ts'
import { trustedAuthorities } from '../sql/authorities.ts'
import type { NetworkConfig } from '../sql/network-config.ts'
import { DEFAULT_POOL_SIZE } from '../sql/network-config.ts'
import { openNetworkProvider } from '../sql/open-network-provider.ts'
import { OUTBOX } from '../sql/schema.ts'
import { PostgresqlDatabase } from './database.ts'
import { postgresqlDialect } from './dialect.ts'
import { applySchema, columnsOf } from './schema.ts'
import type { PostgresqlSettings } from './settings.ts'
import { postgresqlSettings } from './settings.ts'

export interface PostgresqlOptions {
  config: NetworkConfig
  env: NodeJS.ProcessEnv
  clock: Clock
  log: Log
}

/**
 * Accounts in a table of a PostgreSQL server. One that cannot be reached does not stop the start.
 * @throws Error naming the key that is wrong; ProviderError `unavailable` when the server answers and the table is not
 * complete.
 */
export async function openPostgresqlProvider({ config, env, clock, log }: PostgresqlOptions): Promise<Provider> {
  const table = tableOf(config)
  const db = await open(config, env, clock)
  return openNetworkProvider({ db, dialect: postgresqlDialect, table, columns: () => columnsOf(db, table), log })
}

/**
 * Makes the table, or completes it.
 * @param parts with `outbox` the tables too that notifications wait in.
 * @returns the names of the schema steps that were run.
 * @throws Error with one line.
 */
export async function initPostgresql(
  { config, env, clock }: PostgresqlOptions,
  { outbox = false } = {},
): Promise<string[]> {
  const table = tableOf(config)
  const db = await open(config, env, clock)
  try {
    const applied = await applySchema(db, table, await schemaScripts('pgsql'))
    if (!outbox) return applied
    return [...applied, ...(await applySchema(db, table, await schemaScripts('pgsql', 'users_outbox'), OUTBOX))]
  } finally {
    await db.close()
  }
}

/** SFTPGo puts the name into its statements unquoted, and then PostgreSQL reads it in lower case. */
function tableOf(config: NetworkConfig): string {
  return checkedTableName(config.users_table, { withSchema: true }).toLowerCase()
}

async function open(config: NetworkConfig, env: NodeJS.ProcessEnv, clock: Clock): Promise<PostgresqlDatabase> {
  const settings = postgresqlSettings(config)
  const authorities = await authoritiesFor(settings, env)
  return new PostgresqlDatabase({ settings, poolSize: config.pool_size || DEFAULT_POOL_SIZE, authorities, clock })
}

async function authoritiesFor({ sslmode, sslrootcert }: PostgresqlSettings, env: NodeJS.ProcessEnv): Promise<string[]> {
  if (sslmode === 'disable' || sslmode === 'require') return []
  if (sslrootcert === undefined) return trustedAuthorities(env)
  try {
    return [await readFile(sslrootcert, 'utf8')]
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(`data_provider.connection_string: sslrootcert cannot be read (${code})`, { cause: error })
  }
}
