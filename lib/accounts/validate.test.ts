import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_PATH_BYTES } from '../../protocol/filesystem.ts'
import { readFields } from './fields.ts'
import { PERMISSION_PATHS_MAX } from './granted.ts'
import { createPasswords } from './passwords.ts'
import { ECDSA, ED25519, RSA_1024 } from './sample-keys.ts'
import type { GrantedPermissions, User } from './user.ts'
import { PERMISSIONS } from './user.ts'
import { HOME_DIR_MAX_LENGTH, PUBLIC_KEYS_MAX, validNewUser, validOverlay } from './validate.ts'

const passwords = createPasswords({ cost: { memoryKiB: 8, passes: 1, lanes: 1 } })
const MINIMUM = { username: 'alice', home_dir: '/srv/alice', permissions: ['*'], public_keys: [ED25519.line] }

const valid = async (input: Record<string, unknown>, usersBaseDir = '') =>
  validNewUser(readFields(input), { usersBaseDir, passwords })
const changed = (input: Record<string, unknown>, usersBaseDir = '') => valid({ ...MINIMUM, ...input }, usersBaseDir)
const refusal = async (input: Record<string, unknown>, usersBaseDir = '') => {
  const error: unknown = await changed(input, usersBaseDir).then(
    () => undefined,
    (refused: unknown) => refused,
  )
  return error instanceof Error ? error.message : 'accepted'
}

describe('a new user', () => {
  test('is active, unlimited and never expires unless told otherwise', async () => {
    expect(await valid(MINIMUM)).toEqual({
      ...MINIMUM,
      password: '',
      status: 1,
      expiration_date: 0,
      uid: 0,
      gid: 0,
      max_sessions: 0,
      quota_size: 0,
      quota_files: 0,
      upload_bandwidth: 0,
      download_bandwidth: 0,
    })
  })

  test('takes everything that may be set', async () => {
    const everything = {
      ...MINIMUM,
      status: 0,
      expiration_date: 1_900_000_000_000,
      uid: 65535,
      gid: 1,
      max_sessions: 3,
      quota_size: Number.MAX_SAFE_INTEGER,
      quota_files: 10,
      permissions: ['list', 'chtimes'],
      upload_bandwidth: 100,
      download_bandwidth: 200,
    }
    expect(await valid({ ...everything, id: 9 })).toEqual({ ...everything, password: '' })
  })

  test('keys are read in any case, the last one counts, unknown ones and counters do not', async () => {
    const counters = { used_quota_size: 5, used_quota_files: 5, last_quota_update: 5, last_login: 5 }
    const stored = await valid({
      ...MINIMUM,
      UID: 7,
      Uid: 8,
      Home_Dir: '/other',
      ...counters,
      __proto__: { gid: 1 },
      x: 1,
    })
    expect(stored).toMatchObject({ uid: 8, home_dir: '/other', gid: 0 })
    expect(stored).not.toHaveProperty('used_quota_size')
    expect(stored).not.toHaveProperty('x')
  })

  test('null is as if the key was not there, and an empty list', async () => {
    const nothing = { status: null, uid: null, password: null, public_keys: null }
    expect(await refusal({ ...nothing })).toMatch(/password and public_keys are both empty/)
    expect(await changed({ ...nothing, public_keys: [ED25519.line] })).toMatchObject({ status: 1, uid: 0 })
    expect(await refusal({ permissions: null })).toMatch(/permissions is empty/)
  })

  test('a password is stored as a hash of it', async () => {
    const stored = await changed({ password: 'secret', public_keys: [] })
    expect(stored.password).toMatch(/^\$argon2id\$/)
    expect(await passwords.matches(stored.password, 'secret')).toBe(true)
  })

  test('keys are stored without the white space around them', async () => {
    const stored = await changed({ public_keys: [`${ED25519.line}\n`, ` ${ECDSA.line}`] })
    expect(stored.public_keys).toEqual([ED25519.line, ECDSA.line])
  })

  test('"*" swallows the other permissions, and each is stored once', async () => {
    expect((await changed({ permissions: ['list', '*', 'upload'] })).permissions).toEqual(['*'])
    expect((await changed({ permissions: ['list', 'upload', 'list'] })).permissions).toEqual(['list', 'upload'])
    expect((await changed({ permissions: PERMISSIONS.slice(1) })).permissions).toEqual(PERMISSIONS.slice(1))
  })
})

