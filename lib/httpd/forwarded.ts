import { isIP } from 'node:net'
import { plainIp } from '../addresses/address.ts'
import { parseHost } from '../addresses/host.ts'
import { isWithin, parseNetwork } from '../addresses/network.ts'

/** Of an id that a proxy gave the request: room for a UUID, a trace and then some, in characters that fit a log. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/

/** What is known of whoever sent a request, as far as it can be believed. */
export interface Caller {
  /** The client's address, without zone. */
  readonly ip: string
  /** A trusted proxy stands between, so that the port of the socket is not the client's. */
  readonly proxied: boolean
  /** The authority that the client named. */
  readonly host?: string
  readonly scheme?: 'http' | 'https'
  readonly requestId?: string
}

type Headers = Readonly<NodeJS.Dict<string[]>>

/**
 * Reads `X-Forwarded-*`, which anybody can send: only those of a trusted peer count, and only as far as the chain of
 * trusted proxies reaches. The client is the right-most address in `X-Forwarded-For` that is not trusted; what stands
 * left of it is what that client claims. A value that cannot be read ends the chain.
 *
 * @param trusted addresses and networks, validated.
 * @throws Error for one that is none.
 */
export function createCallerOf(trusted: readonly string[]): (peerIp: string, headers: Headers) => Caller {
  const networks = trusted.map((text) => {
    const network = parseNetwork(text)
    if (network === undefined) throw new Error(`httpd.trusted_proxies: ${text} is no network`)
    return network
  })
  const isTrusted = (ip: string): boolean => networks.some((network) => isWithin(network, ip))

  return (peerIp, headers) => {
    const peer = plainIp(peerIp)
    if (!isTrusted(peer)) return { ip: peer, proxied: false }
    const hops = listOf(headers, 'x-forwarded-for')
    // 0.9.4 reads X-Real-IP where there is no X-Forwarded-For.
    const claimed = hops.length > 0 ? hops : listOf(headers, 'x-real-ip')
    let ip = peer
    let proxies = 1
    for (const text of claimed.toReversed()) {
      const hop = addressOf(text)
      if (hop === undefined) break
      ip = hop
      if (!isTrusted(hop)) break
      proxies++
    }
    // Each proxy adds to the end what it saw itself: one value for each of them, the first of a chain being the client's.
    const told = (name: string): string | undefined => {
      const values = listOf(headers, name)
      return values[Math.max(0, values.length - proxies)]
    }
    const host = told('x-forwarded-host')
    const scheme = told('x-forwarded-proto')?.toLowerCase()
    const requestId = headers['x-request-id']?.[0]
    return {
      ip,
      proxied: true,
      ...(host !== undefined && { host }),
      ...((scheme === 'http' || scheme === 'https') && { scheme }),
      ...(requestId !== undefined && REQUEST_ID.test(requestId) && { requestId }),
    }
  }
}

/** The elements of a header that is a list, over all of its lines. */
function listOf(headers: Headers, name: string): string[] {
  return (headers[name] ?? [])
    .flatMap((line) => line.split(','))
    .map((element) => element.trim())
    .filter((element) => element !== '')
}

/** Some proxies add the port. */
function addressOf(text: string): string | undefined {
  const name = parseHost(text)?.name ?? ''
  return isIP(name) === 0 ? undefined : plainIp(name)
}
