import { resolve } from 'node:path'
import type { z } from 'zod'
import { inert } from '../logging/inert.ts'
import { readEnvironment } from './environment.ts'
import type { Override } from './environment.ts'
import { ConfigError } from './error.ts'
import { readConfigFile } from './file.ts'
import type { Places } from './file.ts'
import { nearest } from './nearest.ts'
import { dotted, shown } from './problem.ts'
import { configSchema, deepFreeze } from './schema.ts'
import type { Config } from './schema.ts'
import { fieldsOf, itemOf } from './tree.ts'

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
}

/**
 * Built-in settings, overlaid by the configuration file, overlaid by the environment.
 * @throws ConfigError naming every problem, one line in all.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const found = await readConfigFile(options)
  const { overrides, warnings } = readEnvironment(options.env)
  const problems: string[] = []
  const raw = canonical(configSchema, found?.content ?? {}, [], (problem) =>
    problems.push(`${found?.file}: ${problem}`),
  )
  for (const override of overrides) place(raw, override)
  const result = configSchema.safeParse(raw)
  if (!result.success) problems.push(...explain(result.error, raw, found?.file, overrides))
  if (problems.length > 0 || !result.success) throw new ConfigError(inert(problems.join('; ')))
  return { config: deepFreeze(result.data), file: found?.file, warnings }
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
  report: (problem: string) => void,
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
    if (field === undefined) report(unknownKey([...path, given], nearest(given, fields.keys())))
    else if (Object.hasOwn(result, key)) report(`${dotted([...path, key])} is given twice`)
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

function explain(error: z.ZodError, raw: unknown, file: string | undefined, overrides: Override[]): string[] {
  const byPath = new Map<string, string>()
  for (const { path, message } of error.issues) {
    const name = dotted(path)
    // A value that breaks several rules is told once.
    if (byPath.has(name)) continue
    const origin = overrides.find((override) => override.path.every((key, index) => key === path[index]))
    const source = origin === undefined ? file : `environment variable ${origin.variable}`
    const subject = name === '' ? 'the content' : name
    byPath.set(name, `${source}: ${subject} is ${shown(path, valueAt(raw, path))}, allowed is ${message}`)
  }
  return [...byPath.values()]
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (node, key) => (typeof node === 'object' && node !== null ? Reflect.get(node, key) : undefined),
    raw,
  )
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
