import { randomBytes } from 'node:crypto'
import pLimit from 'p-limit'
import type { Argon2idCost, Argon2idHash, DeriveKey } from './argon2id.ts'
import { deriveArgon2id, formatArgon2id } from './argon2id.ts'
import { argon2idMatches, hashFormats, UNSUPPORTED_PREFIXES } from './hash-formats.ts'
import type { ComputeShaCrypt } from './sha-crypt.ts'
import { createShaCrypt } from './sha-crypt.ts'

/** Bytes of UTF-8: enough for any passphrase, short enough that nobody makes the server hash a book. */
export const PASSWORD_MAX_BYTES = 1024
/** The column's size. */
export const STORED_PASSWORD_MAX_LENGTH = 255
/** A check fills 64 MiB and shares the thread pool with file access: more at once is slower for everybody. */
export const PARALLEL_CHECKS = 2
/** At about 50 ms a check the last one waits some six seconds, well inside the two minutes a login may take. */
export const WAITING_CHECKS_MAX = 256
/** New hashes: what SFTPGo writes. */
export const DEFAULT_COST: Argon2idCost = { memoryKiB: 65536, passes: 3, lanes: 2 }
const SALT_BYTES = 16
const KEY_BYTES = 32

export interface Passwords {
  /**
   * What to store for a password that was sent: a hash of it, or the text itself when it is a hash that can be checked.
   * @throws PasswordError `refused` for hashes that cannot be checked and over-long passwords, `busy`.
   */
  toStore(sent: string): Promise<string>
  /**
   * Does the same work whether or not there is something to compare with. An empty password, a missing, unknown or
   * malformed hash never match.
   * @throws PasswordError `busy` when too many checks wait.
   */
  matches(stored: string | undefined, password: string): Promise<boolean>
}

export class PasswordError extends Error {
  override readonly name = 'PasswordError'
  readonly kind: 'refused' | 'busy'
  constructor(kind: PasswordError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

export interface PasswordsOptions {
  /** Of new hashes, and of the work done for users without one. */
  cost?: Argon2idCost
  derive?: DeriveKey
  shaCrypt?: ComputeShaCrypt
}

/** Hashes and checks passwords, a few at a time, off the event loop. */
export function createPasswords(options: PasswordsOptions = {}): Passwords {
  const { cost = DEFAULT_COST, derive = deriveArgon2id, shaCrypt = createShaCrypt(PARALLEL_CHECKS) } = options
  const limit = pLimit(PARALLEL_CHECKS)
  const formats = hashFormats({ argon2id: derive, shaCrypt })
  /**
   * Nothing hashes to a random key: comparing with it costs what a real comparison costs. It is of the format that new
   * passwords get here. Where most accounts came with hashes of another one, the time tells who is among them.
   */
  const nobody: Argon2idHash = { ...cost, salt: randomBytes(SALT_BYTES), key: randomBytes(KEY_BYTES) }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (limit.pendingCount >= WAITING_CHECKS_MAX)
      throw new PasswordError('busy', 'too many password checks are waiting')
    return limit(work)
  }

  return {
    async toStore(sent) {
      const known = formats.find(({ prefix }) => sent.startsWith(prefix))
      if (known !== undefined) {
        if (sent.length <= STORED_PASSWORD_MAX_LENGTH && known.parse(sent) !== undefined) return sent
        throw new PasswordError('refused', `${known.prefix} hash cannot be checked, want ${known.shape}`)
      }
      const unsupported = UNSUPPORTED_PREFIXES.find((prefix) => sent.startsWith(prefix))
      if (unsupported !== undefined) {
        const allowed = `want a plain password or a hash beginning with ${formats.map(({ prefix }) => prefix).join(', ')}`
        throw new PasswordError('refused', `the hash format ${unsupported} is not supported, ${allowed}`)
      }
      if (isTooLong(sent)) throw new PasswordError('refused', `longer than ${PASSWORD_MAX_BYTES} bytes`)
      const salt = randomBytes(SALT_BYTES)
      return inTurn(async () => formatArgon2id({ ...cost, salt, key: await derive(sent, cost, salt, KEY_BYTES) }))
    },

    async matches(stored, password) {
      const check = formats.find(({ prefix }) => stored?.startsWith(prefix))?.parse(stored ?? '')
      if (check === undefined || password === '' || isTooLong(password)) {
        await inTurn(() => argon2idMatches(derive, nobody, 'nobody'))
        return false
      }
      return inTurn(() => check(password))
    },
  }
}

function isTooLong(password: string): boolean {
  return Buffer.byteLength(password) > PASSWORD_MAX_BYTES
}
