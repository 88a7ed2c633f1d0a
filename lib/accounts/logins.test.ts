import * as fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { sampleUser } from '../providers/contract.ts'
import { MemoryProvider } from '../providers/memory/memory.ts'
import { recordingLog } from '../providers/recording-log.ts'
import { createKeyring, PARSED_KEYS_MAX } from './keyring.ts'
import { createLogins } from './logins.ts'
import type { Passwords } from './passwords.ts'
import { createPasswords, PasswordError } from './passwords.ts'
import { authorizedKey } from './public-keys.ts'
import { ECDSA, ED25519, RSA_1024, SAMPLE_KEYS } from './sample-keys.ts'
import type { NewUser } from './user.ts'

const clock = { now: () => 1_000_000, monotonic: () => 0, after: () => ({ cancel() {} }) }
const passwords = createPasswords({ cost: { memoryKiB: 8, passes: 1, lanes: 1 } })
const hash = await passwords.toStore('secret')
const blob = authorizedKey(ED25519.line).blob
const IP = '192.0.2.7'

let provider: MemoryProvider
let log: ReturnType<typeof recordingLog>
let logins: ReturnType<typeof createLogins>
beforeEach(() => {
  provider = new MemoryProvider()
  log = recordingLog()
  logins = createLogins({ provider, clock, log, passwords, findKey: createKeyring(log) })
})
const add = (username: string, overrides: Partial<NewUser> = {}) =>
  provider.addUser(sampleUser(username, { password: hash, public_keys: [ED25519.line], ...overrides }))

test('the right password logs in, and the hash stays behind', async () => {
  const user = await add('alice')
  expect(await logins.loginWithPassword('alice', 'secret')).toEqual({
    ok: true,
    user: { ...user, password: '' },
    method: 'password',
    credential: { kind: 'password', digest: expect.not.stringContaining(hash) },
  })
})

test('one of the keys logs in, and the method names it', async () => {
  const user = await add('alice', { public_keys: [ECDSA.line, ED25519.line] })
  expect(await logins.loginWithKey('alice', blob, IP)).toEqual({
    ok: true,
    user: { ...user, password: '' },
    method: `public_key:${ED25519.fingerprint}:me@example.com`,
    credential: { kind: 'key', fingerprint: ED25519.fingerprint, clientIp: IP },
  })
})

test.each(SAMPLE_KEYS)('a $type key logs in', async ({ line }) => {
  await add('alice', { public_keys: [line] })
  expect(await logins.loginWithKey('alice', authorizedKey(line).blob, IP)).toMatchObject({ ok: true })
  expect(await logins.loginWithKey('alice', authorizedKey(line).blob.subarray(1), IP)).toMatchObject({ ok: false })
})

const REFUSALS: [string, Partial<NewUser>, string][] = [
  ['disabled', { status: 0 }, 'user is disabled'],
  ['disabled before expired', { status: 0, expiration_date: 1 }, 'user is disabled'],
  ['of a negative status', { status: -1 }, 'user is disabled'],
  ['expired', { expiration_date: 999_999 }, 'user is expired'],
  ['of a relative home', { home_dir: 'srv' }, 'invalid home directory'],
  ['of no home', { home_dir: '' }, 'invalid home directory'],
]

test.each(REFUSALS)('a user %s is refused with either credential', async (_, overrides, reason) => {
  await add('alice', overrides)
  expect(await logins.loginWithPassword('alice', 'secret')).toEqual({ ok: false, reason })
  expect(await logins.loginWithKey('alice', blob, IP)).toEqual({ ok: false, reason })
})

test('an account is valid up to its last millisecond, and 0 or less means for ever', async () => {
  for (const [username, date] of Object.entries({ a: 1_000_000, b: 1_000_001, c: 0, d: -1 })) {
    await add(username, { expiration_date: date })
    expect(await logins.loginWithPassword(username, 'secret')).toMatchObject({ ok: true })
  }
})

