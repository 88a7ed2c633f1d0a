import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { AccountError } from '../accounts/accounts.ts'
import { fakeApi, type Answer } from './fakes.test.support.ts'

const NOT_FOUND = '{"error":"","message":"Not Found","status":404}\n'

describe('paths and methods', () => {
  test.each([
    '/',
    '/api/v1',
    '/api/v1/user/',
    '/api/v1/user/1/',
    '/api/v1//user',
    '/API/v1/user',
    '/api/v1/connection/',
    '/api/v1/nothing',
    '/web/',
    '/api/v1/user/%zz',
    '/api/v1/version;x',
  ])('%s is not found', async (target) => {
    const { status, body } = await fakeApi().ask(target)
    expect({ status, body }).toEqual({ status: 404, body: NOT_FOUND })
  })

  test.each([
    { target: '/api/v1/version', methods: 'HEAD POST PUT DELETE OPTIONS', allow: 'GET' },
    { target: '/api/v1/providerstatus', methods: 'HEAD POST PUT DELETE TRACE', allow: 'GET' },
    { target: '/api/v1/connection', methods: 'HEAD POST PUT DELETE', allow: 'GET' },
    { target: '/api/v1/connection/x', methods: 'HEAD GET POST PUT PATCH', allow: 'DELETE' },
    { target: '/api/v1/user', methods: 'HEAD PUT DELETE PATCH', allow: 'GET, POST' },
    { target: '/api/v1/user/1', methods: 'HEAD POST PATCH PROPFIND', allow: 'GET, PUT, DELETE' },
  ])('$target allows $allow, not $methods', async ({ target, methods, allow }) => {
    for (const method of methods.split(' ')) {
      const { status, body, headers } = await fakeApi().ask(target, { method })
      expect({ status, body }).toEqual({
        status: 405,
        body: '{"error":"","message":"Method not allowed","status":405}\n',
      })
      expect(headers).toHaveProperty('Allow', allow)
    }
  })

  test('an absolute-form target is served, its authority in place of Host', async () => {
    const { ask } = fakeApi()
    const headers = { host: 'evil.example' }
    expect((await ask('http://localhost:8080/api/v1/version?x', { headers })).status).toBe(200)
    expect((await ask('http://localhost')).status).toBe(404)
    expect((await ask('http://evil.example/api/v1/version')).status).toBe(403)
  })

  test.each(['*', 'localhost:80', '', '/api/v1/version#x'])('the target "%s" is refused', async (target) => {
    expect((await fakeApi().ask(target, { method: 'OPTIONS' })).status).toBe(400)
  })
})

describe('version and provider status', () => {
  test('the version has its keys in order, empty when unset', async () => {
    expect((await fakeApi().ask('/api/v1/version')).body).toBe(
      '{"version":"1.2.3","build_date":"2026-01-02","commit_hash":"abc"}\n',
    )
  })

  test('the provider is alive, or the error says why not', async () => {
    const { ask, accounts } = fakeApi()
    expect((await ask('/api/v1/providerstatus')).body).toBe('{"error":"","message":"Alive","status":200}\n')
    accounts.failure = new AccountError('unavailable', 'the users cannot be reached')
    expect((await ask('/api/v1/providerstatus')).body).toBe(
      '{"error":"the users cannot be reached","message":"","status":500}\n',
    )
  })
})

test('JSON is escaped for HTML', async () => {
  const { ask, accounts } = fakeApi()
  accounts.failure = new AccountError('validation', '<a&b>\u2028')
  expect((await ask('/api/v1/user/1')).body).toBe(
    '{"error":"\\u003ca\\u0026b\\u003e\\u2028","message":"","status":400}\n',
  )
})

test('a bug is answered 500 without details, and the log has its stack', async () => {
  const { ask, accounts, log } = fakeApi()
  accounts.failure = new TypeError('/real/path is undefined')
  const { status, body } = await ask('/api/v1/user')
  expect({ status, body }).toEqual({
    status: 500,
    body: '{"error":"internal server error","message":"","status":500}\n',
  })
  expect(log.messages).toEqual([expect.stringMatching(/^httpd error request test\/0 met a bug: TypeError: .*\n +at /)])
})

test('what is thrown need not be an Error', async () => {
  const { ask, accounts } = fakeApi()
  accounts.failure = null
  expect((await ask('/api/v1/user')).status).toBe(500)
})

describe('noise', () => {
  const runs = { numRuns: 300 }

  test('any query gets an answer', async () => {
    const name = fc.constantFrom('limit', 'offset', 'order', 'username', '__proto__', '%')
    const value = fc.oneof(fc.string(), fc.integer().map(String), fc.bigInt().map(String), fc.constant('DESC'))
    const queries = fc.array(fc.tuple(name, value)).map((pairs) => pairs.map((pair) => pair.join('=')).join('&'))
    await fc.assert(
      fc.asyncProperty(fc.oneof(queries, fc.string()), async (query) => {
        expect(verdictOn(await fakeApi().ask(`/api/v1/user?${query}`))).toBe('ok')
      }),
      runs,
    )
  })

  test('any body gets an answer', async () => {
    const bodies = fc.oneof(fc.uint8Array(), fc.string(), fc.json(), fc.object().map(encode))
    const targets = fc.constantFrom(
      { target: '/api/v1/user', method: 'POST' },
      { target: '/api/v1/user/1', method: 'PUT' },
    )
    await fc.assert(
      fc.asyncProperty(bodies, targets, async (body, { target, method }) => {
        expect(verdictOn(await fakeApi().ask(target, { method, body }))).toBe('ok')
      }),
      runs,
    )
  })

  test('any target and any header get an answer', async () => {
    const names = fc.constantFrom('host', 'origin', 'sec-fetch-site', 'content-type', 'content-length')
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.dictionary(names, fc.string()), async (target, headers) => {
        expect(verdictOn(await fakeApi().ask(target, { headers }))).toBe('ok')
        expect(verdictOn(await fakeApi().ask(`/${target}`))).toBe('ok')
      }),
      runs,
    )
  })

  test('deep nesting is refused or read, and no more', async () => {
    const depth = 200_000
    expect(verdictOn(await fakeApi().ask('/api/v1/user', { method: 'POST', body: '['.repeat(depth) }))).toBe('ok')
    expect(
      verdictOn(await fakeApi().ask('/api/v1/user', { method: 'POST', body: '['.repeat(depth) + ']'.repeat(depth) })),
    ).toBe('ok')
  })
})

/** `ok` for a well-formed answer that is no bug. */
function verdictOn({ status, body }: Answer): string {
  const value: unknown = JSON.parse(body)
  if (!body.endsWith('\n') || /[<>&]/.test(body)) return `not as JSON is written here: ${body}`
  if (status === 200) return 'ok'
  if (status < 400 || status >= 500) return `status ${status}`
  const generic = z.strictObject({ error: z.string(), message: z.string(), status: z.literal(status) })
  return generic.safeParse(value).success ? 'ok' : `not generic: ${body}`
}

function encode(value: object): string {
  return JSON.stringify(value)
}