describe('permissions by path', () => {
  test('stay an object, each list as a list is stored', async () => {
    const byPath = { '/': [], '/a': ['list', '*'], '/a/b c/Ünï 用户': ['upload', 'upload'], '/...': ['list'] }
    expect((await changed({ permissions: byPath })).permissions).toEqual({
      '/': [],
      '/a': ['*'],
      '/a/b c/Ünï 用户': ['upload'],
      '/...': ['list'],
    })
    expect((await changed({ permissions: { '/': ['list'] } })).permissions).toEqual({ '/': ['list'] })
  })

  test.each(['', 'a', './a', '/a/', '//', '//a', '/a//b', '/.', '/a/.', '/..', '/a/../b', '/a\0b', '__proto__'])(
    'refused: %j',
    async (path) => {
      const byPath = { '/': ['list'], ...Object.fromEntries([[path, ['list']]]) }
      expect(await refusal({ permissions: byPath })).toBe(
        `Validation error: permissions has the path ${JSON.stringify(path)}, ` +
          'want absolute ones without "//", ".", ".." or a "/" at the end',
      )
    },
  )

  test('a path can be as long as a path can be, and all of them as long as a column', async () => {
    const long = (letter: string, bytes: number): string => `/${letter.repeat(bytes - 1)}`
    expect(await refusal({ permissions: { '/': ['*'], [long('a', MAX_PATH_BYTES)]: [] } })).toBe('accepted')
    expect(await refusal({ permissions: { '/': ['*'], [long('a', MAX_PATH_BYTES + 1)]: [] } })).toMatch(
      /has the path "/,
    )
    const many = Object.fromEntries(Array.from('abcdefghijklmnopq').map((letter) => [long(letter, 4000), ['list']]))
    expect(await refusal({ permissions: { '/': ['*'], ...many } })).toMatch(
      /^Validation error: permissions has \d+ bytes as JSON, want at most 65535$/,
    )
    const most = Object.fromEntries(Array.from({ length: PERMISSION_PATHS_MAX - 1 }, (_, n) => [`/${n}`, []]))
    expect(await refusal({ permissions: { '/': ['*'], ...most } })).toBe('accepted')
  })
})

describe('usernames', () => {
  test.each(['a', 'me@example.com', 'Ünïcødé 用户', '...', '.hidden', ' x ', `o'brien"`, 'a\\b', 'é'.repeat(127)])(
    'accepted: %j',
    async (username) => {
      expect((await changed({ username })).username).toBe(username)
    },
  )

  test.each([
    ['', /username is empty/],
    ['é'.repeat(128), /username has 256 bytes, want at most 255/],
    ['a/b', /username is "a\/b", want no "\/"/],
    ['.', /username is "\."/],
    ['..', /username is "\.\."/],
    ['a\nb', /username is "a\\nb"/],
    ['a\u0000', /no control characters/],
    ['a\u007f', /no control characters/],
    ['a\u0085', /no control characters/],
    ['a\u2028b', /no control characters/],
    ['a\ud800', /username must be a string/],
  ])('refused: %j', async (username, why) => {
    expect(await refusal({ username })).toMatch(why)
  })
})

describe('homes', () => {
  test('are derived from the base and the name when none is given', async () => {
    expect((await changed({ home_dir: '' }, '/srv/sftp/')).home_dir).toBe('/srv/sftp/alice')
    expect((await changed({ home_dir: null, username: 'ü@x y' }, '/')).home_dir).toBe('/ü@x y')
  })

  test('that are given are kept as they are', async () => {
    expect((await changed({ home_dir: '/a/../b/' }, '/srv')).home_dir).toBe('/a/../b/')
    expect((await changed({ home_dir: '/' })).home_dir).toBe('/')
  })

  test('must be absolute, and need a base when they are left out', async () => {
    expect(await refusal({ home_dir: 'srv/x' })).toBe('Validation error: home_dir is "srv/x", want an absolute path')
    expect(await refusal({ home_dir: '' }, 'srv')).toBe(
      'Validation error: home_dir is "srv/alice", want an absolute path',
    )
    expect(await refusal({ home_dir: '' })).toMatch(/home_dir is empty/)
    expect(await refusal({ home_dir: '/a\0b' })).toMatch(/NUL/)
    expect(await refusal({ home_dir: `/${'x'.repeat(HOME_DIR_MAX_LENGTH)}` })).toMatch(/longer than 255 characters/)
  })

  test('a derived home never leaves the base', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.constantFrom('.', '/', 'a', '\\', ' ') }), async (username) => {
        const home = await changed({ username, home_dir: '' }, '/srv/base').then(
          (user) => user.home_dir,
          () => '/srv/base/a',
        )
        expect(home).toMatch(/^\/srv\/base\/[^/]+$/)
        expect(home).not.toMatch(/\/\.{1,2}$/)
      }),
    )
  })
})

