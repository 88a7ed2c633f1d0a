import { isIP } from 'node:net'
import { parseHost, type Host } from '../addresses/host.ts'
import { HttpError } from './errors.ts'
import { isLoopback } from './exposure.ts'

interface GuardedRequest {
  /** Header values by lower-case name, one entry for each line sent. */
  readonly headers: Readonly<NodeJS.Dict<string[]>>
  /** The authority of an absolute-form request target, which replaces Host (RFC 9112 section 3.2.2). */
  readonly authority?: string | undefined
  /** The authority that a trusted proxy was asked for, which replaces both: they are the proxy's own. */
  readonly forwardedHost?: string | undefined
}

export interface GuardOptions {
  /** What the configuration binds to: a name, an address, or `''` for every interface. */
  bindHost: string
  /** The address that is listened on. */
  boundAddress: string
  /** Further hosts the server is reached by: `httpd.allowed_hosts`, validated. */
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
 * - Origin, when sent, must be that of Host, port included; or an allowed host's, with its port or the scheme's own: a
 *   reverse proxy sends a Host that no browser has seen.
 * - Sec-Fetch-Site, when sent, must be `same-origin` or `none` (typed into the address bar).
 *
 * The Guard throws HttpError 400 for no or several Hosts, 403 for what is refused.
 */
export function createGuard({ bindHost, boundAddress, allowedHosts }: GuardOptions): Guard {
  const allowed = allowedHosts.flatMap((text) => parseHost(text) ?? [])
  const names = new Set([bindHost, ...allowed.map(({ name }) => name)].map(normalised))
  const anyAddress = !isLoopback(boundAddress)

  function servesHost(host: string): boolean {
    const name = parseHost(host)?.name
    if (name === undefined) return false
    return names.has(name) || isLoopback(name) || (anyAddress && isIP(name) !== 0)
  }

  return ({ headers, authority, forwardedHost }) => {
    // Read in any case: two of them are a mistake, whichever counts.
    const sentHost = single(headers, 'host')
    const host = forwardedHost ?? authority ?? sentHost
    if (host === undefined) throw new HttpError(400, 'a Host header is required')
    if (!servesHost(host)) throw new HttpError(403, `Host "${host}" is not served here, see httpd.allowed_hosts`)
    const origin = single(headers, 'origin')
    if (origin !== undefined && !isOriginOf(origin, host) && !isAllowedOrigin(origin, allowed)) {
      throw new HttpError(403, `requests from the origin "${origin}" are refused, see httpd.allowed_hosts`)
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

/** The configuration's address to bind to may be anything that the system resolves. */
function normalised(host: string): string {
  return parseHost(host)?.name ?? host
}

function isOriginOf(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false
  const { protocol, host: originHost } = new URL(origin)
  if (protocol !== 'http:' && protocol !== 'https:') return false
  // Host names no scheme; read with the origin's, so that each scheme's default port may be left out.
  const url = `${protocol}//${host}`
  return URL.canParse(url) && new URL(url).host === originHost
}

function isAllowedOrigin(origin: string, allowed: readonly Host[]): boolean {
  if (!URL.canParse(origin)) return false
  const { protocol, hostname, port } = new URL(origin)
  if (protocol !== 'http:' && protocol !== 'https:') return false
  const name = normalised(hostname)
  // The URL parser leaves out the scheme's own port.
  const defaultPort = protocol === 'http:' ? 80 : 443
  return allowed.some((host) => host.name === name && (host.port ?? defaultPort) === Number(port || defaultPort))
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
