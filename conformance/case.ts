import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { generateKey } from './harness/keys.ts'
import type { KeyPair } from './harness/keys.ts'
import { OpenSshClient } from './harness/openssh-client.ts'
import type { Scope } from './harness/scope.ts'
import type { NewAccount, Server } from './harness/server.ts'
import { MEMORY_DIR, roomyDir, tempDir } from './harness/temp.ts'

/** What a server must have for a case to make sense, beyond SFTP itself. */
export type Ability = 'virtual accounts' | 'check-file' | 'uploads in place'

export interface Case {
  /** The rule that the server must keep, so that a red line explains itself. */
  name: string
  needs?: Ability
  timeoutMs?: number
  /** @throws with the reason when the server breaks the rule, NotRun when it cannot be found out here. */
  run(context: Context): Promise<void>
}

/** One account and the directories of one case. */
export interface Place {
  /** Where sessions start, on the server's disk. */
  home: string
  /** The client's directory: local names are relative to it. */
  local: string
  username: string
  key: KeyPair
  client: OpenSshClient
}

/** How big the two workloads of many bytes and many files are. */
export interface Sizes {
  bigFileMib: number
  smallFiles: number
}

/** What a case gets: the server, and places of its own that go when it ends. */
export class Context {
  readonly server: Server
  readonly scope: Scope
  readonly sizes: Sizes
  /** The key of every account that a case makes without saying which. */
  readonly #key: KeyPair
  readonly #names: Iterator<string, never>

  constructor(parts: { server: Server; scope: Scope; sizes: Sizes; key: KeyPair; names: Iterator<string, never> }) {
    this.server = parts.server
    this.scope = parts.scope
    this.sizes = parts.sizes
    this.#key = parts.key
    this.#names = parts.names
  }

  /** The same for another server, whose accounts are its own. */
  on(server: Server): Context {
    return new Context({ server, scope: this.scope, sizes: this.sizes, key: this.#key, names: this.#names })
  }

  /** @param bytes what the case will keep at once: it decides between memory and disk. */
  async place(account: Partial<NewAccount> = {}, bytes = 0): Promise<Place> {
    const dir = await tempDir(this.scope, bytes > 0 ? await roomyDir(bytes) : await smallFilesDir())
    const [home, local] = [account.home ?? join(dir, 'home'), join(dir, 'local')]
    await mkdir(home, { recursive: true })
    await mkdir(local)
    // OpenSSH knows accounts by their keys alone, so each place has its own.
    const key = this.server.name === 'openssh' ? await generateKey(this.scope, dir, 'key', 'ed25519') : this.#key
    const wanted = { username: this.#names.next().value, publicKeys: [key.publicKey], ...account, home }
    const username = await this.server.addAccount(wanted)
    const login = { username, privateKeyFiles: [key.privateKeyFile] }
    return { home, local, username, key, client: new OpenSshClient(this.scope, this.server, login, { cwd: local }) }
  }
}

/** `user-1`, `user-2` and on: accounts outlive their cases, so no name comes twice in a run. */
export function* userNames(): Generator<string, never> {
  for (let i = 1; ; i++) yield `user-${i}`
}

async function smallFilesDir(): Promise<string | undefined> {
  return stat(MEMORY_DIR).then(
    () => MEMORY_DIR,
    () => undefined,
  )
}
