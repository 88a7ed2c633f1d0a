import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import ssh2 from 'ssh2'
import type { Client, ClientChannel, ConnectConfig, ParsedKey } from 'ssh2'
import { expect, onTestFinished, vi } from 'vitest'
import { SftpClient } from '../../protocol/testing/client.ts'
import type { Response } from '../../protocol/sftp/packets.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { createAccounts } from '../accounts/create-accounts.ts'
import { createPasswords } from '../accounts/passwords.ts'
import type { User } from '../accounts/user.ts'
import { VirtualClock } from '../clock.test.support.ts'
import { defaultConfig } from '../config/schema.ts'
import { Connections } from '../connections/connections.ts'
import { createGate } from '../defender/gate.ts'
import type { Gate, GateConfig } from '../defender/gate.ts'
import { inlineHasher } from '../hashing/hasher.ts'
import type { CommandRecord, ConnectionFailedRecord, Log, TransferRecord } from '../logging/log.ts'
import type { FileHooks } from '../notifications/hooks.ts'
import { MemoryProvider } from '../providers/memory/memory.ts'
import { recordingLog } from '../providers/recording-log.ts'
import { InFlight, forgetful } from '../transfers/in-flight.ts'
import { Ledger } from '../transfers/ledger.ts'
import { createThrottle } from '../transfers/throttle.ts'
import { memoryStorage, nodeStorage } from '../vfs/storage.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Storage } from '../vfs/storage.ts'
import { createOpenAccount } from './account-session.ts'
import { temporaryHostKeys } from './host-keys.ts'
import type { HostKey } from './host-keys.ts'
import { createSshd } from './sshd.ts'
import type { Sshd, SshdOptions } from './sshd.ts'

// Nothing here takes long by itself, but a machine with more to do than this takes its time.
vi.setConfig({ testTimeout: 30_000 })

export const PASSWORD = 'correct horse'

/** The cheapest hash there is: what it costs is tested elsewhere. */
export const cheapPasswords = createPasswords({ cost: { memoryKiB: 8, passes: 1, lanes: 1 } })

export interface FullLog extends Log {
  /** Internal records as `level message error`. */
  lines: string[]
  transfers: TransferRecord[]
  commands: CommandRecord[]
  failedLogins: ConnectionFailedRecord[]
  /** Everything recorded, as one text. */
  text(): string
}

export function fullLog(): FullLog {
  const log = recordingLog()
  const transfers: TransferRecord[] = []
  const commands: CommandRecord[] = []
  const failedLogins: ConnectionFailedRecord[] = []
  return {
    ...log,
    transfers,
    commands,
    failedLogins,
    transfer: (record) => void transfers.push(record),
    command: (record) => void commands.push(record),
    connectionFailed: (record) => void failedLogins.push(record),
    text: () => [...log.lines, ...[transfers, commands, failedLogins].map((list) => JSON.stringify(list))].join('\n'),
  }
}

let sharedHostKeys: Promise<HostKey[]> | undefined

/** Made once a file: they are not what most tests are about. */
export function hostKeysForTests(): Promise<HostKey[]> {
  return (sharedHostKeys ??= temporaryHostKeys())
}

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'sftpgo-sshd-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export interface TestServer {
  port: number
  /** Of the user `alice`, whose password is {@link PASSWORD}. */
  home: string
  clock: VirtualClock
  log: FullLog
  accounts: Accounts
  provider: MemoryProvider
  connections: Connections
  gate: Gate
  sshd: Sshd
  addUser(fields: Partial<User>): Promise<User>
}

export interface TestServerOptions extends Partial<Omit<SshdOptions, 'config' | 'gate' | 'metrics'>> {
  metrics?: Metrics
  /** Nobody is refused at random. */
  defender?: Partial<GateConfig>
  config?: Partial<SshdOptions['config']>
  storage?: Storage
  hooks?: FileHooks
}

/** A server on 127.0.0.1 that ends with the test, with the user `alice`. */
export async function startSshd({
  config,
  storage,
  defender,
  metrics,
  hooks,
  ...parts
}: TestServerOptions = {}): Promise<TestServer> {
  const directory = temporaryDirectory()
  const clock = new VirtualClock()
  const log = fullLog()
  const provider = new MemoryProvider()
  const inFlight = new InFlight(forgetful, { clock, log })
  const accounts = createAccounts({
    provider,
    clock,
    log,
    manageUsers: true,
    usersBaseDir: directory,
    passwords: cheapPasswords,
  })
  const connections = new Connections(clock)
  const gate = createGate({ config: { ...defaultConfig().defender, ...defender }, clock, log, random: () => 1 })
  const sshd = createSshd({
    accounts,
    connections,
    gate,
    openAccount: createOpenAccount({
      storage: storage ?? nodeStorage,
      memoryStorage: storage ?? memoryStorage,
      throttle: createThrottle(clock),
      hasher: inlineHasher,
      log,
      setstatMode: 0,
      isRoot: false,
      inFlight,
      ledger: new Ledger({ provider, inFlight, clock, log }),
      counts: () => false,
      ...(metrics !== undefined && { metrics }),
      ...(hooks === undefined ? {} : { hooks }),
    }),
    hasher: inlineHasher,
    hostKeys: await hostKeysForTests(),
    loginBanner: undefined,
    log,
    clock,
    ...(metrics !== undefined && { metrics }),
    ...parts,
    config: {
      banner: 'Test_1.0',
      max_auth_tries: 0,
      kex_algorithms: [],
      ciphers: [],
      macs: [],
      idle_timeout: 0,
      keepalive_interval: 0,
      enabled_ssh_commands: ['*'],
      enable_scp: false,
      ...config,
    },
  })
  const { port } = await sshd.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(() => sshd.close())
  const addUser = (fields: Partial<User>): Promise<User> =>
    accounts.add({ username: 'alice', password: PASSWORD, permissions: ['*'], ...fields })
  const { home_dir: home } = await addUser({})
  return { port, home, clock, log, accounts, provider, connections, gate, sshd, addUser }
}