test('the state of the user comes before its credentials, its home after them', async () => {
  await add('disabled', { status: 0 })
  await add('homeless', { home_dir: 'srv' })
  expect(await logins.loginWithPassword('disabled', 'x')).toEqual({ ok: false, reason: 'user is disabled' })
  expect(await logins.loginWithPassword('homeless', 'x')).toEqual({ ok: false, reason: 'wrong password' })
  expect(await logins.loginWithKey('homeless', Buffer.of(1), IP)).toEqual({ ok: false, reason: 'unknown public key' })
})

test('an unknown user is refused', async () => {
  expect(await logins.loginWithPassword('nobody', 'secret')).toEqual({ ok: false, reason: 'unknown user' })
  expect(await logins.loginWithKey('nobody', blob, IP)).toEqual({ ok: false, reason: 'unknown user' })
})

describe('empty and odd credentials', () => {
  test('never log in, whatever is stored', async () => {
    const stored = fc.constantFrom('', hash, '$argon2id$', 'plain', '$6$plain', 'null', ' ')
    const keys = fc.constantFrom<string[]>([], [''], ['null'], [ED25519.line], ['ssh-ed25519 '], [RSA_1024])
    const sent = fc.oneof(
      fc.constantFrom('', ' ', '\0', 'null', 'plain', '$6$plain', hash),
      fc.string({ maxLength: 6 }),
    )
    const blobs = fc.oneof(
      fc.constantFrom(Buffer.alloc(0), Buffer.alloc(32), blob.subarray(0, -1), Buffer.concat([blob, Buffer.of(0)])),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    )
    let number = 0
    await fc.assert(
      fc.asyncProperty(stored, keys, sent, blobs, async (password, publicKeys, guess, keyBlob) => {
        number += 1
        await add(`user${number}`, { password, public_keys: publicKeys })
        expect(await logins.loginWithPassword(`user${number}`, guess)).toMatchObject({ ok: false })
        expect(await logins.loginWithKey(`user${number}`, keyBlob, IP)).toMatchObject({ ok: false })
        expect(await logins.loginWithPassword(guess, guess)).toMatchObject({ ok: false })
      }),
    )
  })
})

describe('the time of a refusal tells nothing:', () => {
  const CASES: [string, Partial<NewUser> | undefined, string][] = [
    ['unknown user', undefined, 'x'],
    ['wrong password', {}, 'x'],
    ['disabled, right password', { status: 0 }, 'secret'],
    ['expired, right password', { expiration_date: 1 }, 'secret'],
    ['no password stored', { password: '' }, 'x'],
    ['empty password', {}, ''],
  ]
  test.each(CASES)('%s costs one check', async (_, overrides, password) => {
    const checks: (string | undefined)[] = []
    const counting: Passwords = {
      ...passwords,
      matches(stored, sent) {
        checks.push(stored)
        return passwords.matches(stored, sent)
      },
    }
    if (overrides !== undefined) await add('alice', overrides)
    const counted = createLogins({ provider, clock, log, passwords: counting, findKey: createKeyring(log) })
    expect(await counted.loginWithPassword('alice', password)).toMatchObject({ ok: false })
    expect(checks).toHaveLength(1)
  })

  test('a provider that fails costs one check, too', async () => {
    await provider.close()
    let checks = 0
    const counting: Passwords = {
      ...passwords,
      async matches() {
        checks += 1
        return true
      },
    }
    const counted = createLogins({ provider, clock, log, passwords: counting, findKey: createKeyring(log) })
    expect(await counted.loginWithPassword('alice', 'x')).toEqual({ ok: false, reason: 'provider unavailable' })
    expect(checks).toBe(1)
  })
})

