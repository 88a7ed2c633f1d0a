import { nearest } from './nearest.ts'
import { configSchema } from './schema.ts'
import { parseBoolean, parseInteger, parseList } from './text.ts'
import { leavesOf } from './tree.ts'
import type { Leaf, LeafKind } from './tree.ts'

/** Variables that stand for flags of the command line, beside those of the configuration's own keys. */
export const FLAG_VARIABLES = [
  'SFTPGO_CONFIG_DIR',
  'SFTPGO_CONFIG_FILE',
  'SFTPGO_LOG_FILE_PATH',
  'SFTPGO_LOG_MAX_SIZE',
  'SFTPGO_LOG_MAX_BACKUPS',
  'SFTPGO_LOG_MAX_AGE',
  'SFTPGO_LOG_COMPRESS',
  'SFTPGO_LOG_VERBOSE',
  'SFTPGO_API_BASE_URL',
  'SFTPGO_API_USER',
  'SFTPGO_API_PASSWORD',
] as const
export type FlagVariable = (typeof FLAG_VARIABLES)[number]

const PREFIX = 'SFTPGO_'

/** One setting that the environment gives. */
export interface Override {
  variable: string
  path: readonly string[]
  /** Of the setting's type; the text itself where it could not be read as that type. */
  value: unknown
}

/** The name of the variable that overrides a setting: `SFTPGO_SFTPD__BIND_PORT`. */
export function variableOf(path: readonly string[]): string {
  return PREFIX + path.map((key) => key.toUpperCase()).join('__')
}

/** What the environment says about the configuration, and one warning a variable that says nothing known. */
export function readEnvironment(env: NodeJS.ProcessEnv): { overrides: Override[]; warnings: string[] } {
  const leaves = new Map<string, Leaf>(leavesOf(configSchema).map((leaf) => [variableOf(leaf.path), leaf]))
  const overrides: Override[] = []
  for (const [variable, { path, kind }] of leaves) {
    const text = env[variable]
    if (text !== undefined) overrides.push({ variable, path, value: READ[kind](text) })
  }
  const known = new Set<string>([...leaves.keys(), ...FLAG_VARIABLES])
  const warnings = Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !known.has(name))
    .map((name) => {
      const meant = nearest(name, known)
      return `environment variable ${name} matches no setting` + (meant === undefined ? '' : `, did you mean ${meant}?`)
    })
  return { overrides, warnings }
}

/** How a text stands for a setting. */
export const READ: Readonly<Record<LeafKind, (text: string) => unknown>> = {
  text: (text) => text,
  integer: (text) => parseInteger(text) ?? text,
  // A variable that is set but empty counts as given.
  boolean: (text) => (text === '' ? false : (parseBoolean(text) ?? text)),
  list: parseList,
  keys: (text) => parseList(text).map((path) => ({ private_key: path })),
}
