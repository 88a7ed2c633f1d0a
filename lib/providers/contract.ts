import { afterEach, beforeEach, expect, test } from 'vitest'
import type { NewUser, Permission, User } from '../accounts/user.ts'
import { outboxContract } from './outbox-contract.ts'
import type { Provider } from './provider.ts'

/** A valid account for tests, changed by `overrides`. */
export function sampleUser(username: string, overrides: Partial<NewUser> = {}): NewUser {
  return {
    username,
    status: 1,
    expiration_date: 0,
    password: '$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$c29tZWtleXNvbWVrZXk',
    public_keys: [],
    home_dir: `/srv/${username}`,
    uid: 1000,
    gid: 1001,
    max_sessions: 2,
    quota_size: 2 ** 40,
    quota_files: 100,
    permissions: ['list', 'download'],
    upload_bandwidth: 128,
    download_bandwidth: 64,
    ...overrides,
  }
}

function firstList({ permissions }: NewUser): Permission[] {
  const list = Object.values(Array.isArray(permissions) ? [permissions] : permissions)[0]
  if (list === undefined) throw new Error('no permissions')
  return list
}

const ODD_NAMES = [
  'Ünïcødé 用户 🗂️',
  `it's "quoted"`,
  `x'; DROP TABLE users; --`,
  '100%_[a-z]*?',
  '?1 $1 :name @name',
  'back\\slash\ttab',
  'null',
  ' ',
  '007',
  'n'.repeat(255),
  '界'.repeat(255),
]

