import { BlockList, isIP } from 'node:net'
import { HttpError } from './errors.ts'

interface GuardedRequest {
  /** Header values by lower-case name, one entry for each line sent. */
  readonly headers: Readonly<NodeJS.Dict<string[]>>
  /** The authority of an absolute-form request target, which replaces Host (RFC 9112 section 3.2.2). */
  readonly authority?: string | undefined
}

export interface GuardOptions {
  /** What the configuration binds to: a name, an address, or `''` for every interface. */
  bindHost: string
  /** The address that is listened on. */
  boundAddress: string
  /** Further names the server is reached by, without port. */
  allowedHosts: readonly string[]
}

/** Throws HttpError for a request that must not be served. */
export type Guard = (request: GuardedRequest) => void

/**
 * Keeps web pages from driving the API, which has no login of its own. A browser is recognised by what it cannot
 * withhold or forge; other clients pass without sending anything special.
 *
 * - Host (against DNS rebinding): `localhost`, a loopback address, the name bound to or an allowed name; any IP address
 *   as well when the server listens beyond loopback, since an address cannot be rebound. Ports are not compared, tunnels
 *   change them. Behind a reverse proxy that passes Host on, its public name belongs into `allowedHosts`.
 * - Origin, when sent, must be that of Host, port included.
 * - Sec-Fetch-Site, when sent, must be `same-origin` or `none` (typed into the address bar).
 *
 * The Guard throws HttpError 400 for no or several Hosts, 403 for what is refused.
 */
export function createGuard({ bindHost, boundAddress, allowedHosts }: GuardOptions): Guard {
  const names = new Set([bindHost, ...allowedHosts].filter((name) => name !== '').map(normalised))
  const anyAddress = !isLoopback(boundAddress)

  function servesHost(host: string): boolean {
    const name = /^(\[[0-9a-f:.]+\]|[^\s:/@?#\\[\]]+)(?::\d{1,5})?$/i.exec(host)?.[1]
    if (name === undefined) return false
    const known = normalised(name)
    return names.has(known) || isLoopback(known) || (anyAddress && isIP(known) !== 0)
  }

  return ({ headers, authority }) => {
    const host = authority ?? single(headers, 'host')
    if (host === undefined) throw new HttpError(400, 'a Host header is required')
    if (!servesHost(host)) throw new HttpError(403, `Host "${host}" is not served here, see the allowed hosts`)
    const origin = single(headers, 'origin')
    if (origin !== undefined && !isOriginOf(origin, host)) {
      throw new HttpError(403, `requests from the origin "${origin}" are refused`)
    }
    const site = single(headers, 'sec-fetch-site')
    if (site !== undefined && site !== 'same-origin' && site !== 'none') {
      throw new HttpError(403, `requests from another site are refused (Sec-Fetch-Site: ${site})`)
    }
  }
}

/**
 * A body must be declared as what the route reads. None declared is refused too: a page can send that anywhere without
 * asking first, as it can `text/plain`.
 *
 * @param accepts content types without parameters, in lower case.
 * @throws HttpError 415.
 */
export function requireBodyType(
  headers: GuardedRequest['headers'],
  accepts: readonly string[] = ['application/json'],
): void {
  const declared = single(headers, 'content-type')?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (hasBody(headers) && !accepts.includes(declared)) {
    throw new HttpError(415, `a body must have Content-Type: ${accepts.join(' or ')}`)
  }
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** @param host a name or address, without port or brackets. */
function isLoopback(host: string): boolean {
  const family = isIP(host)
  return family === 0 ? host === 'localhost' : loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
}

/** Lower case, without brackets and the root's dot. */
function normalised(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
}

function isOriginOf(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false
  const { protocol, host: originHost } = new URL(origin)
  if (protocol !== 'http:' && protocol !== 'https:') return false
  // Host names no scheme; read with the origin's, so that each scheme's default port may be left out.
  const url = `${protocol}//${host}`
  return URL.canParse(url) && new URL(url).host === originHost
}

function hasBody(headers: GuardedRequest['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']?.[0] ?? 0) > 0
}

/** A header that may be sent once: two lines that disagree let two readers see two requests. */
function single(headers: GuardedRequest['headers'], name: string): string | undefined {
  const values = headers[name] ?? []
  if (values.length > 1) throw new HttpError(400, `more than one ${name} header`)
  return values[0]
}
