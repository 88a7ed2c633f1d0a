import * as fc from 'fast-check'
import ssh2 from 'ssh2'
import { describe, expect, test } from 'vitest'
import { aUser } from '../fakes.test.support.ts'
import { cloneOf, draftOf, emptyDraft, fieldOfRefusal, inputOf, readDraft } from './user-form.ts'

const KEY = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'me' }).public

/** The fields that a form of 0.9.4 sends. */
const FIELDS = {
  username: 'bob',
  password: 'secret',
  public_keys: '',
  permissions: '*',
  home_dir: '/srv/bob',
  uid: '0',
  gid: '0',
  max_sessions: '0',
  quota_files: '1',
  quota_size: '2',
  upload_bandwidth: '3',
  download_bandwidth: '4',
  status: '1',
  expiration_date: '',
}

function sent(fields: Partial<typeof FIELDS> = {}, more: [string, string][] = []): URLSearchParams {
  return new URLSearchParams([...Object.entries({ ...FIELDS, ...fields }), ...more])
}

test('a form of 0.9.4 is an account', () => {
  const { input, errors } = inputOf(readDraft(sent()), 'secret')
  expect(errors).toEqual({})
  expect(input).toEqual({
    username: 'bob',
    password: 'secret',
    public_keys: [],
    permissions: ['*'],
    home_dir: '/srv/bob',
    uid: 0,
    gid: 0,
    max_sessions: 0,
    quota_files: 1,
    quota_size: 2,
    upload_bandwidth: 3,
    download_bandwidth: 4,
    status: 1,
    expiration_date: 0,
  })
})

test.each([
  'uid',
  'gid',
  'max_sessions',
  'quota_files',
  'quota_size',
  'upload_bandwidth',
  'download_bandwidth',
] as const)('%s must be there and a whole number', (name) => {
  for (const value of ['', ' ', 'x', '1.5', '-1', '1e3', '99999999999999999', '0x1']) {
    expect({ value, ...inputOf(readDraft(sent({ [name]: value })), '').errors }).toHaveProperty(name)
  }
  const without = sent()
  without.delete(name)
  expect(inputOf({ ...readDraft(without), [name]: '' }, '').errors).toHaveProperty(name)
})

describe('expiration', () => {
  test.each([
    ['', 0],
    ['2030-01-02 03:04:05', Date.UTC(2030, 0, 2, 3, 4, 5)],
    ['2030-01-02T03:04:05', Date.UTC(2030, 0, 2, 3, 4, 5)],
    ['2030-01-02T03:04', Date.UTC(2030, 0, 2, 3, 4)],
    ['2030-01-02T03:04:05.000', Date.UTC(2030, 0, 2, 3, 4, 5)],
  ])('"%s" is read as UTC', (expiration_date, time) => {
    const { input, errors } = inputOf(readDraft(sent({ expiration_date })), '')
    expect(errors).toEqual({})
    expect(input['expiration_date']).toBe(time)
  })

  test.each(['2030-01-02', 'tomorrow', '2030-02-31 00:00:00', '2030-01-02 25:00:00', '1969-12-31 23:59:59', '0'])(
    '"%s" is refused',
    (expiration_date) => {
      expect(inputOf(readDraft(sent({ expiration_date })), '').errors).toHaveProperty('expiration_date')
    },
  )
})

describe('public keys', () => {
  test('are one a line, trimmed, without empty ones', () => {
    const { input, errors } = inputOf(readDraft(sent({ public_keys: `\r\n  ${KEY}  \r\n\r\n` })), '')
    expect(errors).toEqual({})
    expect(input['public_keys']).toEqual([KEY.trim()])
  })

  test('that are none are named by their number, all of them, and never repeated', () => {
    const { errors } = inputOf(readDraft(sent({ public_keys: `nonsense\n${KEY}\nssh-dss AAAA x` })), '')
    expect(errors['public_keys']).toMatch(/^Key 1: not an authorized_keys line.*Key 3: this algorithm/)
    expect(errors['public_keys']).not.toContain('nonsense')
  })
})

