import { BlockList, isIP } from 'node:net'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** @param host a name or address, without port or brackets. */
export function isLoopback(host: string): boolean {
  const family = isIP(host)
  return family === 0 ? host.toLowerCase() === 'localhost' : loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
}

export interface Exposure {
  bind_address: string
  auth_user_file: string
  allow_unauthenticated: boolean
  certificate_file: string
}

/**
 * What an administrator should know of a server that others can reach.
 * @returns warnings.
 * @throws Error of one line where whoever reaches the server could change accounts, and nobody said that this is meant.
 */
export function judgeExposure(httpd: Exposure): string[] {
  if (isLoopback(httpd.bind_address)) return []
  const where = httpd.bind_address === '' ? 'all interfaces' : httpd.bind_address
  if (httpd.auth_user_file === '' && !httpd.allow_unauthenticated) {
    throw new Error(
      `httpd.bind_address is ${JSON.stringify(httpd.bind_address)}: the REST API and the web admin would be open to ` +
        `whoever reaches ${where}. Set httpd.auth_user_file (a file made by htpasswd -B) to ask for a login, or ` +
        `httpd.bind_address to 127.0.0.1, or httpd.allow_unauthenticated to true where something else asks for one`,
    )
  }
  return [
    ...(httpd.auth_user_file === '' ? [`httpd: no login is asked for on ${where} (httpd.allow_unauthenticated)`] : []),
    ...(httpd.auth_user_file !== '' && httpd.certificate_file === ''
      ? [`httpd: passwords cross the network in the clear on ${where}; httpd.certificate_file turns on TLS`]
      : []),
  ]
}
