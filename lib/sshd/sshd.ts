import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import ssh2 from 'ssh2'
import type { Connection as SshConnection, ServerChannel, Session } from 'ssh2'
import type { Accounts } from '../accounts/accounts.ts'
import type { User } from '../accounts/user.ts'
import type { Clock, Timer } from '../clock.ts'
import type { Connections } from '../connections/connections.ts'
import type { Log } from '../logging/log.ts'
import type { BufferPool } from '../../protocol/sftp/buffer-pool.ts'
import { algorithmsOf } from './algorithms.ts'
import { Authentication } from './authentication.ts'
import { transportHostKeys } from './host-keys.ts'
import type { HostKey } from './host-keys.ts'
import { createBufferPool, serveSftp } from './sftp-channel.ts'
import type { OpenAccount } from './account-session.ts'

/** From the TCP connection to the end of authentication. */
export const LOGIN_GRACE_MS = 2 * 60 * 1000
/** Connections that have not authenticated yet; further ones are closed at once. OpenSSH's MaxStartups ends at 100, too. */
export const MAX_UNAUTHENTICATED = 100
/** Sessions of one SSH connection, as OpenSSH's MaxSessions. */
export const MAX_CHANNELS = 10
/** A peer that takes packets smaller than this is refused: cutting files into them is work for nothing. */
export const MIN_CHANNEL_PACKET_BYTES = 1024
/** How long a refused client may take to read why. */
const GOODBYE_MS = 1000

export interface SshdOptions {
  accounts: Accounts
  connections: Connections
  openAccount: OpenAccount
  hostKeys: readonly HostKey[]
  config: {
    /** Identification behind `SSH-2.0-`. */
    banner: string
    max_auth_tries: number
    kex_algorithms: readonly string[]
    ciphers: readonly string[]
    macs: readonly string[]
    /** Minutes, 0 never. */
    idle_timeout: number
  }
  /** Shown before the login. */
  loginBanner: string | undefined
  log: Log
  clock: Clock
}

export interface Sshd {
  /** @param host `''` for every interface. @throws Error of one line when the address cannot be bound. */
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number }>
  /** Accepts nobody further and ends every connection; resolves when all files are closed. */
  close(): Promise<void>
}

/** @throws Error of one line for an algorithm or host key the transport does not have. */
export function createSshd(options: SshdOptions): Sshd {
  return new SshServer(options)
}

class SshServer implements Sshd {
  readonly #options: SshdOptions
  readonly #buffers: BufferPool = createBufferPool()
  readonly #transport: ssh2.Server
  readonly #listener = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  /** Accepted sockets by remote address, until the transport says which of its clients is which. */
  readonly #greeting = new Map<string, Peer>()
  readonly #peers = new Set<Peer>()
  #unauthenticated = 0

