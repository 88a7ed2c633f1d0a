import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DeriveKey } from './argon2id.ts'
import { deriveArgon2id } from './argon2id.ts'
import { UNSUPPORTED_PREFIXES } from './hash-formats.ts'
import { createPasswords, PARALLEL_CHECKS, PASSWORD_MAX_BYTES, WAITING_CHECKS_MAX } from './passwords.ts'

const cost = { memoryKiB: 8, passes: 1, lanes: 1 }
const cheap = createPasswords({ cost })

/** Each with its password. */
const FOREIGN = [
  ['$2y$04$NVUFxyXdY2al9FeVDvvQWu7uXuAg2Fw/iII4oPql2iilvTsMMDdvu', 'secret'],
  ['$pbkdf2-sha1$1000$E86a9YMX3zC7$WB0NoYmaP6aG9Zyj84x863JZtHI=', 'password'],
  ['$pbkdf2-sha256$150000$E86a9YMX3zC7$R5J62hsSq+pYw00hLLPKBbcGXmq7fj5+/M0IFoYtZbo=', 'password'],
  ['$pbkdf2-b64salt-sha256$1000$AP9zYWx0$w1W4TVNudz5aef7B/9vLteWbUNY0qBgFtCExdY/hTAU=', 'password'],
  ['$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA', 'Hello world!'],
  [
    '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
    'Hello world!',
  ],
] as const

const OWN = await createPasswords().toStore('secret')

describe('storing', () => {
  test('a password becomes an argon2id hash of the cost that SFTPGo uses, and matches it', async () => {
    const passwords = createPasswords()
    const stored = await passwords.toStore('pass word')
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=65536,t=3,p=2\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(await passwords.matches(stored, 'pass word')).toBe(true)
    expect(await passwords.matches(stored, 'pass word ')).toBe(false)
  })

  test('a password is salted: the same one gives another hash each time', async () => {
    expect(await cheap.toStore('same')).not.toBe(await cheap.toStore('same'))
  })

  test('a well-formed argon2id hash is kept as it is', async () => {
    const hash = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'
    expect(await cheap.toStore(hash)).toBe(hash)
    expect(await cheap.matches(hash, 'password')).toBe(true)
    expect(await cheap.matches(hash, hash)).toBe(false)
  })

  test.each(['$argon2id$', '$argon2id$plain', '$argon2id$v=19$m=9999999,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg'])(
    'an argon2id hash that cannot be checked is refused: %s',
    async (text) => {
      await expect(cheap.toStore(text)).rejects.toMatchObject({
        kind: 'refused',
        message:
          '$argon2id$ hash cannot be checked, want $argon2id$v=19$m=65536,t=3,p=2$<salt>$<key> with m up to 1048576, ' +
          't up to 255, p up to 64, m times t up to 4194304',
      })
    },
  )

  test.each(FOREIGN)('a hash that comes from elsewhere is kept as it is: %s', async (text, password) => {
    expect(await cheap.toStore(text)).toBe(text)
    expect(await cheap.matches(text, password)).toBe(true)
    expect(await cheap.matches(text, `${password}.`)).toBe(false)
    expect(await cheap.matches(text, text)).toBe(false)
    expect(await cheap.matches(text, '')).toBe(false)
  })

  test.each([
    ['$2a$17$ajq8Q7fbtFRQvXpdCq7Jcuy.Rx1h/L4J60Otx.gyNLbAYctGMJ9tK', 'with cost 04 to 16'],
    ['$2b$', '$2b$<cost>$<22 characters of salt><31 of hash>'],
    ['$pbkdf2-sha1$1$x$', 'with 1000 to 5000000 iterations and a key of 16 to 64 bytes'],
    ['$pbkdf2-b64salt-sha256$1000$!$', '$pbkdf2-b64salt-sha256$<iterations>$<salt>$<key in base64>'],
    ['$6$rounds=999999999$salt$x', 'with 1000 to 1000000 rounds'],
    ['$5$salt', '$5$[rounds=<rounds>$]<up to 16 characters of salt>$<hash>'],
  ])('a malformed one is refused, saying what is allowed: %s', async (text, allowed) => {
    await expect(cheap.toStore(text)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining(allowed),
    })
    expect(await cheap.matches(text, text)).toBe(false)
  })

  test.each(UNSUPPORTED_PREFIXES)('a hash beginning with %s is refused, not taken for a password', async (prefix) => {
    await expect(cheap.toStore(`${prefix}anything`)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining(
        `the hash format ${prefix} is not supported, want a plain password or a hash beginning with $argon2id$, $2a$,`,
      ),
    })
  })

  test.each(['$', '$7$x', '$2x$x', 'a$2a$', '$argon2$', ' $6$'])('%j is a password like any other', async (text) => {
    expect(await cheap.matches(await cheap.toStore(text), text)).toBe(true)
  })

  test('the longest password works, a longer one is refused', async () => {
    const longest = 'é'.repeat(PASSWORD_MAX_BYTES / 2)
    expect(await cheap.matches(await cheap.toStore(longest), longest)).toBe(true)
    await expect(cheap.toStore(`${longest}x`)).rejects.toMatchObject({ kind: 'refused' })
  })
})

