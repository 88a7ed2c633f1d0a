import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/**
 * The path of a program, looked for in PATH and in `folders`.
 * @throws Error naming the program and the Debian package that has it.
 */
export function program(name: string, debianPackage: string, folders: readonly string[] = []): string {
  const all = [...folders, ...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  const found = all.map((folder) => join(folder, name)).find(isExecutable)
  if (found === undefined) throw new Error(`${name} is missing: it is in the Debian package ${debianPackage}`)
  return found
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A folder and the account that a database server runs as: it refuses to be root, so root lends it another. */
export class Home {
  readonly folder: string
  readonly account: { uid: number; gid: number } | undefined

  private constructor(folder: string, account: { uid: number; gid: number } | undefined) {
    this.folder = folder
    this.account = account
  }

  static async make(prefix: string): Promise<Home> {
    const folder = await mkdtemp(join(tmpdir(), prefix))
    const account = process.getuid?.() === 0 ? await idsOf('nobody') : undefined
    const home = new Home(folder, account)
    await home.give(folder)
    return home
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** Makes a file of the account's that nobody else may read. */
  async write(name: string, content: string): Promise<string> {
    await writeFile(this.path(name), content, { mode: 0o600 })
    await this.give(this.path(name))
    return this.path(name)
  }

  async give(path: string): Promise<void> {
    if (this.account !== undefined) await chown(path, this.account.uid, this.account.gid)
  }

  /** Runs a program to its end as the account. */
  async run(file: string, args: readonly string[]): Promise<void> {
    await execute(file, args, { cwd: this.folder, env: { ...process.env, HOME: this.folder }, ...this.account })
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true })
  }
}

async function idsOf(user: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => execute('id', [flag, user])))
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) }
}

/** A server that runs as the account of its home, and can be started again. */
export class ServerProcess {
  readonly #home: Home
  readonly #file: string
  readonly #ready: RegExp
  #child: ChildProcess | undefined

  /** @param ready what it says on its standard error when it may be asked. */
  constructor(home: Home, file: string, ready: RegExp) {
    this.#home = home
    this.#file = file
    this.#ready = ready
  }

  /** @throws Error with what the server said when it ends instead of becoming ready. */
  async start(args: readonly string[]): Promise<void> {
    const child = spawn(this.#file, args, {
      cwd: this.#home.folder,
      env: { ...process.env, HOME: this.#home.folder, LC_ALL: 'C.UTF-8' },
      stdio: ['ignore', 'ignore', 'pipe'],
      ...this.#home.account,
    })
    this.#child = child
    // Whatever happens to the tests, the server does not outlive them.
    process.once('exit', () => child.kill('SIGKILL'))
    let said = ''
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (code) => reject(new Error(`${this.#file} ended with ${code}:\n${said}`)))
      child.stderr?.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        if (this.#ready.test(said)) resolve()
      })
    })
  }

  /** Resolves when it has ended. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Files, PEM. */
export interface Certificates {
  authority: string
  /** For the name "localhost" alone, no address. */
  certificate: string
  key: string
}

/** An authority of its own, and a certificate that it signed. */
export async function makeCertificates(home: Home): Promise<Certificates> {
  const openssl = program('openssl', 'openssl')
  const files = { authority: home.path('ca.pem'), certificate: home.path('server.pem'), key: home.path('server.key') }
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const caKey = home.path('ca.key')
  await home.run(openssl, ['req', '-x509', ...curve, '-keyout', caKey, '-out', files.authority, '-subj', '/CN=Test CA'])
  const request = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const signed = ['-CA', files.authority, '-CAkey', caKey, '-out', files.certificate, '-keyout', files.key]
  await home.run(openssl, ['req', '-x509', ...curve, ...request, ...signed, '-addext', 'basicConstraints=CA:FALSE'])
  return files
}
