import { resolve } from 'node:path'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import type { Log } from '../logging/log.ts'
import { MemoryProvider } from './memory/memory.ts'
import type { Provider } from './provider.ts'
import type { NetworkConfig } from './sql/network-config.ts'

/**
 * What is read of the configuration's data_provider section. `name` is a database, for sqlite and bolt the file,
 * absolute or relative to the configuration directory.
 */
export interface ProviderConfig extends NetworkConfig {
  driver: string
}

export interface ProviderSurroundings {
  configDir: string
  log: Log
  /** Where SSL_CERT_FILE and NODE_EXTRA_CA_CERTS are looked for; nowhere when absent. */
  env?: NodeJS.ProcessEnv
  /** The system's when absent. */
  clock?: Clock
}

export interface InitParts {
  /** What notifications wait in, too. */
  outbox?: boolean
}

interface Driver {
  open(config: ProviderConfig, around: Required<ProviderSurroundings>): Promise<Provider>
  /** Makes what the store needs, where it is missing, and says in a few words each what was done. */
  init(config: ProviderConfig, around: Required<ProviderSurroundings>, parts: InitParts): Promise<string[]>
}

/** Each loads what it needs when it is used: the libraries of all of them would take 15 MiB. */
const DRIVERS: Readonly<Record<string, Driver>> = {
  memory: {
    open: async () => new MemoryProvider(),
    init: async () => [],
  },
  sqlite: {
    open: async (config, around) =>
      (await sqlite()).openSqliteProvider({ ...file(config, around), usersTable: config.users_table }),
    init: async (config, around, parts) =>
      (await sqlite()).initSqlite({ ...file(config, around), usersTable: config.users_table }, parts),
  },
  bolt: {
    open: async (config, around) => (await bolt()).openBoltProvider(file(config, around)),
    init: async (config, around) => (await bolt()).initBolt(file(config, around)),
  },
  mysql: {
    open: async (config, around) => (await mysql()).openMysqlProvider({ config, ...around }),
    init: async (config, around, parts) => (await mysql()).initMysql({ config, ...around }, parts),
  },
  postgresql: {
    open: async (config, around) => (await postgresql()).openPostgresqlProvider({ config, ...around }),
    init: async (config, around, parts) => (await postgresql()).initPostgresql({ config, ...around }, parts),
  },
}

const sqlite = () => import('./sqlite/sqlite.ts')
const bolt = () => import('./bolt/bolt.ts')
const mysql = () => import('./mysql/mysql.ts')
const postgresql = () => import('./postgresql/postgresql.ts')

export const DRIVER_NAMES: readonly string[] = Object.keys(DRIVERS)

/**
 * Opens the configured data provider; the caller closes it.
 * @throws Error naming the key, its value and what is allowed; ProviderError `unavailable` when the store cannot be used.
 */
export async function openProvider(config: ProviderConfig, around: ProviderSurroundings): Promise<Provider> {
  return driverOf(config).open(config, complete(around))
}

/**
 * Makes the store that the configuration names ready for use: what is there already stays, and two that do it at once
 * do it once.
 * @returns what was made, in a few words each; empty when nothing was missing.
 * @throws Error with one line.
 */
export async function initProvider(
  config: ProviderConfig,
  around: ProviderSurroundings,
  parts: InitParts = {},
): Promise<string[]> {
  return driverOf(config).init(config, complete(around), parts)
}

function driverOf({ driver }: ProviderConfig): Driver {
  const found = Object.hasOwn(DRIVERS, driver) ? DRIVERS[driver] : undefined
  if (found === undefined) {
    throw new Error(`data_provider.driver is ${JSON.stringify(driver)}: want one of ${DRIVER_NAMES.join(', ')}`)
  }
  return found
}

function complete(around: ProviderSurroundings): Required<ProviderSurroundings> {
  return { env: {}, clock: systemClock, ...around }
}

/** @throws Error naming the key, for a driver that keeps one file. */
function file({ driver, name, connection_string: text }: ProviderConfig, { configDir, log }: ProviderSurroundings) {
  if (text !== '') {
    throw new Error(`data_provider.connection_string is set: driver ${driver} takes the path from data_provider.name`)
  }
  if (name === '') throw new Error(`data_provider.name is empty: driver ${driver} needs the path of its database`)
  return { path: resolve(configDir, name), log }
}
