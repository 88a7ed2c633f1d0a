import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Connection as SshConnection, ServerChannel, Session } from 'ssh2'
import type { Accounts, Login } from '../accounts/accounts.ts'
import type { LiveSession, LiveUser } from '../accounts/live-users.ts'
import { plainIp } from '../addresses/address.ts'
import type { Clock, Timer } from '../clock.ts'
import type { Connection, Connections, Protocol } from '../connections/connections.ts'
import type { Gate } from '../defender/gate.ts'
import type { Offence } from '../defender/defender.ts'
import type { Startup } from '../defender/startups.ts'
import type { Hasher } from '../hashing/hasher.ts'
import type { AppSender, Log } from '../logging/log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { Traces } from '../traces/traces.ts'
import { BadCommand } from '../../protocol/exec/words.ts'
import type { FileSystem } from '../../protocol/filesystem.ts'
import { Authentication } from './authentication.ts'
import type { Refusal } from './authentication.ts'
import type { OpenAccount } from './account-session.ts'
import { channelGone } from './channel-gone.ts'
import { serveExec } from './exec-channel.ts'
import type { ReadingSocket } from './large-reads.ts'
import { Inlet } from './inlet.ts'
import { Outlet } from './outlet.ts'
import type { Memory } from './memory.ts'
import type { ReadRegions } from './read-regions.ts'
import { PeerTrace } from './peer-trace.ts'
import { serveSftp } from './sftp-channel.ts'
import type { SftpChannelOptions } from './sftp-channel.ts'
import { pathOf, requestedCommand } from './ssh-commands.ts'
import type { CommandSettings, SshCommand } from './ssh-commands.ts'
import { ReceiveWindow } from './receive-window.ts'
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

/**
 * How long a connection without a transfer is left alone once the server wants to stop: what was uploaded often gets its
 * final name after it is closed.
 */
export const LAST_REQUEST_MS = 1000
/** How often it is looked whether a connection can end meanwhile. */
const DRAIN_CHECK_MS = 100

/** Of a command that is refused: as much as a log line needs. */
const MAX_LOGGED_COMMAND = 1000

export interface PeerOptions {
  accounts: Accounts
  connections: Connections
  openAccount: OpenAccount
  gate: Pick<Gate, 'note'>
  hasher: Hasher
  config: CommandSettings & {
    max_auth_tries: number
    /** Minutes, 0 never. */
    idle_timeout: number
  }
  log: Log
  clock: Clock
  /** Absent: nothing is counted. */
  metrics?: Pick<Metrics, 'login' | 'commandEnded'>
  /** Absent: no story is kept. */
  traces?: Traces
}

/** What every kind of channel is served with. */
type CommonParts = Link & Pick<SftpChannelOptions, 'window' | 'active' | 'report'>

/** What all channels of a connection share of it. */
interface Link {
  inlet: Inlet
  outlet: Outlet
}

/** One TCP connection, from its first byte to the last of its channels. */
export class Peer {
  /** Resolves when the connection is over and everything it had open is closed. */
  readonly finished: Promise<void>
  readonly #socket: Socket
  readonly #regions: ReadRegions
  readonly #options: PeerOptions
  readonly #memory: Memory
  readonly #connectionId = randomBytes(32).toString('hex')
  readonly #remoteAddress: string
  readonly #clientIp: string
  readonly #channels = new Set<ServerChannel>()
  /** What each of them is in the list of connections. */
  readonly #listed = new Set<Connection>()
  /** What must end before the connection counts as over. */
  readonly #work = new Set<Promise<void>>()
  readonly #loginTimer: Timer
  readonly #startup: Startup
  readonly #trace: PeerTrace
  #goodbyeTimer: Timer | undefined
  #idleTimer: Timer | undefined
  #drainTimer: Timer | undefined
  /** The server is about to stop: nothing new begins. */
  #draining = false
  #lastActivity: number
  /** Transfers that wait for their account's bandwidth. */
  #throttled = 0
  /** Sessions the client has open, and those it closed that still execute what it sent. */
  #sessions = 0
  #clientVersion: string | undefined
  #keysExchanged = false
  #account: LiveSession | undefined
  #loggedIn = false
  #authentication: Authentication | undefined
  /** Said by keys that were refused; of several that a client offers, none is a guess. */
  #keyOffence: Offence | undefined
  #brokeProtocol = false
  /** Why the connection ends, when something is wrong with that. */
  #error = ''
  /** This server ends the connection for its own reasons. */
  #endedHere = false

