import { pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** A parsed `$pbkdf2-<digest>$<iterations>$<salt>$<key>`, base64 with padding; the salt is text, or base64 as well. */
export interface Pbkdf2Hash {
  digest: Digest
  iterations: number
  salt: Buffer
  key: Buffer
}

const DIGEST_BYTES = { sha1: 20, sha256: 32, sha512: 64 } as const
type Digest = keyof typeof DIGEST_BYTES

/** RFC 8018 section 4.2 asks for at least 1000; the most takes some three seconds. */
export const PBKDF2_ITERATIONS = { min: 1000, max: 5_000_000 } as const
/** Shorter keys collide; a key longer than the digest takes all the iterations again for each further piece. */
export const PBKDF2_KEY_BYTES = { min: 16, max: 64 } as const

const FORMAT = /^\$pbkdf2-(b64salt-)?(sha1|sha256|sha512)\$([1-9]\d{0,7})\$([^$]+)\$([A-Za-z0-9+/]+={0,2})$/

/** `undefined` for anything that is malformed or out of bounds. */
export function parsePbkdf2(text: string): Pbkdf2Hash | undefined {
  const [, isBase64, digest, count, saltText, keyText] = FORMAT.exec(text) ?? []
  if (!isDigest(digest) || saltText === undefined || keyText === undefined) return undefined
  const salt = isBase64 === undefined ? Buffer.from(saltText) : decode(saltText)
  const key = decode(keyText)
  if (salt === undefined || key === undefined) return undefined
  if (key.length < PBKDF2_KEY_BYTES.min || key.length > PBKDF2_KEY_BYTES.max) return undefined
  const iterations = Number(count)
  const work = iterations * Math.ceil(key.length / DIGEST_BYTES[digest])
  if (iterations < PBKDF2_ITERATIONS.min || work > PBKDF2_ITERATIONS.max) return undefined
  return { digest, iterations, salt, key }
}

const derive = promisify(pbkdf2)

/** Off the event loop. */
export async function pbkdf2Matches({ digest, iterations, salt, key }: Pbkdf2Hash, password: string): Promise<boolean> {
  return timingSafeEqual(await derive(password, salt, iterations, key.length, digest), key)
}

function isDigest(text: string | undefined): text is Digest {
  return text !== undefined && Object.hasOwn(DIGEST_BYTES, text)
}

/** Strict: Node's decoder would skip what it does not know. */
function decode(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text && bytes.length > 0 ? bytes : undefined
}
