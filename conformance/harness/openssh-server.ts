import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'

import { generateKey } from './keys.ts'
import { freePort, LOOPBACK, retryOnClash } from './ports.ts'
import { Child, run } from './processes.ts'
import { requireProgram } from './programs.ts'
import type { Scope } from './scope.ts'
import type { NewAccount, Server } from './server.ts'
import { tempDir } from './temp.ts'

const READY_WITHIN_MS = 15_000

/** OpenSSH's sshd with internal-sftp. Every account is the user who runs it; its key tells where a session starts. */
export async function startOpenSshServer(scope: Scope): Promise<Server> {
  const server = new OpenSshServer(scope, requireProgram('sshd'), await tempDir(scope))
  await server.prepare()
  await server.start()
  return server
}

class OpenSshServer implements Server {
  readonly name = 'openssh'
  readonly host = LOOPBACK
  readonly #scope: Scope
  readonly #program: string
  readonly #dir: string
  readonly #hostKeys: string[] = []
  #child: Child | undefined
  #port = 0

  constructor(scope: Scope, program: string, dir: string) {
    this.#scope = scope
    this.#program = program
    this.#dir = dir
  }

  get port(): number {
    return this.#port
  }

  get pid(): number {
    return this.#started().pid
  }

  get running(): boolean {
    return this.#child?.running ?? false
  }

  output(): string {
    return this.#child?.output() ?? ''
  }

  async prepare(): Promise<void> {
    for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) {
      this.#hostKeys.push((await generateKey(this.#scope, this.#dir, `host_${type}`, type)).privateKeyFile)
    }
    await writeFile(this.#authorizedKeys(), '')
    // sshd insists on it when root runs it. It stays: another sshd may have come to need it.
    if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 })
  }

  start(): Promise<void> {
    return retryOnClash(async () => {
      this.#port = await freePort()
      const config = join(this.#dir, 'sshd_config')
      await writeFile(config, await this.#config())
      this.#child = new Child(this.#scope, this.#program, ['-D', '-e', '-f', config])
      await this.#child.waitForOutput(/Server listening on/, READY_WITHIN_MS)
    })
  }

  async restart(): Promise<void> {
    await this.#started().stop()
    await this.start()
  }

  async addAccount({ home, publicKeys = [], commands = false }: NewAccount): Promise<string> {
    const forced = commands ? `cd '${home}' && eval \\"exec $SSH_ORIGINAL_COMMAND\\"` : `internal-sftp -d ${home}`
    const lines = publicKeys.map((key) => `command="${forced}" ${key}\n`)
    await appendFile(this.#authorizedKeys(), lines.join(''))
    return userInfo().username
  }

  #authorizedKeys(): string {
    return join(this.#dir, 'authorized_keys')
  }

  async #config(): Promise<string> {
    const lines = [
      `ListenAddress ${LOOPBACK}`,
      `Port ${this.#port}`,
      ...this.#hostKeys.map((file) => `HostKey ${file}`),
      `PidFile ${join(this.#dir, 'sshd.pid')}`,
      `AuthorizedKeysFile ${this.#authorizedKeys()}`,
      'Subsystem sftp internal-sftp',
      'PubkeyAuthentication yes',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      'StrictModes no',
      'UsePAM no',
      'UseDNS no',
      'LogLevel INFO',
    ]
    // Since 9.8 a source of failed logins is shut out for a while, and failed logins are what some cases make.
    if ((await openSshVersion(this.#scope)).number >= 9.8) lines.push('PerSourcePenalties no')
    return `${lines.join('\n')}\n`
  }

  #started(): Child {
    if (!this.#child) throw new Error('sshd was not started')
    return this.#child
  }
}

/** @returns for example text `OpenSSH_9.2p1 Debian-2+deb12u10` and number 9.2. */
export async function openSshVersion(scope: Scope): Promise<{ text: string; number: number }> {
  const { stderr } = await run(scope, requireProgram('ssh'), ['-V'])
  return { text: stderr.split(',')[0]?.trim() ?? '', number: Number(/OpenSSH_(\d+\.\d+)/.exec(stderr)?.[1] ?? 0) }
}
