import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import ssh2 from 'ssh2'
import type { Timer } from '../clock.ts'
import type { Gate } from '../defender/gate.ts'
import { algorithmsOf } from './algorithms.ts'
import { transportHostKeys } from './host-keys.ts'
import type { HostKey } from './host-keys.ts'
import { createMemory } from './memory.ts'
import { Peer } from './peer.ts'
import type { PeerOptions } from './peer.ts'

/** How long a disk that does not answer may keep the server from closing. */
export const CLOSE_DEADLINE_MS = 10_000

export interface SshdOptions extends PeerOptions {
  gate: Gate
  hostKeys: readonly HostKey[]
  config: PeerOptions['config'] & {
    /** Identification behind `SSH-2.0-`. */
    banner: string
    kex_algorithms: readonly string[]
    ciphers: readonly string[]
    macs: readonly string[]
    /** Seconds, 0 never. */
    keepalive_interval: number
  }
  /** Shown before the login. */
  loginBanner: string | undefined
}

export interface Sshd {
  /** @param host `''` for every interface. @throws Error of one line when the address cannot be bound. */
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number }>
  /** Accepts nobody further and ends every connection; resolves when all files are closed, or after 10 seconds. */
  close(): Promise<void>
  /** Connections that are open, logged in or not. */
  readonly size: number
}

/** @throws Error of one line for an algorithm or host key the transport does not have. */
export function createSshd(options: SshdOptions): Sshd {
  return new SshServer(options)
}

class SshServer implements Sshd {
  readonly #options: SshdOptions
  readonly #memory = createMemory()
  readonly #transport: ssh2.Server
  readonly #listener = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  /** Accepted sockets by remote address, until the transport says which of its clients is which. */
  readonly #greeting = new Map<string, Peer>()
  readonly #peers = new Set<Peer>()

  constructor(options: SshdOptions) {
    this.#options = options
    const { config, hostKeys, loginBanner } = options
    this.#transport = new ssh2.Server({
      hostKeys: transportHostKeys(hostKeys),
      ident: config.banner,
      algorithms: algorithmsOf(config),
      ...(loginBanner === undefined ? {} : { banner: loginBanner }),
    })
    this.#transport.on('connection', (client, info) => {
      const peer = this.#greeting.get(`${info.ip}:${info.port}`)
      if (peer === undefined) {
        client.on('error', () => undefined)
        client.end()
        return
      }
      peer.greeted(client, info.header.identRaw)
    })
    this.#transport.on('error', (error: Error) => options.log.app('sftpd', 'error', 'transport error', { error }))
  }

  async listen({ host, port }: { host: string; port: number }): Promise<{ host: string; port: number }> {
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: NodeJS.ErrnoException): void => {
        const reason = error.code === 'EADDRINUSE' ? 'the port is in use' : (error.code ?? error.message)
        reject(new Error(`SFTP server: cannot listen on ${host || '*'}:${port}: ${reason}`, { cause: error }))
      }
      this.#listener.once('error', refuse)
      this.#listener.listen({ port, ...(host === '' ? {} : { host }) }, () => {
        this.#listener.removeListener('error', refuse)
        this.#listener.on('error', (error) =>
          this.#options.log.app('sftpd', 'error', 'cannot accept connections', { error }),
        )
        resolve()
      })
    })
    const bound = this.#listener.address() as AddressInfo
    return { host: bound.address, port: bound.port }
  }

  get size(): number {
    return this.#peers.size
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#listener.close(() => resolve())
    })
    for (const peer of this.#peers) peer.end()
    await this.#withinDeadline(Promise.all([closed, ...[...this.#peers].map((peer) => peer.finished)]))
  }

  async #withinDeadline(work: Promise<unknown>): Promise<void> {
    const { clock, log } = this.#options
    let deadline: Timer | undefined
    const late = new Promise<void>((resolve) => {
      const giveUp = (): void => {
        log.app('sftpd', 'warn', `closing without waiting for ${this.#peers.size} busy connections`)
        resolve()
      }
      deadline = clock.after(CLOSE_DEADLINE_MS, giveUp, { ref: true })
    })
    await Promise.race([work, late])
    deadline?.cancel()
  }

  #accept(socket: Socket): void {
    // A socket without a listener for its errors would take the process with it.
    socket.on('error', () => undefined)
    // A client whose machine or network is gone says nothing, not even that; a paused one answers without being woken.
    const { keepalive_interval: keepaliveSeconds } = this.#options.config
    if (keepaliveSeconds > 0) socket.setKeepAlive(true, keepaliveSeconds * 1000)
    let peer: Peer | undefined
    const startup = this.#options.gate.admit(socket.remoteAddress ?? '', () => peer?.giveWay())
    if (startup === undefined) {
      socket.destroy()
      return
    }
    const address = `${socket.remoteAddress}:${socket.remotePort}`
    peer = new Peer(socket, this.#options, this.#memory, startup)
    this.#peers.add(peer)
    this.#greeting.set(address, peer)
    void this.#forget(peer, address)
    this.#transport.injectSocket(socket)
  }

  async #forget(peer: Peer, address: string): Promise<void> {
    await peer.finished
    this.#peers.delete(peer)
    // A new connection may have come from the same port meanwhile.
    if (this.#greeting.get(address) === peer) this.#greeting.delete(address)
  }
}
