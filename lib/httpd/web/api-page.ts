import { resolvedResponse, type JsonSchema, type OpenApi, type OpenApiOperation } from '../api/openapi.ts'
import { count } from './show.ts'

/** A type in words; `object` is one that the page explains. */
interface TypeText {
  text: string
  object?: string
}

interface FieldRow extends TypeText {
  name: string
  /** A word beside the name; may be empty. */
  note: string
  about: string
}

interface OperationView {
  id: string
  method: string
  path: string
  summary: string
  description: string
  parameters: FieldRow[]
  body?: TypeText & { about: string }
  answers: (TypeText & { status: string; about: string })[]
  /** A command that asks for it. */
  example: string
}

interface ObjectView {
  name: string
  about: string
  /** Of a list: what it is one of. */
  list?: TypeText
  fields: FieldRow[]
}

export interface ApiPage {
  intro: string[]
  chapters: { name: string; about: string; operations: OperationView[] }[]
  /** What any operation may answer. */
  common: { status: string; about: string }[]
  objects: ObjectView[]
}

/** The OpenAPI document as it is read by people. */
export function apiPage(document: OpenApi): ApiPage {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      tag: operation.tags[0],
      view: operationView(document, method.toUpperCase(), path, operation),
    })),
  )
  return {
    intro: document.info.description.split('\n\n'),
    chapters: document.tags.map(({ name, description }) => ({
      name,
      about: description,
      operations: operations.filter(({ tag }) => tag === name).map(({ view }) => view),
    })),
    common: Object.entries(document.components.responses).map(([status, { description }]) => ({
      status,
      about: description,
    })),
    objects: Object.entries(document.components.schemas).map(([name, schema]) => objectView(name, schema)),
  }
}

function operationView(document: OpenApi, method: string, path: string, operation: OpenApiOperation): OperationView {
  const { operationId, summary, description = '', parameters = [], requestBody, responses } = operation
  return {
    id: operationId,
    method,
    path,
    summary,
    description,
    parameters: parameters.map(({ name, in: place, description: about, schema }) => ({
      name,
      note: place,
      about: [about, ...('default' in schema ? [`${String(schema.default)} when it is left out.`] : [])].join(' '),
      ...typeOf(schema),
    })),
    ...(requestBody !== undefined && {
      body: { ...typeOf(requestBody.content['application/json'].schema), about: requestBody.description },
    }),
    // Those that any operation has are said once.
    answers: Object.entries(responses).flatMap(([status, response]) => {
      if ('$ref' in response) return []
      const { description: about, content } = resolvedResponse(document, response)
      return [{ status, about, ...typeOf(content['application/json'].schema) }]
    }),
    example: exampleOf(method, path, requestBody !== undefined),
  }
}

function exampleOf(method: string, path: string, hasBody: boolean): string {
  const address = `http://127.0.0.1:8080${path.replace('{id}', '1').replace('{address}', '192.0.2.7')}`
  const sent = hasBody ? " -H 'Content-Type: application/json' -d @body.json" : ''
  return `curl -s${method === 'GET' ? '' : ` -X ${method}`}${sent} ${address}`
}

function objectView(name: string, schema: JsonSchema): ObjectView {
  const { description: about = '', properties = {}, required = [], items, type } = schema
  if (type === 'array') return { name, about, list: typeOf(items), fields: [] }
  const fields = Object.entries(properties).map(([key, property]) => ({
    name: key,
    // Where all may be left out the object says so.
    note: required.length === 0 || required.includes(key) ? '' : 'may be left out',
    about: aboutOf(property),
    ...typeOf(property),
  }))
  return { name, about, fields }
}

type AnySchema = JsonSchema | boolean | readonly (JsonSchema | boolean)[] | undefined

function aboutOf(schema: AnySchema): string {
  return isSchema(schema) ? (schema.description ?? '') : ''
}

/** Numbers beyond these are none that JSON's readers agree on: such a bound says nothing. */
const EXACT = Number.MAX_SAFE_INTEGER
/** More words than these are told by the description. */
const FEW = 5

function typeOf(schema: AnySchema): TypeText {
  if (!isSchema(schema)) return { text: 'anything' }
  const { $ref, type, items, anyOf, additionalProperties, minimum = -EXACT, maximum = EXACT } = schema
  if ($ref !== undefined) {
    const object = $ref.split('/').at(-1) ?? ''
    return { text: object, object }
  }
  if (schema.enum !== undefined) return { text: schema.enum.length > FEW ? 'word' : schema.enum.map(String).join(', ') }
  if (anyOf !== undefined) return { text: anyOf.map((one) => typeOf(one).text).join(', or ') }
  if (type === 'array') {
    const { text, object } = typeOf(items)
    return { text: `list of ${text}`, ...(object !== undefined && { object }) }
  }
  if (type === 'object') return { text: `object of ${typeOf(additionalProperties).text}` }
  if (type !== 'integer') return { text: String(type ?? 'anything') }
  if (maximum !== EXACT) return { text: `integer, ${count(minimum)} to ${count(maximum)}` }
  return { text: minimum === -EXACT ? 'integer' : `integer, at least ${minimum}` }
}

function isSchema(schema: AnySchema): schema is JsonSchema {
  return typeof schema === 'object' && !Array.isArray(schema)
}