/** A client that has nothing to do with the server's process, as far as tests can tell. */
export function connectConfig(server: { port: number }, config: ConnectConfig = {}): ConnectConfig {
  const credentials = config.privateKey === undefined ? { password: PASSWORD } : {}
  return { host: '127.0.0.1', port: server.port, username: 'alice', ...credentials, ...config }
}

/** Starts to connect; the client is gone after the test. */
export function startClient(server: { port: number }, config: ConnectConfig = {}): Client {
  const client = new ssh2.Client()
  client.on('error', () => undefined)
  onTestFinished(() => void client.destroy())
  client.connect(connectConfig(server, config))
  client.setNoDelay(true)
  return client
}

/** Resolves when logged in. */
export function connect(server: { port: number }, config: ConnectConfig = {}): Promise<Client> {
  const client = startClient(server, config)
  return new Promise((resolve, reject) => {
    client.once('ready', () => resolve(client))
    client.once('error', reject)
    client.once('close', () => reject(new Error('closed before the login')))
  })
}

export function deferred(): { promise: Promise<void>; resolve: () => void } {
  let settle = (): void => undefined
  const promise = new Promise<void>((resolve) => {
    settle = resolve
  })
  return { promise, resolve: settle }
}

/** Resolves when the connection is over. */
export function closed(client: Client): Promise<void> {
  return new Promise((resolve) => client.once('close', () => resolve()))
}

/** The parts of ssh2's client that let a test misbehave. */
export interface RawProtocol {
  authNone(username: string): void
  authKeyboard(username: string): void
  authInfoRes(answers: string[]): void
  authPassword(username: string, password: string, newPassword?: string): void
  authPK(
    username: string,
    key: ParsedKey,
    algorithm: string,
    sign?: (data: Buffer, done: (signature: Buffer) => void) => void,
  ): void
  authHostbased(
    username: string,
    key: ParsedKey,
    hostname: string,
    localUsername: string,
    algorithm: string,
    sign: (data: Buffer, done: (signature: Buffer) => void) => void,
  ): void
  session(channel: number, window: number, packetSize: number): void
  subsystem(channel: number, name: string, wantReply: boolean): void
  channelData(channel: number, data: Buffer): void
  channelEOF(channel: number): void
  channelClose(channel: number): void
  rekey(): void
  /** Set while keys are exchanged. */
  _kexinit: Buffer | undefined
  _packetRW: {
    write: { allocStart: number; alloc(bytes: number): Buffer; finalize(packet: Buffer): Buffer }
  }
  _cipher: { encrypt(packet: Buffer): void }
  _handlers: Record<string, (...args: never[]) => void>
}

export function rawProtocol(client: Client): RawProtocol {
  const { _protocol: protocol } = client as unknown as { _protocol: RawProtocol }
  return protocol
}

/** Handles the server's messages instead of ssh2. */
export function onMessages(client: Client, handlers: Record<string, (...args: never[]) => void>): void {
  const { _handlers: own } = rawProtocol(client)
  Object.assign(own, handlers)
}

/** Keys are being exchanged just now. */
export function isExchangingKeys(client: Client): boolean {
  const { _kexinit: packet } = rawProtocol(client)
  return packet !== undefined
}

/** Sends an SSH message that ssh2 would not make. */
export function sendRaw(client: Client, payload: Buffer): void {
  const { _packetRW: packets, _cipher: cipher } = rawProtocol(client)
  const packet = packets.write.alloc(payload.length)
  payload.copy(packet, packets.write.allocStart)
  cipher.encrypt(packets.write.finalize(packet))
}

/** Opens channels from now on with this window and packet size. */
export function offerChannels(client: Client, { window, packetSize }: { window: number; packetSize: number }): void {
  const protocol = rawProtocol(client)
  const open = protocol.session.bind(protocol)
  protocol.session = (id) => open(id, window, packetSize)
}

