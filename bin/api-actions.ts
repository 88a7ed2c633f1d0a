import type { ApiAnswer, ApiClient, ApiRequest } from '../lib/api-client/client.ts'
import { parseDay } from '../lib/api-client/dates.ts'
import { ApiError } from '../lib/api-client/errors.ts'
import type { REQUESTS, UserFields } from '../lib/api-client/requests.ts'
import type { View } from '../lib/api-client/show.ts'
import { inert } from '../lib/logging/inert.ts'
import { isConvertFormat } from '../lib/convert-users/formats.ts'
import type { Actions, ActiveName, Call } from './actions.ts'
import type { API_FLAGS, USER_FLAGS } from './flags.ts'
import type { Io } from './io.ts'
import { UsageError } from './spelling.ts'
import type { Values } from './values.ts'

type ApiName = Extract<ActiveName, `api ${string}`>
type ApiValues = Values<(typeof API_FLAGS)[number]>
type UserValues = Values<(typeof USER_FLAGS)[number]>

/** What each command of the group `api` does. A command without a row does not compile. */
export const API_ACTIONS: Actions<ApiName> = {
  async 'api add-user'({ value, words: [username = ''] }, io) {
    const fields = await userFields(value, io)
    await ask(value, io, 'facts', ({ addUser }) => addUser({ username, ...fields }))
  },
  async 'api update-user'({ value, words: [id = '', username] }, io) {
    const fields = await userFields(value, io)
    if (Object.keys(fields).length === 0) throw new UsageError('nothing is given that should change')
    const name = username === undefined ? {} : { username }
    await ask(value, io, 'facts', ({ updateUser }) => updateUser(userId(id), { ...name, ...fields }))
  },
  'api delete-user': ({ value, words: [id = ''] }, io) =>
    ask(value, io, 'facts', ({ deleteUser }) => deleteUser(userId(id))),
  'api get-users'({ value }, io) {
    const page = {
      limit: value.integer('limit'),
      offset: value.integer('offset'),
      order: value.text('order'),
      username: value.text('username'),
    }
    return ask(value, io, 'users', ({ getUsers }) => getUsers(page))
  },
  'api get-user-by-id': ({ value, words: [id = ''] }, io) =>
    ask(value, io, 'facts', ({ getUser }) => getUser(userId(id))),
  'api get-connections': ({ value }, io) => ask(value, io, 'connections', ({ getConnections }) => getConnections()),
  'api close-connection': ({ value, words: [id = ''] }, io) =>
    ask(value, io, 'facts', ({ closeConnection }) => closeConnection(id)),
  'api get-quota-scans': ({ value }, io) => ask(value, io, 'scans', ({ getQuotaScans }) => getQuotaScans()),
  'api start-quota-scan': ({ value, words: [username = ''] }, io) =>
    ask(value, io, 'facts', ({ startQuotaScan }) => startQuotaScan(username)),
  'api get-version': ({ value }, io) => ask(value, io, 'facts', ({ getVersion }) => getVersion()),
  'api get-provider-status': ({ value }, io) => ask(value, io, 'facts', ({ getProviderStatus }) => getProviderStatus()),
  async 'api dumpdata'({ value, words: [output = '-'] }, io) {
    const { writeNewFile } = await import('../lib/api-client/dump-file.ts')
    await withClient(value, io, async (client, { dumpData }) => {
      const { text, json } = await client.send(dumpData())
      if (json === undefined) throw new ApiError('answer', 'what came is no whole dump')
      if (output === '-') io.stdout(text.trimEnd())
      else await writeNewFile(output, text)
    })
  },
  async 'api loaddata'({ value, words: [input = ''] }, io) {
    const { readDump } = await import('../lib/api-client/dump-file.ts')
    const dump = await readDump(input, () => io.stdin())
    await ask(value, io, 'facts', ({ loadData }) => loadData(dump))
  },
  'api convert-users': convertUsers,
  'api get-bans': ({ value }, io) => ask(value, io, 'bans', ({ getBans }) => getBans()),
  'api delete-ban': ({ value, words: [address = ''] }, io) =>
    ask(value, io, 'facts', ({ deleteBan }) => deleteBan(address)),
}

async function convertUsers({ value, words }: Call<'api convert-users'>, io: Io): Promise<void> {
  const [input = '', format = '', output = ''] = words
  const load = value.boolean('load')
  if (!isConvertFormat(format)) throw new UsageError(`format is "${format}"`)
  if (output === '' && !load) throw new UsageError('neither an output nor --load is given')
  const [{ readAccounts }, { convertUsers: convert }, { writeNewFile }] = await Promise.all([
    import('../lib/convert-users/read.ts'),
    import('../lib/convert-users/convert.ts'),
    import('../lib/api-client/dump-file.ts'),
  ])
  const bound = (flag: 'min-uid' | 'max-uid' | 'force-uid' | 'force-gid') => {
    const given = value.integer(flag)
    return given === -1 ? undefined : given
  }
  const options = {
    minUid: bound('min-uid'),
    maxUid: bound('max-uid'),
    usernames: value.list('usernames'),
    forceUid: bound('force-uid'),
    forceGid: bound('force-gid'),
  }
  const entries = await readAccounts(input, format, value.text('shadow'))
  const { users, notes, leftOut, notAsked } = convert(entries, options)
  for (const note of notes) io.stderr(inert(note))
  io.stderr(`${users.length} accounts converted, ${leftOut} left out, ${notAsked} not asked for`)
  if (users.length === 0) throw new Error('there is no account to convert')
  const dump = { users }
  const text = JSON.stringify(dump, null, 2)
  if (output === '-') io.stdout(text)
  else if (output !== '') await writeNewFile(output, `${text}\n`)
  if (load) await ask(value, io, 'facts', ({ loadData }) => loadData(dump))
}

