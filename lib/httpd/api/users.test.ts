import { describe, expect, test } from 'vitest'
import { AccountError } from '../../accounts/accounts.ts'
import { aUser, fakeApi, type Ask } from '../fakes.test.support.ts'

const post = (body: string): Ask => ({ method: 'POST', body })
const put = (body: string): Ask => ({ method: 'PUT', body })

describe('the user object', () => {
  const KEYS =
    'id status username expiration_date public_keys home_dir uid gid max_sessions quota_size quota_files permissions ' +
    'used_quota_size used_quota_files last_quota_update upload_bandwidth download_bandwidth last_login'

  test('has its keys in the order of 0.9.4 and no password', async () => {
    const { ask } = fakeApi()
    const { status, body } = await ask('/api/v1/user/1')
    expect(status).toBe(200)
    expect(Object.keys(JSON.parse(body)).join(' ')).toBe(KEYS)
    expect(body).not.toContain('secret')
  })

  test('leaves public_keys out when there are none', async () => {
    const { ask } = fakeApi({ users: [aUser({ public_keys: [] })] })
    expect(JSON.parse((await ask('/api/v1/user/1')).body)).not.toHaveProperty('public_keys')
    expect(JSON.parse((await ask('/api/v1/user')).body)[0]).not.toHaveProperty('public_keys')
  })

  test('has public_keys in lists, never in the answer to POST', async () => {
    const { ask } = fakeApi()
    expect(JSON.parse((await ask('/api/v1/user')).body)[0]).toHaveProperty('public_keys', ['ssh-ed25519 AAAA alice'])
    const added = await ask('/api/v1/user', post('{"username":"bob","password":"p"}'))
    expect(added.status).toBe(200)
    expect(JSON.parse(added.body)).toMatchObject({ id: 2, username: 'bob' })
    expect(JSON.parse(added.body)).not.toHaveProperty('public_keys')
    expect(added.body).not.toContain('secret')
  })
})

describe('permissions', () => {
  test('are shown in the form they were given in', async () => {
    const byPath = { '/': ['list' as const], '/Ünï 用户/x': [] }
    const { ask } = fakeApi({ users: [aUser({ permissions: byPath }), aUser({ id: 2, permissions: ['list'] })] })
    expect(JSON.parse((await ask('/api/v1/user/1')).body)).toHaveProperty('permissions', byPath)
    const listed: unknown = JSON.parse((await ask('/api/v1/user')).body)
    expect(listed).toMatchObject([{ permissions: byPath }, { permissions: ['list'] }])
  })

  test('reach the accounts as they were sent, paths in their own case', async () => {
    const { ask, accounts } = fakeApi()
    const permissions = { '/': ['*'], '/Docs': ['list'] }
    await ask('/api/v1/user', post(JSON.stringify({ username: 'bob', PERMISSIONS: permissions })))
    expect(accounts.calls).toEqual([{ username: 'bob', permissions }])
  })
})

describe('answers of success', () => {
  test('an empty list is []', async () => {
    expect((await fakeApi({ users: [] }).ask('/api/v1/user')).body).toBe('[]\n')
  })

  test('PUT and DELETE answer the generic object', async () => {
    const { ask, accounts } = fakeApi()
    expect((await ask('/api/v1/user/1', put('{"id":1,"status":0}'))).body).toBe(
      '{"error":"","message":"User updated","status":200}\n',
    )
    expect((await ask('/api/v1/user/1', { method: 'DELETE', headers: { 'content-length': '0' } })).body).toBe(
      '{"error":"","message":"User deleted","status":200}\n',
    )
    expect(accounts.users).toEqual([])
  })

  test.each(['{"status":0}', '{"id":null}', '{"ID":1}', ' {"id":1} \n'])('PUT accepts %s', async (body) => {
    expect((await fakeApi().ask('/api/v1/user/1', put(body))).status).toBe(200)
  })

  test('keys match in any case; those that no user has are dropped', async () => {
    const { ask, accounts } = fakeApi()
    await ask('/api/v1/user', post('{"UserName":"bob","__proto__":{"uid":7},"constructor":1,"x":2,"uid":1,"uid":3}'))
    expect(accounts.calls).toEqual([{ username: 'bob', uid: 3 }])
    expect(Object.getPrototypeOf(accounts.calls[0])).toBe(Object.prototype)
  })
})

