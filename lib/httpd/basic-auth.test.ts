import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createPasswords, PasswordError } from '../accounts/passwords.ts'
import type { Offence } from '../defender/defender.ts'
import { CACHE_TTL_MS, createBasicAuth } from './basic-auth.ts'
import { fakeApi, FakeClock, FakeLog, type Ask } from './fakes.test.support.ts'
import { basic, BCRYPT, PASSWORD, SHA256, SHA512 } from './sample-users.test.support.ts'

const HASHES = { alice: BCRYPT, bob: SHA256, ülrich: SHA512 }

interface Doors {
  users?: Record<string, string>
  /** In the place of real checks; an unknown name is checked as well. */
  matches?: (stored: string | undefined, password: string) => Promise<boolean>
}

/** An API that asks for a login, and what it did to know who it is. */
function guarded({ users = HASHES, matches = async (_, password) => password === PASSWORD }: Doors = {}) {
  const clock = new FakeClock()
  const log = new FakeLog()
  const stored = new Map(Object.entries(users))
  const checked: (string | undefined)[] = []
  const noted: [string, Offence][] = []
  const banned = new Set<string>()
  const authenticate = createBasicAuth({
    userFile: { users: async () => stored },
    passwords: {
      matches: (hash, password) => {
        checked.push(hash)
        return matches(hash, password)
      },
    },
    guesses: {
      refuses: (ip) => banned.has(ip),
      note: (ip, offence) => noted.push([ip, offence]) < 0,
    },
    clock,
    log,
  })
  const { ask } = fakeApi({ authenticate })
  const version = (authorization?: string | string[], rest: Ask = {}) =>
    ask('/api/v1/version', { headers: authorization === undefined ? {} : { authorization }, ...rest })
  return { ask, version, clock, log, stored, checked, noted, banned }
}

test.each(Object.keys(HASHES))('%s logs in with the password of a real hash', async (user) => {
  const passwords = createPasswords()
  const { version } = guarded({ matches: passwords.matches })
  expect((await version(basic(user))).status).toBe(200)
  expect((await version(basic(user, 'wrong'))).status).toBe(401)
  expect((await version(basic(user, ''))).status).toBe(401)
})

describe('without a login', () => {
  test.each<[string, Ask]>([
    ['/api/v1/user', {}],
    ['/api/v1/user', { method: 'POST', body: '{}' }],
    ['/nothing', {}],
    ['/api/v1/user', { method: 'HEAD' }],
    ['/api/v1/user', { method: 'POST', body: '{', headers: { 'content-type': 'text/plain' } }],
  ])('%s %j is 401, whatever is there', async (target, request) => {
    const { ask, checked } = guarded()
    const { status, headers, body } = await ask(target, request)
    expect(status).toBe(401)
    expect(headers['WWW-Authenticate']).toBe('Basic realm="SFTPGo", charset="UTF-8"')
    expect(JSON.parse(body)).toEqual({ error: 'log in to continue', message: '', status: 401 })
    expect(checked).toEqual([])
  })

  test.each(['', 'Basic', 'Basic ', 'Basic !', 'Bearer x', `Digest ${basic('alice').slice(6)}`, 'Basic YWxpY2U='])(
    '%j is no credential',
    async (authorization) => {
      const { version, checked } = guarded()
      expect((await version(authorization)).status).toBe(401)
      expect(checked).toEqual([])
    },
  )

  test('two headers are 400', async () => {
    expect((await guarded().version([basic('alice'), basic('bob')])).status).toBe(400)
  })

  test('a page of another site is refused before it is asked for a password', async () => {
    const { version, checked } = guarded()
    const headers = { authorization: basic('alice'), origin: 'https://evil.example' }
    expect((await version(undefined, { headers })).status).toBe(403)
    expect(checked).toEqual([])
  })
})

test('the scheme is read in any case, a password may have colons', async () => {
  const { version } = guarded({ matches: async (_, password) => password === 'a:b' })
  expect((await version(basic('alice', 'a:b').replace('Basic', 'bAsIc '))).status).toBe(200)
})

