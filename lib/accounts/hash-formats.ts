import { timingSafeEqual } from 'node:crypto'
import type { Argon2idHash, DeriveKey } from './argon2id.ts'
import { LANES_MAX, MEMORY_MAX_KIB, parseArgon2id, PASSES_MAX, WORK_MAX_KIB } from './argon2id.ts'
import { BCRYPT_COST, bcryptMatches, parseBcrypt } from './bcrypt.ts'
import { parsePbkdf2, PBKDF2_ITERATIONS, PBKDF2_KEY_BYTES, pbkdf2Matches } from './pbkdf2.ts'
import type { ComputeShaCrypt } from './sha-crypt.ts'
import { parseShaCrypt, SHA_CRYPT_ROUNDS, shaCryptMatches } from './sha-crypt.ts'

/** One way to store a password. */
export interface HashFormat {
  prefix: string
  /** For errors: an example of the whole text, and what its numbers may be. */
  shape: string
  /** The check against a stored hash, `undefined` when it is malformed or costs more than a login may. */
  parse(stored: string): ((password: string) => Promise<boolean>) | undefined
}

/** What is computed off the event loop by others. */
export interface HashFunctions {
  argon2id: DeriveKey
  shaCrypt: ComputeShaCrypt
}

/**
 * Known from other systems and not checked here: such a text is a hash, and must not be taken for the password itself.
 * MD5 ones are left out because no library that is looked after computes them.
 */
export const UNSUPPORTED_PREFIXES = ['$1$', '$apr1$', '$y$', '$argon2i$', '$argon2d$', '$pbkdf2-'] as const

const bcryptShape = (prefix: string): string =>
  `${prefix}<cost>$<22 characters of salt><31 of hash> with cost 0${BCRYPT_COST.min} to ${BCRYPT_COST.max}`

const pbkdf2Shape = (prefix: string): string =>
  `${prefix}<iterations>$<salt>$<key in base64> with ${PBKDF2_ITERATIONS.min} to ${PBKDF2_ITERATIONS.max} iterations ` +
  `and a key of ${PBKDF2_KEY_BYTES.min} to ${PBKDF2_KEY_BYTES.max} bytes`

const shaCryptShape = (prefix: string): string =>
  `${prefix}[rounds=<rounds>$]<up to 16 characters of salt>$<hash> ` +
  `with ${SHA_CRYPT_ROUNDS.min} to ${SHA_CRYPT_ROUNDS.max} rounds`

/** Every format a stored password may have: one row is its whole definition. No prefix is the beginning of another. */
export function hashFormats({ argon2id, shaCrypt }: HashFunctions): readonly HashFormat[] {
  const argon2idCheck = (hash: Argon2idHash, password: string) => argon2idMatches(argon2id, hash, password)
  return [
    format(
      '$argon2id$',
      `$argon2id$v=19$m=65536,t=3,p=2$<salt>$<key> with m up to ${MEMORY_MAX_KIB}, t up to ${PASSES_MAX}, ` +
        `p up to ${LANES_MAX}, m times t up to ${WORK_MAX_KIB}`,
      parseArgon2id,
      argon2idCheck,
    ),
    ...['$2a$', '$2b$', '$2y$'].map((prefix) => format(prefix, bcryptShape(prefix), parseBcrypt, bcryptMatches)),
    ...['$pbkdf2-sha1$', '$pbkdf2-sha256$', '$pbkdf2-sha512$', '$pbkdf2-b64salt-sha256$'].map((prefix) =>
      format(prefix, pbkdf2Shape(prefix), parsePbkdf2, pbkdf2Matches),
    ),
    ...['$6$', '$5$'].map((prefix) =>
      format(prefix, shaCryptShape(prefix), parseShaCrypt, (hash, password) =>
        shaCryptMatches(shaCrypt, hash, password),
      ),
    ),
  ]
}

export async function argon2idMatches(
  derive: DeriveKey,
  { salt, key, ...cost }: Argon2idHash,
  password: string,
): Promise<boolean> {
  return timingSafeEqual(await derive(password, cost, salt, key.length), key)
}

function format<Hash>(
  prefix: string,
  shape: string,
  parse: (stored: string) => Hash | undefined,
  verify: (hash: Hash, password: string) => Promise<boolean>,
): HashFormat {
  return {
    prefix,
    shape,
    parse(stored) {
      const hash = stored.startsWith(prefix) ? parse(stored) : undefined
      return hash === undefined ? undefined : (password) => verify(hash, password)
    },
  }
}
