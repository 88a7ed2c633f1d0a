import { describe, expect, test } from 'vitest'
import { fakeApi, type Ask } from './fakes.test.support.ts'

const ANYWHERE = { bindHost: '', boundAddress: '::' }
const NAMED = { bindHost: 'Files.example.com', boundAddress: '192.0.2.7' }
const ALLOWED = { allowedHosts: ['Admin.example.com.', '192.0.2.9', 'files.example.com:8443', '[2001:db8::1]'] }

const HOSTS: { guard?: object; host: string; served: boolean }[] = [
  ...['localhost', 'LocalHost:8080', 'localhost.', '127.0.0.1', '127.0.0.1:1', '127.0.0.2', '[::1]', '[::1]:8080'].map(
    (host) => ({ host, served: true }),
  ),
  ...['evil.example', '192.0.2.7', '0.0.0.0', '[fe80::1]', 'localhost.evil.example', 'evil.example:8080'].map(
    (host) => ({ host, served: false }),
  ),
  ...['', ':8080', 'localhost:port', 'localhost:123456', 'a@localhost', 'localhost/', '[::1', '::1]', 'x y'].map(
    (host) => ({ host, served: false }),
  ),
  { guard: ANYWHERE, host: '192.0.2.7:8080', served: true },
  { guard: ANYWHERE, host: '[2001:db8::1]:8080', served: true },
  { guard: ANYWHERE, host: 'localhost', served: true },
  { guard: ANYWHERE, host: 'evil.example', served: false },
  { guard: NAMED, host: 'files.example.com:8080', served: true },
  { guard: NAMED, host: 'example.com', served: false },
  { guard: ALLOWED, host: 'admin.example.com', served: true },
  { guard: ALLOWED, host: '192.0.2.9', served: true },
  { guard: ALLOWED, host: 'files.example.com', served: true },
  { guard: ALLOWED, host: '[2001:DB8::1]:8080', served: true },
  { guard: ALLOWED, host: '192.0.2.8', served: false },
]

test.each(HOSTS)('Host "$host" with $guard: served $served', async ({ guard = {}, host, served }) => {
  const { status } = await fakeApi({ guard }).ask('/api/v1/version', { headers: { host } })
  expect(status).toBe(served ? 200 : 403)
})

test('the guards come before the routes, so that nothing is told', async () => {
  const headers = { host: 'evil.example' }
  expect((await fakeApi().ask('/nothing', { headers })).status).toBe(403)
  expect((await fakeApi().ask('/api/v1/user', { method: 'HEAD', headers })).status).toBe(403)
})

const HEADERS: { name: string; headers: Ask['headers']; status: number }[] = [
  { name: 'no Host', headers: { host: [] }, status: 400 },
  { name: 'two Hosts', headers: { host: ['localhost', 'evil.example'] }, status: 400 },
  { name: 'the own origin', headers: { origin: 'http://127.0.0.1:8080' }, status: 200 },
  { name: 'the own origin behind TLS', headers: { origin: 'https://127.0.0.1:8080' }, status: 200 },
  { name: 'a default port left out', headers: { host: 'localhost:80', origin: 'http://localhost' }, status: 200 },
  { name: 'the same with TLS', headers: { host: 'localhost:443', origin: 'https://localhost' }, status: 200 },
  { name: 'another port', headers: { origin: 'http://127.0.0.1:3000' }, status: 403 },
  { name: 'another name', headers: { origin: 'http://localhost:8080' }, status: 403 },
  { name: 'another site', headers: { origin: 'https://evil.example' }, status: 403 },
  { name: 'a sandboxed origin', headers: { origin: 'null' }, status: 403 },
  { name: 'a file', headers: { origin: 'file://' }, status: 403 },
  { name: 'an empty origin', headers: { origin: '' }, status: 403 },
  { name: 'two origins', headers: { origin: ['http://127.0.0.1:8080', 'http://evil.example'] }, status: 400 },
  { name: 'same-origin', headers: { 'sec-fetch-site': 'same-origin' }, status: 200 },
  { name: 'none', headers: { 'sec-fetch-site': 'none' }, status: 200 },
  { name: 'same-site', headers: { 'sec-fetch-site': 'same-site' }, status: 403 },
  { name: 'cross-site', headers: { 'sec-fetch-site': 'cross-site' }, status: 403 },
  { name: 'an unknown site', headers: { 'sec-fetch-site': 'elsewhere' }, status: 403 },
]

test.each(HEADERS)('$name: $status', async ({ headers = {}, status }) => {
  const reply = await fakeApi().ask('/api/v1/version', { headers })
  expect(reply.status).toBe(status)
  const { error = 'none' } = JSON.parse(reply.body)
  expect(error).toMatch(status === 200 ? /^none$/ : /host|origin|site/i)
})

test.each([
  ['https://admin.example.com', 200],
  ['http://admin.example.com', 200],
  ['https://Admin.example.com:443', 200],
  ['https://admin.example.com:8443', 403],
  ['https://files.example.com:8443', 200],
  ['https://files.example.com', 403],
  ['https://[2001:db8::1]', 200],
  ['https://evil.example', 403],
  ['https://admin.example.com.evil.example', 403],
  ['file://admin.example.com', 403],
])('behind a proxy that sends its own Host, the origin %s: %i', async (origin, status) => {
  expect((await fakeApi({ guard: ALLOWED }).ask('/api/v1/version', { headers: { origin } })).status).toBe(status)
})

describe('the content type of a body', () => {
  const body = '{"username":"bob"}'
  test.each([
    { type: 'application/json', status: 200 },
    { type: 'Application/JSON; charset=utf-8', status: 200 },
    { type: 'text/plain', status: 415 },
    { type: 'text/plain; application/json', status: 415 },
    { type: 'application/jsonp', status: 415 },
    { type: 'application/x-www-form-urlencoded', status: 415 },
    { type: '', status: 415 },
    { type: [], status: 415 },
    { type: ['application/json', 'text/plain'], status: 400 },
  ])('$type: $status', async ({ type, status }) => {
    const { ask } = fakeApi()
    expect((await ask('/api/v1/user', { method: 'POST', body, headers: { 'content-type': type } })).status).toBe(status)
  })

  test('counts for a body of unknown length', async () => {
    const headers = { 'transfer-encoding': 'chunked' }
    expect((await fakeApi().ask('/api/v1/user', { method: 'POST', headers })).status).toBe(415)
  })
})
