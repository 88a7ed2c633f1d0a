import { bytesOf, plainIp } from './address.ts'

/** An address or a network, `192.0.2.0/24`. */
export interface Network {
  bytes: readonly number[]
  prefixBits: number
}

export const NETWORK_SHAPE = 'an address or a network such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32'

/** `undefined` for what is none: also for a network whose address has bits behind its prefix, which is a mistake. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', prefix, ...rest] = text.split('/')
  const bytes = address.includes('%') ? undefined : bytesOf(address)
  if (bytes === undefined || rest.length > 0) return undefined
  const length = bytes.length * 8
  if (prefix === undefined) return { bytes, prefixBits: length }
  if (!/^(0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > length) return undefined
  const network = { bytes, prefixBits: Number(prefix) }
  return bytes.some((byte, index) => (byte & ~mask(network, index)) !== 0) ? undefined : network
}

/** Whether an address, as a socket shows it, is in the network. */
export function isWithin(network: Network, ip: string): boolean {
  const bytes = bytesOf(plainIp(ip))
  if (bytes?.length !== network.bytes.length) return false
  return bytes.every((byte, index) => (byte & mask(network, index)) === network.bytes[index])
}

/** The bits of one byte that the prefix covers. */
function mask({ prefixBits }: Network, index: number): number {
  const bits = Math.min(8, Math.max(0, prefixBits - 8 * index))
  return (0xff << (8 - bits)) & 0xff
}
