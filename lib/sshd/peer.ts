import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Connection as SshConnection, ServerChannel, Session } from 'ssh2'
import type { Accounts } from '../accounts/accounts.ts'
import type { User } from '../accounts/user.ts'
import type { Clock, Timer } from '../clock.ts'
import type { Connections, Protocol } from '../connections/connections.ts'
import type { Hasher } from '../hashing/hasher.ts'
import type { AppSender, Log } from '../logging/log.ts'
import { BadCommand } from '../../protocol/exec/words.ts'
import type { FileSystem } from '../../protocol/filesystem.ts'
import type { BufferPool } from '../../protocol/sftp/buffer-pool.ts'
import { Authentication } from './authentication.ts'
import type { OpenAccount } from './account-session.ts'
import { serveExec } from './exec-channel.ts'
import { Outlet } from './outlet.ts'
import { serveSftp } from './sftp-channel.ts'
import { pathOf, requestedCommand } from './ssh-commands.ts'
import type { CommandSettings, SshCommand } from './ssh-commands.ts'
import { closeUnusedSession, hasOverrunWindow, largestPacketBytes } from './transport-internals.ts'

/** From the TCP connection to the end of authentication. */
export const LOGIN_GRACE_MS = 2 * 60 * 1000
/** Sessions of one SSH connection, as OpenSSH's MaxSessions. */
export const MAX_CHANNELS = 10
/** A peer that takes packets smaller than this is refused: cutting files into them is work for nothing. */
export const MIN_CHANNEL_PACKET_BYTES = 1024
/** How long a client that is sent away, or has ended its side, may take to read what is left for it. */
export const GOODBYE_MS = 1000
/**
 * Answers waiting in the socket above which a client is not listened to: who never reads must not make us
 * hold an answer to everything it asks. Well above what the SFTP channels of one connection queue there.
 */
export const MAX_UNREAD_BYTES = { beforeLogin: 256 * 1024, afterLogin: 8 * 1024 * 1024 } as const

/** Of a command that is refused: as much as a log line needs. */
const MAX_LOGGED_COMMAND = 1000

export interface PeerOptions {
  accounts: Accounts
  connections: Connections
  openAccount: OpenAccount
  hasher: Hasher
  config: CommandSettings & {
    max_auth_tries: number
    /** Minutes, 0 never. */
    idle_timeout: number
  }
  log: Log
  clock: Clock
}

/** One TCP connection, from its first byte to the last of its channels. */
export class Peer {
  /** Resolves when the connection is over and everything it had open is closed. */
  readonly finished: Promise<void>
  readonly #socket: Socket
  readonly #options: PeerOptions
  readonly #buffers: BufferPool
  readonly #connectionId = randomBytes(32).toString('hex')
  readonly #remoteAddress: string
  readonly #clientIp: string
  readonly #channels = new Set<ServerChannel>()
  /** What must end before the connection counts as over. */
  readonly #work = new Set<Promise<void>>()
  readonly #loginTimer: Timer
  readonly #settled: () => void
  #goodbyeTimer: Timer | undefined
  #idleTimer: Timer | undefined
  #lastActivity: number
  /** Sessions the client has open, and those it closed that still execute what it sent. */
  #sessions = 0
  #clientVersion: string | undefined
  #keysExchanged = false
  #user: User | undefined
  #authentication: Authentication | undefined
  /** Why the connection ends, when something is wrong with that. */
  #error = ''
  /** This server ends the connection for its own reasons. */
  #endedHere = false

