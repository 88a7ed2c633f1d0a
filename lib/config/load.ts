import { resolve } from 'node:path'
import type { z } from 'zod'
import { inert } from '../logging/inert.ts'
import { readEnvironment } from './environment.ts'
import type { Override } from './environment.ts'
import { ConfigError } from './error.ts'
import { readConfigFile } from './file.ts'
import type { ConfigFile, Places } from './file.ts'
import { nearest } from './nearest.ts'
import { dotted, shown, valueAt } from './problem.ts'
import { configSchema, deepFreeze } from './schema.ts'
import type { Config } from './schema.ts'
import { fieldsOf, itemOf, leavesOf } from './tree.ts'

export { ConfigError } from './error.ts'

export interface LoadOptions extends Places {
  env: NodeJS.ProcessEnv
}

export interface LoadedConfig {
  config: Config
  /** The file that was read, absolute; `undefined` when the built-in settings hold. */
  file: string | undefined
  /** One line each, for the log: nothing that stops the start. */
  warnings: string[]
  /** Where the value of a setting comes from. */
  originOf(path: readonly string[]): Promise<Origin>
}

export type Origin =
  | { kind: 'default' }
  /** The line is left out where a format does not tell it. */
  | { kind: 'file'; file: string; line?: number }
  | { kind: 'environment'; variable: string }

/**
 * Built-in settings, overlaid by the configuration file, overlaid by the environment.
 * @throws ConfigError naming every problem, one line in all.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const found = await readConfigFile(options)
  const { overrides, warnings } = readEnvironment(options.env)
  const problems: Problem[] = []
  const raw = canonical(configSchema, found?.parsed.content ?? {}, [], (path, text) => problems.push({ path, text }))
  const given = leavesOf(configSchema).filter(({ path }) => valueAt(raw, path) !== undefined)
  const inFile = new Set(given.map(({ path }) => dotted(path)))
  for (const override of overrides) place(raw, override)
  const result = configSchema.safeParse(raw)
  if (!result.success) problems.push(...explain(result.error, raw, overrides))
  if (problems.length > 0 || !result.success) throw await refusal(problems, found)
  return {
    config: deepFreeze(result.data),
    file: found?.file,
    warnings: [...(found?.hidden ?? []).map((file) => `${file} is not read: ${found?.file} comes first`), ...warnings],
    async originOf(path) {
      const override = overrides.find((one) => dotted(one.path) === dotted(path))
      if (override !== undefined) return { kind: 'environment', variable: override.variable }
      if (found === undefined || !inFile.has(dotted(path))) return { kind: 'default' }
      const line = await found.parsed.lineOf(path)
      return { kind: 'file', file: found.file, ...(line === undefined ? {} : { line }) }
    },
  }
}

interface Problem {
  path: readonly PropertyKey[]
  text: string
  /** Where it is not the file that is wrong. */
  variable?: string
}

async function refusal(problems: readonly Problem[], found: ConfigFile | undefined): Promise<ConfigError> {
  const texts = problems.map(async ({ path, text, variable }) => {
    if (variable !== undefined) return `environment variable ${variable}: ${text}`
    const line = await found?.parsed.lineOf(path)
    return `${found?.file}: ${line === undefined ? '' : `line ${line}: `}${text}`
  })
  return new ConfigError((await Promise.all(texts)).map(inert))
}

/** A path of the configuration, made absolute; an empty one means "none" and stays empty. */
export function resolveIn(configDir: string, path: string): string {
  return path === '' ? '' : resolve(configDir, path)
}

/** The value with its keys spelled as in the schema; keys that are not settings are reported and left out. */
function canonical(
  schema: z.ZodType,
  value: unknown,
  path: readonly PropertyKey[],
  report: (path: readonly PropertyKey[], problem: string) => void,
): unknown {
  const item = itemOf(schema)
  if (Array.isArray(value) && item !== undefined)
    return value.map((element, index) => canonical(item, element, [...path, index], report))
  const fields = fieldsOf(schema)
  if (fields === undefined || !isTree(value)) return value
  const result: Record<string, unknown> = {}
  for (const [given, child] of Object.entries(value)) {
    const key = given.toLowerCase()
    const field = fields.get(key)
    const here = [...path, given]
    if (field === undefined) report(here, unknownKey(here, nearest(given, fields.keys())))
    else if (Object.hasOwn(result, key)) report(here, `${dotted([...path, key])} is given twice`)
    else result[key] = canonical(field, child, [...path, key], report)
  }
  return result
}

function unknownKey(path: readonly PropertyKey[], meant: string | undefined): string {
  const suggestion = meant === undefined ? '' : `, did you mean ${dotted([...path.slice(0, -1), meant])}?`
  return `${dotted(path)} is not a setting${suggestion}`
}

/** Writes an override into the tree; where a section is not an object the schema refuses it anyway. */
function place(raw: unknown, { path, value }: Override): void {
  let node = raw
  for (const key of path.slice(0, -1)) {
    if (!isTree(node)) return
    node = node[key] ??= {}
  }
  const last = path.at(-1)
  if (isTree(node) && last !== undefined) node[last] = value
}

function explain(error: z.ZodError, raw: unknown, overrides: readonly Override[]): Problem[] {
  const byPath = new Map<string, Problem>()
  for (const { path, message } of error.issues) {
    const name = dotted(path)
    // A value that breaks several rules is told once.
    if (byPath.has(name)) continue
    const origin = overrides.find((override) => override.path.every((key, index) => key === path[index]))
    const subject = name === '' ? 'the content' : name
    const text = `${subject} is ${shown(path, valueAt(raw, path))}, allowed is ${message}`
    byPath.set(name, { path, text, ...(origin === undefined ? {} : { variable: origin.variable }) })
  }
  return [...byPath.values()]
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
