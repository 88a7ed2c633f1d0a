import type { Stats } from 'node:fs'
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
        const names = await this.#stream.read(max)
        // An upload under way is nobody's to see.
        const present = await this.#entries(names.filter((name) => !isTemporaryName(name)))
        // An empty list would mean the end: go on when all of a batch vanished meanwhile.
        if (present.length > 0 || names.length === 0) return present
      }
    })
  }

  again(entries: readonly DirectoryEntry[]): Promise<readonly DirectoryEntry[]> {
    return calling(() => this.#entries(entries.map(({ filename }) => filename)))
  }

  async close(): Promise<void> {
    await this.#stream.close().catch(() => undefined)
    this.#storage.closeSync(this.#fd)
  }

  async #entries(names: readonly string[]): Promise<DirectoryEntry[]> {
    const { lstatNow } = this.#storage
    if (lstatNow !== undefined) {
      return names.flatMap((name) => {
        const stats = lstatNow(this.#at(name))
        return stats === undefined ? [] : [entryOf(name, stats)]
      })
    }
    // All of them, also when one fails: `close` may follow, and none may still use the descriptor then.
    const looked = await Promise.allSettled(names.map((name) => this.#entry(name)))
    return looked.flatMap((entry) => {
      if (entry.status === 'rejected') throw entry.reason
      return entry.value ?? []
    })
  }

  #at(name: string): string {
    return `/proc/self/fd/${this.#fd}/${name}`
  }

  async #entry(name: string): Promise<DirectoryEntry | undefined> {
    try {
      return entryOf(name, await this.#storage.lstat(this.#at(name)))
    } catch (error) {
      // Removed since its name was read: as if it had been removed before.
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }
}

function entryOf(filename: string, stats: Stats): DirectoryEntry {
  return { filename, attrs: attrsOf(stats), links: stats.nlink }
}