const validation = new AccountError('validation', 'Validation error: no')
const disabled = new AccountError('method-disabled', 'Method disabled error: manage_users is 0')
const unavailable = new AccountError('unavailable', 'the users cannot be reached')

const FAILURES: { name: string; target: string; ask?: Ask; failure?: unknown; status: number; error: RegExp }[] = [
  { name: 'list: limit empty', target: '/api/v1/user?limit=', status: 400, error: /limit/ },
  { name: 'list: limit 0', target: '/api/v1/user?limit=0', status: 400, error: /limit/ },
  { name: 'list: limit -1', target: '/api/v1/user?limit=-1', status: 400, error: /limit/ },
  { name: 'list: limit 1.5', target: '/api/v1/user?limit=1.5', status: 400, error: /limit/ },
  { name: 'list: offset -1', target: '/api/v1/user?offset=-1', status: 400, error: /offset/ },
  { name: 'list: offset a word', target: '/api/v1/user?offset=x', status: 400, error: /offset/ },
  { name: 'list: order in lower case', target: '/api/v1/user?order=asc', status: 400, error: /order/ },
  { name: 'list: order empty', target: '/api/v1/user?order=', status: 400, error: /order/ },
  { name: 'list: provider', target: '/api/v1/user', failure: unavailable, status: 500, error: /reached/ },

  { name: 'get: no integer', target: '/api/v1/user/1.5', status: 400, error: /64 bits/ },
  { name: 'get: beyond 64 bits', target: '/api/v1/user/9223372036854775808', status: 400, error: /64 bits/ },
  { name: 'get: a very long id', target: `/api/v1/user/${'9'.repeat(5000)}`, status: 400, error: /64 bits/ },
  { name: 'get: an escaped slash', target: '/api/v1/user/1%2F2', status: 400, error: /64 bits/ },
  { name: 'get: unknown', target: '/api/v1/user/7', status: 404, error: /Not found: / },
  { name: 'get: unknown, 64 bits', target: '/api/v1/user/9223372036854775807', status: 404, error: /Not found: / },
  { name: 'get: unknown, negative', target: '/api/v1/user/-1', status: 404, error: /Not found: / },
  { name: 'get: provider', target: '/api/v1/user/1', failure: unavailable, status: 500, error: /reached/ },

  { name: 'add: empty body', target: '/api/v1/user', ask: post(''), status: 400, error: /^EOF$/ },
  { name: 'add: blank body', target: '/api/v1/user', ask: post(' \n'), status: 400, error: /^EOF$/ },
  { name: 'add: half an object', target: '/api/v1/user', ask: post('{"a":'), status: 400, error: /one JSON/ },
  { name: 'add: two values', target: '/api/v1/user', ask: post('{} {}'), status: 400, error: /one JSON/ },
  { name: 'add: an array', target: '/api/v1/user', ask: post('[]'), status: 400, error: /not an array/ },
  { name: 'add: null', target: '/api/v1/user', ask: post('null'), status: 400, error: /not null/ },
  { name: 'add: a number', target: '/api/v1/user', ask: post('1'), status: 400, error: /not a number/ },
  {
    name: 'add: not UTF-8',
    target: '/api/v1/user',
    ask: { method: 'POST', body: Buffer.from('{"username":"\xff"}', 'latin1') },
    status: 400,
    error: /UTF-8/,
  },
  { name: 'add: validation', target: '/api/v1/user', ask: post('{}'), status: 400, error: /^Validation error: / },
  { name: 'add: duplicate', target: '/api/v1/user', ask: post('{"username":"alice"}'), status: 409, error: /exists/ },
  { name: 'add: off', target: '/api/v1/user', ask: post('{}'), failure: disabled, status: 403, error: /^Method dis/ },
  { name: 'add: provider', target: '/api/v1/user', ask: post('{}'), failure: unavailable, status: 500, error: /reach/ },
  {
    name: 'add: over 1 MiB',
    target: '/api/v1/user',
    ask: post(`{"username":"${'x'.repeat(1024 * 1024)}"}`),
    status: 413,
    error: /long/,
  },
  {
    name: 'add: body without content type',
    target: '/api/v1/user',
    ask: { ...post('{}'), headers: { 'content-type': [] } },
    status: 415,
    error: /application\/json/,
  },

  { name: 'update: id syntax first', target: '/api/v1/user/x', ask: put('{'), status: 400, error: /64 bits/ },
  { name: 'update: then the lookup', target: '/api/v1/user/7', ask: put('{'), status: 404, error: /Not found/ },
  { name: 'update: then the JSON', target: '/api/v1/user/1', ask: put('{"id":2'), status: 400, error: /one JSON/ },
  { name: 'update: then the id', target: '/api/v1/user/1', ask: put('{"Id":2}'), status: 400, error: /id in the body/ },
  { name: 'update: id no number', target: '/api/v1/user/1', ask: put('{"id":"1"}'), status: 400, error: /id in the/ },
  {
    name: 'update: then the rules',
    target: '/api/v1/user/1',
    ask: put('{"permissions":null}'),
    status: 400,
    error: /^Validation error: /,
  },
  { name: 'update: off', target: '/api/v1/user/1', ask: put('{}'), failure: disabled, status: 403, error: /^Method/ },
  { name: 'update: rules', target: '/api/v1/user/1', ask: put('{}'), failure: validation, status: 400, error: /^Val/ },

  { name: 'delete: no integer', target: '/api/v1/user/x', ask: { method: 'DELETE' }, status: 400, error: /64 bits/ },
  { name: 'delete: unknown', target: '/api/v1/user/7', ask: { method: 'DELETE' }, status: 404, error: /Not found/ },
  {
    name: 'delete: off is 403 as well',
    target: '/api/v1/user/1',
    ask: { method: 'DELETE' },
    failure: disabled,
    status: 403,
    error: /^Method disabled error: /,
  },
]

