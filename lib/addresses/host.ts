import { isIPv6 } from 'node:net'

/** Where something is reached: the authority of a URL without user. */
export interface Host {
  /** In lower case, an IPv6 address without its brackets, a name without the root's dot. */
  name: string
  port?: number
}

export const HOST_SHAPE = 'a host name or address, with a port or without, such as files.example.com or [::1]:8080'

/** `undefined` for what is none. */
export function parseHost(text: string): Host | undefined {
  if (isIPv6(text)) return { name: text.toLowerCase() }
  const [, bracketed, name = '', port] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/@?#*\\[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? []
  if (bracketed === undefined ? name === '' || name === '.' : !isIPv6(bracketed)) return undefined
  return {
    name: (bracketed ?? name).toLowerCase().replace(/\.$/, ''),
    ...(port !== undefined && { port: Number(port) }),
  }
}