describe('matching', () => {
  test.each([...FOREIGN, [OWN, 'secret']] as const)(
    'security 11: others are served while a password is checked against %s',
    async (stored, password) => {
      let turns = 0
      let checking = true
      const turn = (): void => {
        turns++
        if (checking) setImmediate(turn)
      }
      setImmediate(turn)
      expect(await cheap.matches(stored, password)).toBe(true)
      checking = false
      // Computed here, it would all be over before the first one.
      expect(turns).toBeGreaterThan(0)
    },
  )

  test('whatever is stored, only the right and not empty password matches', async () => {
    const stored = fc.oneof(
      fc.constant(undefined),
      fc.constant(''),
      fc.string(),
      fc.constantFrom('$argon2id$', '$argon2id$v=19$m=8,t=1,p=1$$', '$6$plain', '$2a$14$x', 'null'),
    )
    const sent = fc.oneof(fc.constant(''), fc.string(), fc.constantFrom('null', '$6$plain', '\0'))
    await fc.assert(
      fc.asyncProperty(stored, sent, async (hash, password) => {
        expect(await cheap.matches(hash, password)).toBe(false)
        expect(await cheap.matches(hash, hash ?? '')).toBe(false)
      }),
      { numRuns: 50 },
    )
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1 }), fc.string(), async (right, other) => {
        const hash = await cheap.toStore(`p${right}`)
        expect(await cheap.matches(hash, `p${right}`)).toBe(true)
        expect(await cheap.matches(hash, other)).toBe(other === `p${right}`)
      }),
      { numRuns: 50 },
    )
  })

  test('a hash of the empty password does not let the empty password in', async () => {
    const key = await deriveArgon2id('', cost, Buffer.from('somesalt'), 32)
    const hash = `$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$${key.toString('base64').replace('=', '')}`
    expect(await cheap.matches(hash, '')).toBe(false)
  })

  const hash = '$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'
  test.each([
    ['a wrong password', hash, 'wrong'],
    ['nobody', undefined, 'x'],
    ['no password stored', '', 'x'],
    ['a malformed hash', '$argon2id$v=19$m=8', 'x'],
    ['an unsupported hash', '$1$salt$x', 'x'],
    ['a hash that costs too much', '$2a$31$ajq8Q7fbtFRQvXpdCq7Jcuy.Rx1h/L4J60Otx.gyNLbAYctGMJ9tK', 'secret'],
    ['an empty password', hash, ''],
    ['an over-long password', hash, 'x'.repeat(PASSWORD_MAX_BYTES + 1)],
  ])('the work is the same: %s', async (_, stored, password) => {
    const costs: unknown[] = []
    const derive: DeriveKey = (text, ...rest) => {
      costs.push({ cost: rest[0], keyBytes: rest[2] })
      return deriveArgon2id(text, ...rest)
    }
    expect(await createPasswords({ cost, derive }).matches(stored, password)).toBe(false)
    expect(costs).toEqual([{ cost, keyBytes: 32 }])
  })

  test('only a few are checked at a time, and past a bound they are refused at once', async () => {
    const waiting: (() => void)[] = []
    let most = 0
    const derive: DeriveKey = (_password, _cost, _salt, keyBytes) =>
      new Promise((resolve) => {
        waiting.push(() => resolve(Buffer.alloc(keyBytes)))
        most = Math.max(most, waiting.length)
      })
    const passwords = createPasswords({ cost, derive })
    let settled = 0
    const checks = Array.from({ length: PARALLEL_CHECKS + WAITING_CHECKS_MAX }, async () => {
      await passwords.matches(hash, 'x')
      settled += 1
    })
    while (waiting.length < PARALLEL_CHECKS) await Promise.resolve()
    await expect(passwords.matches(hash, 'x')).rejects.toMatchObject({ name: 'PasswordError', kind: 'busy' })
    await expect(passwords.matches(undefined, 'x')).rejects.toMatchObject({ kind: 'busy' })
    await expect(passwords.toStore('x')).rejects.toMatchObject({ kind: 'busy' })
    while (settled < checks.length) {
      waiting.shift()?.()
      await Promise.resolve()
    }
    expect(most).toBe(PARALLEL_CHECKS)
    await Promise.all(checks)
  })
})
