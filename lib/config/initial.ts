import type { z } from 'zod'
import { configSchema } from './schema.ts'
import { fieldsOf } from './tree.ts'

/** One setting at its default. */
interface Setting {
  path: readonly string[]
  description: string
  value: unknown
}

/** A section: its own settings before those of the sections in it. */
interface Section {
  path: readonly string[]
  description: string
  settings: readonly Setting[]
  sections: readonly Section[]
}

const WRITERS = {
  json: () => [JSON.stringify(configSchema.parse({}), null, 2)],
  toml: (sections) => sections.flatMap(toml),
  yaml: (sections) => sections.flatMap((section) => yaml(section, '')),
  properties: (sections) => sections.flatMap((section) => flat(section, ' = ')),
  hcl: (sections) => sections.flatMap((section) => hcl(section, '')),
  env: (sections) => sections.flatMap((section) => flat(section, '=')),
} as const satisfies Readonly<Record<string, (sections: readonly Section[]) => string[]>>

export type InitialFormat = keyof typeof WRITERS

/** The extensions of the formats that a first configuration file can be written in. */
export const INITIAL_FORMATS = Object.keys(WRITERS).filter(isInitialFormat)

function isInitialFormat(name: string): name is InitialFormat {
  return Object.hasOwn(WRITERS, name)
}

/**
 * A configuration file with every setting at its default, each under what it is for; JSON knows no comments.
 * @param format one of {@link INITIAL_FORMATS}.
 * @throws Error for any other.
 */
export function initialConfig(format: string): string[] {
  if (!isInitialFormat(format)) throw new Error(`format is "${format}", allowed is ${INITIAL_FORMATS.join(', ')}`)
  const write: (sections: readonly Section[]) => string[] = WRITERS[format]
  const { sections } = sectionOf(configSchema, [], configSchema.parse({}))
  return write(sections)
}

function sectionOf(schema: z.ZodType, path: readonly string[], values: unknown): Section {
  const settings: Setting[] = []
  const sections: Section[] = []
  for (const [key, field] of fieldsOf(schema) ?? []) {
    const value: unknown = Reflect.get(values as object, key)
    const inner = [...path, key]
    if (fieldsOf(field) === undefined) settings.push({ path: inner, description: field.description ?? '', value })
    else sections.push(sectionOf(field, inner, value))
  }
  return { path, description: schema.description ?? '', settings, sections }
}

const last = (path: readonly string[]) => path.at(-1) ?? ''
const comment = (text: string, indent = '') => (text === '' ? [] : [`${indent}# ${text}`])

function toml({ path, description, settings, sections }: Section): string[] {
  return [
    ...comment(description),
    `[${path.join('.')}]`,
    ...settings.flatMap((one) => [...comment(one.description), `${last(one.path)} = ${JSON.stringify(one.value)}`]),
    '',
    ...sections.flatMap(toml),
  ]
}

function yaml({ path, description, settings, sections }: Section, indent: string): string[] {
  const inner = `${indent}  `
  return [
    ...comment(description, indent),
    `${indent}${last(path)}:`,
    ...settings.flatMap((one) => [
      ...comment(one.description, inner),
      `${inner}${last(one.path)}: ${JSON.stringify(one.value)}`,
    ]),
    ...sections.flatMap((section) => yaml(section, inner)),
  ]
}

function hcl({ path, description, settings, sections }: Section, indent: string): string[] {
  const inner = `${indent}  `
  return [
    ...comment(description, indent),
    `${indent}${last(path)} {`,
    ...settings.flatMap((one) => [
      ...comment(one.description, inner),
      `${inner}${last(one.path)} = ${JSON.stringify(one.value)}`,
    ]),
    ...sections.flatMap((section) => hcl(section, inner)),
    `${indent}}`,
  ]
}

function flat({ description, settings, sections }: Section, separator: string): string[] {
  return [
    ...comment(description),
    // No default is a host key, and none holds a comma of its own.
    ...settings.flatMap((one) => [
      ...comment(one.description),
      `${one.path.join('.')}${separator}${Array.isArray(one.value) ? one.value.join(',') : String(one.value)}`.trimEnd(),
    ]),
    '',
    ...sections.flatMap((section) => flat(section, separator)),
  ]
}