describe('stored keys that are none', () => {
  test('are passed over and logged, and the search goes on', async () => {
    await add('alice', { public_keys: ['junk', `command="x" ${ECDSA.line}`, RSA_1024, ED25519.line] })
    expect(await logins.loginWithKey('alice', blob, IP)).toMatchObject({ ok: true })
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn public_keys\[0\] of "alice" is not used: not an authorized_keys line/),
      expect.stringMatching(/^warn public_keys\[1\] of "alice" is not used: option command that is not/),
      expect.stringMatching(/^warn public_keys\[2\] of "alice" is not used: RSA key of 1024 bits/),
    ])
  })

  test('do not log in with the key they would have been', async () => {
    await add('alice', { public_keys: [`command="x" ${ED25519.line}`] })
    expect(await logins.loginWithKey('alice', blob, IP)).toEqual({ ok: false, reason: 'unknown public key' })
  })
})

describe('the options of a key', () => {
  test('bind it to addresses', async () => {
    await add('alice', { public_keys: [`from="192.0.2.0/24,!192.0.2.9" ${ED25519.line}`] })
    const refused = { ok: false, reason: 'public key is not valid from this address' }
    expect(await logins.loginWithKey('alice', blob, '192.0.2.7')).toMatchObject({ ok: true })
    expect(await logins.loginWithKey('alice', blob, '192.0.2.9')).toEqual(refused)
    expect(await logins.loginWithKey('alice', blob, '198.51.100.1')).toEqual(refused)
  })

  test('end its time', async () => {
    await add('alice', { public_keys: [`expiry-time="19700101001640Z" ${ED25519.line}`] })
    expect(await logins.loginWithKey('alice', blob, IP)).toMatchObject({ ok: true })
    await add('bob', { public_keys: [`expiry-time="19700101001639Z" ${ED25519.line}`] })
    expect(await logins.loginWithKey('bob', blob, IP)).toEqual({ ok: false, reason: 'public key is expired' })
  })

  test('of one line do not bind the same key on another', async () => {
    await add('alice', { public_keys: [`from="10.0.0.1" ${ED25519.line}`, `from="${IP}" ${ED25519.line}`] })
    expect(await logins.loginWithKey('alice', blob, IP)).toMatchObject({ ok: true })
  })
})

test('a key works again after more keys were read than are kept', async () => {
  await add('alice')
  await add('many', { public_keys: Array.from({ length: PARSED_KEYS_MAX + 1 }, (_, n) => `${ED25519.line} ${n}`) })
  for (const username of ['alice', 'many', 'alice', 'many']) {
    expect(await logins.loginWithKey(username, blob, IP)).toMatchObject({ ok: true })
  }
})

test('a provider that fails is a refusal and a line in the log, never an exception', async () => {
  await provider.close()
  const refused = { ok: false, reason: 'provider unavailable' }
  expect(await logins.loginWithPassword('alice', 'secret')).toEqual(refused)
  expect(await logins.loginWithKey('alice', blob, IP)).toEqual(refused)
  expect(log.lines).toEqual([
    'error login refused: it could not be checked the data provider is closed',
    'error login refused: it could not be checked the data provider is closed',
  ])
})

test('too many waiting checks are a refusal of their own', async () => {
  await add('alice')
  const busy: Passwords = { ...passwords, matches: () => Promise.reject(new PasswordError('busy', 'too many')) }
  const { loginWithPassword } = createLogins({ provider, clock, log, passwords: busy, findKey: createKeyring(log) })
  expect(await loginWithPassword('alice', 'secret')).toEqual({
    ok: false,
    reason: 'too many password checks are waiting',
  })
  expect(log.lines).toEqual([])
})

test('nothing that is logged holds a password or a hash', async () => {
  await add('alice', { public_keys: ['junk'] })
  await logins.loginWithPassword('alice', 'hunter2')
  await logins.loginWithKey('alice', blob, IP)
  await provider.close()
  await logins.loginWithPassword('alice', 'hunter2')
  expect(log.lines.join('\n')).not.toMatch(/hunter2|\$argon2id/)
})
