import { isIPv4, isIPv6 } from 'node:net'

/** `192.0.2.1` for `::ffff:192.0.2.1`, which is how a socket for both IP versions shows it, and no zone (`%eth0`). */
export function plainIp(address: string): string {
  const ip = address.replace(/%.*$/, '')
  return /^::ffff:(\d+(?:\.\d+){3})$/i.exec(ip)?.[1] ?? ip
}

/**
 * What counts as one source: an IPv4 address, or the /64 network of an IPv6 one, all of whose 2^64 addresses one
 * customer has. What is no address is a source of its own.
 */
export function sourceOf(address: string): string {
  const ip = plainIp(address)
  if (!isIPv6(ip)) return ip
  return `${groupsOf(ip).slice(0, 4).join(':')}::/64`
}

/** The bytes of an address, 4 or 16; `undefined` for what is none. */
export function bytesOf(ip: string): number[] | undefined {
  if (isIPv4(ip)) return ip.split('.').map(Number)
  if (!isIPv6(ip)) return undefined
  return groupsOf(ip).flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

/** The eight groups of an IPv6 address, without leading zeros. */
function groupsOf(ip: string): string[] {
  // The URL parser writes them all alike (RFC 5952), also `::1.2.3.4`.
  const { hostname } = new URL(`http://[${ip.replace(/%.*$/, '')}]/`)
  const [head = '', tail] = hostname.slice(1, -1).split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after]
}
