import { beforeEach, describe, expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { MemoryProvider } from '../providers/memory/memory.ts'
import { recordingLog } from '../providers/recording-log.ts'
import type { Accounts, SessionEnd } from './accounts.ts'
import { createAccounts } from './create-accounts.ts'
import type { LiveSession } from './live-users.ts'
import { REREAD_MS } from './live-users.ts'
import { createPasswords } from './passwords.ts'
import { authorizedKey } from './public-keys.ts'
import { ECDSA, ED25519 } from './sample-keys.ts'
import type { User } from './user.ts'

const passwords = createPasswords({ cost: { memoryKiB: 8, passes: 1, lanes: 1 } })
const IP = '192.0.2.7'
const blob = authorizedKey(ED25519.line).blob
const ALICE = {
  username: 'alice',
  password: 'secret',
  public_keys: [ED25519.line],
  home_dir: '/srv/alice',
  permissions: ['*'],
}

let provider: MemoryProvider
let log: ReturnType<typeof recordingLog>
let clock: VirtualClock
let accounts: Accounts
let alice: User
beforeEach(async () => {
  provider = new MemoryProvider()
  log = recordingLog()
  clock = new VirtualClock()
  accounts = createAccounts({ provider, clock, log, manageUsers: true, usersBaseDir: '', passwords })
  alice = await accounts.add(ALICE)
})

interface Opened {
  session: LiveSession
  ends: SessionEnd[]
}

async function open(kind: 'password' | 'key', meanwhile = async (): Promise<void> => undefined): Promise<Opened> {
  const login =
    kind === 'password'
      ? await accounts.loginWithPassword('alice', 'secret')
      : await accounts.loginWithKey('alice', blob, IP)
  if (!login.ok) throw new Error(login.reason)
  await meanwhile()
  const ends: SessionEnd[] = []
  const opened = await accounts.openSession(login, (reason) => void ends.push(reason))
  if (!opened.ok) throw new Error(opened.reason)
  return { session: opened.session, ends }
}

/** What another process would write. */
async function store(change: Partial<User>): Promise<void> {
  const user = await provider.userById(alice.id)
  if (user !== undefined) await provider.updateUser({ ...user, ...change })
}

/** The time after which such a change is noticed, and the reading of it. */
async function reread(): Promise<void> {
  clock.advance(REREAD_MS)
  await new Promise(setImmediate)
}

const CHANGES: [string, Partial<User> | Record<string, unknown>, SessionEnd[], SessionEnd[]][] = [
  ['permissions', { permissions: ['list'] }, [], []],
  ['quota and bandwidth', { quota_size: 5, upload_bandwidth: 7 }, [], []],
  ['status', { status: 0 }, ['user is disabled'], ['user is disabled']],
  ['expiration to the past', { expiration_date: 1 }, ['user is expired'], ['user is expired']],
  ['the password', { password: 'other' }, ['the password was changed'], []],
  ['the password, to the same', { password: 'secret' }, ['the password was changed'], []],
  ['no password', { password: '' }, ['the password was changed'], []],
  ['another key', { public_keys: [ECDSA.line] }, [], ['the public key was removed']],
  ['one more key', { public_keys: [ECDSA.line, ED25519.line] }, [], []],
  ['a comment', { public_keys: [`${ED25519.line} new`] }, [], []],
  [
    'addresses',
    { public_keys: [`from="10.0.0.1" ${ED25519.line}`] },
    [],
    ['public key is not valid from this address'],
  ],
  ['a time', { public_keys: [`expiry-time="20200101Z" ${ED25519.line}`] }, [], ['public key is expired']],
  [
    'the home',
    { home_dir: '/srv/b' },
    ['the home directory or its owner was changed'],
    ['the home directory or its owner was changed'],
  ],
  [
    'the owner',
    { uid: 7 },
    ['the home directory or its owner was changed'],
    ['the home directory or its owner was changed'],
  ],
]

test.each(CHANGES)('security 14: a change of %s reaches the open sessions', async (_, change, byPassword, byKey) => {
  const [one, two] = [await open('password'), await open('key')]
  await accounts.update(alice.id, change)
  expect({ one: one.ends, two: two.ends }).toEqual({ one: byPassword, two: byKey })
  const { password: _hash, ...stored } = (await provider.userById(alice.id)) ?? {}
  for (const { session, ends } of [one, two]) {
    if (ends.length === 0) expect(session.user.current).toEqual({ ...stored, password: '' })
    session.close()
  }
  expect(clock.timers).toBe(0)
})

test.each(CHANGES)(
  'a change of %s in the store reaches them within half a minute',
  async (_, change, byPassword, byKey) => {
    const [one, two] = [await open('password'), await open('key')]
    const { password, ...others } = change as Partial<User>
    await store(password === undefined ? others : { password: await passwords.toStore(password || 'x') })
    await reread()
    expect({ one: one.ends, two: two.ends }).toEqual({ one: byPassword, two: byKey })
  },
)

test('security 14: removing a user ends its sessions, those of others go on', async () => {
  const one = await open('password')
  const bob = await accounts.add({ ...ALICE, username: 'bob' })
  await accounts.remove(bob.id)
  expect(one.ends).toEqual([])
  await accounts.remove(alice.id)
  expect(one.ends).toEqual(['the user was removed'])
  expect(clock.timers).toBe(0)
})

test('a user of the same name is another user', async () => {
  const one = await open('password')
  await provider.deleteUser(alice.id)
  await accounts.add(ALICE)
  await reread()
  expect(one.ends).toEqual(['the user was removed'])
})

describe('an expiration', () => {
  test.each([0, 3 * 2 ** 31])(
    'ends the sessions in its millisecond, also one that is set later (%d ms)',
    async (more) => {
      const expiration = clock.now() + 10_000 + more
      const before = await open('password')
      await accounts.update(alice.id, { expiration_date: expiration })
      const after = await open('key')
      while (clock.now() < expiration) {
        clock.advance(Math.min(2 ** 31 - 1, expiration - clock.now()))
        await new Promise(setImmediate)
      }
      expect([before.ends, after.ends]).toEqual([[], []])
      clock.advance(1)
      expect([before.ends, after.ends]).toEqual([['user is expired'], ['user is expired']])
      expect(clock.timers).toBe(0)
    },
  )

  test('that is taken away ends nothing', async () => {
    await accounts.update(alice.id, { expiration_date: clock.now() + 10_000 })
    const one = await open('password')
    await accounts.update(alice.id, { expiration_date: 0 })
    clock.advance(20_000)
    expect(one.ends).toEqual([])
  })
})

describe('between the login and its session', () => {
  test('a change that takes the login away is noticed', async () => {
    const disabled = open('password', async () => void (await accounts.update(alice.id, { status: 0 })))
    await expect(disabled).rejects.toThrow('user is disabled')
    expect(clock.timers).toBe(0)
  })

  test('a change is noticed while the account is read again', async () => {
    const { userByName } = provider
    let meanwhile = async (): Promise<unknown> => undefined
    const login = await accounts.loginWithPassword('alice', 'secret')
    if (!login.ok) throw new Error(login.reason)
    provider.userByName = async (username) => {
      const old = await userByName.call(provider, username)
      await meanwhile()
      return old
    }
    meanwhile = () => accounts.update(alice.id, { permissions: ['list'] })
    const opened = await accounts.openSession(login, () => undefined)
    expect(opened).toMatchObject({ ok: true, session: { user: { current: { permissions: ['list'] } } } })
    meanwhile = () => accounts.update(alice.id, { password: 'x' })
    expect(await accounts.openSession(login, () => undefined)).toEqual({
      ok: false,
      reason: 'the password was changed',
    })
  })

  test('a provider that fails refuses it', async () => {
    const login = open('password', () => provider.close())
    await expect(login).rejects.toThrow('provider unavailable')
    expect(log.lines).toEqual(['error login refused: the account could not be read again the data provider is closed'])
    expect(clock.timers).toBe(0)
  })
})

test('a provider that fails ends no session, and is asked again', async () => {
  const one = await open('password')
  const { userByName } = provider
  provider.userByName = () => Promise.reject(new Error('away'))
  await reread()
  expect(log.lines).toEqual(['warn the accounts of open sessions could not be read again away'])
  provider.userByName = userByName
  await store({ permissions: ['list'] })
  await reread()
  expect(one.ends).toEqual([])
  expect(one.session.user.current.permissions).toEqual(['list'])
})

test('who subscribes is told of each change until it has enough', async () => {
  const { session } = await open('password')
  const seen: number[] = []
  const stop = session.user.subscribe(({ upload_bandwidth: limit }) => void seen.push(limit))
  await accounts.update(alice.id, { upload_bandwidth: 5 })
  await accounts.update(alice.id, { upload_bandwidth: 6 })
  stop()
  await accounts.update(alice.id, { upload_bandwidth: 7 })
  expect(seen).toEqual([5, 6])
  expect(session.user.current.upload_bandwidth).toBe(7)
})

test('sessions of a user share one account, and nothing is left of it behind the last', async () => {
  const [one, two] = [await open('password'), await open('key')]
  expect(one.session.user).toBe(two.session.user)
  expect(JSON.stringify(one.session.user.current)).not.toContain('argon2')
  one.session.close()
  one.session.close()
  await accounts.update(alice.id, { status: 0 })
  expect([one.ends, two.ends]).toEqual([[], ['user is disabled']])
  two.session.close()
  expect(clock.timers).toBe(0)
})
