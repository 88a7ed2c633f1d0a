import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { HashStream } from '../../protocol/exec/hash.ts'
import type { HashAlgorithm } from '../../protocol/filesystem.ts'
import { serveHashes } from './thread.ts'
import type { Answer, Order } from './thread.ts'

/** Computes hashes without keeping the event loop. */
export interface Hasher {
  start(algorithm: HashAlgorithm): HashStream
  /** What is under way fails. */
  close(): Promise<void>
}

/** Chunks that one hash may have in the other thread at once: one is hashed while the next is on its way. */
const MAX_UNDER_WAY = 2

/** Hashes in one thread, which starts with the first of them and is shared by all. */
export function createHasher(): Hasher {
  return new ThreadHasher()
}

/** Hashes where it is called: for what is small, and where no thread is wanted. */
export const inlineHasher: Hasher = {
  start(algorithm) {
    const hash = createHash(algorithm)
    return {
      async update(chunk) {
        hash.update(chunk)
        // Others have their turn, even where reading the next chunk waits for nothing.
        await new Promise((resolve) => setImmediate(resolve))
      },
      digest: async () => hash.digest(),
      discard: () => undefined,
    }
  },
  close: async () => undefined,
}

interface Running {
  underWay: number
  /** Wakes an update that waits for room. */
  room: (() => void) | undefined
  digest: ((digest: Buffer) => void) | undefined
  fail: ((error: Error) => void) | undefined
  failure: Error | undefined
}

class ThreadHasher implements Hasher {
  readonly #running = new Map<number, Running>()
  #worker: Worker | undefined
  #next = 0

  start(algorithm: HashAlgorithm): HashStream {
    const worker = (this.#worker ??= this.#startThread())
    const id = this.#next++
    const state: Running = { underWay: 0, room: undefined, digest: undefined, fail: undefined, failure: undefined }
    this.#running.set(id, state)
    const order = (message: Order, transfer: ArrayBuffer[] = []): void => worker.postMessage(message, transfer)
    order({ id, kind: 'start', algorithm })
    return {
      update: async (chunk) => {
        if (state.failure !== undefined) throw state.failure
        // A copy of its own can be handed over instead of being copied once more.
        const data = Uint8Array.from(chunk)
        state.underWay++
        order({ id, kind: 'update', data }, [data.buffer])
        if (state.underWay < MAX_UNDER_WAY) return
        await new Promise<void>((resolve, reject) => {
          state.room = resolve
          state.fail = reject
        })
      },
      digest: () =>
        new Promise((resolve, reject) => {
          if (state.failure !== undefined) reject(state.failure)
          state.digest = resolve
          state.fail = reject
          order({ id, kind: 'digest' })
        }),
      discard: () => {
        this.#running.delete(id)
        order({ id, kind: 'discard' })
      },
    }
  }

  async close(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
    this.#failAll(new Error('the hashes are stopped'))
  }

  #startThread(): Worker {
    // The text of a function, not a file: it is the same thread whether this runs compiled or as it is written.
    const worker = new Worker(`(${serveHashes.toString()})(require('node:worker_threads'), require('node:crypto'))`, {
      eval: true,
      name: 'hashes',
    })
    // It has nothing to finish when the process is to end.
    worker.unref()
    worker.on('message', (answer: Answer) => this.#answered(answer))
    worker.on('error', (error) => {
      if (this.#worker === worker) this.#worker = undefined
      this.#failAll(error)
    })
    return worker
  }

  #answered(answer: Answer): void {
    const state = this.#running.get(answer.id)
    if (state === undefined) return
    if (answer.kind === 'digest') {
      this.#running.delete(answer.id)
      state.digest?.(Buffer.from(answer.digest))
      return
    }
    state.underWay--
    const { room } = state
    state.room = undefined
    room?.()
  }

  #failAll(error: Error): void {
    for (const state of this.#running.values()) {
      state.failure = error
      state.fail?.(error)
    }
    this.#running.clear()
  }
}
