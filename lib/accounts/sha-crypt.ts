import { timingSafeEqual } from 'node:crypto'
import { Piscina } from 'piscina'
import type { ShaCryptTask } from './sha-crypt.worker.js'

/** A parsed `$6$[rounds=<rounds>$]<salt>$<hash>`, `$5$` likewise. */
export interface ShaCryptHash extends Omit<ShaCryptTask, 'password'> {
  hash: string
}

/** Computes a hash off the event loop. */
export type ComputeShaCrypt = (task: ShaCryptTask) => Promise<string>

/** The specification begins at 1000 and ends at 999,999,999, which is twenty minutes; this is about a second. */
export const SHA_CRYPT_ROUNDS = { min: 1000, max: 1_000_000 } as const
/** The specification's, when the hash names none. */
const DEFAULT_ROUNDS = 5000
/** Migrations come in waves: a thread that nobody needs any more is ended after this. */
const THREAD_IDLE_MS = 10_000

const FORMAT = /^\$([56])\$(?:rounds=([1-9]\d{0,8})\$)?([./0-9A-Za-z]{1,16})\$([./0-9A-Za-z]+)$/

/** `undefined` for anything that is malformed or out of bounds. */
export function parseShaCrypt(text: string): ShaCryptHash | undefined {
  const [, id, rounds, salt, hash] = FORMAT.exec(text) ?? []
  if (salt === undefined || hash === undefined) return undefined
  const parsed = { rounds: rounds === undefined ? DEFAULT_ROUNDS : Number(rounds), salt, hash }
  if (parsed.rounds < SHA_CRYPT_ROUNDS.min || parsed.rounds > SHA_CRYPT_ROUNDS.max) return undefined
  if (id === '6') return hash.length === 86 ? { algorithm: 'sha512', ...parsed } : undefined
  return hash.length === 43 ? { algorithm: 'sha256', ...parsed } : undefined
}

export async function shaCryptMatches(
  compute: ComputeShaCrypt,
  { hash, ...stored }: ShaCryptHash,
  password: string,
): Promise<boolean> {
  return timingSafeEqual(Buffer.from(await compute({ ...stored, password })), Buffer.from(hash))
}

/**
 * Threads that compute hashes, none before the first is asked for: the libraries there are compute on the thread that
 * calls them. They do not keep the process from ending.
 */
export function createShaCrypt(threads: number): ComputeShaCrypt {
  let pool: Piscina<ShaCryptTask, string> | undefined
  return (task) => {
    pool ??= new Piscina<ShaCryptTask, string>({
      filename: new URL('./sha-crypt.worker.js', import.meta.url).href,
      minThreads: 0,
      maxThreads: threads,
      idleTimeout: THREAD_IDLE_MS,
    })
    return pool.run(task)
  }
}
