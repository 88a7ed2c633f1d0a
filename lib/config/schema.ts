import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { HOST_SHAPE, parseHost } from '../addresses/host.ts'
import { NETWORK_SHAPE, parseNetwork } from '../addresses/network.ts'
import { MAX_STARTUPS_SHAPE, parseStartups } from '../defender/max-startups.ts'

/** The SSH commands that `sftpd.enabled_ssh_commands` may name; `*` stands for all of them. */
export const SSH_COMMANDS = ['scp', 'md5sum', 'sha1sum', 'sha256sum', 'sha384sum', 'sha512sum', 'cd', 'pwd'] as const

/** Keys whose values never appear in messages or logs. */
export const SECRET_KEYS: ReadonlySet<string> = new Set(['password', 'connection_string', 'secret'])

// The builders below give every refusal the same shape: the message of a rule is the list of what it allows.

function integer(initial: number, min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`
  return z.int(allowed).min(min, allowed).max(max, allowed).default(initial)
}

const port = (initial: number) => integer(initial, 0, 65_535)

function choice<const V extends number>(initial: NoInfer<V>, values: readonly V[]) {
  const allowed = `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`
  return z.literal(values, allowed).default(initial as never)
}

const boolean = (initial: boolean) => z.boolean('true or false').default(initial)

const text = (initial: string) => z.string('a text').default(initial)

function textLike(initial: string, allowed: string, accepts: (value: string) => boolean) {
  return z.string(allowed).refine(accepts, allowed).default(initial)
}

const absolutePath = () => textLike('', 'an absolute path, or empty', (path) => path === '' || isAbsolute(path))

const names = () => z.array(z.string('a name').min(1, 'a name'), 'a list of names').default([])

function networks(initial: string[]) {
  const network = z.string(NETWORK_SHAPE).refine((value) => parseNetwork(value) !== undefined, NETWORK_SHAPE)
  return z.array(network, `a list, each ${NETWORK_SHAPE}`).default(initial)
}

function hosts() {
  const host = z.string(HOST_SHAPE).refine((value) => parseHost(value) !== undefined, HOST_SHAPE)
  return z.array(host, `a list, each ${HOST_SHAPE}`).default([])
}

function words<const W extends string>(initial: W[], allowed: readonly W[]) {
  const list = allowed.join(', ')
  return z.array(z.enum(allowed, `one of ${list}`), `a list of ${list}`).default(initial)
}

// Every row has a default, which is more than the compiler can see of an unknown shape.
const section = <S extends z.ZodRawShape>(shape: S) => z.strictObject(shape, 'an object').prefault({} as never)

// Fetching the address is left to whoever notifies; here only what can never work is refused.
function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
}

const actions = <const W extends string>(events: readonly W[], method: string) =>
  section({
    execute_on: words([], events).describe('Events that run the command and the notification; empty turns both off.'),
    command: absolutePath().describe('Program to run after the event, by its absolute path; empty runs none.'),
    command_timeout: integer(300, 1, 86_400).describe(
      'Seconds after which the program and what it has started are ended.',
    ),
    http_notification_url: textLike(
      '',
      'an http or https URL, or empty',
      (url) => url === '' || isHttpUrl(url),
    ).describe(`Address that gets an HTTP ${method} after the event; empty notifies nobody.`),
    secret: text('').describe(
      'Signs each request with HMAC-SHA256, in the header X-SFTPGo-Signature; empty signs none.',
    ),
  })

const sftpd = section({
  bind_port: port(2022).describe('TCP port of the SFTP server; 0 takes any free one.'),
  bind_address: text('').describe('Address to listen on; empty listens on all interfaces.'),
  // A runtime timer counts at most 2^31 - 1 milliseconds.
  idle_timeout: integer(15, 0, 35_791).describe('Minutes after which a silent client is disconnected; 0 never.'),
  keepalive_interval: integer(60, 0, 32_767).describe(
    'Seconds without traffic after which the system asks whether the client is still there; ten questions without an ' +
      'answer, a second apart, end the connection. 0 never asks.',
  ),
  grace_time: integer(0, 0, 86_400).describe(
    'Seconds that running transfers may take to finish when the server is stopped; 0 ends them at once.',
  ),
  max_auth_tries: integer(0, -2_147_483_648, 2_147_483_647).describe(
    'Authentication attempts per connection; 0 means 6, a negative number any number.',
  ),
  umask: textLike('0022', 'an octal text from "0000" to "0777"', (mask) => /^0*[0-7]{1,3}$/.test(mask)).describe(
    'Permission bits that new files and directories do not get, in octal; without effect on Windows.',
  ),
  // RFC 4253 section 4.2: printable US-ASCII, 255 bytes with "SSH-2.0-" and CR LF.
  banner: textLike('', 'up to 245 printable ASCII characters', (value) => /^[ -~]{0,245}$/.test(value)).describe(
    'Software name in the SSH identification; blank means SFTPGo_<version>.',
  ),
  upload_mode: choice(0, [0, 1, 2]).describe(
    'Where an upload goes: 0 straight to its path, 1 to a temporary file renamed when it is complete, ' +
      '2 likewise, and an interrupted one is renamed too so that it can be resumed.',
  ),
  fsync: z
    .enum(['none', 'close'], 'none or close')
    .default('none')
    .describe(
      'close: a written file is on stable storage, name included, before the client is told that it is closed.',
    ),
  actions: actions(['download', 'upload', 'delete', 'rename'], 'GET'),
  keys: z
    .array(
      z.strictObject(
        {
          private_key: z
            .string('the path of a key file')
            .min(1, 'the path of a key file')
            .describe('Path of a private host key, relative to the configuration directory or absolute.'),
        },
        'an object with private_key',
      ),
      'a list of objects with private_key',
    )
    .default([])
    .describe('Host keys of the server; with none, id_rsa in the configuration directory is used or created.'),
  enable_scp: boolean(false).describe('Deprecated: add "scp" to enabled_ssh_commands instead.'),
  kex_algorithms: names().describe('Key exchange algorithms, best first; empty means the built-in choice.'),
  ciphers: names().describe('Ciphers, best first; empty means the built-in choice.'),
  macs: names().describe('Message authentication codes, best first; empty means the built-in choice.'),
  login_banner_file: text('').describe(
    'File shown to users before they log in, relative to the configuration directory or absolute; empty shows none.',
  ),
  setstat_mode: choice(0, [0, 1]).describe('Requests to change mode, owner or times: 0 obeyed, 1 silently ignored.'),
  enabled_ssh_commands: words(['md5sum', 'sha1sum', 'cd', 'pwd'], [...SSH_COMMANDS, '*']).describe(
    'SSH commands that users may run; "*" means all of them.',
  ),
  trace_events: integer(64, 0, 10_000).describe(
    'Events of each connection that are kept in memory, to explain failed logins; 0 keeps none.',
  ),
})

const dataProvider = section({
  driver: z
    .enum(['sqlite', 'mysql', 'postgresql', 'bolt', 'memory'], 'one of sqlite, mysql, postgresql, bolt, memory')
    .default('sqlite')
    .describe('Where accounts are kept.'),
  name: text('sftpgo.db').describe(
    'Database name; for sqlite and bolt the file, relative to the configuration directory or absolute.',
  ),
  host: text('').describe('Database host; unused by sqlite, bolt and memory.'),
  port: port(5432).describe('Database port; unused by sqlite, bolt and memory.'),
  username: text('').describe('Database user; unused by sqlite, bolt and memory.'),
  password: text('').describe('Password of the database user; unused by sqlite, bolt and memory.'),
  sslmode: choice(0, [0, 1, 2, 3]).describe(
    'Encryption to the database: 0 none, 1 required, 2 verify-ca (postgresql) or skip-verify (mysql), ' +
      '3 verify-full (postgresql) or preferred (mysql).',
  ),
  connection_string: text('').describe(
    'Complete connection string, used instead of the settings above when not empty.',
  ),
  // The name becomes a part of SQL statements, where it cannot be a parameter.
  users_table: textLike('users', 'a table name of letters, digits and "_", perhaps after a schema and "."', (name) =>
    /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)?$/.test(name),
  ).describe('Table or view that holds the accounts.'),
  manage_users: choice(1, [0, 1]).describe('1 lets the REST API and the web admin change accounts, 0 does not.'),
  track_quota: choice(2, [0, 1, 2]).describe(
    'Used quota: 0 never recorded, 1 recorded for every account, 2 only for accounts with a quota.',
  ),
  pool_size: integer(0, 0, 65_535).describe('Most connections to open to mysql or postgresql; 0 means 10.'),
  users_base_dir: absolutePath().describe(
    'Directory under which an account added without a home directory gets one of its own name; empty for none.',
  ),
  actions: actions(['add', 'update', 'delete'], 'POST with the account as JSON'),
})

const httpd = section({
  bind_port: port(8080).describe('TCP port of the HTTP server; 0 turns it off.'),
  bind_address: text('127.0.0.1').describe('Address to listen on; empty listens on all interfaces.'),
  templates_path: text('templates').describe(
    'Directory of the web templates, relative to the configuration directory or absolute.',
  ),
  static_files_path: text('static').describe(
    'Directory of the static web files, relative to the configuration directory or absolute.',
  ),
  auth_user_file: text('').describe(
    'File made by htpasswd with -B, -2 or -5, whose users may log in, relative to the configuration directory or ' +
      'absolute; empty asks nobody to log in.',
  ),
  allow_unauthenticated: boolean(false).describe(
    'Serves without a login on other addresses than loopback too; otherwise that stops the start.',
  ),
  certificate_file: text('').describe(
    'Certificate in PEM, its issuers behind it, relative to the configuration directory or absolute; turns on TLS.',
  ),
  certificate_key_file: text('').describe(
    'Private key of the certificate in PEM, relative to the configuration directory or absolute.',
  ),
  allowed_hosts: hosts().describe(
    'Hosts that the server is reached by beside its own address and loopback, such as the public one of a reverse proxy.',
  ),
  trusted_proxies: networks([]).describe(
    'Addresses and networks of reverse proxies: X-Forwarded-*, X-Real-IP and X-Request-Id count from them alone.',
  ),
})

const defender = section({
  enabled: boolean(true).describe('Bans addresses that do wrong too often; the limits on startups hold all the same.'),
  ban_minutes: integer(30, 1, 525_600).describe('Minutes for which an address is banned.'),
  threshold: integer(15, 1, 1000).describe('Points at which an address is banned.'),
  observation_minutes: integer(30, 1, 1440).describe('Minutes for which a point counts.'),
  score_failed_login: integer(1, 0, 1000).describe(
    'Points for a wrong password, and for a connection whose keys were all refused.',
  ),
  score_unknown_user: integer(2, 0, 1000).describe('Points for a login as a user that does not exist.'),
  score_garbage: integer(3, 0, 1000).describe('Points for a connection that does not speak SSH or breaks its rules.'),
  score_no_auth: integer(1, 0, 1000).describe(
    'Points for a connection that ends without an attempt to log in; one that never sends a byte and leaves has none.',
  ),
  max_addresses: integer(10_000, 100, 1_000_000).describe(
    'Most addresses that are remembered; the one heard of longest ago is forgotten first.',
  ),
  trusted: networks(['127.0.0.0/8', '::1']).describe(
    'Addresses and networks that are never banned, limited by address or refused at random.',
  ),
  max_startups: textLike('10:30:100', MAX_STARTUPS_SHAPE, (value) => parseStartups(value) !== undefined).describe(
    'Connections that are not logged in: from the first number on the second in percent of new ones is refused at ' +
      'random, rising to all at the third.',
  ),
  max_startups_per_address: integer(20, 0, 10_000).describe(
    'Connections of one address that are not logged in; 0 for any number.',
  ),
})

const log = section({
  level: z
    .enum(['', 'debug', 'info'], 'debug, info or empty')
    .default('')
    .describe('Whether debug records are logged; empty leaves that to the flag --log-verbose.'),
})

/** Every setting with its default, range and meaning; parsing `{}` gives the built-in configuration. */
export const configSchema = z
  .strictObject(
    {
      sftpd: sftpd.describe('The SFTP server.'),
      data_provider: dataProvider.describe('The store of accounts.'),
      defender: defender.describe('Limits before the login, and bans; IPv6 addresses count by their /64 network.'),
      log: log.describe('The log; where it goes is told by flags.'),
      httpd: httpd.describe('The HTTP server: REST API, web admin, metrics.'),
    },
    'an object',
  )
  .describe('The configuration of the server.')

/** A validated configuration; the objects are frozen at run time too. */
export type Config = DeepReadonly<z.infer<typeof configSchema>>

export type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T

/** The configuration of a server without file and environment. */
export function defaultConfig(): Config {
  return deepFreeze(configSchema.parse({}))
}

/** Freezes plain objects and arrays in place. */
export function deepFreeze<T>(value: T): DeepReadonly<T> {
  if (typeof value === 'object' && value !== null) {
    for (const child of Object.values(value)) deepFreeze(child)
    Object.freeze(value)
  }
  return value as DeepReadonly<T>
}