/** The rules that hold for every provider. Call it inside a `describe`; `make` gives an empty provider each time. */
export function providerContract(make: () => Promise<Provider>): void {
  let provider: Provider
  beforeEach(async () => {
    provider = await make()
  })
  afterEach(async () => {
    await provider.close()
  })

  const page = { limit: 100, offset: 0, order: 'ASC' } as const
  const names = async (query: Parameters<Provider['users']>[0]) => (await provider.users(query)).map((u) => u.username)

  test('a new provider is available and empty', async () => {
    await expect(provider.checkAvailability()).resolves.toBeUndefined()
    expect(await provider.users(page)).toEqual([])
  })

  test('a user is stored as it was given, with an id and counters at zero', async () => {
    const given = sampleUser('alice', { public_keys: ['ssh-ed25519 AAAA one', 'ssh-rsa BBBB two'], permissions: ['*'] })
    const stored = await provider.addUser(given)
    const counters = { used_quota_size: 0, used_quota_files: 0, last_quota_update: 0, last_login: 0 }
    expect(stored).toEqual({ ...given, ...counters, id: stored.id })
    expect(stored.id).toBeGreaterThan(0)
    expect(await provider.userByName('alice')).toEqual(stored)
    expect(await provider.userById(stored.id)).toEqual(stored)
    expect(await provider.users(page)).toEqual([stored])
  })

  test('counters that come with a new user are not taken', async () => {
    const given: User = {
      ...sampleUser('alice'),
      id: 77,
      used_quota_size: 1,
      used_quota_files: 2,
      last_quota_update: 3,
      last_login: 4,
    }
    const stored = await provider.addUser(given)
    expect(stored).toMatchObject({ used_quota_size: 0, used_quota_files: 0, last_quota_update: 0, last_login: 0 })
    expect(stored.id).not.toBe(77)
  })

  test('no password and no keys are kept as none', async () => {
    const stored = await provider.addUser(sampleUser('alice', { password: '', public_keys: [] }))
    expect(stored).toMatchObject({ password: '', public_keys: [] })
  })

  test('unknown users are undefined', async () => {
    expect(await provider.userByName('nobody')).toBeUndefined()
    expect(await provider.userByName('')).toBeUndefined()
    expect(await provider.userById(1)).toBeUndefined()
    expect(await provider.userById(-1)).toBeUndefined()
    expect(await provider.userById(Number.MAX_SAFE_INTEGER)).toBeUndefined()
  })

  test('a taken name is refused and changes nothing', async () => {
    const first = await provider.addUser(sampleUser('alice'))
    const second = provider.addUser(sampleUser('alice', { uid: 5 }))
    await expect(second).rejects.toMatchObject({ name: 'ProviderError', kind: 'exists' })
    expect(await provider.users(page)).toEqual([first])
  })

  test('of many parallel additions of one name exactly one wins', async () => {
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => provider.addUser(sampleUser('alice'))))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await provider.users(page)).toHaveLength(1)
  })

  test('names that differ in case are different users', async () => {
    await provider.addUser(sampleUser('alice'))
    await provider.addUser(sampleUser('Alice'))
    expect(await names(page)).toEqual(['Alice', 'alice'])
    expect((await provider.userByName('Alice'))?.username).toBe('Alice')
    expect(await provider.userByName('ALICE')).toBeUndefined()
  })

  test('a name with a blank at its end, or with a NUL, is nobody else', async () => {
    await provider.addUser(sampleUser('alice'))
    for (const name of ['alice ', 'alice\0', '\0', 'alice\t', 'a'.repeat(100_000)]) {
      expect(await provider.userByName(name)).toBeUndefined()
      expect(await names({ ...page, username: name })).toEqual([])
      await provider.addUse(name, { size: 1, files: 1 }, 1)
      await provider.resetUse(name, { size: 1, files: 1 }, 1)
      await provider.setLastLogin(name, 1)
      await expect(provider.usedQuota(name)).rejects.toMatchObject({ kind: 'not-found' })
    }
    expect(await provider.userByName('alice')).toMatchObject({ used_quota_size: 0, last_login: 0 })
  })

  test('the id of a deleted user never comes back', async () => {
    const first = await provider.addUser(sampleUser('alice'))
    const second = await provider.addUser(sampleUser('bob'))
    await provider.deleteUser(second.id)
    const third = await provider.addUser(sampleUser('bob'))
    expect(new Set([first.id, second.id, third.id]).size).toBe(3)
    expect(await provider.userById(second.id)).toBeUndefined()
    expect((await provider.userByName('bob'))?.id).toBe(third.id)
  })

  test('a list is in byte order of username, both ways', async () => {
    const ordered = ['', '0', 'A', 'B', 'a', 'a b', 'aa', 'b', 'é', '用', '\u{fffd}', '\u{1f600}']
    for (const name of ordered.toReversed()) await provider.addUser(sampleUser(name))
    expect(await names(page)).toEqual(ordered)
    expect(await names({ ...page, order: 'DESC' })).toEqual(ordered.toReversed())
  })

  test('limit and offset cut the ordered list', async () => {
    for (const name of ['d', 'b', 'a', 'c']) await provider.addUser(sampleUser(name))
    expect(await names({ limit: 2, offset: 0, order: 'ASC' })).toEqual(['a', 'b'])
    expect(await names({ limit: 2, offset: 3, order: 'ASC' })).toEqual(['d'])
    expect(await names({ limit: 2, offset: 1, order: 'DESC' })).toEqual(['c', 'b'])
    expect(await names({ limit: 2, offset: 4, order: 'ASC' })).toEqual([])
  })

  test('the username filter is an exact match, and the offset counts behind it', async () => {
    for (const name of ['alice', 'alice2', 'Alice', '%']) await provider.addUser(sampleUser(name))
    expect(await names({ ...page, username: 'alice' })).toEqual(['alice'])
    expect(await names({ ...page, username: '%' })).toEqual(['%'])
    expect(await names({ ...page, username: 'ali' })).toEqual([])
    expect(await names({ ...page, offset: 1, username: 'alice' })).toEqual([])
  })

  test('a search is for a part of the username, in either case, and nothing in it has a meaning', async () => {
    for (const name of ['alice', 'ALIBABA', 'bob', '100%', 'a_b', 'a\\b', "o'hara", 'Ünïx', 'cloé']) {
      await provider.addUser(sampleUser(name))
    }
    const found = async (search: string) => {
      const listed = await names({ ...page, search })
      expect(await provider.countUsers({ search })).toBe(listed.length)
      return listed
    }
    expect(await found('ali')).toEqual(['ALIBABA', 'alice'])
    expect(await found('ALI')).toEqual(['ALIBABA', 'alice'])
    expect(await found('lic')).toEqual(['alice'])
    expect(await found('%')).toEqual(['100%'])
    expect(await found('_')).toEqual(['a_b'])
    expect(await found('\\')).toEqual(['a\\b'])
    expect(await found("'")).toEqual(["o'hara"])
    expect(await found('nï')).toEqual(['Ünïx'])
    expect(await found('cloe')).toEqual([])
    expect(await found('alice ')).toEqual([])
    expect(await found('\0')).toEqual([])
    expect(await found('.*')).toEqual([])
    expect(await found('')).toHaveLength(9)
    expect(await provider.countUsers({})).toBe(9)
    expect(await names({ ...page, search: 'ali', order: 'DESC', limit: 1, offset: 1 })).toEqual(['ALIBABA'])
    expect(await names({ ...page, search: 'ali', username: 'bob' })).toEqual([])
    expect(await names({ ...page, search: 'ali', username: 'alice' })).toEqual(['alice'])
  })

  test('a list is ordered by what was asked for, then by username', async () => {
    await provider.addUser(sampleUser('c', { home_dir: '/a', expiration_date: 5, status: 0 }))
    await provider.addUser(sampleUser('B', { home_dir: '/B', expiration_date: 7 }))
    await provider.addUser(sampleUser('a', { home_dir: '/b', expiration_date: 5 }))
    await provider.setLastLogin('B', 10)
    await provider.setLastLogin('c', 9)
    await provider.resetUse('a', { size: 3, files: 1 }, 1)
    await provider.resetUse('B', { size: 1, files: 2 }, 1)
    expect(await names({ ...page, sort: 'username' })).toEqual(['B', 'a', 'c'])
    expect(await names({ ...page, sort: 'home_dir' })).toEqual(['B', 'c', 'a'])
    expect(await names({ ...page, sort: 'expiration_date' })).toEqual(['a', 'c', 'B'])
    expect(await names({ ...page, sort: 'expiration_date', order: 'DESC' })).toEqual(['B', 'a', 'c'])
    expect(await names({ ...page, sort: 'status' })).toEqual(['c', 'B', 'a'])
    expect(await names({ ...page, sort: 'last_login', order: 'DESC' })).toEqual(['B', 'c', 'a'])
    expect(await names({ ...page, sort: 'used_quota_size', order: 'DESC' })).toEqual(['a', 'B', 'c'])
    expect(await names({ ...page, sort: 'used_quota_files', offset: 1, limit: 1 })).toEqual(['a'])
    expect(await names({ ...page, sort: 'last_login', search: 'B' })).toEqual(['B'])
  })

  test('an update replaces what an administrator may set, and nothing else', async () => {
    const stored = await provider.addUser(sampleUser('alice'))
    await provider.resetUse('alice', { size: 10, files: 2 }, 1000)
    await provider.setLastLogin('alice', 2000)
    const settings = {
      status: 0,
      expiration_date: 1_900_000_000_000,
      password: '',
      public_keys: ['ssh-ed25519 AAAA'],
      home_dir: '/elsewhere',
      uid: 0,
      gid: 65535,
      max_sessions: 0,
      quota_size: 0,
      quota_files: 7,
      permissions: ['*' as const],
      upload_bandwidth: 1,
      download_bandwidth: 2,
    }
    const sent = { used_quota_size: 9, used_quota_files: 9, last_quota_update: 9, last_login: 9 }
    await provider.updateUser({ ...stored, ...settings, ...sent, username: 'renamed' })
    const kept = { used_quota_size: 10, used_quota_files: 2, last_quota_update: 1000, last_login: 2000 }
    expect(await provider.userById(stored.id)).toEqual({ ...settings, ...kept, id: stored.id, username: 'alice' })
    expect(await provider.userByName('renamed')).toBeUndefined()
  })

  test('updating or deleting an unknown id is refused and touches nobody', async () => {
    const stored = await provider.addUser(sampleUser('alice'))
    const other = { ...stored, id: stored.id + 1 }
    await expect(provider.updateUser(other)).rejects.toMatchObject({ name: 'ProviderError', kind: 'not-found' })
    await expect(provider.deleteUser(other.id)).rejects.toMatchObject({ name: 'ProviderError', kind: 'not-found' })
    expect(await provider.users(page)).toEqual([stored])
  })

  test('a deleted user is gone and its name is free', async () => {
    const stored = await provider.addUser(sampleUser('alice'))
    await provider.deleteUser(stored.id)
    expect(await provider.userByName('alice')).toBeUndefined()
    expect(await provider.userById(stored.id)).toBeUndefined()
    await expect(provider.deleteUser(stored.id)).rejects.toMatchObject({ kind: 'not-found' })
    await expect(provider.addUser(sampleUser('alice'))).resolves.toMatchObject({ username: 'alice' })
  })

  test('a thousand parallel changes of use are all counted', async () => {
    await provider.addUser(sampleUser('alice'))
    await provider.addUser(sampleUser('bob'))
    await Promise.all(Array.from({ length: 1000 }, (_, i) => provider.addUse('alice', { size: i, files: 1 }, i)))
    expect(await provider.usedQuota('alice')).toEqual({ size: 499_500, files: 1000 })
    expect(await provider.usedQuota('bob')).toEqual({ size: 0, files: 0 })
  })

  test('use never falls below zero, size and files apart', async () => {
    await provider.addUser(sampleUser('alice'))
    await provider.addUse('alice', { size: 100, files: 1 }, 1)
    await provider.addUse('alice', { size: -40, files: -5 }, 2)
    expect(await provider.usedQuota('alice')).toEqual({ size: 60, files: 0 })
    await provider.addUse('alice', { size: -1000, files: 2 }, 3)
    expect(await provider.usedQuota('alice')).toEqual({ size: 0, files: 2 })
  })

  test('a size above 32 bits and all the files of 31 bits are counted exactly', async () => {
    await provider.addUser(sampleUser('alice'))
    await provider.addUse('alice', { size: 2 ** 50, files: 2 ** 31 - 2 }, 1)
    await provider.addUse('alice', { size: 1, files: 1 }, 1)
    expect(await provider.usedQuota('alice')).toEqual({ size: 2 ** 50 + 1, files: 2 ** 31 - 1 })
  })

  test('a change of use is stamped and leaves the last login alone', async () => {
    const { id } = await provider.addUser(sampleUser('alice'))
    await provider.addUse('alice', { size: 1, files: 1 }, 1_700_000_000_000)
    const user = await provider.userById(id)
    expect(user).toMatchObject({ used_quota_size: 1, used_quota_files: 1, last_login: 0 })
    expect(user?.last_quota_update).toBe(1_700_000_000_000)
  })

  test('a reset stores the use as it is and is stamped', async () => {
    await provider.addUser(sampleUser('alice'))
    await provider.addUse('alice', { size: 5, files: 5 }, 1)
    await provider.resetUse('alice', { size: 2 ** 41, files: 3 }, 7)
    const kept = { used_quota_size: 2 ** 41, used_quota_files: 3, last_quota_update: 7 }
    expect(await provider.userByName('alice')).toMatchObject(kept)
  })

  test('the use of an unknown name is not found, and changing it is ignored', async () => {
    await expect(provider.addUse('nobody', { size: 1, files: 1 }, 1)).resolves.toBeUndefined()
    await expect(provider.resetUse('nobody', { size: 1, files: 1 }, 1)).resolves.toBeUndefined()
    await expect(provider.setLastLogin('nobody', 1)).resolves.toBeUndefined()
    await expect(provider.usedQuota('nobody')).rejects.toMatchObject({ name: 'ProviderError', kind: 'not-found' })
    expect(await provider.users(page)).toEqual([])
  })

  test('the last login is stamped and nothing else changes', async () => {
    const stored = await provider.addUser(sampleUser('alice'))
    await provider.setLastLogin('alice', 1_700_000_000_123)
    expect(await provider.userById(stored.id)).toEqual({ ...stored, last_login: 1_700_000_000_123 })
  })

  test('what is handed in or out is a copy: changing it does not change the store', async () => {
    const given = sampleUser('alice', { public_keys: ['one'] })
    const added = await provider.addUser(given)
    const pristine = structuredClone(added)
    firstList(given).push('*')
    const update = { ...structuredClone(added) }
    await provider.updateUser(update)
    firstList(update).push('*')
    const byName = await provider.userByName('alice')
    const byId = await provider.userById(added.id)
    const [listed] = await provider.users(page)
    for (const copy of [added, byName, byId, listed]) {
      if (copy === undefined) throw new Error('the user is missing')
      copy.public_keys.push('two')
      firstList(copy).length = 0
      copy.username = 'changed'
    }
    expect(await provider.userById(added.id)).toEqual(pristine)
  })

  test('permissions are kept in the form they came in', async () => {
    const byPath = { '/': ['list' as const], '/Ünï 用户': ['*' as const], '/hidden/below': [] }
    const stored = await provider.addUser(sampleUser('alice', { permissions: byPath }))
    expect(stored.permissions).toEqual(byPath)
    expect((await provider.userByName('alice'))?.permissions).toEqual(byPath)
    await provider.updateUser({ ...stored, permissions: ['upload'] })
    expect((await provider.userById(stored.id))?.permissions).toEqual(['upload'])
    await provider.updateUser({ ...stored, permissions: { '/': ['upload'] } })
    const [listed] = await provider.users(page)
    expect(listed?.permissions).toEqual({ '/': ['upload'] })
    firstList(listed ?? stored).push('*')
    expect((await provider.userById(stored.id))?.permissions).toEqual({ '/': ['upload'] })
  })

  test.each(ODD_NAMES)('text comes back as it was given: %j', async (text) => {
    await provider.addUser(sampleUser('bystander'))
    const given = sampleUser(text, { password: text, home_dir: text, public_keys: [text, text] })
    const stored = await provider.addUser(given)
    expect(await provider.userByName(text)).toMatchObject(given)
    expect(await names({ ...page, username: text })).toEqual([text])
    const moved = `/${text}`.slice(0, 255)
    await provider.updateUser({ ...stored, home_dir: moved })
    await provider.addUse(text, { size: 3, files: 1 }, 1)
    expect(await provider.usedQuota(text)).toEqual({ size: 3, files: 1 })
    expect((await provider.userById(stored.id))?.home_dir).toBe(moved)
    expect(await provider.usedQuota('bystander')).toEqual({ size: 0, files: 0 })
  })

  test('after close every call is unavailable, and closing again is allowed', async () => {
    const stored = await provider.addUser(sampleUser('alice'))
    await provider.close()
    await provider.close()
    const calls = [
      () => provider.checkAvailability(),
      () => provider.userByName('alice'),
      () => provider.userById(stored.id),
      () => provider.users(page),
      () => provider.countUsers({}),
      () => provider.addUser(sampleUser('bob')),
      () => provider.updateUser(stored),
      () => provider.deleteUser(stored.id),
      () => provider.addUse('alice', { size: 1, files: 1 }, 1),
      () => provider.resetUse('alice', { size: 1, files: 1 }, 1),
      () => provider.usedQuota('alice'),
      () => provider.setLastLogin('alice', 1),
    ]
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({ name: 'ProviderError', kind: 'unavailable' })
    }
  })

  outboxContract(() => provider)
}
