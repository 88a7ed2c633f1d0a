import { beforeEach, describe, expect, test } from 'vitest'
import { sampleUser } from '../providers/contract.ts'
import { MemoryProvider } from '../providers/memory/memory.ts'
import { ProviderError } from '../providers/provider.ts'
import { recordingLog } from '../providers/recording-log.ts'
import type { Accounts } from './accounts.ts'
import type { AccountsOptions } from './create-accounts.ts'
import { createAccounts } from './create-accounts.ts'
import { createPasswords } from './passwords.ts'
import { ED25519 } from './sample-keys.ts'
import type { User } from './user.ts'

const NOW = 1_700_000_000_000
const clock = { now: () => NOW, monotonic: () => 0, after: () => ({ cancel() {} }) }
const passwords = createPasswords({ cost: { memoryKiB: 8, passes: 1, lanes: 1 } })
const ALICE = { username: 'alice', password: 'secret', home_dir: '/srv/alice', permissions: ['*'] }

let provider: MemoryProvider
let log: ReturnType<typeof recordingLog>
let accounts: Accounts
const make = (overrides: Partial<AccountsOptions> = {}) =>
  createAccounts({ provider, clock, log, manageUsers: true, usersBaseDir: '', passwords, ...overrides })
beforeEach(() => {
  provider = new MemoryProvider()
  log = recordingLog()
  accounts = make()
})

describe('adding', () => {
  test('stores a hash, and nothing that comes back holds it', async () => {
    const added = await accounts.add(ALICE)
    expect(added).toMatchObject({ id: 1, username: 'alice', password: '', status: 1 })
    expect((await provider.userById(1))?.password).toMatch(/^\$argon2id\$v=19\$m=8,t=1,p=1\$/)
    expect(await accounts.get(1)).toEqual(added)
    expect(await accounts.list({ limit: 10, offset: 0, order: 'ASC' })).toEqual([added])
    expect((await accounts.update(1, { uid: 4 })).password).toBe('')
  })

  test('a taken name is refused with a kind of its own', async () => {
    await accounts.add(ALICE)
    await expect(accounts.add(ALICE)).rejects.toMatchObject({ name: 'AccountError', kind: 'exists' })
  })

  test('what is wrong is a validation error', async () => {
    await expect(accounts.add({})).rejects.toMatchObject({
      kind: 'validation',
      message: 'Validation error: username is empty',
    })
    await expect(accounts.add({ ...ALICE, password: '$2a$10$x' })).rejects.toMatchObject({
      kind: 'validation',
      message: expect.stringMatching(/^Validation error: password: \$2a\$ hash cannot be checked, want /),
    })
  })

  test('a key is stored with the options that it is held to, and refused with others', async () => {
    const bound = `from="192.0.2.0/24",expiry-time="20300101Z",no-pty ${ED25519.line}`
    expect((await accounts.add({ ...ALICE, public_keys: [bound] })).public_keys).toEqual([bound])
    await expect(accounts.update(1, { public_keys: [`command="x" ${ED25519.line}`] })).rejects.toMatchObject({
      kind: 'validation',
      message:
        'Validation error: public_keys[0]: option command that is not supported stands before the key, ' +
        'want from="<addresses>", expiry-time="<YYYYMMDD[HHMM[SS]][Z]>", restrict or no-*',
    })
  })

  test('homes are derived below users_base_dir', async () => {
    accounts = make({ usersBaseDir: '/srv/base' })
    expect((await accounts.add({ ...ALICE, home_dir: '' })).home_dir).toBe('/srv/base/alice')
  })
})

