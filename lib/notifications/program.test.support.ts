import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { freePort, program } from '../providers/sql/server-process.test.support.ts'
import { openProvider } from '../providers/open.ts'
import { CONFIG } from '../providers/sql/database-server.test.support.ts'
import { recordingLog } from '../providers/recording-log.ts'
import { sampleUser } from '../providers/contract.ts'
import { rsaKey } from '../sshd/sample-keys.test.support.ts'

const execute = promisify(execFile)
const PROGRAM = fileURLToPath(new URL('../../dist/bin/sftpgo.cjs', import.meta.url))
const READY = /ready: SFTP on \S+:(\d+)(?:, HTTP on \S+:(\d+))?/

/** The built server as a process of its own, with the account `alice`, and OpenSSH's clients. */
export class Site {
  readonly root = mkdtempSync(path.join(tmpdir(), 'sftpgo-hooks-'))
  readonly home = path.join(this.root, 'homes', 'alice')
  readonly configDir = path.join(this.root, 'etc')
  readonly database = path.join(this.configDir, 'sftpgo.db')
  port = 0
  httpPort = 0
  #child: ChildProcess | undefined
  #said = ''

  static async make(): Promise<Site> {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: npm run build`)
    const site = new Site()
    onTestFinished(async () => {
      await site.kill()
      rmSync(site.root, { recursive: true, force: true })
    })
    for (const folder of [site.configDir, site.home]) mkdirSync(folder, { recursive: true })
    writeFileSync(path.join(site.configDir, 'id_rsa'), rsaKey(), { mode: 0o600 })
    const key = path.join(site.root, 'key')
    await execute(program('ssh-keygen', 'openssh-client'), ['-q', '-t', 'ed25519', '-N', '', '-C', 'alice', '-f', key])
    const provider = await site.provider()
    await provider.addUser(
      sampleUser('alice', {
        home_dir: site.home,
        public_keys: [readFileSync(`${key}.pub`, 'utf8').trim()],
        permissions: ['*'],
        quota_size: 0,
        quota_files: 0,
        max_sessions: 0,
        uid: 0,
        gid: 0,
        upload_bandwidth: 0,
        download_bandwidth: 0,
      }),
    )
    await provider.close()
    return site
  }

  /** The store of its accounts, for as long as the caller wants it. */
  provider() {
    return openProvider(
      { ...CONFIG, driver: 'sqlite', name: this.database },
      { configDir: this.configDir, log: recordingLog() },
    )
  }

  async start(settings: Record<string, Record<string, unknown>>): Promise<void> {
    const config = {
      sftpd: {
        bind_port: 0,
        bind_address: '127.0.0.1',
        enabled_ssh_commands: ['*'],
        upload_mode: 1,
        ...settings['sftpd'],
      },
      data_provider: { driver: 'sqlite', name: this.database, ...settings['data_provider'] },
      httpd: { bind_port: await freePort(), bind_address: '127.0.0.1' },
    }
    writeFileSync(path.join(this.configDir, 'sftpgo.json'), JSON.stringify(config))
    const child = spawn(process.execPath, [PROGRAM, 'serve', '-c', this.configDir, '-l', ''], {
      env: { PATH: process.env['PATH'], SECRET_OF_THE_SERVER: 'yes' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#said = ''
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${this.#said}`)))
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => {
          this.#said += chunk.toString()
          const ready = READY.exec(this.#said)
          if (ready === null) return
          this.port = Number(ready[1])
          this.httpPort = Number(ready[2])
          resolve()
        })
    })
  }

  /** All that the server has logged since its last start. */
  log(): string {
    return this.#said
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the server does not run')
    return this.#child.pid
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  /** OpenSSH's sftp in batch mode: the first command that fails fails all. */
  async sftp(commands: readonly (string | Buffer)[]): Promise<void> {
    const file = path.join(this.root, `batch-${process.hrtime.bigint()}`)
    writeFileSync(file, Buffer.concat(commands.flatMap((one) => [Buffer.from(one as string), Buffer.from('\n')])))
    const args = [...this.#ssh(), '-P', String(this.port), '-b', file, 'alice@127.0.0.1']
    await execute(program('sftp', 'openssh-client'), args, { cwd: this.root })
  }

  /** OpenSSH's scp, over its own protocol. */
  async scp(...paths: string[]): Promise<void> {
    await execute(program('scp', 'openssh-client'), ['-O', ...this.#ssh(), '-P', String(this.port), ...paths], {
      cwd: this.root,
    })
  }

  async ssh(command: string): Promise<string> {
    const args = [...this.#ssh(), '-p', String(this.port), 'alice@127.0.0.1', command]
    return (await execute(program('ssh', 'openssh-client'), args, { cwd: this.root })).stdout
  }

  #ssh(): string[] {
    const options = ['BatchMode=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR']
    return ['-F', '/dev/null', '-i', path.join(this.root, 'key'), ...options.flatMap((option) => ['-o', option])]
  }

  async api(method: string, target: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}/api/v1/${target}`, {
      method,
      headers: { connection: 'close', 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (response.status !== 200) throw new Error(`${method} ${target}: ${response.status} ${await response.text()}`)
    return response.json()
  }

  /** An executable shell script. */
  script(name: string, body: string): string {
    const file = path.join(this.root, name)
    writeFileSync(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 })
    return file
  }

  read(name: string): string {
    const file = path.join(this.root, name)
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }
}

export interface Received {
  method: string
  /** Path and query as they came. */
  url: string
  headers: IncomingMessage['headers']
  body: string
}

/** A real HTTP server on 127.0.0.1, gone after the test. */
export class Endpoint {
  readonly received: Received[] = []
  /** What it answers; never, when it does not end the response. */
  answer: (received: Received, response: ServerResponse) => void = (_, response) => void response.end('ok')
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const { method = '', url = '', headers } = request
        const received = { method, url, headers, body: Buffer.concat(chunks).toString() }
        this.received.push(received)
        this.answer(received, response)
      })
      .on('error', () => undefined)
  })
  #port = 0

  static async start(): Promise<Endpoint> {
    const endpoint = new Endpoint()
    await endpoint.up()
    onTestFinished(() => endpoint.down())
    return endpoint
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook`
  }

  /** Listens again, where it did before. */
  async up(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async down(): Promise<void> {
    if (!this.#server.listening) return
    const gone = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await gone
  }
}
