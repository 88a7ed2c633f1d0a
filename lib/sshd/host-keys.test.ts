import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import ssh2 from 'ssh2'
import { beforeEach, describe, expect, test } from 'vitest'
import { loadHostKeys, temporaryHostKeys, transportHostKeys } from './host-keys.ts'
import { DSA_KEY, ed25519Pair, rsaKey } from './sample-keys.test.support.ts'
import { fullLog, parsedKey, temporaryDirectory, watchForUnhandled } from './sshd.test.support.ts'

beforeEach(watchForUnhandled)

const NAMES = ['id_ecdsa', 'id_ed25519', 'id_rsa']

/** Leaves the slow one out of a test that is not about it. */
function withRsaKey(directory: string): string {
  writeFileSync(path.join(directory, 'id_rsa'), rsaKey(), { mode: 0o600 })
  return directory
}

function fileWith(content: string): { file: string; load: () => Promise<unknown> } {
  const directory = temporaryDirectory()
  const file = path.join(directory, 'host_key')
  writeFileSync(file, content)
  return { file, load: () => loadHostKeys([file], directory, fullLog()) }
}

describe('on first start', () => {
  test('three keys are made with mode 0600, and used from then on', { timeout: 60_000 }, async () => {
    const directory = path.join(temporaryDirectory(), 'etc', 'sftpgo')
    const log = fullLog()
    const made = await loadHostKeys([], directory, log)
    expect(made.map(({ type }) => type)).toEqual(['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-rsa'])
    expect(readdirSync(directory).toSorted()).toEqual(NAMES)
    for (const name of NAMES) expect(statSync(path.join(directory, name)).mode & 0o7777).toBe(0o600)
    // As 0.9.4 makes it, so that one can be followed by the other.
    const rsa = readFileSync(path.join(directory, 'id_rsa'), 'utf8')
    expect(rsa).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/)
    expect(parsedKey(rsa).getPublicSSH().length).toBeGreaterThan(4096 / 8)
    expect(log.lines.filter((line) => /^info no host key .*: making one$/.test(line))).toHaveLength(3)

    const again = fullLog()
    expect(await loadHostKeys([], directory, again)).toEqual(made)
    expect(again.lines).toEqual([])
  })

  test('a missing one is made beside those that are there', async () => {
    const directory = withRsaKey(temporaryDirectory())
    const keys = await loadHostKeys([], directory, fullLog())
    expect(keys[2]?.text).toBe(rsaKey())
    expect(readdirSync(directory).toSorted()).toEqual(NAMES)
  })

  test('two that start at once agree', async () => {
    const directory = withRsaKey(temporaryDirectory())
    const [first, ...others] = await Promise.all(
      Array.from({ length: 8 }, () => loadHostKeys([], directory, fullLog())),
    )
    for (const other of others) expect(other).toEqual(first)
    // And leave nothing lying about.
    expect(readdirSync(directory).toSorted()).toEqual(NAMES)
  })

  test('one that is no key is not replaced', async () => {
    const directory = withRsaKey(temporaryDirectory())
    writeFileSync(path.join(directory, 'id_ecdsa'), '')
    await expect(loadHostKeys([], directory, fullLog())).rejects.toThrow(
      `host key ${directory}/id_ecdsa: is no private key`,
    )
    expect(readFileSync(path.join(directory, 'id_ecdsa'), 'utf8')).toBe('')
  })

  test.each([['id_rsa'], ['/proc/sftpgo']])('a directory that cannot be made is one line: %s', async (below) => {
    const directory = path.resolve(withRsaKey(temporaryDirectory()), below)
    await expect(loadHostKeys([], directory, fullLog())).rejects.toThrow(
      new RegExp(`^host keys: the directory ${directory} cannot be made \\(E[A-Z]+\\)$`),
    )
  })

  test('a directory that cannot be written is one line', async () => {
    await expect(loadHostKeys([], '/proc', fullLog())).rejects.toThrow(
      /^host key \/proc\/id_\w+: cannot be written \(E[A-Z]+\)$/,
    )
  })
})

