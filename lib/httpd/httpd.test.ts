import { EventEmitter, once } from 'node:events'
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect, createServer } from 'node:net'
import { hostname } from 'node:os'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test, vi } from 'vitest'
import { FakeAccounts, FakeClock, FakeLog, fakeRoutes } from './fakes.test.support.ts'
import { createHttpd, type Httpd } from './httpd.ts'

const running: Httpd[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((httpd) => httpd.close()))
})

async function start(host = '127.0.0.1') {
  const accounts = new FakeAccounts()
  const log = new FakeLog()
  const clock = new FakeClock()
  const httpd = createHttpd({
    routes: fakeRoutes({ accounts }),
    log,
    clock,
  })
  running.push(httpd)
  return { accounts, log, clock, httpd, ...(await httpd.listen({ host, port: 0 })) }
}

interface Answer {
  status: number | undefined
  headers: IncomingHttpHeaders
  body: string
}

async function ask(
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string; agent?: Agent } = {},
): Promise<Answer> {
  const { body, ...rest } = options
  const request = httpRequest({ host: '127.0.0.1', port, path, agent: false, ...rest })
  request.end(body)
  const [response] = await once(request, 'response')
  return { status: response.statusCode, headers: response.headers, body: await text(response) }
}

/** What the server sends back for these bytes until it closes. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port })
  socket.write(bytes)
  return text(socket)
}

test('every answer has its length, its type and the security headers', async () => {
  const { port } = await start()
  for (const path of ['/api/v1/version', '/nothing']) {
    const { headers, body } = await ask(port, path)
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(body.length),
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
  }
})

test('a request is logged, and what a client forwards is not believed', async () => {
  const { port, log } = await start()
  const headers = {
    'User-Agent': 'tester',
    'X-Forwarded-For': '192.0.2.1',
    'X-Real-IP': '192.0.2.1',
    'X-Request-Id': 'x',
  }
  const { body } = await ask(port, '/api/v1/user?limit=1', { headers })
  await ask(port, '/nothing', { method: 'HEAD' })
  expect(log.requests[0]).toEqual({
    method: 'GET',
    proto: 'HTTP/1.1',
    remoteAddr: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    requestId: expect.stringMatching(/^[^/]+\/[A-Za-z0-9]{10}-000001$/),
    uri: `http://127.0.0.1:${port}/api/v1/user?limit=1`,
    userAgent: 'tester',
    respStatus: 200,
    respSize: body.length,
    elapsedMs: 0,
  })
  expect(log.requests[0]?.requestId).toContain(hostname())
  expect(log.requests[1]).toMatchObject({ method: 'HEAD', respStatus: 404, respSize: 48, userAgent: '' })
  expect(log.requests[1]?.requestId).toMatch(/-000002$/)
})

test('a user is added over the wire, then refused as a duplicate', async () => {
  const { port } = await start()
  const options = { method: 'POST', body: '{"username":"bob"}', headers: { 'Content-Type': 'application/json' } }
  expect((await ask(port, '/api/v1/user', options)).status).toBe(200)
  expect((await ask(port, '/api/v1/user', options)).status).toBe(409)
})

test.each([
  { name: 'declared', headers: { 'Content-Length': String(2 ** 21) } },
  { name: 'chunked', headers: { 'Transfer-Encoding': 'chunked' } },
])('a body over 1 MiB is 413 and the connection lives on ($name)', async ({ headers }) => {
  const { port } = await start()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const refused = await ask(port, '/api/v1/user', {
    method: 'POST',
    body: 'x'.repeat(2 ** 21),
    headers: { ...headers, 'Content-Type': 'application/json' },
    agent,
  })
  expect(refused.status).toBe(413)
  expect((await ask(port, '/api/v1/version', { agent })).status).toBe(200)
  agent.destroy()
})

test('a client that leaves within its body is logged as any other', async () => {
  const { port, log } = await start()
  const socket = connect({ host: '127.0.0.1', port })
  socket.write('POST /api/v1/user HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n')
  socket.write('Content-Length: 9\r\nExpect: 100-continue\r\n\r\n')
  await once(socket, 'data')
  socket.resetAndDestroy()
  await vi.waitFor(() => expect(log.requests).toMatchObject([{ method: 'POST', respStatus: 400 }]))
  expect((await ask(port, '/api/v1/version')).status).toBe(200)
})

test.each([
  { name: 'noise', bytes: '\x16\x03\x01\r\n\r\n', status: 400 },
  { name: 'no Host', bytes: 'GET / HTTP/1.1\r\n\r\n', status: 400 },
  {
    name: 'two lengths',
    bytes: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    status: 400,
  },
  { name: 'headers over 64 KiB', bytes: `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`, status: 431 },
])('$name is answered $status and closed', async ({ bytes, status }) => {
  const { port } = await start()
  expect(await exchange(port, bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect((await ask(port, '/api/v1/version')).status).toBe(200)
})

test('HTTP/1.0 is served and must name a Host too', async () => {
  const { port } = await start()
  expect(await exchange(port, 'GET /api/v1/version HTTP/1.0\r\nHost: localhost\r\n\r\n')).toMatch(/^HTTP\/1.1 200 /)
  expect(await exchange(port, 'GET /api/v1/version HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
})

test('beyond loopback any address is a Host, an unknown name is not', async () => {
  const { port } = await start('')
  const asked = async (host: string): Promise<number | undefined> =>
    (await ask(port, '/api/v1/version', { headers: { Host: host } })).status
  expect(await asked('192.0.2.1:8080')).toBe(200)
  expect(await asked('evil.example')).toBe(403)
})

test('an address in use is told in one line', async () => {
  const { httpd, port } = await start()
  const other = createHttpd({
    routes: [],
    log: new FakeLog(),
    clock: new FakeClock(),
  })
  await expect(other.listen({ host: '127.0.0.1', port })).rejects.toThrow(
    `httpd cannot listen on 127.0.0.1:${port}: the address is already in use`,
  )
  await httpd.close()
  await expect(other.listen({ host: '127.0.0.1', port })).resolves.toEqual({ host: '127.0.0.1', port })
  await other.close()
})

test('an address of another host is told in one line', async () => {
  const clock = new FakeClock()
  const httpd = createHttpd({
    routes: [],
    log: new FakeLog(),
    clock,
  })
  await expect(httpd.listen({ host: '192.0.2.1', port: 0 })).rejects.toThrow(
    /^httpd cannot listen on 192\.0\.2\.1:0: .+$/,
  )
  await httpd.close()
})

test('closing ends idle connections at once and frees the port', async () => {
  const { httpd, port } = await start()
  const agent = new Agent({ keepAlive: true })
  await ask(port, '/api/v1/version', { agent })
  await httpd.close()
  await httpd.close()
  agent.destroy()
  const probe = createServer().listen(port, '127.0.0.1')
  await once(probe, 'listening')
  expect(probe.address()).toMatchObject({ port })
  probe.close()
})

test('closing lets a running request end, on a connection that ends with it', async () => {
  const { httpd, port, accounts } = await start()
  const { promise: released, release } = gate()
  const entered = gate()
  accounts.checkAvailability = async () => {
    entered.release()
    await released
  }
  const agent = new Agent({ keepAlive: true })
  const answer = ask(port, '/api/v1/providerstatus', { agent })
  await entered.promise
  const closed = httpd.close()
  release()
  expect(await answer).toMatchObject({ status: 200, headers: { connection: 'close' } })
  await closed
  agent.destroy()
})

test('closing cuts what has not ended after 5 seconds', async () => {
  const { httpd, port, clock } = await start()
  const socket = connect({ host: '127.0.0.1', port })
  socket.on('error', () => socket.destroy())
  socket.write('GET /api/v1/version HTTP/1.1\r\n')
  await once(socket, 'ready')
  // One answered request later, the server has accepted the socket that came before it.
  await ask(port, '/api/v1/version')
  const gone = once(socket, 'close')
  const closed = httpd.close()
  clock.advance(4_999)
  expect(socket.closed).toBe(false)
  clock.advance(1)
  await closed
  await gone
})

function gate(): { promise: Promise<void>; release: () => void } {
  const opened = new EventEmitter()
  return { promise: once(opened, 'open').then(() => undefined), release: () => opened.emit('open') }
}