type Requests = typeof REQUESTS

/** One request, and its answer on the standard output. */
async function ask(value: ApiValues, io: Io, view: View, make: (requests: Requests) => ApiRequest): Promise<void> {
  const json = value.given('json') ? value.boolean('json') : io.terminal === undefined
  const { show } = await import('../lib/api-client/show.ts')
  const color = value.given('color') ? value.boolean('color') : io.terminal !== undefined && !io.env['NO_COLOR']
  const print = (shown: View, answer: unknown) => {
    for (const line of show(shown, answer, { json, color })) io.stdout(line)
  }
  await withClient(value, io, async (client, requests) => {
    let request: ApiRequest
    try {
      request = make(requests)
    } catch (error) {
      throw error instanceof RangeError ? new UsageError(error.message) : error
    }
    let answer: ApiAnswer
    try {
      answer = await client.send(request)
    } catch (error) {
      // A script reads what the server said where it reads everything else.
      if (json && error instanceof ApiError && error.json !== undefined) print('facts', error.json)
      throw error
    }
    if (answer.json === undefined) throw new ApiError('answer', `no JSON came: ${inert(answer.text.slice(0, 200))}`)
    print(view, answer.json)
  })
}

async function withClient(
  value: ApiValues,
  io: Io,
  use: (client: ApiClient, requests: Requests) => Promise<void>,
): Promise<void> {
  const [{ createApiClient }, { parseBaseUrl }, { REQUESTS: requests }] = await Promise.all([
    import('../lib/api-client/client.ts'),
    import('../lib/api-client/base-url.ts'),
    import('../lib/api-client/requests.ts'),
  ])
  const client = createApiClient({
    baseUrl: usable('base-url', () => parseBaseUrl(value.text('base-url'))),
    ...loginOf(value),
    insecure: value.boolean('insecure'),
    timeoutMs: value.integer('timeout') * 1000,
    ...(value.boolean('debug') && { trace: (line: string) => io.stderr(inert(line)) }),
  })
  try {
    await use(client, requests)
  } finally {
    await client.close()
  }
}

function loginOf(value: ApiValues) {
  const [user, password, type] = [value.text('auth-user'), value.text('auth-password'), value.text('auth-type')]
  if (user === '') {
    if (type !== '') throw new UsageError('--auth-type needs --auth-user')
    return {}
  }
  if (user.includes(':')) throw new UsageError('--auth-user cannot hold ":"')
  return { auth: { type: type === 'digest' ? ('digest' as const) : ('basic' as const), user, password } }
}

/** What is given of an account, under the names of the API. */
async function userFields(value: UserValues, io: Io): Promise<UserFields> {
  const fields: UserFields = {}
  if (value.boolean('password-stdin')) {
    if (value.given('password')) throw new UsageError('--password and --password-stdin exclude each other')
    fields.password = firstLine(await io.stdin())
  } else if (value.given('password')) fields.password = value.text('password')
  if (value.given('public-keys')) fields.public_keys = value.list('public-keys').filter((key) => key !== '')
  if (value.given('home-dir')) fields.home_dir = value.text('home-dir')
  if (value.given('permissions') || value.given('subdirs-permissions')) fields.permissions = permissionsOf(value)
  if (value.given('expiration-date')) fields.expiration_date = expirationOf(value)
  for (const [flag, key] of NUMBERS) if (value.given(flag)) fields[key] = value.integer(flag)
  return fields
}

const NUMBERS = [
  ['uid', 'uid'],
  ['gid', 'gid'],
  ['max-sessions', 'max_sessions'],
  ['quota-size', 'quota_size'],
  ['quota-files', 'quota_files'],
  ['upload-bandwidth', 'upload_bandwidth'],
  ['download-bandwidth', 'download_bandwidth'],
  ['status', 'status'],
] as const

function permissionsOf(value: UserValues): string[] | Record<string, string[]> {
  const everywhere = value.list('permissions')
  if (!value.given('subdirs-permissions')) return everywhere
  if (everywhere.length === 0) throw new UsageError('--subdirs-permissions needs --permissions for all else')
  const below = value.list('subdirs-permissions').map((text) => {
    const [, path, words] = /^(\/.*):([^:]*)$/s.exec(text) ?? []
    if (path === undefined || words === undefined)
      throw new UsageError(`invalid value "${text}" for --subdirs-permissions: "/path:list,download" is allowed`)
    return [path, words.split(',').filter((word) => word !== '')] as const
  })
  return Object.fromEntries([['/', everywhere], ...below])
}

function expirationOf(value: UserValues): number {
  const text = value.text('expiration-date')
  const day = parseDay(text)
  if (day === undefined)
    throw new UsageError(`invalid value "${text}" for --expiration-date: a day as YYYY-MM-DD is allowed, or nothing`)
  return day
}

function firstLine(input: Buffer): string {
  const line = /^[^\r\n]*/.exec(input.toString('utf8'))?.[0] ?? ''
  if (line === '') throw new UsageError('--password-stdin: there is no password on the standard input')
  return line
}

function userId(text: string): string {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`id is "${text}", a whole number is allowed`)
  return text
}

function usable<T>(flag: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--${flag}: ${error.message}`)
    throw error
  }
}
