import { randomInt } from 'node:crypto'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { createAccounts } from '../accounts/create-accounts.ts'
import { permissionsByPath } from '../accounts/user.ts'
import { systemClock } from '../clock.ts'
import { defaultConfig } from '../config/schema.ts'
import { Connections } from '../connections/connections.ts'
import { createGate } from '../defender/gate.ts'
import { createHasher } from '../hashing/hasher.ts'
import { Shutdown } from '../lifetime/shutdown.ts'
import { createLog } from '../logging/logger.ts'
import { MemoryProvider } from '../providers/memory/memory.ts'
import type { Address, Running } from '../serve.ts'
import { assertPlatform } from '../serve.ts'
import { createOpenAccount } from '../sshd/account-session.ts'
import { temporaryHostKeys } from '../sshd/host-keys.ts'
import { sshCommandNames } from '../sshd/ssh-commands.ts'
import { createSshd } from '../sshd/sshd.ts'
import type { Sshd } from '../sshd/sshd.ts'
import { InFlight, forgetful } from '../transfers/in-flight.ts'
import { Ledger } from '../transfers/ledger.ts'
import { createThrottle } from '../transfers/throttle.ts'
import { versionInfo, versionText } from '../version/version.ts'
import { memoryStorage, nodeStorage } from '../vfs/storage.ts'
import { advertise } from './advertise.ts'
import type { Advertised, Service } from './advertise.ts'
import { createConsole } from './console.ts'
import type { Console } from './console.ts'
import { LiveTable } from './live-table.ts'
import type { Terminal } from './live-table.ts'
import { qrCode, reachableHost, sftpUrl } from './qr.ts'

export interface PortableOptions {
  /** Absolute, or relative to the working directory. */
  directory: string
  /** 0 takes a free one. */
  sftpdPort: number
  /** Names of commands, or `*` for all. */
  sshCommands: string[]
  /** `''`: `user`. */
  username: string
  /** `''`: one is made, unless a key is given. */
  password: string
  /** `''`: no log. */
  logFilePath: string
  /** authorized_keys lines. */
  publicKeys: string[]
  permissions: string[]
  /** By multicast DNS. */
  advertiseService: boolean
  /** User name and password as well; without effect where the service is not advertised. */
  advertiseCredentials: boolean
  /** The address as a code for cameras. */
  qr: boolean
  stdout: (line: string) => void
  /** Where standard output is one: lines go there, and below them what moves. */
  terminal?: Terminal
  /** Instead of the network's own. */
  advertise?: typeof advertise
}

const PASSWORD_LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789'
/** 57^12: 69 bits. */
const PASSWORD_LENGTH = 12
/** As a client with many keys needs more tries than a server on the Internet would give it. */
const MAX_AUTH_TRIES = 12
/** From the first of the dynamic ports on (RFC 6335), as SFTPGo chooses. */
const RANDOM_PORTS = { from: 49_152, to: 64_151 }
/** Until most of them would have to be taken. */
const PORT_ATTEMPTS = 20

/**
 * Serves one directory to one user, without configuration, store or HTTP. The host key lives in memory, so
 * that it never lies in what is served.
 * @throws Error with one line; nothing is left running.
 */
