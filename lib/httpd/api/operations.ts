import { z } from 'zod'
import type { Route } from '../router.ts'
import { MAX_BODY_BYTES } from '../body.ts'
import type { ObjectName } from './objects.ts'

export interface Answer {
  /** When it is given, or what it says. */
  about: string
  /** What its body is; nothing else is sent. */
  object: ObjectName
}

/** One method of one path. */
export interface Operation {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** `:name` stands for a part that varies. */
  path: `/api/v1/${string}`
  tag: Tag
  /** A few words, as in a menu. */
  summary: string
  /** Sentences on what the summary leaves open. */
  description?: string
  /** What each `:name` of the path is. */
  params?: z.ZodObject
  /** What stands behind the `?`. */
  query?: z.ZodObject
  body?: { object: ObjectName; maxBytes: number }
  /** By status. Beside them any operation answers {@link COMMON_ANSWERS} and, with a body, {@link BODY_ANSWERS}. */
  answers: Readonly<Record<number, Answer>>
}

/** Chapters, in the order in which they are read. */
export const TAGS = {
  users: 'Accounts: who may log in, and what they may do.',
  connections: 'Who is connected, and who could not be.',
  'quota scans': 'Counting what accounts occupy.',
  backup: 'All accounts in one file, and back.',
  defender: 'Addresses that are refused for a while.',
  server: 'What runs here.',
} as const
type Tag = keyof typeof TAGS

/** Room for some 50,000 users with a key each. The body is held in memory as a whole. */
const MAX_BACKUP_BYTES = 64 * 1024 * 1024

const refused = (about: string): Answer => ({ about, object: 'Result' })
const done = refused

const userId = z.object({ id: z.int().describe('Number of the account.') })
const connectionId = z.object({ id: z.string().describe('The connection_id of a connection.') })
const noInteger = refused('The id is no integer of 64 bits.')
const noUser = refused('There is no such user.')
const noConnection = refused('There is no such connection.')
const notManaged = refused('Users are not managed here: manage_users is 0.')

