import type { DirectoryEntry, OpenDirectory } from '../../protocol/filesystem.ts'
import { attrsOf } from './attributes.ts'
import { calling, errnoOf } from './errno.ts'
import type { DirectoryStream, Storage } from './storage.ts'
import { isTemporaryName } from './temporary-name.ts'

/** A directory being listed: names are read and examined as the client asks for them, so memory stays flat. */
export class LocalDirectory implements OpenDirectory {
  readonly #storage: Storage
  readonly #stream: DirectoryStream
  readonly #fd: number

  /** @param fd the O_PATH descriptor of the directory that `stream` lists; closed with it. */
  constructor(storage: Storage, stream: DirectoryStream, fd: number) {
    this.#storage = storage
    this.#stream = stream
    this.#fd = fd
  }

  read(max: number): Promise<readonly DirectoryEntry[]> {
    return calling(async () => {
      for (;;) {
        const names: string[] = []
        while (names.length < max) {
          const name = await this.#stream.read()
          if (name === null) break
          // An upload under way is nobody's to see.
          if (!isTemporaryName(name)) names.push(name)
        }
        // All of them, also when one fails: `close` may follow, and none may still use the descriptor then.
        const looked = await Promise.allSettled(names.map((name) => this.#entry(name)))
        const present: DirectoryEntry[] = []
        for (const entry of looked) {
          if (entry.status === 'rejected') throw entry.reason
          if (entry.value !== undefined) present.push(entry.value)
        }
        // An empty list would mean the end: go on when all of a batch vanished meanwhile.
        if (present.length > 0 || names.length === 0) return present
      }
    })
  }

  async close(): Promise<void> {
    await this.#stream.close().catch(() => undefined)
    this.#storage.closeSync(this.#fd)
  }

  async #entry(name: string): Promise<DirectoryEntry | undefined> {
    try {
      const stats = await this.#storage.lstat(`/proc/self/fd/${this.#fd}/${name}`)
      return { filename: name, attrs: attrsOf(stats), links: stats.nlink }
    } catch (error) {
      // Removed since its name was read: as if it had been removed before.
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }
}