describe('updating', () => {
  test('overlays what was sent, and gives back the stored user with its counters', async () => {
    await accounts.add(ALICE)
    const { password } = (await provider.userById(1)) ?? {}
    await provider.addUse('alice', { size: 7, files: 1 }, NOW)
    const updated = await accounts.update(1, { ID: 1, Quota_Size: 100, used_quota_size: 1 })
    expect(updated).toMatchObject({ id: 1, quota_size: 100, used_quota_size: 7, home_dir: '/srv/alice' })
    expect((await provider.userById(1))?.password).toBe(password)
  })

  test('a new password replaces the old one', async () => {
    await accounts.add(ALICE)
    await accounts.update(1, { password: 'changed' })
    expect(await accounts.loginWithPassword('alice', 'changed')).toMatchObject({ ok: true })
    expect(await accounts.loginWithPassword('alice', 'secret')).toMatchObject({ ok: false })
  })

  test('a removed password lets nobody in', async () => {
    await accounts.add({ ...ALICE, public_keys: [ED25519.line] })
    await accounts.update(1, { password: '' })
    for (const password of ['', 'secret']) {
      expect(await accounts.loginWithPassword('alice', password)).toEqual({ ok: false, reason: 'wrong password' })
    }
  })

  test('another id or username in the body is refused', async () => {
    await accounts.add(ALICE)
    await expect(accounts.update(1, { id: 2 })).rejects.toMatchObject({
      kind: 'validation',
      message: 'Validation error: id is 2, want 1 or none',
    })
    await expect(accounts.update(1, { username: 'bob' })).rejects.toMatchObject({ kind: 'validation' })
  })

  test('parallel updates do not undo each other', async () => {
    await accounts.add(ALICE)
    const changes = [{ status: 0 }, { uid: 7 }, { quota_size: 9 }, { password: 'x' }, { gid: 8 }, { max_sessions: 3 }]
    await Promise.all(changes.map((change) => accounts.update(1, change)))
    expect(await accounts.get(1)).toMatchObject({ status: 0, uid: 7, quota_size: 9, gid: 8, max_sessions: 3 })
  })

  test('checks come in the order of the REST API: not found, id, method, values', async () => {
    await accounts.add(ALICE)
    const locked = make({ manageUsers: false })
    const kindOf = async (id: number, input: Record<string, unknown>) => {
      const error: unknown = await locked.update(id, input).catch((refused: unknown) => refused)
      return error
    }
    expect(await kindOf(2, { id: 3 })).toMatchObject({ kind: 'not-found', message: 'Not found: no user with id 2' })
    expect(await kindOf(1, { id: 3, status: 9 })).toMatchObject({ kind: 'validation' })
    expect(await kindOf(1, { status: 9 })).toMatchObject({ kind: 'method-disabled' })
  })
})

test('a removed user is gone', async () => {
  await accounts.add(ALICE)
  await accounts.remove(1)
  await expect(accounts.get(1)).rejects.toMatchObject({ kind: 'not-found', message: 'Not found: no user with id 1' })
  await expect(accounts.remove(1)).rejects.toMatchObject({ kind: 'not-found' })
  await expect(accounts.update(1, {})).rejects.toMatchObject({ kind: 'not-found' })
})

test('while users are not managed here nothing is written', async () => {
  const user = await accounts.add(ALICE)
  const locked = make({ manageUsers: false })
  const disabled = { kind: 'method-disabled', message: expect.stringMatching(/^Method disabled error: /) }
  await expect(locked.add({ ...ALICE, username: 'bob' })).rejects.toMatchObject(disabled)
  await expect(locked.update(1, { status: 0 })).rejects.toMatchObject(disabled)
  await expect(locked.remove(1)).rejects.toMatchObject(disabled)
  await expect(locked.remove(2)).rejects.toMatchObject({ kind: 'not-found' })
  locked.loggedIn(user)
  expect(await locked.get(1)).toEqual(user)
})

describe('the last login', () => {
  test('is stamped with the time of the clock', async () => {
    accounts.loggedIn(await accounts.add(ALICE))
    await Promise.resolve()
    expect((await accounts.get(1)).last_login).toBe(NOW)
  })

  test('that cannot be stamped is logged and nothing more', async () => {
    const user = await accounts.add(ALICE)
    await provider.close()
    accounts.loggedIn(user)
    await new Promise(setImmediate)
    expect(log.lines).toEqual(['warn last login of "alice" not stored the data provider is closed'])
  })
})

describe('a provider that fails', () => {
  test('is unavailable in every call', async () => {
    await provider.close()
    const unavailable = { kind: 'unavailable', message: 'Data provider error: the data provider is closed' }
    await expect(accounts.add(ALICE)).rejects.toMatchObject(unavailable)
    await expect(accounts.update(1, {})).rejects.toMatchObject(unavailable)
    await expect(accounts.remove(1)).rejects.toMatchObject(unavailable)
    await expect(accounts.get(1)).rejects.toMatchObject(unavailable)
    await expect(accounts.list({ limit: 1, offset: 0, order: 'ASC' })).rejects.toMatchObject(unavailable)
    await expect(accounts.checkAvailability()).rejects.toMatchObject(unavailable)
  })

  test('a row that cannot be read can still be removed', async () => {
    await provider.addUser(sampleUser('broken'))
    provider.userById = () => Promise.reject(new ProviderError('unavailable', 'not readable'))
    await expect(accounts.get(1)).rejects.toMatchObject({ kind: 'unavailable' })
    await accounts.remove(1)
    expect(await provider.userByName('broken')).toBeUndefined()
  })
})

test('an available provider is available', async () => {
  await expect(accounts.checkAvailability()).resolves.toBeUndefined()
})

