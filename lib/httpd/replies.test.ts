import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test, vi } from 'vitest'
import { fakeApi, FakeClock, FakeLog, fakeRoutes, READY } from './fakes.test.support.ts'
import { healthRoutes } from './health.ts'
import { createHttpd } from './httpd.ts'
import { htmlReply, redirectReply, type Reply } from './replies.ts'
import type { Route, RouteRequest } from './router.ts'

/** A server that answers so at `/x`, to GET and HEAD. */
async function serving(reply: () => Reply) {
  const clock = new FakeClock()
  const log = new FakeLog()
  const routes = (['GET', 'HEAD'] as const).map((method): Route => ({ method, path: '/x', handle: reply }))
  const httpd = createHttpd({
    log,
    clock,
    routes: [...fakeRoutes(), ...healthRoutes(READY), ...routes],
  })
  onTestFinished(() => httpd.close())
  const { port } = await httpd.listen({ host: '127.0.0.1', port: 0 })
  async function ask(method = 'GET') {
    const request = httpRequest({ host: '127.0.0.1', port, path: '/x', method, agent: false })
    request.end()
    const [response] = await once(request, 'response')
    return response
  }
  return { httpd, log, ask }
}

test('a page may load what is of this server, and nothing written into it runs', async () => {
  const { ask } = await serving(() => htmlReply(200, '<!doctype html>é'))
  const response = await ask()
  expect(response.headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'content-length': '17',
    'content-security-policy':
      "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  })
  expect(await text(response)).toBe('<!doctype html>é')
})

test('a redirection leads to a path of this server', async () => {
  const { ask } = await serving(() => redirectReply('/web/users'))
  expect(await ask()).toMatchObject({ statusCode: 303, headers: { location: '/web/users', 'content-length': '0' } })
})

test('bytes are sent as they are', async () => {
  const bytes = Buffer.from([0, 0xff, 0x80])
  const { ask, log } = await serving(() => ({ status: 200, headers: { 'Content-Type': 'image/png' }, body: bytes }))
  const response = await ask()
  expect(Buffer.concat(await response.toArray())).toEqual(bytes)
  expect(response.headers).toMatchObject({ 'content-type': 'image/png', 'content-length': '3' })
  await vi.waitFor(() => expect(log.requests).toMatchObject([{ respStatus: 200, respSize: 3 }]))
})

test('a stream is sent piece by piece, and logged with its size at its end', async () => {
  const { ask, log } = await serving(() => ({ status: 200, headers: {}, stream: Readable.from(['ab', 'é']) }))
  const response = await ask()
  expect(response.headers).toMatchObject({ 'transfer-encoding': 'chunked', 'x-content-type-options': 'nosniff' })
  expect(await text(response)).toBe('abé')
  await vi.waitFor(() => expect(log.requests).toMatchObject([{ respSize: 4 }]))
})

test('HEAD has the headers of a stream, whose source is closed', async () => {
  const stream = Readable.from(['ab'])
  const { ask } = await serving(() => ({ status: 200, headers: { 'Content-Length': '2' }, stream }))
  const response = await ask('HEAD')
  expect(response.headers).toHaveProperty('content-length', '2')
  expect(await text(response)).toBe('')
  await vi.waitFor(() => expect(stream.destroyed).toBe(true))
})

test('a source that fails cuts the connection, for the answer is not whole', async () => {
  async function* failing() {
    yield 'ab'
    throw new Error('the disk is gone')
  }
  const { ask, log } = await serving(() => ({ status: 200, headers: {}, stream: Readable.from(failing()) }))
  await expect(ask().then(text)).rejects.toThrow('aborted')
  await vi.waitFor(() => expect(log.messages).toContain('httpd debug an answer ended early'))
})

test.each<[string, (stream: Readable) => Reply]>([
  ['a text', () => htmlReply(200, '', { 'X-Name': 'a\nb' })],
  ['a stream', (stream) => ({ status: 200, headers: { 'X-Name': '\u4e2d' }, stream })],
])('%s with a header that cannot be sent cuts the connection, and the log says so', async (_, reply) => {
  const stream = Readable.from(['x'])
  const { ask, log } = await serving(() => reply(stream))
  await expect(ask()).rejects.toThrow('socket hang up')
  expect(log.messages).toContain('httpd error an answer could not be sent')
})

test('a client that leaves closes the source', async () => {
  const stream = new Readable({ read: () => undefined })
  const { ask } = await serving(() => ({ status: 200, headers: {}, stream, endless: true }))
  const response = await ask()
  response.destroy()
  await vi.waitFor(() => expect(stream.destroyed).toBe(true))
})

test('what would not end of its own ends when the server closes', async () => {
  const stream = new Readable({ read: () => undefined })
  const { ask, httpd } = await serving(() => ({ status: 200, headers: {}, stream, endless: true }))
  const response = await ask()
  stream.push('event')
  expect(String((await once(response, 'data'))[0])).toBe('event')
  const cut = once(response, 'error')
  await httpd.close()
  await cut
  expect(stream.destroyed).toBe(true)
})

test('a route sees the request, with a type of body that it asked for', async () => {
  const seen: RouteRequest[] = []
  const route: Route = {
    method: 'POST',
    path: '/web/form/*',
    accepts: ['application/x-www-form-urlencoded'],
    handle: (request) => {
      seen.push(request)
      return htmlReply(200, '')
    },
  }
  const { ask } = fakeApi({ routes: [route] })
  const send = (type: string) =>
    ask('/web/form/a%20b/c?d=1', { method: 'POST', body: 'x=y', headers: { 'content-type': type } })
  expect((await send('application/json')).status).toBe(415)
  expect((await send('application/x-www-form-urlencoded; charset=utf-8')).status).toBe(200)
  expect(seen).toMatchObject([{ method: 'POST', path: '/web/form/a%20b/c', params: { '*': 'a b/c' } }])
  expect(seen[0]?.query.get('d')).toBe('1')
  expect(seen[0]?.headers['host']).toEqual(['127.0.0.1:8080'])
  expect(seen[0]?.user).toBeUndefined()
})

test('an open route is served whatever the Host, and no other is', async () => {
  const route = (path: string, open: boolean): Route => ({
    method: 'GET',
    path,
    open,
    handle: () => htmlReply(200, ''),
  })
  const { ask } = fakeApi({ routes: [route('/open', true), route('/closed', false)] })
  const headers = { host: '10.1.2.3' }
  expect((await ask('/open', { headers })).status).toBe(200)
  expect((await ask('/closed', { headers })).status).toBe(403)
  expect((await ask('/open', { method: 'POST', headers })).status).toBe(403)
})
