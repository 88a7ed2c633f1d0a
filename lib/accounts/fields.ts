import type { UserInput } from './accounts.ts'
import { invalid } from './errors.ts'

/** A list, or lists by virtual path. */
export type SentPermissions = string[] | Record<string, string[]>

/** What a request may set, in types that are right; values are not checked yet. An absent key was not sent. */
export interface SentFields {
  id?: number
  status?: number
  username?: string
  expiration_date?: number
  password?: string
  public_keys?: string[]
  home_dir?: string
  uid?: number
  gid?: number
  max_sessions?: number
  quota_size?: number
  quota_files?: number
  permissions?: SentPermissions
  upload_bandwidth?: number
  download_bandwidth?: number
}

const TYPES: { readonly [Key in keyof Required<SentFields>]: FieldType } = {
  id: 'integer',
  status: 'integer',
  username: 'text',
  expiration_date: 'integer',
  password: 'text',
  public_keys: 'texts',
  home_dir: 'text',
  uid: 'integer',
  gid: 'integer',
  max_sessions: 'integer',
  quota_size: 'integer',
  quota_files: 'integer',
  permissions: 'grants',
  upload_bandwidth: 'integer',
  download_bandwidth: 'integer',
}
type FieldType = 'integer' | 'text' | 'texts' | 'grants'
type FieldValue = number | string | SentPermissions

/** Never shown in an error: what is wrong with them may still be a secret. */
const SECRET = new Set<string>(['password', 'public_keys'])

/**
 * Takes the known keys out of a request, in any case; of keys that differ in case only the last one counts. `null`
 * empties a list and leaves anything else as it was. Unknown keys, counters and last_login are ignored.
 * @throws AccountError `validation` for a value of the wrong type.
 */
export function readFields(input: UserInput): SentFields {
  const sent: Record<string, FieldValue> = {}
  for (const [name, value] of Object.entries(input)) {
    const key = name.toLowerCase()
    if (!isField(key) || value === undefined) continue
    const type = TYPES[key]
    if (value !== null) sent[key] = READ[type](key, value)
    else if (type === 'texts' || type === 'grants') sent[key] = []
  }
  return sent
}

function isField(key: string): key is keyof SentFields {
  return Object.hasOwn(TYPES, key)
}

const READ: { readonly [Type in FieldType]: (key: string, value: unknown) => FieldValue } = {
  integer(key, value) {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrong(key, value, 'an integer')
    // -0 is 0.
    return value + 0
  },
  text(key, value) {
    if (typeof value !== 'string' || !isUnicode(value)) throw wrong(key, value, 'a string')
    return value
  },
  texts: readTexts,
  grants(key, value) {
    if (Array.isArray(value)) return readTexts(key, value)
    if (typeof value !== 'object' || value === null) {
      throw wrong(key, value, 'an array of strings, or an object of such arrays by path')
    }
    const lists = Object.entries(value).map(([path, list]) => {
      if (!isUnicode(path)) throw wrong(`${key}: each path`, path, 'a string')
      return [path, readTexts(`${key}[${shown(path)}]`, list)] as const
    })
    return Object.fromEntries(lists)
  },
}

function readTexts(key: string, value: unknown): string[] {
  if (!Array.isArray(value)) throw wrong(key, value, 'an array of strings')
  return value.map((item: unknown, index) => {
    if (typeof item !== 'string' || !isUnicode(item)) throw wrong(`${key}[${index}]`, item, 'a string')
    return item
  })
}

/** A lone surrogate has no UTF-8 form: two different texts would be stored as one. */
function isUnicode(text: string): boolean {
  return Buffer.from(text).toString() === text
}

function wrong(key: string, value: unknown, allowed: string): Error {
  return invalid(`${key} must be ${allowed}, got ${SECRET.has(key.replace(/\[.*/, '')) ? kindOf(value) : shown(value)}`)
}

/** A value as it may stand in an error: JSON, cut short. */
export function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return kindOf(value)
  const text = typeof value === 'string' || typeof value === 'boolean' ? JSON.stringify(value) : String(value)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
