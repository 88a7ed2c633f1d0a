import { styleText } from 'node:util'
import { z } from 'zod'
import { jsonLines } from './json-text.ts'
import type { Paint } from './json-text.ts'
import { table } from './table.ts'

/** How an answer is laid out for people; `facts` is a key and a value a line. */
export type View = 'users' | 'connections' | 'scans' | 'bans' | 'facts'

export interface ShowOptions {
  json: boolean
  color: boolean
}

/** The answer as lines for a terminal, or JSON; JSON too where the answer is not what the view expects. */
export function show(view: View, answer: unknown, { json, color }: ShowOptions): string[] {
  const paint = color ? colored : plain
  return (json ? undefined : VIEWS[view](answer, (text) => paint('heading', text))) ?? jsonLines(answer, paint)
}

const plain: Paint = (_, text) => text

const STYLES = { key: 'cyan', text: 'green', other: 'yellow', heading: 'bold' } as const

/** Whether there is a terminal was asked before. */
const colored: Paint = (part, text) => styleText(STYLES[part], text, { validateStream: false })

type Heading = (text: string) => string

const VIEWS: Readonly<Record<View, (answer: unknown, heading: Heading) => string[] | undefined>> = {
  users: listView(
    z.object({
      id: z.number(),
      username: z.string(),
      status: z.number(),
      home_dir: z.string(),
      permissions: z.union([z.array(z.string()), z.record(z.string(), z.array(z.string()))]),
      used_quota_size: z.number().default(0),
      quota_size: z.number().default(0),
      used_quota_files: z.number().default(0),
      quota_files: z.number().default(0),
      expiration_date: z.number().default(0),
      last_login: z.number().default(0),
    }),
    'no accounts',
    {
      ID: ({ id }) => String(id),
      USERNAME: ({ username }) => username,
      STATUS: ({ status }) => (status === 1 ? 'active' : 'inactive'),
      EXPIRES: ({ expiration_date: ms }) => day(ms),
      HOME: ({ home_dir: home }) => home,
      PERMISSIONS: ({ permissions }) => shownPermissions(permissions),
      SIZE: (user) => share(user.used_quota_size, user.quota_size, bytes),
      FILES: (user) => share(user.used_quota_files, user.quota_files, String),
      'LAST LOGIN': ({ last_login: ms }) => moment(ms),
    },
  ),
  connections: listView(
    z.object({
      connection_id: z.string(),
      username: z.string(),
      protocol: z.string(),
      remote_address: z.string(),
      client_version: z.string(),
      connection_time: z.number(),
      ssh_command: z.string().default(''),
      active_transfers: z.array(z.object({ operation_type: z.string(), path: z.string(), size: z.number() })).nullish(),
    }),
    'nobody is connected',
    {
      USERNAME: ({ username }) => username,
      PROTOCOL: ({ protocol }) => protocol,
      ADDRESS: ({ remote_address: address }) => address,
      CLIENT: ({ client_version: version }) => version,
      SINCE: ({ connection_time: ms }) => moment(ms),
      DOING: ({ ssh_command: command, active_transfers: transfers }) =>
        [
          ...(command === '' ? [] : [command]),
          ...(transfers ?? []).map(({ operation_type: what, path, size }) => `${what} ${path} (${bytes(size)})`),
        ].join(', '),
      'CONNECTION ID': ({ connection_id: id }) => id,
    },
  ),
  scans: listView(z.object({ username: z.string(), start_time: z.number() }), 'no quota scan is running', {
    USERNAME: ({ username }) => username,
    STARTED: ({ start_time: ms }) => moment(ms),
  }),
  bans: listView(z.looseObject({ address: z.string() }), 'no address is banned', {
    ADDRESS: ({ address }) => address,
    DETAILS: (ban) =>
      facts(ban)
        .filter(([name]) => name !== 'address')
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
  }),
  facts(answer) {
    const object = z.record(z.string(), z.unknown()).safeParse(answer)
    if (!object.success) return undefined
    return table(['', ''], facts(object.data)).slice(1)
  },
}

/** A table of a list whose items are of one shape; no rows, no headings. */
function listView<T>(
  item: z.ZodType<T>,
  whenEmpty: string,
  columns: Readonly<Record<string, (row: T) => string>>,
): (answer: unknown, heading: Heading) => string[] | undefined {
  const list = z.array(item)
  return (answer, heading) => {
    const read = list.safeParse(answer)
    if (!read.success) return undefined
    if (read.data.length === 0) return [whenEmpty]
    const rows = read.data.map((row) => Object.values(columns).map((cell) => cell(row)))
    return table(Object.keys(columns), rows, heading)
  }
}

/** Names that end like this hold milliseconds since the epoch. */
const TIMES = /(_date|_time|_login|_update)$|^(since|until)$/

function facts(object: Readonly<Record<string, unknown>>): [string, string][] {
  return Object.entries(object).map(([name, value]) => {
    if (typeof value === 'number' && TIMES.test(name)) return [name, moment(value)]
    return [name, typeof value === 'string' ? value : JSON.stringify(value)]
  })
}

function shownPermissions(permissions: string[] | Record<string, string[]>): string {
  if (Array.isArray(permissions)) return permissions.join(',')
  return Object.entries(permissions)
    .map(([path, words]) => `${path}:${words.join(',')}`)
    .join(' ')
}

function share(used: number, limit: number, shown: (value: number) => string): string {
  return limit > 0 ? `${shown(used)}/${shown(limit)}` : shown(used)
}

/** UTC, as everywhere; `-` for never. */
function moment(ms: number): string {
  return ms === 0 ? '-' : isoTime(ms).slice(0, 19).replace('T', ' ')
}

function day(ms: number): string {
  return ms === 0 ? '-' : isoTime(ms).slice(0, 10)
}

/** What a Date cannot hold is shown as the number it is. */
function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString()
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const

/** Powers of 1000, one decimal. */
function bytes(value: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)))
  const scaled = value / 1000 ** power
  return `${power === 0 ? scaled : scaled.toFixed(1)} ${UNITS[power]}`
}
