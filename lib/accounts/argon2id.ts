import { hashRaw } from '@node-rs/argon2'

/** A parsed `$argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<key>`, base64 without padding. */
export interface Argon2idHash extends Argon2idCost {
  salt: Buffer
  key: Buffer
}

export interface Argon2idCost {
  memoryKiB: number
  passes: number
  lanes: number
}

/** Computes a key off the event loop. */
export type DeriveKey = (password: string, cost: Argon2idCost, salt: Buffer, keyBytes: number) => Promise<Buffer>

/** A stored hash names its own cost: these bounds keep one login from taking the machine. */
export const MEMORY_MAX_KIB = 1024 * 1024
/** What `pure-pw` writes for a fast machine, with 8 MiB; the work in all is bounded below. */
export const PASSES_MAX = 255
export const LANES_MAX = 64
/** Memory times passes: 1 GiB four times, or 64 MiB sixty-four times. */
export const WORK_MAX_KIB = 4 * MEMORY_MAX_KIB
/** RFC 9106 allows shorter keys, but those collide. */
export const KEY_BYTES = { min: 16, max: 64 } as const
/** The library takes no shorter salt. */
export const SALT_BYTES = { min: 8, max: 64 } as const

const FORMAT =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,7}),t=([1-9]\d{0,2}),p=([1-9]\d{0,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

/** `undefined` for anything that is malformed or out of bounds. */
export function parseArgon2id(text: string): Argon2idHash | undefined {
  const [, memory, passCount, laneCount, saltText, keyText] = FORMAT.exec(text) ?? []
  if (saltText === undefined || keyText === undefined) return undefined
  const cost = { memoryKiB: Number(memory), passes: Number(passCount), lanes: Number(laneCount) }
  const { memoryKiB, passes, lanes } = cost
  if (memoryKiB > MEMORY_MAX_KIB || passes > PASSES_MAX || lanes > LANES_MAX) return undefined
  // RFC 9106 section 3.1: at least 8 KiB a lane.
  if (memoryKiB < 8 * lanes || memoryKiB * passes > WORK_MAX_KIB) return undefined
  const salt = decode(saltText, SALT_BYTES)
  const key = decode(keyText, KEY_BYTES)
  return salt && key && { ...cost, salt, key }
}

export function formatArgon2id({ memoryKiB, passes, lanes, salt, key }: Argon2idHash): string {
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${lanes}$${encode(salt)}$${encode(key)}`
}

export const deriveArgon2id: DeriveKey = (password, { memoryKiB, passes, lanes }, salt, keyBytes) =>
  // The library's defaults for `algorithm` and `version` are argon2id and 19; its names for them are const enums,
  // which do not exist at run time.
  hashRaw(password, { memoryCost: memoryKiB, timeCost: passes, parallelism: lanes, salt, outputLen: keyBytes })

function encode(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}

/** Strict: Node's decoder would skip what it does not know. */
function decode(text: string, length: { min: number; max: number }): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  if (encode(bytes) !== text || bytes.length < length.min || bytes.length > length.max) return undefined
  return bytes
}
