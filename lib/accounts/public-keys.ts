import { createHash, createPublicKey, timingSafeEqual } from 'node:crypto'
import ssh2 from 'ssh2'
import type { KeyRestrictions } from './key-options.ts'
import { KeyOptionError, parseKeyOptions, splitOptions } from './key-options.ts'

/** One line of an authorized_keys file. */
export interface AuthorizedKey {
  type: KeyType
  /** RFC 4253 section 6.6 encoding. */
  blob: Buffer
  /** `''` when there is none. */
  comment: string
  /** `SHA256:` and base64 without padding, as OpenSSH prints it. */
  fingerprint: string
  restrictions: KeyRestrictions
}

export const KEY_TYPES = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
] as const
export type KeyType = (typeof KEY_TYPES)[number]

/** Characters: an RSA key of 8192 bits takes some 1400, the rest is left to the comment. */
export const KEY_LINE_MAX_LENGTH = 4096
/** Shorter is breakable, longer makes each signature check slow. */
export const RSA_BITS = { min: 2048, max: 8192 } as const

/** Why a line is no usable key. The message never holds any part of the line: it may be a private key. */
export class KeyError extends Error {
  override readonly name = 'KeyError'
}

/** `SHA256:` and base64 without padding, as OpenSSH prints it. @param blob RFC 4253 section 6.6 encoding. */
export function keyFingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}

const LINE = /^(\S+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]+(.*))?$/
const PRIVATE_KEY = /-{4,} ?BEGIN [A-Z0-9 ]*PRIVATE KEY|^PuTTY-User-Key-File/m

/**
 * Reads `[options] <type> <base64> [comment]`; white space around it is ignored.
 * @throws KeyError for options that are not enforced here, private keys, other algorithms, weak and malformed keys.
 */
export function authorizedKey(line: string): AuthorizedKey {
  if (PRIVATE_KEY.test(line)) throw new KeyError('this is a private key, want the public one: replace the key pair')
  if (line.length > KEY_LINE_MAX_LENGTH) throw new KeyError(`longer than ${KEY_LINE_MAX_LENGTH} characters`)
  const text = line.trim()
  if (/[^\P{Cc}\t]/u.test(text)) throw new KeyError('holds a line break or another control character')
  const { options, rest } = withoutOptions(text)
  const [, type = '', base64 = '', comment = ''] = LINE.exec(rest) ?? []
  if (!isKeyType(type)) throw new KeyError(refusal(text, type))
  const restrictions = readOptions(options)
  const blob = Buffer.from(base64, 'base64')
  const parsed = ssh2.utils.parseKey(`${type} ${base64}`)
  // The parser skips what it does not need, so what it understood must be all there is.
  if (parsed instanceof Error || !parsed.getPublicSSH().equals(blob)) throw new KeyError(`malformed ${type} key`)
  checkStrength(type, parsed.getPublicPEM())
  return { type, blob, comment: comment.trim(), fingerprint: keyFingerprint(blob), restrictions }
}

/** Whether two key blobs are the same, in a time that tells nothing of where they differ. */
export function sameKey(a: Buffer, b: Buffer): boolean {
  return a.length > 0 && a.length === b.length && timingSafeEqual(a, b)
}

/** Options are whatever stands before a type of key. */
function withoutOptions(text: string): { options: string; rest: string } {
  const split = splitOptions(text)
  if (split === undefined || isKeyType(split.options)) return { options: '', rest: text }
  return isKeyType(/^\S*/.exec(split.rest)?.[0] ?? '') ? split : { options: '', rest: text }
}

function readOptions(options: string): KeyRestrictions {
  if (options === '') return {}
  try {
    return parseKeyOptions(options)
  } catch (error) {
    if (error instanceof KeyOptionError) throw new KeyError(error.message, { cause: error })
    throw error
  }
}

function isKeyType(type: string): type is KeyType {
  return (KEY_TYPES as readonly string[]).includes(type)
}

function refusal(text: string, type: string): string {
  const allowed = `want [options] <type> <base64> [comment] with type ${KEY_TYPES.join(', ')}`
  if (text === '') return `empty, ${allowed}`
  if (/^(ssh-dss|sk-|\S+-cert-v\d\d@)/.test(type)) return `this algorithm is not accepted, ${allowed}`
  const words = text.split(/[\s"]+/)
  if (words.slice(1).some((word) => isKeyType(word))) return `the options before the key cannot be read, ${allowed}`
  return `not an authorized_keys line, ${allowed}`
}

function checkStrength(type: KeyType, pem: string): void {
  let details
  try {
    details = createPublicKey(pem).asymmetricKeyDetails
  } catch (error) {
    // OpenSSL is the first to look at the numbers, for example whether the point is on the curve.
    throw new KeyError(`malformed ${type} key`, { cause: error })
  }
  if (type !== 'ssh-rsa') return
  const bits = details?.modulusLength ?? 0
  if (bits < RSA_BITS.min || bits > RSA_BITS.max) {
    throw new KeyError(`RSA key of ${bits} bits, want ${RSA_BITS.min} to ${RSA_BITS.max}`)
  }
  // With an exponent of 1 anybody can sign.
  const exponent = details?.publicExponent ?? 0n
  if (exponent < 3n || exponent % 2n === 0n) throw new KeyError('malformed ssh-rsa key')
}
