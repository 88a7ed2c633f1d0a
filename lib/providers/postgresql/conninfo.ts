import type { PostgresqlSettings } from './settings.ts'
import { TLS_MODES } from './tls-modes.ts'

const KEYS = [
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'sslmode',
  'sslrootcert',
  'application_name',
  // The time limit is always the server's own.
  'connect_timeout',
] as const
type Key = (typeof KEYS)[number]
type Fields = Partial<Record<Key, string>>

/**
 * Reads a connection string, either form of PostgreSQL's manual: `host=... dbname=...` or `postgres://...`. Where it
 * does not say, `sslmode` is `require`, as with SFTPGo's driver.
 * @throws Error which names what is wrong, and never quotes the string: it holds the password.
 */
export function parseConnectionString(text: string): PostgresqlSettings {
  const fields = /^postgres(ql)?:\/\//.test(text) ? fromUrl(text) : fromPairs(text)
  const { user = '', password = '', dbname = user, sslrootcert, application_name: applicationName = 'sftpgo' } = fields
  if (dbname === '') throw wrong('it names no database')
  const port = Number(fields.port ?? 5432)
  if (!/^\d+$/.test(fields.port ?? '5432') || port > 65_535) throw wrong('port is no number from 0 to 65535')
  const given = fields.sslmode ?? 'require'
  const sslmode = TLS_MODES.find((mode) => mode === given)
  if (sslmode === undefined) throw wrong(`sslmode is ${JSON.stringify(given)}, want ${TLS_MODES.join(', ')}`)
  const host = fields.host === undefined || fields.host === '' ? 'localhost' : fields.host
  return {
    host,
    port,
    user,
    password,
    database: dbname,
    // Who names an authority wants it asked, as libpq has it.
    sslmode: sslmode === 'require' && sslrootcert !== undefined ? 'verify-ca' : sslmode,
    ...(sslrootcert === undefined ? {} : { sslrootcert }),
    applicationName,
  }
}

function fromUrl(text: string): Fields {
  // Not handed on as the cause: its error carries the whole text.
  if (!URL.canParse(text)) throw wrong('it is no valid URL')
  const url = new URL(text)
  const fields: Fields = {}
  const parts: [Key, string][] = [
    ['user', url.username],
    ['password', url.password],
    ['host', url.hostname.replace(/^\[(.*)\]$/, '$1')],
    ['port', url.port],
    ['dbname', url.pathname.slice(1)],
  ]
  for (const [key, value] of parts) if (value !== '') fields[key] = decoded(value)
  for (const [key, value] of url.searchParams) fields[known(key)] = value
  return fields
}

/** `key = value`, where a value with blanks stands between single quotes and `\` takes the next character as it is. */
function fromPairs(text: string): Fields {
  const fields: Fields = {}
  const pair = /\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)\s*/sy
  for (let at = 0; at < text.length; at = pair.lastIndex) {
    pair.lastIndex = at
    const found = pair.exec(text)
    if (found === null) throw wrong('want key=value pairs, a value with blanks between single quotes, or a URL')
    fields[known(found[1] ?? '')] = (found[2] ?? found[3] ?? '').replaceAll(/\\(.)/gs, '$1')
  }
  return fields
}

function known(key: string): Key {
  const found = KEYS.find((candidate) => candidate === key)
  if (found === undefined) throw wrong(`${JSON.stringify(key)} is not known, want some of ${KEYS.join(', ')}`)
  return found
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong('it holds a "%" that is no escape')
  }
}

function wrong(what: string): Error {
  return new Error(`data_provider.connection_string is not usable for driver postgresql: ${what}`)
}
