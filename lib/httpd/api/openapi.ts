import { z } from 'zod'
import { OBJECTS, type ObjectName } from './objects.ts'
import { BODY_ANSWERS, COMMON_ANSWERS, OPERATIONS, TAGS, type Answer, type Operation } from './operations.ts'

/** The parts of an OpenAPI 3.1 document that are used here. */
export interface OpenApi {
  openapi: '3.1.1'
  info: { title: string; version: string; description: string; license: { name: string; identifier: string } }
  servers: { url: string; description: string }[]
  /** No login, or Basic authentication. */
  security: Record<string, []>[]
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, OpenApiOperation>>
  components: {
    schemas: Record<string, JsonSchema>
    /** Named by their status. */
    responses: Record<string, OpenApiResponse>
    securitySchemes: Record<string, { type: 'http'; scheme: 'basic'; description: string }>
  }
}

export interface OpenApiOperation {
  operationId: string
  tags: string[]
  summary: string
  description?: string
  parameters?: Parameter[]
  requestBody?: { required: true; description: string; content: Content }
  /** By status; those that many have are referred to. */
  responses: Record<string, OpenApiResponse | { $ref: string }>
}

export interface OpenApiResponse {
  description: string
  content: Content
}

interface Parameter {
  name: string
  in: 'path' | 'query'
  required: boolean
  description: string
  schema: JsonSchema
}

type Content = { 'application/json': { schema: { $ref: string } } }
export type JsonSchema = z.core.JSONSchema.BaseSchema

const DESCRIPTION = `Manages the accounts of an SFTP server, and shows what it does.

Bodies are JSON in UTF-8, and so are answers. A request that is refused answers with a Result that says why.`

/** The document that `static/openapi.yaml` holds. */
export function openApi(): OpenApi {
  const paths: OpenApi['paths'] = {}
  for (const [operationId, operation] of Object.entries<Operation>(OPERATIONS)) {
    const path = operation.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: described(operationId, operation) }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'SFTPGo REST API',
      version: 'v1',
      description: DESCRIPTION,
      license: { name: 'GPL-3.0-or-later', identifier: 'GPL-3.0-or-later' },
    },
    servers: [{ url: '/', description: 'The server that this document comes from.' }],
    security: [{}, { basic: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: schemas(),
      responses: Object.fromEntries(
        Object.entries({ ...COMMON_ANSWERS, ...BODY_ANSWERS }).map(([status, answer]) => [status, responseOf(answer)]),
      ),
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic', description: 'Asked for where httpd.auth_user_file is set.' },
      },
    },
  }
}

function described(operationId: string, operation: Operation): OpenApiOperation {
  const { tag, summary, description, params, query, body } = operation
  const parameters = [...parametersOf('path', params), ...parametersOf('query', query)]
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required: true, description: `At most ${body.maxBytes} bytes.`, content: contentOf(body.object) },
    }),
    responses: responsesOf(operation),
  }
}

function responsesOf({ answers, body }: Operation): OpenApiOperation['responses'] {
  const common = { ...COMMON_ANSWERS, ...(body !== undefined && BODY_ANSWERS) }
  const shared = Object.keys(common).map((status) => [status, { $ref: `#/components/responses/${status}` }] as const)
  const own = Object.entries(answers).map(([status, answer]) => {
    const also = common[Number(status)]
    // One status, two reasons.
    return [
      status,
      responseOf({ ...answer, about: also ? `${answer.about} Or: ${also.about}` : answer.about }),
    ] as const
  })
  return Object.fromEntries([...shared, ...own])
}

function responseOf({ about, object }: Answer): OpenApiResponse {
  return { description: about, content: contentOf(object) }
}

/** What a response is that may be referred to. */
export function resolvedResponse(document: OpenApi, response: OpenApiResponse | { $ref: string }): OpenApiResponse {
  if (!('$ref' in response)) return response
  const found = document.components.responses[response.$ref.replace('#/components/responses/', '')]
  if (found === undefined) throw new Error(`the document has no ${response.$ref}`)
  return found
}

function parametersOf(place: Parameter['in'], object?: z.ZodObject): Parameter[] {
  const { properties = {}, required = [] } = object === undefined ? {} : z.toJSONSchema(object, { io: 'input' })
  return Object.entries(properties).map(([name, property]) => {
    const { description = '', ...schema } = Object(property) as JsonSchema
    return { name, in: place, required: required.includes(name), description, schema }
  })
}

const refTo = (name: string): string => `#/components/schemas/${name}`

function contentOf(object: ObjectName): Content {
  return { 'application/json': { schema: { $ref: refTo(object) } } }
}

/** Objects that stand in others are referred to by their names. */
function schemas(): Record<string, JsonSchema> {
  const named = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries<z.ZodType>(OBJECTS)) named.add(schema, { id })
  const made = Object.entries(z.toJSONSchema(named, { uri: refTo, io: 'input' }).schemas)
  const inner = new Set(['$schema', '$id'])
  return Object.fromEntries(
    made.map(([name, schema]) => [name, Object.fromEntries(Object.entries(schema).filter(([key]) => !inner.has(key)))]),
  )
}
