import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import ssh2 from 'ssh2'
import type { Timer } from '../clock.ts'
import type { Gate } from '../defender/gate.ts'
import { algorithmsOf } from './algorithms.ts'
import { transportHostKeys } from './host-keys.ts'
import type { HostKey } from './host-keys.ts'
import { readingLarge } from './large-reads.ts'
import type { ReadingSocket } from './large-reads.ts'
import { createMemory } from './memory.ts'
import { Peer } from './peer.ts'
import type { PeerOptions } from './peer.ts'

/** How long a disk that does not answer may keep the server from closing. */
export const CLOSE_DEADLINE_MS = 10_000

/** What a connection gets when it begins. */
export interface SshSettings {
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

export interface SshdOptions extends Omit<PeerOptions, 'config'>, SshSettings {
  gate: Gate
}

export interface Sshd {
  /** @param host `''` for every interface. @throws Error of one line when the address cannot be bound. */
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number }>
  /**
   * Settings for the connections to come; those that are there keep theirs.
   * @returns what puts them into effect.
   * @throws Error of one line for an algorithm or host key the transport does not have.
   */
  prepare(settings: SshSettings): () => void
  /**
   * Accepts nobody further, ends who transfers nothing, and the others when they have: nothing further is opened.
   * Resolves when all are gone or the time is over; {@link close} ends who is left.
   */
  drain(graceMs: number): Promise<void>
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
  #options: SshdOptions
  readonly #memory = createMemory()
  #transport: ssh2.Server
  readonly #listener = createServer({ pauseOnConnect: true }, (socket) =>
    this.#accept(readingLarge(socket, this.#memory.reads)),
  )
  /** Accepted sockets by remote address, until the transport says which of its clients is which. */
  readonly #greeting = new Map<string, Peer>()
  readonly #peers = new Set<Peer>()
  #stopped: Promise<void> | undefined

  constructor(options: SshdOptions) {
    this.#options = options
    this.#transport = this.#createTransport(options)
  }

  prepare(settings: SshSettings): () => void {
    const transport = this.#createTransport(settings)
    return () => {
      this.#transport = transport
      this.#options = { ...this.#options, ...settings }
    }
  }

  #createTransport({ config, hostKeys, loginBanner }: SshSettings): ssh2.Server {
    const transport = new ssh2.Server({
      hostKeys: transportHostKeys(hostKeys),
      ident: config.banner,
      algorithms: algorithmsOf(config),
      ...(loginBanner === undefined ? {} : { banner: loginBanner }),
    })
    transport.on('connection', (client, info) => {
      const peer = this.#greeting.get(`${info.ip}:${info.port}`)
      if (peer === undefined) {
        client.on('error', () => undefined)
        client.end()
        return
      }
      peer.greeted(client, info.header.identRaw)
    })
    transport.on('error', (error: Error) => this.#options.log.app('sftpd', 'error', 'transport error', { error }))
    return transport
  }

  async listen({ host, port }: { host: string; port: number }): Promise<{ host: string; port: number }> {
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: NodeJS.ErrnoException): void => {
        this.#listener.removeListener('listening', listening)
        const reason = error.code === 'EADDRINUSE' ? 'the port is in use' : (error.code ?? error.message)
        reject(new Error(`SFTP server: cannot listen on ${host || '*'}:${port}: ${reason}`, { cause: error }))
      }
      const listening = (): void => {
        this.#listener.removeListener('error', refuse)
        this.#listener.on('error', (error) =>
          this.#options.log.app('sftpd', 'error', 'cannot accept connections', { error }),
        )
        resolve()
      }
      this.#listener.once('error', refuse)
      this.#listener.once('listening', listening)
      this.#listener.listen({ port, ...(host === '' ? {} : { host }) })
    })
    const bound = this.#listener.address() as AddressInfo
    return { host: bound.address, port: bound.port }
  }

  get size(): number {
    return this.#peers.size
  }

  async drain(graceMs: number): Promise<void> {
    const gone = this.#stopListening()
    // Without any time to give, all end as they do by `close`.
    if (graceMs === 0) return
    for (const peer of this.#peers) peer.drain()
    await this.#within(graceMs, gone, (left) => `the time is over: ${left} connections with transfers are ended`)
  }

  async close(): Promise<void> {
    const gone = this.#stopListening()
    for (const peer of this.#peers) peer.end()
    await this.#within(CLOSE_DEADLINE_MS, gone, (left) => `closing without waiting for ${left} busy connections`)
  }

  /** Resolves when nobody is connected any more. */
  async #stopListening(): Promise<void> {
    this.#stopped ??= new Promise((resolve) => {
      this.#listener.close(() => resolve())
    })
    await this.#stopped
    await Promise.all([...this.#peers].map((peer) => peer.finished))
  }

  async #within(limitMs: number, work: Promise<void>, complaint: (left: number) => string): Promise<void> {
    const { clock, log } = this.#options
    let deadline: Timer | undefined
    const late = new Promise<void>((resolve) => {
      const giveUp = (): void => {
        log.app('sftpd', 'warn', complaint(this.#peers.size))
        resolve()
      }
      deadline = clock.after(limitMs, giveUp, { ref: true })
    })
    await Promise.race([work, late])
    deadline?.cancel()
  }

  #accept(connection: ReadingSocket): void {
    const { socket } = connection
    // A socket without a listener for its errors would take the process with it.
    socket.on('error', () => undefined)
    // Without it uploads stall on acknowledgements that are put off.
    socket.setNoDelay()
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
    peer = new Peer(connection, this.#options, this.#memory, startup)
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
