import { resolve } from 'node:path'
import type { Log } from '../logging/log.ts'
import { MemoryProvider } from './memory/memory.ts'
import type { Provider } from './provider.ts'
import { openSqliteProvider } from './sqlite/sqlite.ts'

/** What is read of the configuration's data_provider section. */
export interface ProviderConfig {
  driver: string
  /** sqlite: the database file, absolute or relative to the configuration directory. */
  name: string
  users_table: string
  connection_string?: string
}

export interface ProviderSurroundings {
  configDir: string
  log: Log
}

const DRIVERS: Readonly<Record<string, (config: ProviderConfig, around: ProviderSurroundings) => Promise<Provider>>> = {
  memory: async () => new MemoryProvider(),
  sqlite(config, { configDir, log }) {
    if (config.connection_string) {
      throw new Error('data_provider.connection_string is set: driver sqlite takes the path from data_provider.name')
    }
    if (config.name === '') throw new Error('data_provider.name is empty: driver sqlite needs the path of its database')
    return openSqliteProvider({ path: resolve(configDir, config.name), usersTable: config.users_table, log })
  },
}

/**
 * Opens the configured data provider; the caller closes it.
 * @throws Error naming the key, its value and what is allowed; ProviderError `unavailable` when the store cannot be used.
 */
export async function openProvider(config: ProviderConfig, around: ProviderSurroundings): Promise<Provider> {
  const open = Object.hasOwn(DRIVERS, config.driver) ? DRIVERS[config.driver] : undefined
  if (open === undefined) {
    const allowed = Object.keys(DRIVERS).join(', ')
    throw new Error(`data_provider.driver is ${JSON.stringify(config.driver)}: want one of ${allowed}`)
  }
  return open(config, around)
}