describe('refusals name the field, what came and what is allowed', () => {
  test.each([
    [{ uid: '5' }, 'uid must be an integer, got "5"'],
    [{ uid: 1.5 }, 'uid must be an integer, got 1.5'],
    [{ quota_size: 2 ** 53 }, 'quota_size must be an integer, got 9007199254740992'],
    [{ status: true }, 'status must be an integer, got true'],
    [{ id: 'x' }, 'id must be an integer, got "x"'],
    [{ username: 5 }, 'username must be a string, got 5'],
    [{ home_dir: ['/'] }, 'home_dir must be a string, got an array'],
    [{ permissions: '*' }, 'permissions must be an array of strings, or an object of such arrays by path, got "*"'],
    [{ permissions: { '/': '*' } }, 'permissions["/"] must be an array of strings, got "*"'],
    [{ permissions: { '/': null } }, 'permissions["/"] must be an array of strings, got null'],
    [{ permissions: { '/': ['*', 5] } }, 'permissions["/"][1] must be a string, got 5'],
    [{ permissions: { '/': [], '/\ud800': [] } }, 'permissions: each path must be a string, got "/\\ud800"'],
    [{ permissions: {} }, `permissions is empty, want some of ${PERMISSIONS.join(', ')}`],
    [{ permissions: { '/': [], '/a': [] } }, `permissions is empty, want some of ${PERMISSIONS.join(', ')}`],
    [{ permissions: { '/a': ['*'] } }, 'permissions has no "/", want a list for it, too'],
    [
      { permissions: { '/': ['*'], '/a': ['fly'] } },
      `permission "fly" of "/a" is not known, want some of ${PERMISSIONS.join(', ')}`,
    ],
    [
      { permissions: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`/${n}`, ['list']])) },
      'permissions has 101 paths, want at most 100',
    ],
    [{ permissions: ['*', null] }, 'permissions[1] must be a string, got null'],
    [{ permissions: [] }, `permissions is empty, want some of ${PERMISSIONS.join(', ')}`],
    [{ permissions: ['List'] }, `permission "List" is not known, want some of ${PERMISSIONS.join(', ')}`],
    [{ status: 2 }, 'status is 2, want 0 to 1'],
    [{ status: -1 }, 'status is -1, want 0 to 1'],
    [{ uid: 65536 }, 'uid is 65536, want 0 to 65535'],
    [{ gid: -1 }, 'gid is -1, want 0 to 65535'],
    [{ max_sessions: -1 }, 'max_sessions is -1, want 0 to 9007199254740991'],
    [{ quota_size: -1 }, 'quota_size is -1, want 0 to 9007199254740991'],
    [{ quota_files: -1 }, 'quota_files is -1, want 0 to 9007199254740991'],
    [{ upload_bandwidth: -1 }, 'upload_bandwidth is -1, want 0 to 9007199254740991'],
    [{ download_bandwidth: -1 }, 'download_bandwidth is -1, want 0 to 9007199254740991'],
    [{ expiration_date: -1 }, 'expiration_date is -1, want 0 to 9007199254740991'],
    [{ public_keys: [] }, 'password and public_keys are both empty, want one of them'],
    [
      { public_keys: Array.from({ length: PUBLIC_KEYS_MAX + 1 }, () => '') },
      'public_keys has 101 keys, want at most 100',
    ],
    [{ public_keys: [ED25519.line, RSA_1024] }, 'public_keys[1]: RSA key of 1024 bits, want 2048 to 8192'],
  ])('%j', async (input, message) => {
    expect(await refusal(input)).toBe(`Validation error: ${message}`)
  })

  test('but never a password or a key', async () => {
    expect(await refusal({ password: 12345 })).toBe('Validation error: password must be a string, got a number')
    expect(await refusal({ public_keys: 'secret' })).toBe(
      'Validation error: public_keys must be an array of strings, got a string',
    )
    expect(await refusal({ public_keys: [{ key: 'secret' }] })).toBe(
      'Validation error: public_keys[0] must be a string, got an object',
    )
    expect(await refusal({ public_keys: ['secret'] })).not.toMatch(/secret/)
    expect(await refusal({ password: '$6$secret' })).not.toMatch(/secret/)
  })

  test('and come in the order of the checks of SFTPGo', async () => {
    const wrong: Record<string, unknown> = {
      home_dir: '',
      password: '$6$x',
      public_keys: [],
      permissions: [],
      status: 7,
    }
    const steps: [Record<string, unknown>, RegExp][] = [
      [{}, /home_dir is empty/],
      [{ home_dir: 'rel', password: '' }, /both empty/],
      [{ password: '$6$x' }, /permissions is empty/],
      [{ permissions: ['fly'] }, /home_dir is "rel"/],
      [{ home_dir: '/srv' }, /permission "fly"/],
      [{ permissions: ['*'] }, /status is 7/],
      [{ status: 1, public_keys: ['junk'] }, /\$6\$ hash cannot be checked/],
      [{ password: 'x' }, /public_keys\[0\]/],
    ]
    for (const [repair, next] of steps) {
      Object.assign(wrong, repair)
      expect(await refusal(wrong)).toMatch(next)
    }
  })
})

