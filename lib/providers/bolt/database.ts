import type { Database as LmdbDatabase, RootDatabase } from 'lmdb'
import { open } from 'lmdb'
import { setImmediate } from 'node:timers/promises'

/** Records that are read in one go: some milliseconds' worth. */
const SLICE = 500

/**
 * The three tables of one LMDB file. Names are kept behind a byte of their own, because LMDB has no empty keys; ids are
 * eight bytes, so that their order is that of the numbers.
 */
export class Database {
  readonly #root: RootDatabase<string, Buffer>
  /** From username to record. */
  readonly users: LmdbDatabase<string, Buffer>
  /** From id to username. */
  readonly ids: LmdbDatabase<string, Buffer>
  readonly #meta: LmdbDatabase<string, Buffer>

  /** The file has been prepared. */
  constructor(path: string) {
    const format = { encoding: 'string', keyEncoding: 'binary' } as const
    this.#root = open<string, Buffer>({
      path,
      noSubdir: true,
      ...format,
      // An answered change is on the disk: with `true` a power cut could make a disabled account active again.
      overlappingSync: false,
      // Else pages would hold what the process had in its memory before.
      noMemInit: false,
    })
    this.users = this.#root.openDB({ name: 'users', ...format })
    this.ids = this.#root.openDB({ name: 'users_id_idx', ...format })
    this.#meta = this.#root.openDB({ name: 'meta', ...format })
  }

  /** The two tables that notifications wait in, made when they are first asked for. */
  outbox(): { entries: LmdbDatabase<string, Buffer>; owners: LmdbDatabase<string, Buffer> } {
    const format = { encoding: 'string', keyEncoding: 'binary' } as const
    return {
      entries: this.#root.openDB({ name: 'outbox', ...format }),
      owners: this.#root.openDB({ name: 'outbox_owners', ...format }),
    }
  }

  /** Runs `change` by itself; what it has written before it throws is undone. */
  transaction<T>(change: () => T): Promise<T> {
    return this.#root.childTransaction(change)
  }

  /** All users in the order of their keys, some at a time: between two slices the process does other things. */
  async *slices(): AsyncGenerator<{ key: Buffer; value: string }[], void> {
    let start: Buffer | undefined
    for (;;) {
      const from = start === undefined ? {} : { start, exclusiveStart: true }
      const entries = [...this.users.getRange({ limit: SLICE, ...from })]
      yield entries
      if (entries.length < SLICE) return
      start = entries.at(-1)?.key
      await setImmediate()
    }
  }

  /** A number that was never given before; within a transaction. */
  nextId(): number {
    const key = Buffer.from('sequence')
    const id = Number(this.#meta.get(key) ?? 0) + 1
    this.#meta.putSync(key, String(id))
    return id
  }

  async close(): Promise<void> {
    await this.#root.close()
  }
}

/** LMDB takes 1978 bytes. */
const NAME_MAX_BYTES = 1977

/** `undefined` for a name that is too long to have an account. */
export function nameKey(username: string): Buffer | undefined {
  const name = Buffer.from(username)
  return name.length > NAME_MAX_BYTES ? undefined : Buffer.concat([Buffer.from('='), name])
}

export function nameOfKey(key: Buffer): string {
  return key.toString('utf8', 1)
}

export function idKey(id: number): Buffer {
  const key = Buffer.alloc(8)
  key.writeBigInt64BE(BigInt(id))
  return key
}
