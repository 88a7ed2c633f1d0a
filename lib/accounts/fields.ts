import { z } from 'zod'
import type { UserInput } from './accounts.ts'
import { invalid } from './errors.ts'
import { unusablePath } from './granted.ts'
import { kindOf, shown } from './shown.ts'
import { PERMISSIONS, userSchema, type User } from './user.ts'

// The message of a rule is what it allows; `problem` makes the sentence.

// -0 is 0.
const integer = z.int('an integer').overwrite((value) => value + 0)
const within = (max: number) => integer.min(0, `0 to ${max}`).max(max, `0 to ${max}`)

/** A lone surrogate has no UTF-8 form: two different texts would be stored as one. */
const text = z.string('a string').refine((value) => Buffer.from(value).toString() === value, 'a string')

const texts = z.array(text, 'an array of strings')

/** Whether a word is a permission is judged later; a schema that is shown tells them all the same. */
const words = z.array(text.meta({ enum: PERMISSIONS }), 'an array of strings')

/** A list, or lists by virtual path. */
const sentPermissions = z.union(
  [words, z.record(text, words)],
  'an array of strings, or an object of such arrays by path',
)
export type SentPermissions = z.infer<typeof sentPermissions>

const about = (key: keyof User): string => userSchema.shape[key].description ?? ''

const MANY = Number.MAX_SAFE_INTEGER

/** @param whole what a number has to be that goes from 0 to `max`. */
const fields = (whole: (max: number) => z.ZodNumber) =>
  z.object({
    id: z.int('an integer').exactOptional().describe('Left out, or that of the path; ignored when a user is added.'),
    status: whole(1).exactOptional().describe('1 active, 0 inactive; a new user is active when it is left out.'),
    username: text
      .exactOptional()
      .describe('1 to 255 bytes of UTF-8 without "/" and control characters; it cannot be changed later.'),
    expiration_date: whole(MANY).exactOptional().describe(about('expiration_date')),
    password: text
      .exactOptional()
      .describe('Plain text, stored as argon2id, or a hash of a known format; empty removes it, which needs a key.'),
    public_keys: texts
      .exactOptional()
      .describe('authorized_keys lines, at most 100; what is sent replaces those that are stored.'),
    home_dir: text
      .exactOptional()
      .describe('Absolute path on the host; empty for the username in users_base_dir, where that is configured.'),
    uid: whole(65_535).exactOptional().describe('Owner of what the user makes; 0 leaves it to the server.'),
    gid: whole(65_535).exactOptional().describe('Group of what the user makes; 0 leaves it to the server.'),
    max_sessions: whole(MANY).exactOptional().describe(about('max_sessions')),
    quota_size: whole(MANY).exactOptional().describe(about('quota_size')),
    quota_files: whole(MANY).exactOptional().describe(about('quota_files')),
    permissions: sentPermissions.exactOptional().describe(about('permissions')),
    upload_bandwidth: whole(MANY).exactOptional().describe(about('upload_bandwidth')),
    download_bandwidth: whole(MANY).exactOptional().describe(about('download_bandwidth')),
  })

/**
 * What a request may set, in types and ranges that are right; whether names, paths, keys and words are is not checked
 * yet. An absent key was not sent.
 */
export const sentFieldsSchema = fields(within)
export type SentFields = z.infer<typeof sentFieldsSchema>

/** The same for numbers of any size: a wrong type is found before a value that is not allowed, as in 0.9.4. */
const typesSchema = fields(() => integer)

/** What `null` empties; anything else it leaves as it was. */
const LISTS = new Set(['public_keys', 'permissions'])
/** Never shown in an error: what is wrong with them may still be a secret. */
const SECRET = new Set<unknown>(['password', 'public_keys'])

/**
 * Takes the known keys out of a request, in any case; of keys that differ in case only the last one counts. `null`
 * empties a list and leaves anything else as it was. Unknown keys, counters and last_login are ignored.
 * @throws AccountError `validation` for a value of the wrong type.
 */
export function readFields(input: UserInput): SentFields {
  const sent: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(input)) {
    const key = name.toLowerCase()
    if (value === undefined || !Object.hasOwn(sentFieldsSchema.shape, key)) continue
    // The schema would leave this one out of the paths, and say nothing.
    if (key === 'permissions' && Object.hasOwn(Object(value), '__proto__')) throw unusablePath('__proto__')
    if (value !== null) sent[key] = value
    else if (LISTS.has(key)) sent[key] = []
  }
  return checked(typesSchema, sent)
}

/** @throws AccountError `validation` for a number that is out of its range. */
export function checkRanges(sent: SentFields): void {
  checked(sentFieldsSchema, sent)
}

function checked(schema: typeof sentFieldsSchema, sent: object): SentFields {
  const read = schema.safeParse(sent, { reportInput: true })
  if (!read.success) throw invalid(problem(read.error.issues[0]))
  return read.data
}

type Issue = z.core.$ZodIssue

function problem(outer: Issue | undefined): string {
  const { issue, path } = innermost(outer)
  if (issue === undefined) return 'the fields cannot be read'
  const [field, ...steps] = path
  const got = SECRET.has(field) ? kindOf(issue.input) : shown(issue.input)
  const label = `${String(field)}${steps.map((step) => `[${shown(step)}]`).join('')}`
  if (issue.code === 'invalid_key') {
    return `${String(field)}: each path must be ${issue.issues[0]?.message}, got ${shown(steps.at(-1))}`
  }
  const isRange = (issue.code === 'too_small' || issue.code === 'too_big') && issue.origin === 'number'
  return isRange ? `${label} is ${got}, want ${issue.message}` : `${label} must be ${issue.message}, got ${got}`
}

/** Of a value that is neither a list nor an object: what both would have been; else what is wrong inside it. */
function innermost(issue: Issue | undefined): { issue: Issue | undefined; path: PropertyKey[] } {
  const path = issue?.path ?? []
  if (issue?.code !== 'invalid_union' || typeof issue.input !== 'object' || issue.input === null) return { issue, path }
  const inner = issue.errors[Array.isArray(issue.input) ? 0 : 1]?.[0]
  return { issue: inner, path: [...path, ...(inner?.path ?? [])] }
}
