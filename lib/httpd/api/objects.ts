import { z } from 'zod'
import { sentFieldsSchema } from '../../accounts/fields.ts'
import { userSchema } from '../../accounts/user.ts'

// What goes over the wire. Keys stand in the order in which they are sent, which for those of 0.9.4 is its own.

const count = z.int().min(0)
const milliseconds = (what: string) => count.describe(`${what}, in milliseconds since the epoch.`)

const result = z
  .strictObject({
    error: z.string().describe('What was wrong; empty when nothing was.'),
    message: z.string().describe('What was done; may be empty.'),
    status: z.int().min(200).max(599).describe('That of the answer.'),
  })
  .describe('How a request ended.')

const version = z.strictObject({
  version: z.string(),
  build_date: z.string().describe('As in ISO 8601; empty when it was not set by the build.'),
  commit_hash: z.string().describe('Empty when it was not set by the build.'),
})

const { password: _, public_keys: keys, ...shownFields } = userSchema.shape
const { id, status, username, expiration_date, ...otherFields } = shownFields
const user = z
  .strictObject({
    id,
    status,
    username,
    expiration_date,
    public_keys: keys.exactOptional().describe('Lines as in authorized_keys; left out when there are none.'),
    ...otherFields,
  })
  .describe('An account. Its password is never shown.')

const userInput = sentFieldsSchema.describe(
  'What is set of an account. Keys are read in any case, unknown ones are ignored; null is as if the key was not ' +
    'there, and an empty list where there is a list. Counters and last_login are not taken.',
)

const transfer = z.strictObject({
  operation_type: z.enum(['upload', 'download']),
  start_time: milliseconds('When it began'),
  size: count.describe('Bytes so far.'),
  last_activity: milliseconds('When bytes last moved'),
  path: z.string().describe('As the user sees it.'),
})

const connection = z
  .strictObject({
    username: z.string(),
    connection_id: z.string(),
    client_version: z.string().describe('Identification string of the client.'),
    remote_address: z.string().describe('Address and port of the client.'),
    connection_time: milliseconds('When it began'),
    last_activity: milliseconds('When it last did something'),
    protocol: z.enum(['SFTP', 'SCP', 'SSH']),
    active_transfers: z.array(transfer),
    ssh_command: z.string().describe('Name and arguments; empty for SFTP.'),
  })
  .describe('A channel that runs SFTP, SCP or a command.')

const quotaScan = z
  .strictObject({
    username: z.string(),
    start_time: milliseconds('When it was asked for'),
    files: count.describe('Counted so far.'),
    size: count.describe('Bytes counted so far.'),
  })
  .describe('A scan that waits or runs.')

const quotaScanRequest = z
  .object({ username: z.string().min(1) })
  .describe('Whose home is counted. A whole user object is taken, too; only the name is looked at.')

const ban = z
  .strictObject({
    address: z.string().describe('An IPv4 address, or a /64 network of IPv6.'),
    since: milliseconds('When it began'),
    until: milliseconds('When it ends'),
    reason: z.string(),
    refused: count.describe('Connections refused so far.'),
  })
  .describe('An address whose connections are refused for a while.')

const traceEvent = z
  .strictObject({ time: milliseconds('When it happened'), event: z.string() })
  .catchall(z.union([z.string(), z.number(), z.boolean()]))
  .describe('Something that happened to a connection; the further keys depend on the event.')

const failedLogin = z.strictObject({
  time: milliseconds('When it was refused'),
  client_ip: z.string(),
  username: z.string().describe('As the client said it; empty where it did not come to that.'),
  login_type: z.string().describe('As in the log.'),
  error: z.string(),
  connection_id: z.string(),
})

const dumpedUser = z.strictObject(userSchema.shape).describe('An account with its password hash.')

/** Every object and list of the API by its name in the OpenAPI document. */
export const OBJECTS = {
  Result: result,
  Version: version,
  User: user,
  Users: z.array(user),
  UserInput: userInput,
  Transfer: transfer,
  Connection: connection,
  Connections: z.array(connection).describe('In the order in which they began.'),
  QuotaScan: quotaScan,
  QuotaScans: z.array(quotaScan),
  QuotaScanRequest: quotaScanRequest,
  Ban: ban,
  Bans: z.array(ban).describe('In the order in which they began.'),
  TraceEvent: traceEvent,
  Trace: z.array(traceEvent).describe('The oldest first.'),
  FailedLogin: failedLogin,
  FailedLogins: z.array(failedLogin).describe('The newest first.'),
  DumpedUser: dumpedUser,
  Dump: z.strictObject({ users: z.array(dumpedUser) }).describe('All accounts, by name.'),
  Backup: z.object({ users: z.array(userInput) }).describe('What dumpdata gives, or part of it.'),
} as const satisfies Record<string, z.ZodType>

export type ObjectName = keyof typeof OBJECTS
export type ObjectOf<Name extends ObjectName> = z.infer<(typeof OBJECTS)[Name]>
