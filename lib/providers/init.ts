import { homedir } from 'node:os'
import path from 'node:path'
import { systemClock } from '../clock.ts'
import { loadConfig } from '../config/load.ts'
import { createLog } from '../logging/logger.ts'
import { needsOutbox } from '../notifications/settings.ts'
import { initProvider } from './open.ts'

export interface InitOptions {
  configDir: string
  /** Without its extension. */
  configFile: string
  env: NodeJS.ProcessEnv
}

/**
 * Makes the store that the configuration names ready for use.
 * @returns a line that says what was done.
 * @throws Error with one line.
 */
export async function initConfiguredProvider({ configDir, configFile, env }: InitOptions): Promise<string> {
  const folder = path.resolve(configDir)
  const { config } = await loadConfig({ configDir: folder, configFile, env, cwd: process.cwd(), home: homedir() })
  const { driver } = config.data_provider
  const parts = { outbox: needsOutbox(config) }
  // What was done is told, and what failed is thrown.
  const log = createLog({ destination: { kind: 'none' }, verbose: false, now: systemClock })
  const made = await initProvider(config.data_provider, { configDir: folder, log, env }, parts)
  return `Data provider ${driver}: ${made.length === 0 ? 'nothing to do' : `initialised, ${made.join(', ')}`}`
}