  /** @param startup told how far the connection has come, and when it is authenticated or over. */
  constructor({ socket, regions }: ReadingSocket, options: PeerOptions, memory: Memory, startup: Startup) {
    this.#socket = socket
    this.#options = options
    this.#memory = memory
    this.#regions = regions
    this.#startup = startup
    this.#clientIp = plainIp(socket.remoteAddress ?? '')
    this.#remoteAddress = `${this.#clientIp.includes(':') ? `[${this.#clientIp}]` : this.#clientIp}:${socket.remotePort}`
    this.#trace = new PeerTrace(options.traces ?? new Traces({ clock: options.clock, eventsPerConnection: 0 }), {
      connectionId: this.#connectionId,
      ip: this.#clientIp,
      remoteAddress: this.#remoteAddress,
    })
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
    this.#startup.reached('identified')
    this.#trace.greeted(client, identification)
    client.on('error', (error: Error & { level?: string }) => {
      this.#error ||= error.message
      // Others are of the network, or of a client that has no algorithm in common with this server.
      this.#brokeProtocol ||= error.level === undefined || error.level === 'protocol'
      this.#leave()
    })
    client.on('end', () => this.#leave())
    client.once('handshake', () => {
      this.#keysExchanged = true
      this.#startup.reached('keys exchanged')
    })
    const link = {
      inlet: new Inlet(client, this.#regions),
      outlet: new Outlet(this.#socket, client, this.#memory.slabs),
    }
    this.#socket.on('data', () => this.#boundMemory())
    const { accounts, config, metrics } = this.#options
    const authentication = new Authentication(accounts, this.#clientIp, config.max_auth_tries, {
      checking: (loginType) => metrics?.login(loginType) ?? (() => undefined),
      refused: (refusal) => this.#refused(refusal, client),
      verified: (login) => this.#verified(login),
      exhausted: () => this.#sendAway(client, 'too many authentication failures'),
    })
    this.#authentication = authentication
    client.on('authentication', (context) =>
      this.#track(this.#trace.deciding(context, () => authentication.decide(context))),
    )
    client.on('ready', () => {
      this.#startup.done()
      this.#loginTimer.cancel()
      this.#lastActivity = this.#options.clock.monotonic()
      this.#watchIdleness()
    })
    client.on('session', (accept, reject) => {
      if (this.#draining) {
        this.#trace.add('channel_refused', { reason: 'the server is about to stop' })
        return reject()
      }
      if (this.#sessions >= MAX_CHANNELS) {
        this.#trace.add('channel_refused', { reason: `${MAX_CHANNELS} sessions are open, which is the most` })
        return reject()
      }
      return this.#session(client, accept(), link)
    })
    // Forwarding of ports and sockets is none of this server's business.
    client.on('request', (_accept, reject) => reject?.())
  }

  /** Another connection needs the place of this one, which has come nowhere. */
  giveWay(): void {
    this.#error = 'too many clients are logging in, and this one was slow'
    this.#socket.destroy()
  }

  /** Lets the transfers under way finish and nothing new begin; a connection without one ends at once. */
  drain(): void {
    if (this.#draining) return
    this.#draining = true
    if (this.#isTransferring()) this.#endWhenQuiet()
    else this.end()
  }

  /** Ends the connection at once; open uploads end as failed. */
  end(): void {
    this.#endedHere = true
    this.#socket.destroy()
  }

  #isTransferring(): boolean {
    return [...this.#listed].some((connection) => connection.transferring)
  }

  #endWhenQuiet(): void {
    const { clock } = this.#options
    if (!this.#isTransferring() && clock.monotonic() - this.#lastActivity >= LAST_REQUEST_MS) {
      this.end()
      return
    }
    this.#drainTimer = clock.after(DRAIN_CHECK_MS, () => this.#endWhenQuiet(), { ref: true })
  }

  #sendAway(client: SshConnection, reason: string): void {
    this.#error = reason
    client.end()
    this.#leave()
  }

  /** Ends the connection once the client had the time to read what is left for it. */
  #leave(): void {
    this.#goodbyeTimer ??= this.#options.clock.after(GOODBYE_MS, () => this.#socket.destroy())
  }

  #track(work: Promise<void>): void {
    this.#work.add(work)
    void work.finally(() => this.#work.delete(work))
  }

  #refused(refusal: Refusal, client: SshConnection): boolean {
    const { username, loginType, reason, offence } = refusal
    this.#trace.refused(refusal)
    if (reason === 'invalid home directory') {
      // Whoever reads those records bans addresses, and this one showed the right password or key.
      this.#logRefusal(username, reason)
      return true
    }
    this.#options.log.connectionFailed({ clientIp: this.#clientIp, username, loginType, error: reason })
    if (offence === undefined) return true
    if (loginType === 'public_key') {
      this.#keyOffence = offence
      return true
    }
    if (!this.#options.gate.note(this.#clientIp, offence)) return true
    this.#sendAway(client, 'the address is banned')
    return false
  }

  async #verified(login: Login): Promise<boolean> {
    const { accounts, connections, log, openAccount } = this.#options
    const context = { connectionId: this.#connectionId }
    const { username } = login.user
    const refuse = (reason: string, error?: unknown): false => {
      this.#trace.loginRefused(login, reason)
      this.#logRefusal(username, reason, error)
      return false
    }
    const opened = await accounts.openSession(login, (reason) => this.#accountChanged(username, reason))
    if (!opened.ok) return refuse(opened.reason)
    const { session } = opened
    this.#account = session
    const user = session.user.current
    if (!(await connections.sessions.reserve(username, this.#connectionId, user.max_sessions))) {
      await this.#closeSession()
      return refuse(`${user.max_sessions} sessions are open, which is the most`)
    }
    try {
      await openAccount.prepare(user)
    } catch (error) {
      await this.#closeSession()
      return refuse('no home directory', error)
    }
    // The client may have left while its password was checked: then nobody logs in.
    if (this.#socket.destroyed) {
      await this.#closeSession()
      return false
    }
    this.#loggedIn = true
    accounts.loggedIn(user)
    this.#trace.loggedIn(login)
    log.app(
      'sftpd',
      'info',
      `User id: ${user.id}, logged in with: ${login.method}, username: ${JSON.stringify(username)}, ` +
        `home_dir: ${JSON.stringify(user.home_dir)}, remote addr: ${this.#remoteAddress}`,
      context,
    )
    return true
  }

  #logRefusal(username: string, reason: string, error?: unknown): void {
    this.#options.log.app('sftpd', 'warn', `login of ${JSON.stringify(username)} refused: ${reason}`, {
      connectionId: this.#connectionId,
      error,
    })
  }

  #accountChanged(username: string, reason: string): void {
    this.#options.log.app('sftpd', 'info', `${JSON.stringify(username)} is disconnected: ${reason}`, {
      connectionId: this.#connectionId,
    })
    this.#trace.add('ending', { reason })
    this.end()
  }

  async #closeSession(): Promise<void> {
    const session = this.#account
    if (session === undefined) return
    this.#account = undefined
    session.close()
    await this.#options.connections.sessions.release(session.user.username, this.#connectionId)
  }

  #session(client: SshConnection, session: Session, link: Link): void {
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
      serve: (channel: ServerChannel, user: LiveUser) => Promise<void>,
    ): void => {
      const user = this.#account?.user
      if (user === undefined) return reject?.()
      const packetBytes = largestPacketBytes(session)
      if (packetBytes < MIN_CHANNEL_PACKET_BYTES) {
        const message = `the client takes packets of ${packetBytes} bytes only: channel refused`
        this.#options.log.app('sftpd', 'warn', message, { connectionId: this.#connectionId })
        this.#trace.add('channel_refused', { reason: message })
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
      if (info.name !== 'sftp') {
        this.#trace.add('channel_refused', { subsystem: info.name, reason: 'there is no such subsystem' })
        return reject?.()
      }
      return start(accept, reject, (channel, user) => this.#sftp(channel, link, user))
    })
    session.on('exec', (accept, reject: (() => void) | undefined, info) => {
      const command = this.#requested(info.command)
      if (command === undefined) return reject?.()
      return start(accept, reject, (channel, user) => this.#exec(channel, link, user, command))
    })
  }

  /** @returns undefined for a command that is refused, which the log has then. */
  #requested(line: string): SshCommand | undefined {
    try {
      return requestedCommand(line, this.#options.config)
    } catch (error) {
      if (!(error instanceof BadCommand)) throw error
      const { username = '' } = this.#account?.user ?? {}
      this.#options.log.command({
        sender: 'SSHCommand',
        username,
        filePath: '',
        sshCommand: line.slice(0, MAX_LOGGED_COMMAND),
        connectionId: this.#connectionId,
        protocol: 'SSH',
        error: error.message,
      })
      this.#trace.add('channel_refused', { command: line, reason: error.message })
      return undefined
    }
  }

  #sftp(channel: ServerChannel, link: Link, user: LiveUser): Promise<void> {
    const { clock } = this.#options
    return this.#served(channel, link, user, { protocol: 'SFTP', sshCommand: '', sender: 'sftpd' }, (fs, common) =>
      serveSftp({ channel, fs, username: user.username, buffers: this.#memory.buffers, clock, ...common }),
    )
  }

  #exec(channel: ServerChannel, link: Link, user: LiveUser, command: SshCommand): Promise<void> {
    const { hasher, log, metrics } = this.#options
    const { name, line } = command
    const isScp = name === 'scp'
    const kind = { protocol: isScp ? 'SCP' : 'SSH', sshCommand: line, sender: isScp ? 'scp' : 'ssh' } as const
    return this.#served(channel, link, user, kind, async (fs, common) => {
      const { username } = user
      const parts = { channel, fs, command, username, buffers: this.#memory.buffers, hasher, ...common }
      let complaint = ''
      const complained = (text: string): void => void (complaint ||= text)
      const exitStatus = await serveExec({ ...parts, complained })
      metrics?.commandEnded(name, exitStatus === 0)
      log.command({
        sender: 'SSHCommand',
        username,
        filePath: pathOf(command),
        sshCommand: line,
        connectionId: this.#connectionId,
        protocol: 'SSH',
        ...(exitStatus === 0 ? {} : { error: complaint || `exit status ${exitStatus}` }),
      })
    })
  }

  /** Runs what a channel is for, on the account's files and in the list of connections. Never rejects. */
  async #served(
    channel: ServerChannel,
    link: Link,
    user: LiveUser,
    { protocol, sshCommand, sender }: { protocol: Protocol; sshCommand: string; sender: AppSender },
    serve: (fs: FileSystem, common: CommonParts) => Promise<void>,
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
      close: () => {
        this.#trace.add('ending', { reason: 'an administrator closed it' })
        this.end()
      },
    })
    this.#listed.add(connection)
    this.#trace.add('channel_opened', { protocol, command: sshCommand || undefined })
    const window = new ReceiveWindow(link.outlet.receiveWindow(channel), this.#memory.windows, clock)
    const active = (): void => {
      this.#lastActivity = clock.monotonic()
      connection.touch()
    }
    try {
      const account = await openAccount.open(user, connection, protocol, {
        gone: channelGone(channel),
        waiting: (change) => {
          this.#throttled += change
          active()
        },
        ending: () => this.#draining,
      })
      await serve(account.fs, {
        ...link,
        window,
        active,
        report: (message, error) => log.app(sender, 'warn', message, { ...context, error }),
      })
      account.close()
    } catch (error) {
      log.app('sftpd', 'error', 'the session could not be served', { ...context, error })
      this.#socket.destroy()
    } finally {
      this.#listed.delete(connection)
      window.release()
      connection.remove()
      this.#trace.add('channel_closed', { protocol, command: sshCommand || undefined })
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
    const limit = this.#loggedIn ? MAX_UNREAD_BYTES.afterLogin : MAX_UNREAD_BYTES.beforeLogin
    if (this.#socket.writableLength < limit || this.#socket.isPaused()) return
    this.#socket.pause()
    this.#socket.once('drain', () => this.#socket.resume())
  }

  #watchIdleness(): void {
    const limitMs = this.#options.config.idle_timeout * 60 * 1000
    if (limitMs === 0) return
    // Who is held back by this server is not idle.
    if (this.#throttled > 0) this.#lastActivity = this.#options.clock.monotonic()
    const idleMs = this.#options.clock.monotonic() - this.#lastActivity
    if (idleMs >= limitMs) {
      this.#options.log.app('sftpd', 'info', `idle for ${this.#options.config.idle_timeout} minutes: disconnected`, {
        connectionId: this.#connectionId,
      })
      this.#trace.add('ending', { reason: `idle for ${this.#options.config.idle_timeout} minutes` })
      this.end()
      return
    }
    this.#idleTimer = this.#options.clock.after(limitMs - idleMs, () => this.#watchIdleness())
  }

  async #ended(): Promise<void> {
    this.#startup.done()
    this.#loginTimer.cancel()
    this.#idleTimer?.cancel()
    this.#goodbyeTimer?.cancel()
    this.#drainTimer?.cancel()
    this.#authentication?.end()
    if (!this.#loggedIn && !this.#endedHere) this.#reportLogin()
    await Promise.all(this.#work)
    await this.#closeSession()
    this.#trace.ended({
      loggedIn: this.#loggedIn,
      error: this.#error || (this.#endedHere ? 'this server ended it' : ''),
      tried: this.#authentication?.tried === true,
    })
  }

  /** The connection is over and nobody logged in. Every refused password or key has its own record already. */
  #reportLogin(): void {
    const { gate, log } = this.#options
    const offence = this.#offence()
    if (offence !== undefined) gate.note(this.#clientIp, offence)
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

  /** What the connection as a whole says; passwords that were refused have said it for themselves. */
  #offence(): Offence | undefined {
    // One that opens and closes a connection asks whether somebody is there.
    const sentBytes = this.#socket.bytesRead > 0
    if (this.#brokeProtocol || (sentBytes && this.#clientVersion === undefined)) return 'garbage'
    if (this.#keyOffence !== undefined) return this.#keyOffence
    const wasSilent = !sentBytes && this.#error === ''
    return this.#authentication?.tried === true || wasSilent ? undefined : 'no auth'
  }
}