describe('an update', () => {
  const stored: User = {
    id: 5,
    username: 'old/name',
    status: 1,
    expiration_date: -1,
    password: '$2a$14$kept',
    public_keys: [RSA_1024],
    home_dir: '/srv/old',
    uid: 70_000,
    gid: 0,
    max_sessions: 0,
    quota_size: -1,
    quota_files: 0,
    permissions: ['list'],
    used_quota_size: -5,
    used_quota_files: 1,
    last_quota_update: 2,
    upload_bandwidth: 0,
    download_bandwidth: 0,
    last_login: 3,
  }
  const update = async (input: Record<string, unknown>, base: User = stored, usersBaseDir = '') =>
    validOverlay(base, readFields(input), { usersBaseDir, passwords })

  test('of nothing changes nothing, even what would not be accepted today', async () => {
    expect(await update({})).toEqual(stored)
    expect(await update({ id: 5, username: 'old/name', used_quota_size: 7, last_login: 7 })).toEqual(stored)
  })

  test('an account from another tool can be switched off', async () => {
    expect(await update({ status: 0 })).toEqual({ ...stored, status: 0 })
  })

  test('lists are replaced', async () => {
    const after = await update({ public_keys: [ED25519.line], permissions: ['upload', 'delete'] })
    expect(after).toEqual({ ...stored, public_keys: [ED25519.line], permissions: ['upload', 'delete'] })
    const byPath: GrantedPermissions = { '/': ['list'], '/a': [] }
    const changedTo = await update({ permissions: byPath })
    expect(changedTo.permissions).toEqual(byPath)
    expect(await update({ status: 0 }, changedTo)).toEqual({ ...stored, status: 0, permissions: byPath })
  })

  test('an empty password removes it and needs a key, an absent one is kept', async () => {
    expect((await update({ password: '' })).password).toBe('')
    expect((await update({ public_keys: null })).password).toBe(stored.password)
    await expect(update({ password: '', public_keys: [] })).rejects.toThrow(/both empty/)
    await expect(update({ password: '' }, { ...stored, public_keys: [] })).rejects.toThrow(/both empty/)
    await expect(update({ public_keys: [] }, { ...stored, password: '' })).rejects.toThrow(/both empty/)
  })

  test('an empty home is derived again, never from a name that is no folder name', async () => {
    expect((await update({ home_dir: '' }, { ...stored, username: 'bob' }, '/base')).home_dir).toBe('/base/bob')
    await expect(update({ home_dir: '' })).rejects.toThrow(/home_dir is empty/)
    for (const username of ['old/name', '..', '../x', '.']) {
      await expect(update({ home_dir: '' }, { ...stored, username }, '/base')).rejects.toThrow(/is not a folder name/)
    }
  })

  test('another username is refused', async () => {
    await expect(update({ username: 'new' })).rejects.toThrow('username cannot be changed, got "new" for "old/name"')
    await expect(update({ username: '' })).rejects.toThrow(/username is empty/)
  })
})
