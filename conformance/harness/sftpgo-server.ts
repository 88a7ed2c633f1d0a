import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { freePort, LOOPBACK, retryOnClash } from './ports.ts'
import { Child } from './processes.ts'
import type { Scope } from './scope.ts'
import type { NewAccount, Server } from './server.ts'
import { tempDir } from './temp.ts'

export interface SftpgoOptions {
  /** Configuration, database and host keys are kept here. */
  configDir: string
  driver: 'sqlite' | 'memory'
  /** Laid over the settings of their sections. */
  sftpd?: Readonly<Record<string, unknown>>
  dataProvider?: Readonly<Record<string, unknown>>
  /** Without it no account can be added, and none be looked at. */
  http: boolean
  /** Of `serve`, in place of a log on standard output. */
  logArgs: readonly string[]
  /** Of Node, before the program. */
  nodeArgs: readonly string[]
}

const PROGRAM = fileURLToPath(new URL('../../bin/sftpgo.cjs', import.meta.url))
/** The first start makes an RSA host key of 4096 bits. */
const READY_WITHIN_MS = 60_000
const READY = /ready: SFTP on \S+:(\d+)(?:, HTTP on \S+:(\d+))?/

export async function startSftpgo(scope: Scope, options: Partial<SftpgoOptions> = {}): Promise<SftpgoServer> {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not built: npm run build`)
  const settings: SftpgoOptions = {
    configDir: options.configDir ?? (await tempDir(scope)),
    driver: 'sqlite',
    http: true,
    logArgs: ['-l', ''],
    nodeArgs: [],
    ...options,
  }
  const server = new SftpgoServer(scope, settings)
  await server.start()
  return server
}

export class SftpgoServer implements Server {
  readonly name = 'sftpgo'
  readonly host = LOOPBACK
  readonly #scope: Scope
  readonly #options: SftpgoOptions
  #child: Child | undefined
  #port = 0
  #httpPort = 0

  constructor(scope: Scope, options: SftpgoOptions) {
    this.#scope = scope
    this.#options = options
  }

  get configDir(): string {
    return this.#options.configDir
  }

  get port(): number {
    return this.#port
  }

  get httpUrl(): string {
    return `http://${LOOPBACK}:${this.#httpPort}`
  }

  get pid(): number {
    return this.#running().pid
  }

  get running(): boolean {
    return this.#child?.running ?? false
  }

  output(): string {
    return this.#child?.output() ?? ''
  }

  start(): Promise<void> {
    return retryOnClash(async () => {
      const { configDir, logArgs, nodeArgs } = this.#options
      await mkdir(configDir, { recursive: true })
      await writeFile(join(configDir, 'sftpgo.json'), JSON.stringify(await this.#config(), null, 2))
      const args = [...nodeArgs, PROGRAM, 'serve', '-c', configDir, ...logArgs]
      this.#child = new Child(this.#scope, process.execPath, args)
      const ready = await this.#child.waitForOutput(READY, READY_WITHIN_MS)
      this.#port = Number(ready[1])
      this.#httpPort = Number(ready[2] ?? 0)
    })
  }

  async restart(): Promise<void> {
    const { code, signal } = await this.#running().stop()
    if (code !== 0) throw new Error(`SIGTERM ended the server with ${code ?? signal} instead of 0: ${this.output()}`)
    await this.start()
  }

  /** Ends it as a crash does: nothing is tidied up. */
  async kill(): Promise<void> {
    await this.#running().kill()
  }

  /** What the server has stored of an account, by the names of its REST API. */
  async account(username: string): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.httpUrl}/api/v1/user?username=${username}`)
    const [found] = (await response.json()) as Record<string, unknown>[]
    if (found === undefined) throw new Error(`there is no account ${username}`)
    return found
  }

  /** Who is connected, by the names of the REST API. */
  async connections(): Promise<readonly Record<string, unknown>[]> {
    const response = await fetch(`${this.httpUrl}/api/v1/connection`)
    return (await response.json()) as Record<string, unknown>[]
  }

  async addAccount(account: NewAccount): Promise<string> {
    const response = await fetch(`${this.httpUrl}/api/v1/user`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        username: account.username,
        home_dir: account.home,
        password: account.password,
        public_keys: account.publicKeys,
        permissions: ['*'],
        status: (account.enabled ?? true) ? 1 : 0,
        expiration_date: account.expirationDate ?? 0,
        quota_size: account.quotaBytes ?? 0,
        upload_bandwidth: account.bandwidthKb?.upload ?? 0,
        download_bandwidth: account.bandwidthKb?.download ?? 0,
      }),
    })
    const answer = await response.text()
    if (response.status !== 200) throw new Error(`adding a user was answered with ${response.status}: ${answer}`)
    return account.username
  }

  async #config(): Promise<object> {
    const { driver, http, sftpd, dataProvider } = this.#options
    return {
      sftpd: {
        bind_address: LOOPBACK,
        bind_port: await freePort(),
        enabled_ssh_commands: ['*'],
        ...sftpd,
      },
      httpd: { bind_address: LOOPBACK, bind_port: http ? await freePort() : 0 },
      data_provider: { driver, name: driver === 'sqlite' ? 'sftpgo.db' : '', ...dataProvider },
    }
  }

  #running(): Child {
    if (!this.#child) throw new Error('the server was not started')
    return this.#child
  }
}
