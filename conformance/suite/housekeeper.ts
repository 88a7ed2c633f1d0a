import { S_IF } from '../../protocol/sftp/constants.ts'
import { Client } from './client.ts'
import type { Outcome, Unnumbered } from './client.ts'
import { describeFully } from './expected.ts'
import { CaseFailure } from './failure.ts'
import type { Target } from './target.ts'

/** Cases make nothing deeper than this. */
const MAX_DEPTH = 32

/** Makes and removes the directories of the cases, in a session that no case touches. */
export class Housekeeper {
  /** Where sessions start, absolute. */
  home = '/'
  extensions: ReadonlyMap<string, Buffer> = new Map()
  readonly #target: Target
  #client: Client | undefined

  private constructor(target: Target) {
    this.#target = target
  }

  static async start(target: Target): Promise<Housekeeper> {
    const housekeeper = new Housekeeper(target)
    const home = await housekeeper.#ask({ kind: 'realpath', path: '.' })
    if (home.kind !== 'name') throw new Error(`REALPATH of "." was answered with ${describeFully(home)}`)
    housekeeper.home = home.entries[0]?.filename ?? '/'
    return housekeeper
  }

  /** @throws CaseFailure */
  async makeDirectory(path: string): Promise<void> {
    const made = await this.#ask({ kind: 'mkdir', path, attrs: {} })
    if (made.kind !== 'status' || made.code !== 0) {
      throw new CaseFailure('a directory for the case can be made', describeFully(made))
    }
  }

  /** As far as the server lets it; never throws: what a case left behind is not what it is about. */
  async removeTree(path: string, depth = 0): Promise<void> {
    try {
      await this.#remove(path, depth)
    } catch {
      // The next case asks for a new session; a server that is gone for good fails it there.
      this.#client = undefined
    }
  }

  async close(): Promise<void> {
    await this.#client?.close()
  }

  async #remove(path: string, depth: number): Promise<void> {
    if (depth > MAX_DEPTH) return
    let opened = await this.#ask({ kind: 'opendir', path })
    if (opened.kind !== 'handle') {
      await this.#ask({ kind: 'setstat', path, attrs: { permissions: 0o700 } })
      opened = await this.#ask({ kind: 'opendir', path })
    }
    if (opened.kind === 'handle') {
      const { handle } = opened
      for (const { name, isDirectory } of await this.#list(handle)) {
        const below = `${path}/${name}`
        if (isDirectory) await this.#remove(below, depth + 1)
        else await this.#ask({ kind: 'remove', filename: below })
      }
      await this.#ask({ kind: 'close', handle })
    }
    await this.#ask({ kind: 'rmdir', path })
  }

  async #list(handle: Buffer): Promise<{ name: string; isDirectory: boolean }[]> {
    const found: { name: string; isDirectory: boolean }[] = []
    for (;;) {
      const outcome = await this.#ask({ kind: 'readdir', handle })
      if (outcome.kind !== 'name' || outcome.entries.length === 0) break
      for (const { filename, attrs } of outcome.entries) {
        if (filename === '.' || filename === '..') continue
        found.push({ name: filename, isDirectory: ((attrs.permissions ?? 0) & S_IF.MT) === S_IF.DIR })
      }
    }
    return found
  }

  async #ask(request: Unnumbered): Promise<Outcome> {
    const client = this.#client ?? (await this.#connect())
    const outcome = await client.request(request)
    if (outcome.kind === 'ended' || outcome.kind === 'no reply') this.#client = undefined
    return outcome
  }

  async #connect(): Promise<Client> {
    const client = await Client.connect(this.#target)
    const version = await client.init()
    if (version.kind !== 'version') throw new Error(`INIT was answered with ${describeFully(version)}`)
    this.extensions = new Map(version.extensions.map(({ name, data }) => [name, data]))
    this.#client = client
    return client
  }
}
