import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import ssh2 from 'ssh2'
import { authorizedKey, KeyError, KEY_LINE_MAX_LENGTH, sameKey } from './public-keys.ts'
import { ED25519, RSA_1024, SAMPLE_KEYS } from './sample-keys.ts'

const [type = '', base64 = ''] = ED25519.line.split(' ')
const blob = Buffer.from(base64, 'base64')
const line = (bytes: Buffer, name = type) => `${name} ${bytes.toString('base64')}`
const field = (bytes: Buffer | string) => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, Buffer.from(bytes)])
}

test.each(SAMPLE_KEYS)('a $type key has the fingerprint that ssh-keygen prints', (key) => {
  const read = authorizedKey(key.line)
  expect(read).toMatchObject({ type: key.type, comment: 'me@example.com', fingerprint: key.fingerprint })
  expect(read.blob.toString('base64')).toBe(key.line.split(' ')[1])
})

test.each([
  ['no comment', `${type} ${base64}`, ''],
  ['spaces and tabs between', ` ${type}\t ${base64}  a comment  `, 'a comment'],
  ['a line end', `${type} ${base64} me\r\n`, 'me'],
  ['a comment that quotes', `${type} ${base64} "x" 界 -----BEGIN`, '"x" 界 -----BEGIN'],
])('a line may have %s', (_, text, comment) => {
  expect(authorizedKey(text)).toMatchObject({ comment, fingerprint: ED25519.fingerprint })
})

const ec = (curve: string, point: Buffer) =>
  line(Buffer.concat([field('ecdsa-sha2-nistp256'), field(curve), field(point)]), 'ecdsa-sha2-nistp256')
const rsa = (exponent: number, modulus: Buffer) =>
  line(Buffer.concat([field('ssh-rsa'), field(Buffer.of(exponent)), field(modulus)]), 'ssh-rsa')
const modulus = (bytes: number) => Buffer.concat([Buffer.of(0), Buffer.alloc(bytes, 0xc5)])

test.each([
  ['nothing', '', /^empty/],
  ['only a type', type, /^not an authorized_keys line/],
  ['a comment line', `# ${type} ${base64}`, /^an option that is not supported/],
  [
    'an option that is not enforced',
    `no-pty,command="rm -rf /" ${ED25519.line}`,
    /^option command that is not supported/,
  ],
  ['a quote that is not closed', `from="10.0.0.1 ${ED25519.line}`, /^the options before the key cannot be read/],
  ['options before no key', 'from="10.0.0.1" restrict', /^not an authorized_keys line/],
  ['two lines', `${ED25519.line}\n${ED25519.line}`, /line break/],
  ['an escape sequence', `${ED25519.line}\u001b[2J`, /control character/],
  ['ssh-dss', 'ssh-dss AAAAB3NzaC1kc3MAAACB', /^this algorithm is not accepted.*ssh-ed25519/],
  ['a security key', 'sk-ssh-ed25519@openssh.com AAAA', /^this algorithm is not accepted/],
  ['a certificate', 'ssh-ed25519-cert-v01@openssh.com AAAA', /^this algorithm is not accepted/],
  ['bad base64', `${type} AAAA*`, /./],
  ['a cut key', `${type} ${base64.slice(0, -8)}`, /^malformed ssh-ed25519 key/],
  ['bytes behind the key', line(Buffer.concat([blob, Buffer.of(0)])), /^malformed/],
  ['another type inside', `ssh-rsa ${base64}`, /^malformed ssh-rsa key/],
  ['a type that goes on inside', line(Buffer.concat([field('ssh-ed25519x'), field(blob.subarray(-32))])), /^malformed/],
  ['a curve of another name', ec('nistp384', Buffer.alloc(65, 4)), /^malformed/],
  ['a point off the curve', ec('nistp256', Buffer.alloc(65, 4)), /^malformed ecdsa-sha2-nistp256 key/],
  ['a short RSA key', RSA_1024, /^RSA key of 1024 bits, want 2048 to 8192/],
  ['a long RSA key', rsa(3, modulus(1025)), /^RSA key of 8200 bits, want 2048 to 8192/],
  ['an RSA exponent of 1', rsa(1, modulus(256)), /^malformed ssh-rsa key/],
  ['an even RSA exponent', rsa(4, modulus(256)), /^malformed ssh-rsa key/],
  ['too much text', `${ED25519.line}${'x'.repeat(KEY_LINE_MAX_LENGTH)}`, /^longer than 4096 characters/],
])('refused: %s', (_, text, why) => {
  expect(() => authorizedKey(text)).toThrow(KeyError)
  expect(() => authorizedKey(text)).toThrow(why)
})

test.each(['openssh', 'pem', 'ppk'])('a private key (%s) is refused without showing any of it', (kind) => {
  const { private: openssh } = ssh2.utils.generateKeyPairSync('ed25519')
  const secrets: Record<string, string> = {
    openssh,
    pem: '-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----',
    ppk: 'PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 1\nc2VjcmV0',
  }
  const secret = secrets[kind] ?? ''
  expect(() => authorizedKey(secret)).toThrow('this is a private key, want the public one: replace the key pair')
})

test('noise is read or refused, and nothing of it comes back in the refusal', () => {
  const noise = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 80 }).map((bytes) => line(Buffer.from(bytes))),
    fc.nat({ max: blob.length - 1 }).map((at) => line(Buffer.from(blob.with(at, blob.readUInt8(at) ^ 0xff)))),
  )
  fc.assert(
    fc.property(noise, (text) => {
      const body = text.split(' ')[1] ?? text
      const refusal = refusalOf(text)
      // Short text is found in any sentence.
      expect(body.length > 12 && refusal.includes(body)).toBe(false)
    }),
  )
})

function refusalOf(text: string): string {
  try {
    authorizedKey(text)
    return ''
  } catch (error) {
    if (error instanceof KeyError) return error.message
    throw error
  }
}

test('keys are the same only when every byte is, and an empty one is never the same', () => {
  expect(sameKey(blob, Buffer.from(blob))).toBe(true)
  expect(sameKey(blob, blob.subarray(1))).toBe(false)
  expect(sameKey(blob, Buffer.concat([blob, blob]))).toBe(false)
  expect(sameKey(Buffer.alloc(0), Buffer.alloc(0))).toBe(false)
})
