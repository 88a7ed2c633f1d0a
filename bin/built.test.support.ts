import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, vi } from 'vitest'
import { createAccounts } from '../lib/accounts/create-accounts.ts'
import type { User } from '../lib/accounts/user.ts'
import { systemClock } from '../lib/clock.ts'
import { loadConfig } from '../lib/config/load.ts'
import { initConfiguredProvider } from '../lib/providers/init.ts'
import { openProvider } from '../lib/providers/open.ts'
import type { Provider, QuotaUse } from '../lib/providers/provider.ts'
import { recordingLog } from '../lib/providers/recording-log.ts'
import { ed25519Pair } from '../lib/sshd/sample-keys.test.support.ts'

const PROGRAM = fileURLToPath(new URL('../dist/bin/sftpgo.cjs', import.meta.url))
/** A machine with more to do than this test takes its time. */
const PATIENCE_MS = 20_000

/** For `vi.setConfig` in each file of tests: a module that several of them share runs once only. */
export const TEST_TIMEOUT_MS = 3 * PATIENCE_MS

/** A process and what it has said so far. */
export interface Process {
  readonly pid: number
  stdout(): string
  stderr(): string
  signal(name: NodeJS.Signals): void
  /** @throws with all that was said when the process ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>
  /** The exit code, or the signal that ended it. */
  readonly exit: Promise<number | NodeJS.Signals | null>
}

export interface Run {
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** Written to standard input, which is then closed unless it stays open. */
  input?: string
  open?: true
}

/** Starts a program, which ends with the test at the latest. */
export function start(program: string, args: readonly string[], { cwd, env = {}, input, open }: Run = {}): Process {
  const child = spawn(program, args, { cwd, env: { PATH: process.env['PATH'], HOME: tmpdir(), ...env }, stdio: 'pipe' })
  let [stdout, stderr] = ['', '']
  let over = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.on('error', () => undefined)
  if (open === undefined) child.stdin.end(input)
  const exit = new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      over = true
      resolve(code ?? signal)
    })
  })
  exit.catch(() => undefined)
  const gone = new Promise((resolve) => child.once('exit', resolve))
  onTestFinished(async () => {
    if (over) return
    child.kill('SIGKILL')
    await gone
    // What it started may hold them open for longer.
    child.stdout.destroy()
    child.stderr.destroy()
  })
  return {
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    signal: (name) => void child.kill(name),
    exit,
    async says(pattern) {
      let found: RegExpExecArray | null = null
      await eventually(() => {
        found = pattern.exec(stdout) ?? pattern.exec(stderr)
        if (found === null && over) throw new Ended(`the process has ended: ${stdout}${stderr}`)
        expect(found, `${stdout}${stderr}`).not.toBeNull()
      })
      if (found === null) throw new Error('cannot be')
      return found
    },
  }
}

class Ended extends Error {}

/** Waits for what another process does. */
export function eventually(assertion: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(assertion, { timeout: PATIENCE_MS, interval: 10 })
}

/** Starts the built program. @param nodeArgs before the program's own. */
export function sftpgo(args: readonly string[], run: Run = {}, nodeArgs: readonly string[] = []): Process {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not built: npm run build`)
  return start(process.execPath, [...nodeArgs, PROGRAM, ...args], run)
}

/** One that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A directory that is gone after the test. */
export function directory(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'sftpgo-bin-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

export interface Sftp {
  port: number
  username: string
  /** File of the private key. */
  identity: string
  cwd: string
  /** Commands, a line each. */
  batch: string
  args?: readonly string[]
}

/** OpenSSH's client, told to look at nothing of the user's own. */
export function sftp({ port, username, identity, cwd, batch, args = [] }: Sftp): Process {
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'LogLevel=ERROR',
  ].flatMap((option) => ['-o', option])
  const all = ['-F', '/dev/null', ...options, '-i', identity, '-P', String(port), ...args, '-b', '-']
  return start('sftp', [...all, `${username}@127.0.0.1`], { cwd, input: batch })
}

export interface Site {
  root: string
  configDir: string
  /** Writes the configuration, laid over what a test needs. */
  configure(settings: Record<string, Record<string, unknown>>): void
  /** Adds an account, before the start, that logs in with the key of {@link Site.sftp}. @returns its home. */
  addUser(fields: Partial<User>): Promise<string>
  /** OpenSSH's client, as that account. */
  sftp(server: { sftpPort: number }, batch: string): Process
  /** Bytes and files that the database says are used. */
  used(username: string): Promise<QuotaUse>
  /** Starts the server; resolves when it is ready. */
  serve(nodeArgs?: readonly string[]): Promise<Process & { sftpPort: number; httpPort: number }>
  /** The log, an object a line. */
  log(): Record<string, unknown>[]
  messages(): string[]
}

/** A configuration directory, whose server listens on free ports of the loopback address. */
export function site(settings: Record<string, Record<string, unknown>> = {}): Site {
  const root = directory()
  const configDir = path.join(root, 'etc')
  const logFile = path.join(root, 'log')
  mkdirSync(configDir)
  const configure = (changes: Record<string, Record<string, unknown>>): void => {
    const config = {
      ...changes,
      sftpd: { bind_port: 0, bind_address: '127.0.0.1', keys: [{ private_key: 'key' }], ...changes['sftpd'] },
      data_provider: { users_base_dir: path.join(root, 'homes'), ...changes['data_provider'] },
      httpd: { bind_port: 0, bind_address: '127.0.0.1', ...changes['httpd'] },
    }
    writeFileSync(path.join(configDir, 'sftpgo.json'), JSON.stringify(config))
  }
  configure(settings)
  const log = (): Record<string, unknown>[] =>
    readFileSync(logFile, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  const pair = ed25519Pair()
  const identity = path.join(root, 'identity')
  writeFileSync(identity, pair.private, { mode: 0o600 })
  writeFileSync(path.join(configDir, 'key'), ed25519Pair().private, { mode: 0o600 })
  const withProvider = async <T>(work: (provider: Provider) => Promise<T>): Promise<T> => {
    const options = { configDir, configFile: 'sftpgo', env: {} }
    await initConfiguredProvider(options)
    const { config } = await loadConfig({ ...options, cwd: root, home: root })
    const provider = await openProvider(config.data_provider, {
      configDir,
      log: recordingLog(),
      env: {},
      clock: systemClock,
    })
    try {
      return await work(provider)
    } finally {
      await provider.close()
    }
  }
  return {
    root,
    configDir,
    configure,
    addUser: (fields) =>
      withProvider(async (provider) => {
        const parts = { provider, clock: systemClock, log: recordingLog(), manageUsers: true }
        const accounts = createAccounts({ ...parts, usersBaseDir: path.join(root, 'homes') })
        const user = { username: 'alice', public_keys: [pair.public], permissions: ['*'], ...fields }
        return (await accounts.add(user)).home_dir
      }),
    used: (username) => withProvider((provider) => provider.usedQuota(username)),
    sftp: ({ sftpPort }, batch) => sftp({ port: sftpPort, username: 'alice', identity, cwd: root, batch }),
    log,
    messages: () => log().map(({ message }) => String(message)),
    async serve(nodeArgs = []) {
      const running = sftpgo(['serve', '-c', configDir, '-l', logFile], {}, nodeArgs)
      const [, sftpPort, httpPort] = await running.says(/ready: SFTP on \S+:(\d+)(?:, HTTP on \S+:(\d+))?/)
      return { ...running, sftpPort: Number(sftpPort), httpPort: Number(httpPort ?? 0) }
    },
  }
}
