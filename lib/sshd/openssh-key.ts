import { randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

const TYPE = 'ssh-ed25519'
/** Cipher `none` works in blocks of 8 bytes. */
const BLOCK_BYTES = 8
const LINE_LENGTH = 70

/**
 * An ed25519 private key in OpenSSH's format (its PROTOCOL.key), without a passphrase. Node writes such keys in
 * PKCS#8 only, which the transport does not read; the transport's own generator drops leading zeros of the
 * public half, which makes one key in 256 useless.
 */
export function opensshText(key: KeyObject): string {
  const { x, d } = key.export({ format: 'jwk' })
  if (key.asymmetricKeyType !== 'ed25519' || x === undefined || d === undefined) {
    throw new Error(`an ed25519 private key is needed, not ${key.asymmetricKeyType}`)
  }
  const publicHalf = Buffer.from(x, 'base64url')
  const secretHalf = Buffer.from(d, 'base64url')
  const check = randomBytes(4)
  const secret = Buffer.concat([
    check,
    check,
    string(TYPE),
    string(publicHalf),
    string(Buffer.concat([secretHalf, publicHalf])),
    string(''),
  ])
  const padding = Buffer.from(Array.from({ length: -secret.length & (BLOCK_BYTES - 1) }, (_, index) => index + 1))
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    string('none'),
    string('none'),
    string(''),
    uint32(1),
    string(Buffer.concat([string(TYPE), string(publicHalf)])),
    string(Buffer.concat([secret, padding])),
  ])
  const lines = whole.toString('base64').match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')) ?? []
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n')
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** RFC 4251 §5. */
function string(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([uint32(bytes.length), bytes])
}