export async function portable(options: PortableOptions): Promise<Omit<Running, 'reload'>> {
  assertPlatform()
  const directory = path.resolve(options.directory)
  await assertDirectory(directory)
  const sshCommands = sshCommandNames(options.sshCommands)
  const clock = systemClock
  const shutdown = new Shutdown(clock)
  const log = createLog({
    destination: options.logFilePath === '' ? { kind: 'none' } : { kind: 'file', path: options.logFilePath },
    verbose: true,
    now: clock,
  })
  shutdown.add(() => log.close(), 'the log')
  shutdown.reportTo(log)
  try {
    const username = options.username || 'user'
    const password = options.password || (options.publicKeys.length === 0 ? generatePassword() : '')
    const provider = new MemoryProvider()
    const inFlight = new InFlight(forgetful, { clock, log })
    const accounts = createAccounts({
      provider,
      clock,
      log,
      manageUsers: true,
      usersBaseDir: '',
    })
    const user = await accounts.add({
      username,
      password,
      public_keys: options.publicKeys,
      home_dir: directory,
      permissions: options.permissions,
      status: 1,
    })
    const hasher = createHasher()
    shutdown.add(() => hasher.close(), 'the thread for hashes')
    const connections = new Connections(clock)
    const sshd = createSshd({
      accounts,
      connections,
      gate: createGate({ config: defaultConfig().defender, clock, log }),
      openAccount: createOpenAccount({
        storage: nodeStorage,
        memoryStorage,
        throttle: createThrottle(clock),
        hasher,
        log,
        setstatMode: 0,
        isRoot: false,
        inFlight,
        ledger: new Ledger({ provider, inFlight, clock, log }),
        counts: () => false,
      }),
      hasher,
      hostKeys: await temporaryHostKeys(),
      config: {
        banner: `SFTPGo_${versionInfo().version}`,
        max_auth_tries: MAX_AUTH_TRIES,
        kex_algorithms: [],
        ciphers: [],
        macs: [],
        idle_timeout: 15,
        keepalive_interval: 60,
        enabled_ssh_commands: sshCommands,
        enable_scp: false,
      },
      loginBanner: undefined,
      log,
      clock,
    })
    const sftpAddress = await listen(sshd, options.sftpdPort)
    shutdown.add(() => sshd.close(), 'the SFTP server')

    const table =
      options.terminal &&
      new LiveTable({
        terminal: options.terminal,
        connections: () => connections.list(),
        sizeOf: (name) => fileSize(path.join(directory, Buffer.from(name, 'latin1').toString('utf8'))),
        clock,
      })
    if (table !== undefined) shutdown.add(async () => table.end())
    const print = table === undefined ? options.stdout : (line: string) => table.print(line)
    const say = createConsole(print, () => clock.now())
    const service = serviceOf(options, { port: sftpAddress.port, username, password }, say)
    const advertised = service && (await announce(service, options.advertise ?? advertise, say))
    if (advertised !== undefined) {
      shutdown.add(async () => {
        say.info('unregistering multicast DNS service')
        await advertised.withdraw()
      }, 'multicast DNS')
    }
    say.info(
      `Portable mode ready, SFTP port: ${sftpAddress.port}, user: ${JSON.stringify(username)}, ` +
        `password: ${JSON.stringify(password)}, public keys: [${options.publicKeys.join(' ')}], ` +
        `directory: ${JSON.stringify(directory)}, permissions: [${permissionsByPath(user.permissions)['/']?.join(' ') ?? ''}], ` +
        `enabled ssh commands: [${sshCommands.join(' ')}]`,
    )
    if (options.qr) {
      const url = sftpUrl({ username, host: reachableHost(), port: sftpAddress.port })
      for (const line of [...qrCode(url), url]) print(line)
    }

    let ended = (): void => undefined
    const finished = new Promise<void>((resolve) => {
      ended = resolve
    })
    const stop = (): Promise<void> => shutdown.run().finally(ended)
    return {
      sftpAddress,
      rotateLog: () => void log.rotate(),
      stop,
      crash(cause) {
        const stack = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
        log.app('service', 'error', `an error that nobody caught, the server stops: ${stack}`)
        return stop()
      },
      finished,
    }
  } catch (error) {
    // Why the start failed matters more than what else fails on the way out.
    await shutdown.run().catch(() => undefined)
    throw error
  }
}

/** Port 0: a random one of the dynamic ports that is free. */
async function listen(sshd: Sshd, port: number): Promise<Address> {
  if (port !== 0) return sshd.listen({ host: '', port })
  for (let attempt = 1; ; attempt++) {
    try {
      return await sshd.listen({ host: '', port: randomInt(RANDOM_PORTS.from, RANDOM_PORTS.to + 1) })
    } catch (error) {
      if (attempt === PORT_ATTEMPTS || !/the port is in use/.test(String(error))) throw error
    }
  }
}

interface Access {
  port: number
  username: string
  password: string
}

/** What the network is told, after the user has been told what that is. */
function serviceOf(options: PortableOptions, { port, username, password }: Access, say: Console): Service | undefined {
  if (!options.advertiseService) return undefined
  const txt: Record<string, string> = { version: versionText() }
  if (options.advertiseCredentials) {
    if (password === '') say.warn('key credentials cannot be advertised: the user name alone is')
    else say.info('credentials are advertised: whoever can ask this network can log in')
    txt['user'] = username
    if (password !== '') txt['password'] = password
  }
  return { name: `SFTPGo portable ${port}`, port, txt }
}

/** A directory is shared where multicast does not work, too. */
async function announce(service: Service, make: typeof advertise, say: Console): Promise<Advertised | undefined> {
  try {
    const advertised = await make(service, systemClock)
    say.info(`SFTP service advertised via multicast DNS as ${JSON.stringify(service.name)}`)
    return advertised
  } catch (error) {
    say.warn(`SFTP service not advertised: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

function generatePassword(): string {
  return Array.from({ length: PASSWORD_LENGTH }, () => PASSWORD_LETTERS[randomInt(PASSWORD_LETTERS.length)]).join('')
}

async function fileSize(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size
  } catch {
    // Gone, or a name that is not UTF-8: the table does without.
    return undefined
  }
}

async function assertDirectory(directory: string): Promise<void> {
  const stats = await stat(directory).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`directory ${directory}: cannot be served (${error.code})`, { cause: error })
  })
  if (!stats.isDirectory()) throw new Error(`directory ${directory}: is no directory`)
}