describe('guessing', () => {
  test('counts against the address, and the log has name and reason, never the password', async () => {
    const { version, noted, log } = guarded()
    for (const [user, password] of [
      ['alice', 'hunter2'],
      ['mallory\n', PASSWORD],
    ] as const) {
      const { status, body } = await version(basic(user, password))
      expect(status).toBe(401)
      expect(JSON.parse(body).error).toBe('wrong user name or password')
    }
    expect(noted).toEqual([
      ['127.0.0.1', 'failed login'],
      ['127.0.0.1', 'unknown user'],
    ])
    expect(log.messages).toEqual([
      'httpd warn login of "alice" from 127.0.0.1 refused: wrong password',
      'httpd warn login of "mallory\\n" from 127.0.0.1 refused: unknown user',
    ])
  })

  test('a name that is unknown costs what one that is known costs, always the same', async () => {
    const { version, checked } = guarded()
    for (const user of ['mallory', 'mallory', 'trudy', '', 'toString', '__proto__']) {
      expect((await version(basic(user))).status).toBe(401)
    }
    expect(checked).toHaveLength(6)
    expect(checked.every((hash) => Object.values(HASHES).includes(hash ?? ''))).toBe(true)
    expect(checked[0]).toBe(checked[1])
  })

  test('an address that is banned is not checked any more, one that was let in a moment ago stays', async () => {
    const { version, banned, checked, clock } = guarded()
    expect((await version(basic('alice'))).status).toBe(200)
    banned.add('127.0.0.1')
    const { status, body } = await version(basic('bob'))
    expect({ status, error: JSON.parse(body).error }).toEqual({
      status: 429,
      error: 'too many failed logins from this address',
    })
    expect((await version(basic('alice'))).status).toBe(200)
    expect(checked).toEqual([BCRYPT])
    clock.advance(CACHE_TTL_MS)
    expect((await version(basic('alice'))).status).toBe(429)
  })

  test('a page whose requests come at once with an old password is one guess', async () => {
    const { version, noted, checked } = guarded()
    const answers = await Promise.all(Array.from({ length: 50 }, () => version(basic('alice', 'old'))))
    expect(answers.every(({ status }) => status === 401)).toBe(true)
    expect([noted.length, checked.length]).toEqual([1, 1])
  })

  test('more than can be checked is 503', async () => {
    const { version, noted } = guarded({ matches: () => Promise.reject(new PasswordError('busy', 'too many')) })
    expect((await version(basic('alice'))).status).toBe(503)
    expect(noted).toEqual([])
  })
})

describe('what was verified', () => {
  test('is not checked again for a minute', async () => {
    const { version, checked, clock } = guarded()
    for (const [afterMs, checks] of [
      [0, 1],
      [CACHE_TTL_MS - 1, 1],
      [1, 2],
    ] as const) {
      clock.advance(afterMs)
      expect((await version(basic('alice'))).status).toBe(200)
      expect(checked).toHaveLength(checks)
    }
  })

  test('is checked once for the requests of a page, which come at once', async () => {
    const { version, checked } = guarded()
    const answers = await Promise.all(Array.from({ length: 50 }, () => version(basic('alice'))))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(checked).toHaveLength(1)
  })

  test('ends with the line in the file', async () => {
    const { version, stored } = guarded({ matches: async (hash) => hash === BCRYPT })
    expect((await version(basic('alice'))).status).toBe(200)
    stored.set('alice', SHA512)
    expect((await version(basic('alice'))).status).toBe(401)
    stored.set('alice', BCRYPT)
    expect((await version(basic('alice'))).status).toBe(200)
    stored.delete('alice')
    expect((await version(basic('alice'))).status).toBe(401)
  })

  test('is that one password of that one user', async () => {
    const { version } = guarded({ users: { al: BCRYPT, alice: BCRYPT }, matches: async (_, word) => word === 'ice:x' })
    expect((await version(basic('al', 'ice:x'))).status).toBe(200)
    expect((await version(basic('alice', 'x'))).status).toBe(401)
    expect((await version(basic('al', 'ice:X'))).status).toBe(401)
  })

  test('is forgotten, the oldest first, when there is too much of it', async () => {
    const users = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`u${index}`, BCRYPT]))
    const { version, checked } = guarded({ users })
    for (const user of Object.keys(users)) await version(basic(user))
    expect(checked).toHaveLength(300)
    await version(basic('u299'))
    await version(basic('u44'))
    expect(checked).toHaveLength(300)
    await version(basic('u43'))
    expect(checked).toHaveLength(301)
  })
})

test('any header gets an answer', async () => {
  const { version } = guarded({ matches: async () => false })
  const encoded = fc.uint8Array().map((bytes) => `Basic ${Buffer.from(bytes).toString('base64')}`)
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), encoded), async (authorization) => {
      expect((await version(authorization)).status).toBe(401)
    }),
  )
})

test('a route knows who is logged in, and is told of nobody where no login is asked for', async () => {
  const seen: (string | undefined)[] = []
  const route = {
    method: 'GET',
    path: '/who',
    handle: ({ user }: { user?: string }) => {
      seen.push(user)
      return { status: 204, headers: {}, body: '' }
    },
  } as const
  await fakeApi({ routes: [route], authenticate: async () => ({ user: 'alice' }) }).ask('/who')
  await fakeApi({ routes: [route] }).ask('/who')
  expect(seen).toEqual(['alice', undefined])
})
