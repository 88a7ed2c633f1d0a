import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { Child, cleanEnv, finishedWithin, run } from './processes.ts'
import type { Finished } from './processes.ts'
import { requireProgram } from './programs.ts'
import type { Scope } from './scope.ts'
import type { Server } from './server.ts'
import { tempDir } from './temp.ts'

export interface Login {
  username: string
  /** Tried before the password; several are offered in this order. */
  privateKeyFiles?: readonly string[]
  password?: string
  /** The password is the answer to a question of the server's (RFC 4256). */
  keyboardInteractive?: boolean
}

export interface ClientOptions {
  /** Local names in commands are relative to it. */
  cwd: string
  /** Further `-o` options of ssh, for example `Ciphers=aes128-ctr`. */
  options?: readonly string[]
  /** Further arguments of sftp itself, for example `-l 8192`. */
  args?: readonly string[]
  timeoutMs?: number
}

const TIMEOUT_MS = 120_000
const ASKPASS = '#!/bin/sh\nprintf "%s\\n" "$SFTP_TEST_PASSWORD"\n'

/** OpenSSH's `sftp` and `ssh`, told to look at nothing of the user's own: no configuration, agent or known hosts. */
export class OpenSshClient {
  readonly #scope: Scope
  readonly #server: Pick<Server, 'host' | 'port'>
  readonly #login: Login
  readonly #defaults: ClientOptions
  #askpass: Promise<string> | undefined

  constructor(scope: Scope, server: Pick<Server, 'host' | 'port'>, login: Login, defaults: ClientOptions) {
    this.#scope = scope
    this.#server = server
    this.#login = login
    this.#defaults = defaults
  }