/** What the API can be asked. Its routes are made of this, and so is static/openapi.yaml. */
export const OPERATIONS = {
  listUsers: {
    method: 'GET',
    path: '/api/v1/user',
    tag: 'users',
    summary: 'List users',
    description: 'By name.',
    query: z.object({
      limit: z.int().min(1).default(100).describe('At most so many; above 500 it is 500.'),
      offset: z.int().min(0).default(0).describe('Leaves out so many at the beginning.'),
      order: z.enum(['ASC', 'DESC']).default('ASC').describe('From A to Z, or from Z to A.'),
      username: z.string().exactOptional().describe('This user alone; empty for all.'),
    }),
    answers: { 200: { about: 'The users.', object: 'Users' }, 400: refused('A parameter is not right.') },
  },
  addUser: {
    method: 'POST',
    path: '/api/v1/user',
    tag: 'users',
    summary: 'Add a user',
    description:
      'A username, permissions, a password or a public key are needed, and a home directory unless one is derived from ' +
      'users_base_dir.',
    body: { object: 'UserInput', maxBytes: MAX_BODY_BYTES },
    answers: {
      200: { about: 'The user that was added, without its public keys.', object: 'User' },
      400: refused('The body is not JSON, or a value is not right.'),
      403: notManaged,
      409: refused('The username is taken.'),
    },
  },
  getUser: {
    method: 'GET',
    path: '/api/v1/user/:id',
    tag: 'users',
    summary: 'Get a user',
    params: userId,
    answers: { 200: { about: 'The user.', object: 'User' }, 400: noInteger, 404: noUser },
  },
  updateUser: {
    method: 'PUT',
    path: '/api/v1/user/:id',
    tag: 'users',
    summary: 'Change a user',
    description: 'What is left out stays as it is. Open sessions have the new settings at once, or are ended by them.',
    params: userId,
    body: { object: 'UserInput', maxBytes: MAX_BODY_BYTES },
    answers: {
      200: done('User updated'),
      400: refused('The id is no integer of 64 bits or not that of the body, or as for adding.'),
      403: notManaged,
      404: noUser,
    },
  },
  deleteUser: {
    method: 'DELETE',
    path: '/api/v1/user/:id',
    tag: 'users',
    summary: 'Remove a user',
    description: 'Open sessions end; the files in the home directory stay.',
    params: userId,
    answers: { 200: done('User deleted'), 400: noInteger, 403: notManaged, 404: noUser },
  },
  listConnections: {
    method: 'GET',
    path: '/api/v1/connection',
    tag: 'connections',
    summary: 'List connections',
    description: 'With the transfers that are under way.',
    answers: { 200: { about: 'The connections.', object: 'Connections' } },
  },
  closeConnection: {
    method: 'DELETE',
    path: '/api/v1/connection/:id',
    tag: 'connections',
    summary: 'End a connection',
    description: 'At once; its uploads end as failed.',
    params: connectionId,
    answers: { 200: done('Connection closed'), 404: noConnection },
  },
  traceConnection: {
    method: 'GET',
    path: '/api/v1/connection/:id/trace',
    tag: 'connections',
    summary: "Get a connection's story",
    description: 'Also of a connection that ended not long ago, and of one that never came to a login.',
    params: connectionId,
    answers: { 200: { about: 'What happened to it.', object: 'Trace' }, 404: noConnection },
  },
  listFailedLogins: {
    method: 'GET',
    path: '/api/v1/failed_logins',
    tag: 'connections',
    summary: 'List failed logins',
    description: 'The last hundred.',
    answers: { 200: { about: 'The logins.', object: 'FailedLogins' } },
  },
  listQuotaScans: {
    method: 'GET',
    path: '/api/v1/quota_scan',
    tag: 'quota scans',
    summary: 'List quota scans',
    description: 'Those that wait or run; a scan that is over is not there any more.',
    answers: { 200: { about: 'The scans.', object: 'QuotaScans' } },
  },
  startQuotaScan: {
    method: 'POST',
    path: '/api/v1/quota_scan',
    tag: 'quota scans',
    summary: 'Start a quota scan',
    description: "Counts what is in a user's home, and stores it as used.",
    body: { object: 'QuotaScanRequest', maxBytes: MAX_BODY_BYTES },
    answers: {
      201: done('Scan started'),
      400: refused('There is no username.'),
      403: refused('Usage is not stored here: track_quota or manage_users is 0.'),
      404: noUser,
      409: refused("This user's home is being scanned already."),
      503: refused('The server stops.'),
    },
  },
  dumpData: {
    method: 'GET',
    path: '/api/v1/dumpdata',
    tag: 'backup',
    summary: 'Get all users',
    description: 'With their password hashes: keep it as safe as the database.',
    answers: { 200: { about: 'The users.', object: 'Dump' } },
  },
  loadData: {
    method: 'POST',
    path: '/api/v1/loaddata',
    tag: 'backup',
    summary: 'Put users back',
    description:
      'Adds users that are new by their name, and changes the others; nobody is removed. Ids, counters and last_login ' +
      'are not taken. All are judged before any is stored.',
    body: { object: 'Backup', maxBytes: MAX_BACKUP_BYTES },
    answers: {
      200: done('How many users were added and changed.'),
      400: refused('The first user that is not right, by its place and name.'),
      403: notManaged,
    },
  },
  listBans: {
    method: 'GET',
    path: '/api/v1/defender/bans',
    tag: 'defender',
    summary: 'List bans',
    answers: { 200: { about: 'The bans.', object: 'Bans' } },
  },
  liftBan: {
    method: 'DELETE',
    path: '/api/v1/defender/bans/:address',
    tag: 'defender',
    summary: 'Lift a ban',
    params: z.object({ address: z.string().describe('An address of the source, IPv4 or IPv6.') }),
    answers: { 200: done('Ban lifted'), 404: refused('The address is not banned.') },
  },
  getVersion: {
    method: 'GET',
    path: '/api/v1/version',
    tag: 'server',
    summary: 'Get the version',
    answers: { 200: { about: 'The version.', object: 'Version' } },
  },
  getProviderStatus: {
    method: 'GET',
    path: '/api/v1/providerstatus',
    tag: 'server',
    summary: 'Ask whether the data provider answers',
    answers: { 200: done('Alive'), 500: refused('It does not.') },
  },
} as const satisfies Record<string, Operation>

/** What any operation may answer beside its own: the gate in front of all of them. */
export const COMMON_ANSWERS: Readonly<Record<number, Answer>> = {
  400: refused('The request is malformed.'),
  401: refused('A login is needed: httpd.auth_user_file is set.'),
  403: refused('The request comes from a web page of another origin, or its Host is not served here.'),
  429: refused('Too many logins from this address have failed.'),
  500: refused('The data provider does not answer, or the server failed; its log says why.'),
  503: refused('There is too much to do; try again.'),
}

/** What those may answer besides that have a body. */
export const BODY_ANSWERS: Readonly<Record<number, Answer>> = {
  413: refused('The body is too long.'),
  415: refused('The body is not declared as application/json.'),
}

/** The route of an operation; its bodies are read as far as the operation allows. */
export function routeOf({ method, path, body }: Operation, handle: Route['handle']): Route {
  if (body === undefined) return { method, path, handle }
  return { method, path, handle: (request) => handle({ ...request, body: () => request.body(body.maxBytes) }) }
}
