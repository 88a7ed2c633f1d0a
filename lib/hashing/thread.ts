import type * as crypto from 'node:crypto'
import type * as workerThreads from 'node:worker_threads'

/** What the thread is asked. */
export type Order =
  | { id: number; kind: 'start'; algorithm: string }
  | { id: number; kind: 'update'; data: Uint8Array }
  | { id: number; kind: 'digest' | 'discard' }

/** What it answers: a chunk was taken, or the hash is done. */
export type Answer = { id: number; kind: 'taken' } | { id: number; kind: 'digest'; digest: Uint8Array }

/** All that the thread does. It is handed over as text, so it may use nothing but its arguments. */
export function serveHashes(threads: typeof workerThreads, { createHash }: typeof crypto): void {
  const hashes = new Map<number, crypto.Hash>()
  threads.parentPort?.on('message', (order: Order) => {
    const answer = (message: Answer): void => threads.parentPort?.postMessage(message)
    const { id } = order
    if (order.kind === 'start') hashes.set(id, createHash(order.algorithm))
    if (order.kind === 'update') {
      hashes.get(id)?.update(order.data)
      answer({ id, kind: 'taken' })
    }
    if (order.kind === 'digest') {
      const digest = hashes.get(id)?.digest()
      if (digest !== undefined) answer({ id, kind: 'digest', digest: new Uint8Array(digest) })
    }
    if (order.kind === 'digest' || order.kind === 'discard') hashes.delete(id)
  })
}
