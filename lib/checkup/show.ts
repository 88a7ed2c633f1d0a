import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { loadConfig } from '../config/load.ts'
import type { Origin } from '../config/load.ts'
import { masked, valueAt } from '../config/problem.ts'
import { configSchema } from '../config/schema.ts'
import { leavesOf } from '../config/tree.ts'
import { inert } from '../logging/inert.ts'
import { FIXED_LIMITS } from './limits.ts'

/** Where the configuration is looked for, as `serve` does. */
export interface ConfigPlace {
  configDir: string
  /** Without its extension. */
  configFile: string
  env: NodeJS.ProcessEnv
}

/**
 * The values that hold and where each comes from, a line a setting, and the limits that no setting changes.
 * Secrets are masked.
 * @returns lines for reading, or those of one JSON text.
 * @throws ConfigError as `serve` does.
 */
export async function showConfig({ configDir, configFile, env }: ConfigPlace, asJson: boolean): Promise<string[]> {
  const directory = resolve(configDir)
  const loaded = await loadConfig({ configDir: directory, configFile, env, cwd: process.cwd(), home: homedir() })
  const settings = await Promise.all(
    leavesOf(configSchema).map(async ({ path }) => ({
      key: path.join('.'),
      value: masked(path, valueAt(loaded.config, path)),
      origin: await loaded.originOf(path),
    })),
  )
  const file = loaded.file ?? null
  if (asJson)
    return JSON.stringify({ directory, file, settings, fixed_limits: FIXED_LIMITS }, null, 2).split('\n').map(inert)
  return [
    `# configuration directory: ${directory}`,
    `# configuration file: ${file ?? 'none, the built-in settings hold'}`,
    ...settings.map(({ key, value, origin }) => `${key} = ${JSON.stringify(value)}  # ${originText(origin)}`),
    '',
    '# fixed limits',
    ...FIXED_LIMITS.map(({ name, value, unit, meaning }) => `${name}: ${value} ${unit}  # ${meaning}`),
  ].map(inert)
}

function originText(origin: Origin): string {
  if (origin.kind === 'default') return 'default'
  if (origin.kind === 'environment') return origin.variable
  return origin.line === undefined ? origin.file : `${origin.file}:${origin.line}`
}