  constructor(options: SshdOptions) {
    this.#options = options
    const { config, hostKeys, loginBanner } = options
    this.#transport = new ssh2.Server({
      // The type knows texts only; the transport takes parsed keys as well.
      hostKeys: transportHostKeys(hostKeys) as never,
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

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#listener.close(() => resolve())
    })
    for (const peer of this.#peers) peer.end()
    await Promise.all([closed, ...[...this.#peers].map((peer) => peer.finished)])
  }

  #accept(socket: Socket): void {
    // A socket without a listener for its errors would take the process with it.
    socket.on('error', () => undefined)
    if (this.#unauthenticated >= MAX_UNAUTHENTICATED) {
      this.#options.log.app('sftpd', 'warn', `too many clients are logging in: ${socket.remoteAddress} is refused`)
      socket.destroy()
      return
    }
    const address = `${socket.remoteAddress}:${socket.remotePort}`
    this.#unauthenticated++
    let counted = true
    const peer = new Peer(socket, this.#options, this.#buffers, () => {
      if (counted) this.#unauthenticated--
      counted = false
    })
    this.#peers.add(peer)
    this.#greeting.set(address, peer)
    void peer.finished.then(() => {
      this.#peers.delete(peer)
      if (this.#greeting.get(address) === peer) this.#greeting.delete(address)
    })
    this.#transport.injectSocket(socket)
  }
}

/** One TCP connection, from its first byte to the last of its channels. */
class Peer {
  readonly finished: Promise<void>
  readonly #socket: Socket
  readonly #options: SshdOptions
  readonly #buffers: BufferPool
  readonly #connectionId = randomBytes(32).toString('hex')
  readonly #remoteAddress: string
  readonly #clientIp: string
  readonly #channels = new Set<Promise<void>>()
  readonly #loginTimer: Timer
  readonly #settled: () => void
  #idleTimer: Timer | undefined
  #lastActivity: number
  #clientVersion = ''
  #user: User | undefined
  #authentication: Authentication | undefined
  #error = ''

  /** @param settled called once when the connection is authenticated or over. */
  constructor(socket: Socket, options: SshdOptions, buffers: BufferPool, settled: () => void) {
    this.#socket = socket
    this.#options = options
    this.#buffers = buffers
    this.#settled = settled
    this.#clientIp = socket.remoteAddress ?? ''
    this.#remoteAddress = `${this.#clientIp}:${socket.remotePort}`
    this.#lastActivity = options.clock.monotonic()
    this.#loginTimer = options.clock.after(LOGIN_GRACE_MS, () => {
      this.#error = 'the login took more than two minutes'
      socket.destroy()
    })
    this.finished = new Promise((resolve) => {
      socket.once('close', () => void this.#ended().then(resolve))
    })
  }

  /** The client sent its identification. */
  greeted(client: SshConnection, identification: string): void {
    this.#clientVersion = identification
    client.on('error', (error: Error) => {
      this.#error ||= error.message
    })
    const authentication = new Authentication(this.#options.accounts, this.#options.config.max_auth_tries, {
      refused: (username, loginType, error) =>
        this.#options.log.connectionFailed({ clientIp: this.#clientIp, username, loginType, error }),
      verified: (user, method) => this.#verified(user, method),
      exhausted: () => {
        this.#error = 'too many authentication failures'
        client.end()
        this.#options.clock.after(GOODBYE_MS, () => this.#socket.destroy())
      },
    })
    this.#authentication = authentication
    client.on('authentication', (context) => void authentication.decide(context))
    client.on('ready', () => {
      this.#settled()
      this.#loginTimer.cancel()
      this.#watchIdleness()
    })
    client.on('session', (accept, reject) => {
      if (this.#channels.size >= MAX_CHANNELS) return reject()
      return this.#session(accept())
    })
    // Forwarding of ports and sockets is none of this server's business.
    client.on('request', (_accept, reject) => reject?.())
  }

  /** Ends the connection at once; open uploads end as failed. */
  end(): void {
    this.#socket.destroy()
  }

  async #verified(user: User, method: string): Promise<boolean> {
    try {
      await this.#options.openAccount.prepare(user)
    } catch (error) {
      this.#options.log.app('sftpd', 'warn', `login of ${JSON.stringify(user.username)} refused: no home directory`, {
        connectionId: this.#connectionId,
        error,
      })
      return false
    }
    this.#user = user
    this.#options.accounts.loggedIn(user)
    this.#options.log.app(
      'sftpd',
      'info',
      `User id: ${user.id}, logged in with: ${method}, username: ${JSON.stringify(user.username)}, ` +
        `home_dir: ${JSON.stringify(user.home_dir)}, remote addr: ${this.#remoteAddress}`,
      { connectionId: this.#connectionId },
    )
    return true
  }

  #session(session: Session): void {
    // The events' own types leave out what a client sends without asking for a reply.
    session.on('subsystem', (accept: () => ServerChannel, reject: (() => void) | undefined, info) => {
      const user = this.#user
      if (info.name !== 'sftp' || user === undefined) return reject?.()
      const served = this.#sftp(accept(), user)
      this.#channels.add(served)
      return void served.finally(() => this.#channels.delete(served))
    })
  }

  async #sftp(channel: ServerChannel, user: User): Promise<void> {
    const { connections, clock, log, openAccount } = this.#options
    const context = { connectionId: this.#connectionId }
    const { packetSize } = (channel as unknown as { outgoing: { packetSize: number } }).outgoing
    if (packetSize < MIN_CHANNEL_PACKET_BYTES) {
      log.app('sftpd', 'warn', `the client takes packets of ${packetSize} bytes only: channel refused`, context)
      this.#socket.destroy()
      return
    }
    const connection = connections.add({
      ...context,
      username: user.username,
      clientVersion: this.#clientVersion,
      remoteAddress: this.#remoteAddress,
      protocol: 'SFTP',
      close: () => this.end(),
    })
    try {
      const account = await openAccount.open(user, connection, 'SFTP')
      await serveSftp({
        channel,
        socket: this.#socket,
        fs: account.fs,
        username: user.username,
        buffers: this.#buffers,
        clock,
        active: () => {
          this.#lastActivity = clock.monotonic()
          connection.touch()
        },
        report: (message, error) => log.app('sftpd', 'warn', message, { ...context, error }),
      })
      account.close()
    } catch (error) {
      log.app('sftpd', 'error', 'the session could not be served', { ...context, error })
      this.#socket.destroy()
    } finally {
      connection.remove()
    }
  }

  #watchIdleness(): void {
    const limitMs = this.#options.config.idle_timeout * 60 * 1000
    if (limitMs === 0) return
    const idleMs = this.#options.clock.monotonic() - this.#lastActivity
    if (idleMs >= limitMs) {
      this.#options.log.app('sftpd', 'info', `idle for ${this.#options.config.idle_timeout} minutes: disconnected`, {
        connectionId: this.#connectionId,
      })
      this.end()
      return
    }
    this.#idleTimer = this.#options.clock.after(limitMs - idleMs, () => this.#watchIdleness())
  }

  async #ended(): Promise<void> {
    this.#settled()
    this.#loginTimer.cancel()
    this.#idleTimer?.cancel()
    await Promise.all(this.#channels)
    if (this.#user === undefined && this.#authentication?.tried !== true) {
      this.#options.log.connectionFailed({
        clientIp: this.#clientIp,
        username: '',
        loginType: 'no_auth_tryed',
        error: this.#error || 'the client left before it tried to log in',
      })
    }
  }
}
