import { z } from 'zod'

/** How one setting is written as a text in the environment. */
export type LeafKind = 'text' | 'integer' | 'boolean' | 'list' | 'keys'

export interface Leaf {
  path: readonly string[]
  kind: LeafKind
}

/** Every setting of a schema that is not itself a section, in the order of the schema. */
export function leavesOf(schema: z.ZodType, path: readonly string[] = []): Leaf[] {
  const fields = fieldsOf(schema)
  if (fields === undefined) return [{ path, kind: kindOf(schema) }]
  return [...fields].flatMap(([key, field]) => leavesOf(field, [...path, key]))
}

/** The keys of an object schema, `undefined` for any other. */
export function fieldsOf(schema: z.ZodType): ReadonlyMap<string, z.ZodType> | undefined {
  const bare = withoutDefault(schema)
  return bare instanceof z.ZodObject ? new Map(Object.entries(bare.shape)) : undefined
}

/** The schema of a list's items, `undefined` for any other schema. */
export function itemOf(schema: z.ZodType): z.ZodType | undefined {
  const bare = withoutDefault(schema)
  return bare instanceof z.ZodArray ? (bare.element as z.ZodType) : undefined
}

function kindOf(schema: z.ZodType): LeafKind {
  const bare = withoutDefault(schema)
  const item = itemOf(bare)
  if (item !== undefined) return fieldsOf(item) === undefined ? 'list' : 'keys'
  if (bare instanceof z.ZodBoolean) return 'boolean'
  return bare instanceof z.ZodNumber || bare instanceof z.ZodLiteral ? 'integer' : 'text'
}

function withoutDefault(schema: z.ZodType): z.ZodType {
  const wrapped = schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
  return wrapped ? withoutDefault(schema.unwrap() as z.ZodType) : schema
}

/** The schema of one setting or section, with its default. */
export function schemaAt(schema: z.ZodType, path: readonly string[]): z.ZodType {
  return path.reduce((node, key) => {
    const field = fieldsOf(node)?.get(key)
    if (field === undefined) throw new Error(`the schema has no ${path.join('.')}`)
    return field
  }, schema)
}
