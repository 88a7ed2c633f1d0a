// @ts-check
// JavaScript with types in comments: a worker thread is started from a file as it is, before it was compiled too.
import { createHash } from 'node:crypto'

/**
 * @typedef {object} ShaCryptTask
 * @property {'sha256' | 'sha512'} algorithm
 * @property {string} password
 * @property {string} salt
 * @property {number} rounds
 */

/**
 * SHA-crypt, as specified by Ulrich Drepper (2007) and used in /etc/shadow. Takes some milliseconds of pure
 * computing: never on the event loop. Step numbers are the specification's.
 * @param {ShaCryptTask} task
 * @returns {string} the hash itself, what stands behind the salt.
 */
export default function shaCrypt({ algorithm, password, salt: saltText, rounds }) {
  const key = Buffer.from(password)
  const salt = Buffer.from(saltText)
  /** @param {Buffer[]} parts */
  const digest = (...parts) => {
    const hash = createHash(algorithm)
    for (const part of parts) hash.update(part)
    return hash.digest()
  }
  // Steps 4 to 12: once for each bit of the length, the lowest first.
  const b = digest(key, salt, key)
  const bits = key.length
    .toString(2)
    .split('')
    .toReversed()
    .map((bit) => (bit === '1' ? b : key))
  const a = digest(key, salt, repeated(b, key.length), ...(key.length === 0 ? [] : bits))
  // Steps 13 to 20.
  const p = repeated(digest(...Array.from({ length: key.length }, () => key)), key.length)
  const s = repeated(digest(...Array.from({ length: 16 + (a[0] ?? 0) }, () => salt)), salt.length)
  // Step 21.
  let c = a
  for (let round = 0; round < rounds; round++) {
    const odd = round % 2 === 1
    const hash = createHash(algorithm).update(odd ? p : c)
    if (round % 3 !== 0) hash.update(s)
    if (round % 7 !== 0) hash.update(p)
    c = hash.update(odd ? c : p).digest()
  }
  return encode(c)
}

/**
 * @param {Buffer} block
 * @param {number} length
 */
function repeated(block, length) {
  return Buffer.concat(Array.from({ length: Math.ceil(length / block.length) }, () => block)).subarray(0, length)
}

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/**
 * Step 22: three bytes, a third of the digest apart and in an order that rotates, make four characters.
 * @param {Buffer} digest
 */
function encode(digest) {
  /** @param {number} at */
  const byte = (at) => digest[at] ?? 0
  /**
   * @param {number} value
   * @param {number} count
   */
  const characters = (value, count) =>
    Array.from({ length: count }, (_, index) => ALPHABET[(value >> (6 * index)) & 0x3f]).join('')
  const third = Math.floor(digest.length / 3)
  let [x, y, z] = [0, third, 2 * third]
  let text = ''
  for (let group = 0; group < third; group++) {
    text += characters((byte(x) << 16) | (byte(y) << 8) | byte(z), 4)
    ;[x, y, z] = digest.length === 64 ? [y + 1, z + 1, x + 1] : [z + 1, x + 1, y + 1]
  }
  return digest.length === 64 ? text + characters(byte(63), 2) : text + characters((byte(31) << 8) | byte(30), 3)
}
