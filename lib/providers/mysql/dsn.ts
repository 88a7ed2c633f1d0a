import type { MysqlSettings } from './settings.ts'
import { TLS_MODES } from './tls-modes.ts'

const FORM =
  'want user:password@tcp(host:port)/name?tls=..., user:password@unix(/path)/name or mysql://user:password@host:port/name'

/** Parameters of Go's MySQL driver that change nothing here, or say what is done anyway. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'allowNativePasswords',
  'charset',
  'collation',
  'interpolateParams',
  'loc',
  'maxAllowedPacket',
  'parseTime',
  'readTimeout',
  'timeout',
  'writeTimeout',
])

/**
 * Reads a connection string of SFTPGo's MySQL driver, or a `mysql://` URL.
 * @throws Error which names what is wrong, and never quotes the string: it holds the password.
 */
export function parseDsn(text: string): MysqlSettings {
  const url = /^(mysql|mariadb):\/\//.exec(text)
  // The password may hold "/", "@" and ":", so each part is cut off at the last place that can end it.
  const parts =
    url === null
      ? /^(?:(?<user>[^:@]*)(?::(?<password>.*))?@)?(?:(?<net>[a-z]+)(?:\((?<address>[^()]*)\))?)?\/(?<name>[^/?]*)(?:\?(?<query>[^/]*))?$/s.exec(
          text,
        )?.groups
      : urlParts(text)
  if (parts === undefined) throw wrong(FORM)
  const { user = '', password = '', net = 'tcp', address = '', name = '', query = '' } = parts
  if (name === '') throw wrong('it names no database')
  const tls = readTls(query)
  const who = { user, password, database: decoded(name), tls }
  if (net === 'unix') return { ...who, socketPath: address, host: 'localhost', port: 0 }
  if (net !== 'tcp') throw wrong(`its network is ${JSON.stringify(net)}, want tcp or unix`)
  return { ...who, ...hostAndPort(address) }
}

function urlParts(text: string): Record<string, string> {
  // Not handed on as the cause: its error carries the whole text.
  if (!URL.canParse(text)) throw wrong('it is no valid URL')
  const url = new URL(text)
  return {
    user: decoded(url.username),
    password: decoded(url.password),
    address: url.host,
    name: url.pathname.slice(1),
    query: url.search.slice(1),
  }
}

function hostAndPort(address: string): { host: string; port: number } {
  const parts = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:]*))(?::(?<port>\d{1,5}))?$/.exec(address)?.groups
  if (parts === undefined) throw wrong('its address is not host:port')
  const host = parts['v6'] ?? parts['name'] ?? ''
  const port = Number(parts['port'] ?? 3306)
  if (port > 65_535) throw wrong('its port is above 65535')
  return { host: host === '' ? 'localhost' : host, port }
}

function readTls(query: string): MysqlSettings['tls'] {
  const params = new URLSearchParams(query)
  const unknown = [...params.keys()].find((key) => key !== 'tls' && !WITHOUT_EFFECT.has(key))
  if (unknown !== undefined) throw wrong(`parameter ${JSON.stringify(unknown)} is not known`)
  const given = params.get('tls') ?? 'false'
  const tls = TLS_MODES.find((mode) => mode === given)
  if (tls === undefined) throw wrong(`tls is ${JSON.stringify(given)}, want ${TLS_MODES.join(', ')}`)
  return tls
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong('it holds a "%" that is no escape')
  }
}

function wrong(what: string): Error {
  return new Error(`data_provider.connection_string is not usable for driver mysql: ${what}`)
}