  /** @param settled called when the connection is authenticated, and when it is over. */
  constructor(socket: Socket, options: PeerOptions, buffers: BufferPool, settled: () => void) {
    this.#socket = socket
    this.#options = options
    this.#buffers = buffers
    this.#settled = settled
    this.#clientIp = plainIp(socket.remoteAddress ?? '')
    this.#remoteAddress = `${this.#clientIp.includes(':') ? `[${this.#clientIp}]` : this.#clientIp}:${socket.remotePort}`
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
      this.#leave()
    })
    client.on('end', () => this.#leave())
    client.once('handshake', () => {
      this.#keysExchanged = true
    })
    const outlet = new Outlet(this.#socket, client)
    this.#socket.on('data', () => this.#boundMemory())
    const authentication = new Authentication(this.#options.accounts, this.#options.config.max_auth_tries, {
      refused: (username, loginType, error) =>
        this.#options.log.connectionFailed({ clientIp: this.#clientIp, username, loginType, error }),
      verified: (user, method) => this.#verified(user, method),
      exhausted: () => {
        this.#error = 'too many authentication failures'
        client.end()
        this.#leave()
      },
    })
    this.#authentication = authentication
    client.on('authentication', (context) => this.#track(authentication.decide(context)))
    client.on('ready', () => {
      this.#settled()
      this.#loginTimer.cancel()
      this.#lastActivity = this.#options.clock.monotonic()
      this.#watchIdleness()
    })
    client.on('session', (accept, reject) => {
      if (this.#sessions >= MAX_CHANNELS) return reject()
      return this.#session(client, accept(), outlet)
    })
    // Forwarding of ports and sockets is none of this server's business.
    client.on('request', (_accept, reject) => reject?.())
  }

  /** Ends the connection at once; open uploads end as failed. */
  end(): void {
    this.#endedHere = true
    this.#socket.destroy()
  }

  /** Ends the connection once the client had the time to read what is left for it. */
  #leave(): void {
    this.#goodbyeTimer ??= this.#options.clock.after(GOODBYE_MS, () => this.#socket.destroy())
  }

  #track(work: Promise<void>): void {
    this.#work.add(work)
    void work.finally(() => this.#work.delete(work))
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
    // The client may have left while its password was checked: then nobody logs in.
    if (this.#socket.destroyed) return false
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

  #session(client: SshConnection, session: Session, outlet: Outlet): void {
    let served: Promise<void> | undefined
    this.#sessions++
    session.once('close', () => {
      if (served === undefined) closeUnusedSession(client, session)
      void Promise.resolve(served).then(() => this.#sessions--)
    })
    // The events' own types leave out what a client sends without asking for a reply.
    const start = (
      accept: () => ServerChannel | undefined,
      reject: (() => void) | undefined,
      serve: (channel: ServerChannel, user: User) => Promise<void>,
    ): void => {
      const user = this.#user
      if (user === undefined) return reject?.()
      const packetBytes = largestPacketBytes(session)
      if (packetBytes < MIN_CHANNEL_PACKET_BYTES) {
        const message = `the client takes packets of ${packetBytes} bytes only: channel refused`
        this.#options.log.app('sftpd', 'warn', message, { connectionId: this.#connectionId })
        return reject?.()
      }
      const channel = accept()
      // A session has one channel, and none once the client has ended its side of it.
      if (channel === undefined) return
      this.#channels.add(channel)
      served = serve(channel, user)
      this.#track(served)
      void served.finally(() => this.#channels.delete(channel))
    }
    session.on('subsystem', (accept, reject: (() => void) | undefined, info) => {
      if (info.name !== 'sftp') return reject?.()
      return start(accept, reject, (channel, user) => this.#sftp(channel, outlet, user))
    })
    session.on('exec', (accept, reject: (() => void) | undefined, info) => {
      const command = this.#requested(info.command)
      if (command === undefined) return reject?.()
      return start(accept, reject, (channel, user) => this.#exec(channel, outlet, user, command))
    })
  }

  /** @returns undefined for a command that is refused, which the log has then. */
  #requested(line: string): SshCommand | undefined {
    try {
      return requestedCommand(line, this.#options.config)
    } catch (error) {
      if (!(error instanceof BadCommand)) throw error
      const message = `command ${JSON.stringify(line.slice(0, MAX_LOGGED_COMMAND))} refused: ${error.message}`
      this.#options.log.app('ssh', 'warn', message, { connectionId: this.#connectionId })
      return undefined
    }
  }

  #sftp(channel: ServerChannel, outlet: Outlet, user: User): Promise<void> {
    const { clock } = this.#options
    return this.#served(user, { protocol: 'SFTP', sshCommand: '', sender: 'sftpd' }, (fs, common) =>
      serveSftp({ channel, outlet, fs, username: user.username, buffers: this.#buffers, clock, ...common }),
    )
  }

  #exec(channel: ServerChannel, outlet: Outlet, user: User, command: SshCommand): Promise<void> {
    const { hasher, log } = this.#options
    const { name, line } = command
    const isScp = name === 'scp'
    const kind = { protocol: isScp ? 'SCP' : 'SSH', sshCommand: line, sender: isScp ? 'scp' : 'ssh' } as const
    return this.#served(user, kind, async (fs, common) => {
      const { username } = user
      const parts = { channel, outlet, fs, command, username, buffers: this.#buffers, hasher, ...common }
      const exitStatus = await serveExec(parts)
      if (exitStatus !== 0) common.report(`command ${JSON.stringify(line)} ended with ${exitStatus}`, undefined)
      else {
        const record = { username, filePath: pathOf(command), sshCommand: line, connectionId: this.#connectionId }
        log.command({ sender: 'SSHCommand', ...record, protocol: 'SSH' })
      }
    })
  }

  /** Runs what a channel is for, on the account's files and in the list of connections. Never rejects. */
  async #served(
    user: User,
    { protocol, sshCommand, sender }: { protocol: Protocol; sshCommand: string; sender: AppSender },
    serve: (fs: FileSystem, common: { active(): void; report(message: string, error: unknown): void }) => Promise<void>,
  ): Promise<void> {
    const { connections, clock, log, openAccount } = this.#options
    const context = { connectionId: this.#connectionId }
    const connection = connections.add({
      ...context,
      username: user.username,
      clientVersion: this.#clientVersion ?? '',
      remoteAddress: this.#remoteAddress,
      protocol,
      sshCommand,
      close: () => this.end(),
    })
    try {
      const account = await openAccount.open(user, connection, protocol)
      await serve(account.fs, {
        active: () => {
          this.#lastActivity = clock.monotonic()
          connection.touch()
        },
        report: (message, error) => log.app(sender, 'warn', message, { ...context, error }),
      })
      account.close()
    } catch (error) {
      log.app('sftpd', 'error', 'the session could not be served', { ...context, error })
      this.#socket.destroy()
    } finally {
      connection.remove()
    }
  }

  /** After every chunk of the client's: what it may make the transport keep. */
  #boundMemory(): void {
    for (const channel of this.#channels) {
      if (!hasOverrunWindow(channel)) continue
      this.#options.log.app('sftpd', 'warn', 'the client sent more than its window allows: disconnected', {
        connectionId: this.#connectionId,
      })
      this.end()
      return
    }
    const limit = this.#user === undefined ? MAX_UNREAD_BYTES.beforeLogin : MAX_UNREAD_BYTES.afterLogin
    if (this.#socket.writableLength < limit || this.#socket.isPaused()) return
    this.#socket.pause()
    this.#socket.once('drain', () => this.#socket.resume())
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
    this.#goodbyeTimer?.cancel()
    if (this.#user === undefined && !this.#endedHere) this.#reportLogin()
    await Promise.all(this.#work)
  }

  /** The connection is over and nobody logged in. Every refused password or key has its own record already. */
  #reportLogin(): void {
    const { log } = this.#options
    if (this.#error !== '' || !this.#keysExchanged) {
      const phase = this.#clientVersion === undefined ? 'without an SSH identification' : 'during the key exchange'
      log.connectionFailed({
        clientIp: this.#clientIp,
        username: '',
        loginType: 'no_auth_tryed',
        error: this.#error || `the client left ${phase}`,
      })
    } else if (this.#authentication?.tried !== true) {
      // As ssh-keyscan does.
      log.app('sftpd', 'warn', `${this.#clientIp} left without trying to log in`, { connectionId: this.#connectionId })
    }
  }
}

/** `192.0.2.1` for `::ffff:192.0.2.1`, which is how a socket for both IP versions shows it: tools read the records. */
function plainIp(address: string): string {
  return /^::ffff:(\d+(?:\.\d+){3})$/i.exec(address)?.[1] ?? address
}
