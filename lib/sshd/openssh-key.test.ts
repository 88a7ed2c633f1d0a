import { execFileSync } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { opensshText } from './openssh-key.ts'
import { parsedKey, temporaryDirectory } from './sshd.test.support.ts'

const SSH_KEYGEN = 'ssh-keygen'

/** RFC 8410 §7: the private half is all there is to it. */
function ed25519(secretHex: string) {
  const prefix = '302e020100300506032b657004220420'
  return createPrivateKey({ key: Buffer.from(prefix + secretHex, 'hex'), format: 'der', type: 'pkcs8' })
}

/** The first of them whose public half begins with a zero byte. */
const LEADING_ZERO = Array.from({ length: 5000 }, (_, index) => ed25519(index.toString(16).padStart(64, '0'))).find(
  (key) => Buffer.from(String(key.export({ format: 'jwk' }).x), 'base64url')[0] === 0,
)

test('the transport reads it and signs with it', () => {
  for (let round = 0; round < 300; round++) {
    const key = parsedKey(opensshText(generateKeyPairSync('ed25519').privateKey))
    expect(key.isPrivateKey()).toBe(true)
    expect(key.type).toBe('ssh-ed25519')
    const data = Buffer.from(`round ${round}`)
    expect(key.verify(data, key.sign(data))).toBe(true)
  }
})

test('a public half that begins with zero stays whole', () => {
  if (LEADING_ZERO === undefined) throw new Error('one of 256 keys should begin so')
  const key = parsedKey(opensshText(LEADING_ZERO))
  expect(key.getPublicSSH().length).toBe(4 + 'ssh-ed25519'.length + 4 + 32)
  expect(key.verify(Buffer.from('x'), key.sign(Buffer.from('x')))).toBe(true)
})

test('OpenSSH reads it', () => {
  const file = path.join(temporaryDirectory(), 'key')
  const text = opensshText(generateKeyPairSync('ed25519').privateKey)
  writeFileSync(file, text, { mode: 0o600 })
  const line = execFileSync(SSH_KEYGEN, ['-y', '-f', file], { encoding: 'utf8' })
  expect(line.trim()).toBe(`ssh-ed25519 ${parsedKey(text).getPublicSSH().toString('base64')}`)
})

test('keys of other types are refused', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  expect(() => opensshText(privateKey)).toThrow('an ed25519 private key is needed, not ec')
})