  /** The same client with other credentials. */
  as(login: Partial<Login>): OpenSshClient {
    return new OpenSshClient(this.#scope, this.#server, { ...this.#login, ...login }, this.#defaults)
  }

  /** Runs commands in batch mode: the first that fails ends it with exit code 1; a refused login with 255. */
  async batch(commands: readonly Buffer[], options: Partial<ClientOptions> = {}): Promise<Finished> {
    return finishedWithin(await this.start(commands, options), options.timeoutMs ?? TIMEOUT_MS)
  }

  async start(commands: readonly Buffer[], options: Partial<ClientOptions> = {}): Promise<Child> {
    const { cwd, options: sshOptions = [], args = [] } = { ...this.#defaults, ...options }
    const destination = `${this.#login.username}@${this.#server.host}`
    return new Child(
      this.#scope,
      requireProgram('sftp'),
      // sftp's -b switches BatchMode on, and with it passwords off, unless the option is there before it.
      [...this.#common(sshOptions), '-P', String(this.#server.port), ...args, '-b', '-', destination],
      { cwd, env: await this.#env(), input: Buffer.concat(commands.map((one) => Buffer.concat([one, NEWLINE]))) },
    )
  }

  /**
   * Runs `scp`, over SFTP unless its own, older protocol is asked for by `-O` in `args`.
   * @param paths the sources, then the target: local ones relative to the client's directory, others from `remote`.
   */
  async scp(paths: readonly string[], options: Partial<ClientOptions> = {}): Promise<Finished> {
    return finishedWithin(
      await this.startScp(paths, options),
      options.timeoutMs ?? this.#defaults.timeoutMs ?? TIMEOUT_MS,
    )
  }

  async startScp(paths: readonly string[], options: Partial<ClientOptions> = {}): Promise<Child> {
    const { cwd, options: sshOptions = [], args = [] } = { ...this.#defaults, ...options }
    const protocol = args.includes('-O') ? [] : ['-s']
    const all = [...protocol, ...this.#common(sshOptions), '-P', String(this.#server.port), ...args, '--', ...paths]
    return new Child(this.#scope, requireProgram('scp'), all, { cwd, env: await this.#env() })
  }

  /** Has the server run a command, which is sent as it is. */
  async command(
    line: string,
    { input, ...options }: Partial<ClientOptions> & { input?: Buffer } = {},
  ): Promise<Finished> {
    const { cwd, options: sshOptions = [], timeoutMs } = { ...this.#defaults, ...options }
    const { host, port } = this.#server
    const destination = ['-p', String(port), '-l', this.#login.username, host, line]
    return run(this.#scope, requireProgram('ssh'), [...this.#common(sshOptions), ...destination], {
      cwd,
      env: await this.#env(),
      timeoutMs: timeoutMs ?? TIMEOUT_MS,
      ...(input === undefined ? {} : { input }),
    })
  }

  /** A path on the server as scp and sshfs take it, relative to where sessions start. */
  remote(path: string): string {
    return `${this.#login.username}@${this.#server.host}:${path}`
  }

  /** `ssh` as a program that brings its own idea of SFTP is to start it; no word of it holds a space. */
  sshCommand(options: readonly string[] = []): string[] {
    return [requireProgram('ssh'), ...this.#common(options)]
  }

  /** Sends bytes of the caller's own down the sftp subsystem's channel, then its end. */
  async raw(bytes: Buffer): Promise<Finished> {
    const { host, port } = this.#server
    const destination = ['-p', String(port), '-l', this.#login.username, '-s', host, 'sftp']
    const options = { cwd: this.#defaults.cwd, env: await this.#env(), input: bytes }
    const child = new Child(this.#scope, requireProgram('ssh'), [...this.#common([]), ...destination], options)
    return finishedWithin(child, 30_000)
  }

  #common(options: readonly string[]): string[] {
    const { privateKeyFiles = [], password, keyboardInteractive = false } = this.#login
    const methods = [
      ...(privateKeyFiles.length > 0 ? ['publickey'] : []),
      ...(password === undefined ? [] : [keyboardInteractive ? 'keyboard-interactive' : 'password']),
    ]
    const all = [
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'GlobalKnownHostsFile=/dev/null',
      'IdentitiesOnly=yes',
      'IdentityAgent=none',
      'LogLevel=ERROR',
      'ConnectTimeout=20',
      'NumberOfPasswordPrompts=1',
      `BatchMode=${password === undefined ? 'yes' : 'no'}`,
      `PreferredAuthentications=${methods.join(',') || 'none'}`,
      ...privateKeyFiles.map((file) => `IdentityFile=${file}`),
      ...options,
    ]
    return ['-F', '/dev/null', ...all.flatMap((option) => ['-o', option])]
  }

  async #env(): Promise<Record<string, string>> {
    const { password } = this.#login
    if (password === undefined) return cleanEnv()
    this.#askpass ??= writeAskpass(this.#scope)
    return {
      ...cleanEnv(),
      SSH_ASKPASS: await this.#askpass,
      SSH_ASKPASS_REQUIRE: 'force',
      SFTP_TEST_PASSWORD: password,
    }
  }
}

/** The program that ssh runs to ask for a password, as there is no terminal to ask on. */
async function writeAskpass(scope: Scope): Promise<string> {
  const file = join(await tempDir(scope), 'askpass')
  await writeFile(file, ASKPASS, { mode: 0o700 })
  return file
}

const NEWLINE = Buffer.from('\n')

/** One line of a batch; what is filled in is quoted: text as UTF-8, a Buffer byte for byte. */
export function command(text: TemplateStringsArray, ...names: readonly (string | Buffer)[]): Buffer {
  const parts = text.flatMap((part, i) => {
    const name = names[i]
    return name === undefined ? [Buffer.from(part)] : [Buffer.from(part), quoted(name)]
  })
  return Buffer.concat(parts)
}

function quoted(name: string | Buffer): Buffer {
  const bytes = Buffer.isBuffer(name) ? name : Buffer.from(name)
  return Buffer.from(`"${bytes.toString('latin1').replaceAll(/["\\]/g, '\\$&')}"`, 'latin1')
}