export function socketOf(client: Client): Socket {
  const { _sock: socket } = client as unknown as { _sock: Socket }
  return socket
}

/** Loses the connection without a word. */
export function vanish(client: Client): void {
  socketOf(client).destroy()
}

/**
 * Sends authentication requests of any kind, one after the answer to the other.
 * @returns the answers: `success`, `pk-ok`, a question, the methods offered as `password,publickey`, or `closed` for
 * the rest.
 */
export function authenticateRaw(
  server: { port: number },
  requests: ((protocol: RawProtocol) => void)[],
): Promise<string[]> {
  const client = new ssh2.Client()
  onTestFinished(() => void client.destroy())
  return new Promise((resolve) => {
    const answers: string[] = []
    const finish = (): void => {
      client.end()
      resolve(answers)
    }
    const next = (): void => {
      const request = requests[answers.length]
      if (request === undefined) finish()
      else request(rawProtocol(client))
    }
    const answered = (answer: string): void => {
      answers.push(answer)
      next()
    }
    client.on('error', () => undefined)
    client.on('close', () => {
      while (answers.length < requests.length) answers.push('closed')
      resolve(answers)
    })
    client.connect({
      ...connectConfig(server),
      authHandler: () => {
        onMessages(client, {
          USERAUTH_FAILURE: (_: unknown, methods: string[]) => answered(methods.join(',')),
          USERAUTH_SUCCESS: () => answered('success'),
          USERAUTH_PK_OK: () => answered('pk-ok'),
          USERAUTH_INFO_REQUEST: (_: unknown, _name: string, _instructions: string, prompts: { prompt: string }[]) =>
            answered(prompts.map(({ prompt }) => prompt).join()),
        })
        next()
      },
    })
  })
}

/** Signs with a key; `hash` for RSA. */
export function signer(key: ParsedKey, hash?: string) {
  return (data: Buffer, done: (signature: Buffer) => void): void => done(key.sign(data, hash))
}

export function parsedKey(text: string): ParsedKey {
  const key = ssh2.utils.parseKey(text)
  if (key instanceof Error) throw key
  return key
}

export interface SftpSession {
  channel: ClientChannel
  sftp: SftpClient
  /** The exit status, undefined when the channel ended without one. */
  exit: Promise<number | undefined>
  /** The channel is closed. */
  over: Promise<void>
}

/** Opens the subsystem on a logged-in client; the answer to INIT has arrived. */
export async function openSftp(client: Client): Promise<SftpSession> {
  const session = sftpOn(await subsystem(client, 'sftp'))
  await session.sftp.init()
  return session
}

/** The client's side of SFTP on a channel; INIT is not sent. */
export function sftpOn(channel: ClientChannel): SftpSession {
  const sftp = new SftpClient((bytes) => void channel.write(bytes))
  channel.on('data', (chunk: Buffer) => sftp.receive(chunk))
  channel.on('error', () => undefined)
  const exit = new Promise<number | undefined>((resolve) => {
    channel.once('exit', (code: number | null) => resolve(code ?? undefined))
    channel.once('close', () => resolve(undefined))
  })
  const over = new Promise<void>((resolve) => channel.once('close', () => resolve()))
  return { channel, sftp, exit, over }
}

export function subsystem(client: Client, name: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) =>
    client.subsys(name, (error, channel) => (error === undefined ? resolve(channel) : reject(error))),
  )
}

/** The handle in a reply. */
export function handleOf(response: Response): Buffer {
  if (response.kind !== 'handle') throw new Error(`a handle was expected, not ${JSON.stringify(response)}`)
  return response.handle
}

/** Flags of OPEN. */
export const PFLAGS = { read: 0x01, write: 0x02, create: 0x08, truncate: 0x10 } as const
export const UPLOAD = PFLAGS.write | PFLAGS.create | PFLAGS.truncate

export async function openFile(sftp: SftpClient, filename: string, pflags: number): Promise<Buffer> {
  return handleOf(await sftp.request({ kind: 'open', filename, pflags, attrs: {} }))
}

/** Descriptors of this process: the server's, the client's and the test runner's. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** Waits until it holds, as something that cannot be listened to will make it. */
export function eventually(assertion: () => void): Promise<void> {
  return vi.waitFor(assertion, { timeout: 20_000, interval: 2 })
}

/** Collects what would end a process; nothing may be in it at the end of the test. */
export function watchForUnhandled(): void {
  const unhandled: unknown[] = []
  const listener = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', listener)
  process.on('uncaughtException', listener)
  onTestFinished(async () => {
    // Rejections are reported after the turn in which they happened.
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', listener)
    process.off('uncaughtException', listener)
    expect(unhandled).toEqual([])
  })
}

/** The server's ends of its connections. */
export function serverSockets({ port }: { port: number }): Socket[] {
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles(): unknown[] }
  return handles
    .call(process)
    .filter(
      (handle): handle is Socket =>
        (handle as Partial<Socket>).localPort === port && 'remotePort' in (handle as object),
    )
}