describe('a dump and its way back', () => {
  async function dumped(): Promise<User[]> {
    const users: User[] = []
    for await (const user of accounts.dump()) users.push(user)
    return users
  }

  test('holds every user by name, hashes included', async () => {
    for (let n = 0; n < 1001; n++) await provider.addUser({ ...sampleUser(`user-${n}`), password: `hash ${n}` })
    const users = await dumped()
    expect(users).toHaveLength(1001)
    expect(users.map(({ username }) => username)).toEqual(users.map(({ username }) => username).toSorted())
    expect(users.find(({ username }) => username === 'user-7')?.password).toBe('hash 7')
  })

  test('loaded elsewhere it makes the same users, whose counters begin at 0; loaded again it changes nothing', async () => {
    await accounts.add(ALICE)
    await accounts.add({ ...ALICE, username: 'bob', public_keys: [ED25519.line], permissions: { '/': ['list'] } })
    await provider.resetUse('bob', { size: 5, files: 1 }, NOW)
    const users = await dumped()
    provider = new MemoryProvider()
    accounts = make()
    await accounts.add({ ...ALICE, username: 'carol' })
    expect(await accounts.load(users.map((user) => ({ ...user })))).toEqual({ added: 2, updated: 0 })
    const restored = await dumped()
    expect(restored.slice(0, 2)).toEqual(
      users.map((user, n) => ({ ...user, id: n + 2, used_quota_size: 0, used_quota_files: 0, last_quota_update: 0 })),
    )
    expect(await accounts.load(users.map((user) => ({ ...user })))).toEqual({ added: 0, updated: 2 })
    expect(await dumped()).toEqual(restored)
    expect(await accounts.loginWithPassword('bob', 'secret')).toMatchObject({ ok: true })
  })

  test.each([
    [
      'a field that is wrong',
      { ...ALICE, username: 'bad', uid: 'x' },
      'users[1] "bad": uid must be an integer, got "x"',
    ],
    ['a user without a name', { ...ALICE, username: '' }, 'users[1] "": username is empty'],
    ['a name that comes twice', ALICE, 'users[1] "alice": username is that of an earlier one'],
    [
      'a hash that cannot be checked',
      { ...ALICE, username: 'old', password: '$2a$10$x' },
      'users[1] "old": password: ',
    ],
  ])('%s is named, and nothing is stored', async (_what, second, problem) => {
    await expect(accounts.load([ALICE, second])).rejects.toMatchObject({
      kind: 'validation',
      message: expect.stringContaining(`Validation error: ${problem}`),
    })
    expect(await dumped()).toEqual([])
  })

  test('open sessions follow what was loaded', async () => {
    const { id } = await accounts.add(ALICE)
    const login = await accounts.loginWithPassword('alice', 'secret')
    if (!login.ok) throw new Error('refused')
    const ends: string[] = []
    expect(await accounts.openSession(login, (reason) => ends.push(reason))).toMatchObject({ ok: true })
    await accounts.load([{ username: 'alice', status: 0, id: id + 5 }])
    expect(ends).toEqual(['user is disabled'])
  })

  test('nothing is loaded where accounts are not managed', async () => {
    accounts = make({ manageUsers: false })
    await expect(accounts.load([])).rejects.toMatchObject({ kind: 'method-disabled' })
  })
})

describe('whoever is to be told of changes', () => {
  test('is told after each, of the account as it is then, and as it was when it is removed', async () => {
    const told: unknown[] = []
    const telling = make({
      notify: (action, user) => void told.push([action, user.id, user.uid, user.password]),
    })
    await telling.add(ALICE)
    await telling.update(1, { uid: 5 })
    await telling.load([
      { username: 'alice', uid: 6 },
      { ...ALICE, username: 'bob' },
    ])
    await telling.remove(1)
    expect(told).toEqual([
      ['add', 1, 0, ''],
      ['update', 1, 5, ''],
      ['update', 1, 6, ''],
      ['add', 2, 0, ''],
      ['delete', 1, 6, ''],
    ])
  })

  test('is told nothing of what was refused, nor of logins and quota', async () => {
    const told: unknown[] = []
    const telling = make({ notify: (action) => void told.push(action) })
    await telling.add(ALICE)
    await expect(telling.add(ALICE)).rejects.toMatchObject({ kind: 'exists' })
    await expect(telling.update(1, { uid: -1 })).rejects.toMatchObject({ kind: 'validation' })
    await expect(telling.remove(7)).rejects.toMatchObject({ kind: 'not-found' })
    const disabled = make({ manageUsers: false, notify: (action) => void told.push(action) })
    await expect(disabled.remove(1)).rejects.toMatchObject({ kind: 'method-disabled' })
    const login = await telling.loginWithPassword('alice', 'secret')
    if (login.ok) telling.loggedIn(login.user)
    await provider.addUse('alice', { size: 1, files: 1 }, NOW)
    expect(told).toEqual(['add'])
  })
})
