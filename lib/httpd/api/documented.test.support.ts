import { Ajv2020 } from 'ajv/dist/2020.js'
import { openApi, resolvedResponse } from './openapi.ts'

const document = openApi()
const ajv = new Ajv2020({ strict: false })
ajv.addSchema({ $id: 'openapi', components: document.components })

const PATHS = Object.keys(document.paths).map((path) => ({
  path,
  matches: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
}))

export interface Seen {
  method: string
  /** Path, and maybe a query. */
  target: string
  status: number
  /** `Content-Type`. */
  type: string | undefined
  body: string
}

/**
 * Holds what was answered against the OpenAPI document; what is not of the API passes.
 * @returns false for what is not of the API.
 * @throws Error that says in what they differ.
 */
export function expectDocumented({ method, target, status, type, body }: Seen): boolean {
  const [path = ''] = target.split('?')
  const known = PATHS.find(({ matches }) => matches.test(path))
  const operation = known && document.paths[known.path]?.[method.toLowerCase()]
  if (operation === undefined) return false
  const what = `${method} ${path} answered ${status}`
  const response = operation.responses[status]
  if (response === undefined) throw new Error(`${what}, which is not among ${Object.keys(operation.responses).join()}`)
  if (type !== 'application/json; charset=utf-8') throw new Error(`${what} as ${type}, want JSON in UTF-8`)
  const { $ref } = resolvedResponse(document, response).content['application/json'].schema
  const valid = ajv.getSchema(`openapi${$ref}`)
  if (valid === undefined) throw new Error(`the document has no ${$ref}`)
  if (valid(JSON.parse(body)) !== true)
    throw new Error(`${what} with no ${$ref}: ${ajv.errorsText(valid.errors)}\n${body}`)
  return true
}
