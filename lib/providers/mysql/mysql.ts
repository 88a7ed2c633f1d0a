import type { Clock } from '../../clock.ts'
import type { Log } from '../../logging/log.ts'
import type { Provider } from '../provider.ts'
import { checkedTableName, schemaScripts } from '../scripts.ts'
import { trustedAuthorities } from '../sql/authorities.ts'
import type { NetworkConfig } from '../sql/network-config.ts'
import { DEFAULT_POOL_SIZE } from '../sql/network-config.ts'
import { openNetworkProvider } from '../sql/open-network-provider.ts'
import { OUTBOX } from '../sql/schema.ts'
import { MysqlDatabase } from './database.ts'
import { mysqlDialect } from './dialect.ts'
import { applySchema, columnsOf } from './schema.ts'
import { mysqlSettings } from './settings.ts'

export interface MysqlOptions {
  config: NetworkConfig
  env: NodeJS.ProcessEnv
  clock: Clock
  log: Log
}

/**
 * Accounts in a table of a MySQL or MariaDB server. One that cannot be reached does not stop the start.
 * @throws Error naming the key that is wrong; ProviderError `unavailable` when the server answers and the table is not
 * complete.
 */
export async function openMysqlProvider({ config, env, clock, log }: MysqlOptions): Promise<Provider> {
  const table = checkedTableName(config.users_table, { withSchema: true })
  const db = await open(config, env, clock)
  return openNetworkProvider({ db, dialect: mysqlDialect, table, columns: () => columnsOf(db, table), log })
}

/**
 * Makes the table, or completes it.
 * @param parts with `outbox` the tables too that notifications wait in.
 * @returns the names of the schema steps that were run.
 * @throws Error with one line.
 */
export async function initMysql({ config, env, clock }: MysqlOptions, { outbox = false } = {}): Promise<string[]> {
  const table = checkedTableName(config.users_table, { withSchema: true })
  const db = await open(config, env, clock)
  try {
    const applied = await applySchema(db, table, await schemaScripts('mysql'))
    if (!outbox) return applied
    return [...applied, ...(await applySchema(db, table, await schemaScripts('mysql', 'users_outbox'), OUTBOX))]
  } finally {
    await db.close()
  }
}

async function open(config: NetworkConfig, env: NodeJS.ProcessEnv, clock: Clock): Promise<MysqlDatabase> {
  const settings = mysqlSettings(config)
  const authorities = settings.tls === 'true' ? await trustedAuthorities(env) : []
  return new MysqlDatabase({ settings, poolSize: config.pool_size || DEFAULT_POOL_SIZE, authorities, clock })
}