describe('directories', () => {
  test('with lists of their own make an object', () => {
    const form = sent({}, [
      ['directory_0', '/in'],
      ['directory_permissions_0', 'list'],
      ['directory_permissions_0', 'upload'],
      ['directory_1', '/hidden'],
      ['directory_2', ''],
    ])
    expect(inputOf(readDraft(form), '').input['permissions']).toEqual({
      '/': ['*'],
      '/in': ['list', 'upload'],
      '/hidden': [],
    })
  })

  test.each([
    [
      'no path',
      [
        ['directory_permissions_0', 'list'],
        ['directory_0', ''],
      ],
    ],
    ['the root', [['directory_0', '/']]],
    [
      'twice the same',
      [
        ['directory_0', '/a'],
        ['directory_1', '/a'],
      ],
    ],
  ] as [string, [string, string][]][])('%s is refused', (_, rows) => {
    expect(inputOf(readDraft(sent({}, rows)), '').errors).toHaveProperty('directories')
  })

  test('__proto__ is a path like any other', () => {
    const { input } = inputOf(readDraft(sent({}, [['directory_0', '__proto__']])), '')
    expect(Object.keys(input['permissions'] as object)).toEqual(['/', '__proto__'])
  })
})

describe('an update', () => {
  const user = aUser({
    public_keys: ['from another tool'],
    home_dir: '/odd\nhome',
    permissions: { '/': ['upload', 'list'] },
  })
  const formOf = (draft: ReturnType<typeof draftOf>) => {
    const form = new URLSearchParams()
    for (const [name, value] of Object.entries(draft)) if (typeof value === 'string') form.append(name, value)
    for (const word of draft.permissions) form.append('permissions', word)
    draft.directories.forEach(({ path, permissions }, row) => {
      form.append(`directory_${row}`, path)
      for (const word of permissions) form.append(`directory_permissions_${row}`, word)
    })
    return form
  }

  test('that changes nothing sends nothing: what is stored is not judged anew', () => {
    // A field of one line has no line break.
    const form = formOf({ ...draftOf(user), home_dir: '/oddhome' })
    expect(inputOf(readDraft(form), '', user)).toEqual({ input: {}, errors: {} })
  })

  test('sends what differs', () => {
    const form = formOf({ ...draftOf(user), quota_files: '5', permissions: ['list'] })
    expect(inputOf(readDraft(form), 'new', user).input).toEqual({
      quota_files: 5,
      permissions: ['list'],
      password: 'new',
    })
  })

  test('any account comes back as it went into the form', () => {
    const word = fc.constantFrom('list' as const, 'upload' as const, 'rename' as const)
    const list = fc.uniqueArray(word)
    const path = fc
      .string({ minLength: 1, unit: 'grapheme' })
      .map((name) => `/${name}`)
      .filter((name) => name !== '/')
    const account = fc.record({
      status: fc.constantFrom(0, 1),
      expiration_date: fc.integer({ min: 0, max: 253_402_300_799 }).map((seconds) => seconds * 1000),
      quota_size: fc.maxSafeNat(),
      uid: fc.nat(65_535),
      permissions: fc.oneof(
        list,
        fc.tuple(list, fc.dictionary(path, list)).map(([root, others]) => ({ '/': root, ...others })),
      ),
    })
    fc.assert(
      fc.property(account, (fields) => {
        const stored = aUser({ ...fields, public_keys: [] })
        const { input, errors } = inputOf(readDraft(formOf(draftOf(stored))), '', stored)
        expect({ input, errors }).toEqual({ input: {}, errors: {} })
      }),
    )
  })
})

test('a clone has the settings, not the name, the login or the home', () => {
  const draft = cloneOf(aUser({ quota_files: 9, permissions: { '/': ['list'], '/a': [] } }))
  expect(draft).toMatchObject({ username: '', public_keys: '', home_dir: '', quota_files: '9' })
  expect(draft.directories).toEqual([{ path: '/a', permissions: [] }])
})

test('a number of rows without end is cut', () => {
  const rows = Array.from({ length: 5000 }, (_, row): [string, string] => [`directory_${row}`, `/${row}`])
  expect(readDraft(new URLSearchParams(rows)).directories).toHaveLength(101)
})

test.each([
  ['Validation error: home_dir is "x", want an absolute path', 'home_dir'],
  ['Validation error: password and public_keys are both empty, want one of them', 'password'],
  ['Validation error: permission "x" is not known', 'permissions'],
  ['Validation error: permissions is empty', 'permissions'],
  ['User already exists: the username is taken', 'username'],
  ['Method disabled error: users cannot be changed', 'form'],
  ['Data provider error: gone', 'form'],
])('"%s" is about %s', (message, field) => {
  expect(fieldOfRefusal(message).field).toBe(field)
})

test('an empty form has no errors of its own but what is required', () => {
  expect(inputOf(emptyDraft(), '').errors).toEqual({})
})
