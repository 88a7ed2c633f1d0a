import { networkInterfaces } from 'node:os'
import { renderUnicodeCompact } from 'uqr'

/** `sftp://user@host:port`, as clients take it (draft-ietf-secsh-scp-sftp-ssh-uri). */
export function sftpUrl({ username, host, port }: { username: string; host: string; port: number }): string {
  return `sftp://${encodeURIComponent(username)}@${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The code in half blocks: two rows of it a line. */
export function qrCode(text: string): string[] {
  return renderUnicodeCompact(text, { ecc: 'M', border: 2 }).split('\n')
}

/** An address at which others may reach this machine: IPv4 first, as phones know it best; loopback when there is none. */
export function reachableHost(interfaces = networkInterfaces()): string {
  const addresses = Object.values(interfaces)
    .flatMap((list) => list ?? [])
    // A link-local address needs its interface named, differently on each machine.
    .filter(({ internal, address }) => !internal && !/^fe80:/i.test(address))
  const found = addresses.find(({ family }) => family === 'IPv4') ?? addresses[0]
  return found?.address ?? '127.0.0.1'
}