test.each(FAILURES)('$name: $status', async ({ target, ask: request, failure, status, error }) => {
  const { ask, accounts } = fakeApi()
  accounts.failure = failure
  const reply = await ask(target, request)
  const body = JSON.parse(reply.body)
  expect(Object.keys(body)).toEqual(['error', 'message', 'status'])
  expect(body).toMatchObject({ error: expect.stringMatching(error), message: expect.any(String), status })
  expect(reply.status).toBe(status)
})

test('a bad id names itself in the message', async () => {
  expect(JSON.parse((await fakeApi().ask('/api/v1/user/x')).body).message).toBe('Invalid userID')
})

const QUERIES: { query: string; asked: unknown }[] = [
  { query: '', asked: { limit: 100, offset: 0, order: 'ASC' } },
  { query: '?limit=500', asked: { limit: 500, offset: 0, order: 'ASC' } },
  { query: '?limit=501', asked: { limit: 500, offset: 0, order: 'ASC' } },
  { query: '?limit=9223372036854775807', asked: { limit: 500, offset: 0, order: 'ASC' } },
  { query: '?limit=%2B5&limit=7', asked: { limit: 5, offset: 0, order: 'ASC' } },
  {
    query: '?offset=9223372036854775807',
    asked: { limit: 100, offset: Number.MAX_SAFE_INTEGER, order: 'ASC' },
  },
  { query: '?limit=1&offset=2&order=DESC&username=', asked: { limit: 1, offset: 2, order: 'DESC' } },
  { query: '?username=a+b%26', asked: { limit: 100, offset: 0, order: 'ASC', username: 'a b&' } },
]

test.each(QUERIES)('the list is asked for "$query"', async ({ query, asked }) => {
  const { ask, accounts } = fakeApi()
  expect((await ask(`/api/v1/user${query}`)).status).toBe(200)
  expect(accounts.calls).toEqual([asked])
})
