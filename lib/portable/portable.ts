import { randomInt } from 'node:crypto'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { createAccounts } from '../accounts/create-accounts.ts'
import { systemClock } from '../clock.ts'
import { defaultConfig } from '../config/schema.ts'
import { Connections } from '../connections/connections.ts'
import { createGate } from '../defender/gate.ts'
import { createHasher } from '../hashing/hasher.ts'
import { createLog } from '../logging/logger.ts'
import { MemoryProvider } from '../providers/memory/memory.ts'
import type { Running } from '../serve.ts'
import { assertPlatform } from '../serve.ts'
import { createOpenAccount } from '../sshd/account-session.ts'
import { permissionsByPath } from '../accounts/user.ts'
import { temporaryHostKeys } from '../sshd/host-keys.ts'
import { createSshd } from '../sshd/sshd.ts'
import { sshCommandNames } from '../sshd/ssh-commands.ts'
import { createThrottle } from '../transfers/throttle.ts'
import { versionInfo } from '../version/version.ts'
import { InFlight, forgetful } from '../transfers/in-flight.ts'
import { Ledger } from '../transfers/ledger.ts'
import { memoryStorage, nodeStorage } from '../vfs/storage.ts'

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
  stdout: (line: string) => void
}

const PASSWORD_LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789'
/** 57^12: 69 bits. */
const PASSWORD_LENGTH = 12
/** As a client with many keys needs more tries than a server on the Internet would give it. */
const MAX_AUTH_TRIES = 12

/**
 * Serves one directory to one user, without configuration, store or HTTP. The host key lives in memory, so
 * that it never lies in what is served.
 * @throws Error with one line; nothing is left running.
 */
export async function portable(options: PortableOptions): Promise<Running> {
  assertPlatform()
  const directory = path.resolve(options.directory)
  await assertDirectory(directory)
  const sshCommands = sshCommandNames(options.sshCommands)
  const clock = systemClock
  const log = createLog({
    destination: options.logFilePath === '' ? { kind: 'none' } : { kind: 'file', path: options.logFilePath },
    verbose: true,
    now: clock,
  })
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
    const sshd = createSshd({
      accounts,
      connections: new Connections(clock),
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
    const sftpAddress = await sshd.listen({ host: '', port: options.sftpdPort })
    options.stdout(
      `Portable mode ready, SFTP port: ${sftpAddress.port}, user: ${JSON.stringify(username)}, ` +
        `password: ${JSON.stringify(password)}, public keys: [${options.publicKeys.join(' ')}], ` +
        `directory: ${JSON.stringify(directory)}, permissions: [${permissionsByPath(user.permissions)['/']?.join(' ') ?? ''}], ` +
        `enabled ssh commands: [${sshCommands.join(' ')}]`,
    )
    let ended = (): void => undefined
    const finished = new Promise<void>((resolve) => {
      ended = resolve
    })
    return {
      sftpAddress,
      async stop() {
        await sshd.close()
        await hasher.close()
        await log.close()
        ended()
      },
      finished,
    }
  } catch (error) {
    await log.close()
    throw error
  }
}

function generatePassword(): string {
  return Array.from({ length: PASSWORD_LENGTH }, () => PASSWORD_LETTERS[randomInt(PASSWORD_LETTERS.length)]).join('')
}

async function assertDirectory(directory: string): Promise<void> {
  const stats = await stat(directory).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`directory ${directory}: cannot be served (${error.code})`, { cause: error })
  })
  if (!stats.isDirectory()) throw new Error(`directory ${directory}: is no directory`)
}