describe('a configured file', () => {
  const generate = ssh2.utils.generateKeyPairSync
  const ec = (namedCurve: string, type: 'sec1' | 'pkcs8') =>
    generateKeyPairSync('ec', {
      namedCurve,
      privateKeyEncoding: { type, format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    }).privateKey
  const rsaPkcs8 = () =>
    generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    }).privateKey

  test.each([
    ['OpenSSH ed25519', () => ed25519Pair().private, 'ssh-ed25519'],
    ['OpenSSH ecdsa', () => generate('ecdsa', { bits: 384 }).private, 'ecdsa-sha2-nistp384'],
    ['OpenSSH rsa', () => generate('rsa', { bits: 2048 }).private, 'ssh-rsa'],
    ['PKCS#1 rsa', rsaKey, 'ssh-rsa'],
    ['SEC1 ecdsa', () => ec('P-521', 'sec1'), 'ecdsa-sha2-nistp521'],
    ['PKCS#8 rsa', rsaPkcs8, 'ssh-rsa'],
    ['PKCS#8 ecdsa', () => ec('P-256', 'pkcs8'), 'ecdsa-sha2-nistp256'],
    [
      'PKCS#8 ed25519',
      () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      'ssh-ed25519',
    ],
  ])('in the format %s is used', async (_, content, type) => {
    const { file, load } = fileWith(content())
    expect(await load()).toMatchObject([{ file, type }])
  })

  test('is the only key then: none is made', async () => {
    const directory = temporaryDirectory()
    const file = path.join(directory, 'mine')
    writeFileSync(file, rsaKey())
    await loadHostKeys([file], directory, fullLog())
    expect(readdirSync(directory)).toEqual(['mine'])
  })

  test.each([
    ['a public key', () => ed25519Pair().public, 'is a public key, the private one is needed'],
    [
      'a key with a passphrase',
      () => generate('ecdsa', { bits: 256, passphrase: 'secret', cipher: 'aes256-ctr', rounds: 1 }).private,
      'is protected by a passphrase: store it without one',
    ],
    [
      'a PEM key with a passphrase',
      () =>
        generateKeyPairSync('rsa', {
          modulusLength: 2048,
          privateKeyEncoding: { type: 'pkcs1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'secret' },
          publicKeyEncoding: { type: 'spki', format: 'pem' },
        }).privateKey,
      'is protected by a passphrase: store it without one',
    ],
    ['garbage', () => 'no key at all\nnot even close', 'is no private key that can be used'],
    ['a cut key', () => rsaKey().slice(0, 400), 'is no private key that can be used'],
    ['nothing', () => '', 'is no private key that can be used'],
    [
      'PKCS#8 of a type that does not sign',
      () =>
        generateKeyPairSync('x25519', {
          privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
          publicKeyEncoding: { type: 'spki', format: 'pem' },
        }).privateKey,
      'is no private key that can be used',
    ],
    ['a dsa key', () => DSA_KEY, 'is of type dsa; rsa, ecdsa and ed25519 can be used'],
  ])('with %s is refused in one line that names it', async (_, content, reason) => {
    const { file, load } = fileWith(content())
    const error = await load().catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(Error)
    const { message } = error as Error
    expect(message).toMatch(new RegExp(`^host key ${file}: `))
    expect(message).toContain(reason)
    expect(message).not.toContain('\n')
    expect(message).not.toContain('secret')
  })

  test('that is missing, or a directory, is refused in one line that names it', async () => {
    const directory = temporaryDirectory()
    mkdirSync(path.join(directory, 'dir'))
    const load = (name: string) => loadHostKeys([path.join(directory, name)], directory, fullLog())
    await expect(load('missing')).rejects.toThrow(`host key ${directory}/missing: no such file`)
    await expect(load('dir')).rejects.toThrow(`host key ${directory}/dir: cannot be read (EISDIR)`)
    await expect(load('dir/../dir/x/y')).rejects.toThrow('no such file')
  })
})

test('temporary keys are new each time and on no disk', async () => {
  const [first, second] = await Promise.all([temporaryHostKeys(), temporaryHostKeys()])
  expect(first.map(({ type }) => type)).toEqual(['ssh-ed25519', 'ecdsa-sha2-nistp256'])
  for (const [index, { text }] of first.entries()) expect(text).not.toBe(second[index]?.text)
})

test('security 12: for the transport an RSA key has SHA-2 names only', async () => {
  const { file } = fileWith(rsaKey())
  const keys = transportHostKeys([{ file, type: 'ssh-rsa', text: rsaKey() }])
  expect(keys.map(({ key }) => key.type)).toEqual(['rsa-sha2-512', 'rsa-sha2-256'])
})
