import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { FakeClock, FakeLog, fakeRoutes } from './fakes.test.support.ts'
import { createHttpd } from './httpd.ts'
import { htmlReply } from './replies.ts'
import type { Route } from './router.ts'

const PUBLIC = 'admin.example.com'

interface Site {
  allowedHosts?: string[]
  trustedProxies?: string[]
  /** As Apache httpd's ProxyPreserveHost. */
  preserveHost: boolean
}

/** The server behind a reverse proxy that does what Apache httpd's ProxyPass does, and what a client sees of it. */
async function behindProxy({ allowedHosts = [], trustedProxies = [], preserveHost }: Site) {
  const clock = new FakeClock()
  const log = new FakeLog()
  const form: Route = {
    method: 'POST',
    path: '/web/form',
    accepts: ['application/x-www-form-urlencoded'],
    handle: () => htmlReply(200, 'saved'),
  }
  const httpd = createHttpd({
    routes: [...fakeRoutes(), form],
    allowedHosts,
    trustedProxies,
    log,
    clock,
  })
  onTestFinished(() => httpd.close())
  const { port: backend } = await httpd.listen({ host: '127.0.0.1', port: 0 })

  const pass = async (from: IncomingMessage, to: ServerResponse) => {
    const { host = '', ...headers } = from.headers
    const appended = (name: string, value: string): string => [headers[name] ?? [], value].flat().join(', ')
    const onward = httpRequest({
      host: '127.0.0.1',
      port: backend,
      method: from.method,
      path: from.url,
      agent: false,
      headers: {
        ...headers,
        host: preserveHost ? host : `127.0.0.1:${backend}`,
        'x-forwarded-for': appended('x-forwarded-for', '198.51.100.7'),
        'x-forwarded-host': appended('x-forwarded-host', host),
        'x-forwarded-server': PUBLIC,
      },
    })
    from.pipe(onward)
    const [answer] = await once(onward, 'response')
    to.writeHead(answer.statusCode, answer.headers)
    answer.pipe(to)
  }
  const proxy = createServer((from, to) => {
    void pass(from, to)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  const { port } = proxy.address() as AddressInfo

  async function ask(path: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}) {
    const { body, headers = {}, ...rest } = options
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      path,
      agent: false,
      ...rest,
      headers: { host: PUBLIC, ...headers },
    })
    request.end(body)
    const [response] = await once(request, 'response')
    return { status: response.statusCode, body: await text(response) }
  }
  /** What a browser sends for a form of a page that it got from `origin`. */
  const send = (origin: string, headers: Record<string, string> = {}) =>
    ask('/web/form', {
      method: 'POST',
      body: 'a=b',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': '3',
        origin,
        'sec-fetch-site': 'same-origin',
        ...headers,
      },
    })
  return { ask, send, log }
}

describe('the ProxyPass lines of the manual alone', () => {
  test('let scripts and readers through', async () => {
    const { ask } = await behindProxy({ preserveHost: false })
    expect((await ask('/api/v1/version')).status).toBe(200)
    expect((await ask('/api/v1/version', { headers: { 'sec-fetch-site': 'none' } })).status).toBe(200)
    const json = { 'content-type': 'application/json', 'content-length': '18' }
    const added = await ask('/api/v1/user', { method: 'POST', body: '{"username":"bob"}', headers: json })
    expect(added.status).toBe(200)
    const headers = { 'content-type': 'application/json', 'content-length': '0' }
    expect((await ask('/api/v1/connection/none', { method: 'DELETE', headers })).status).toBe(404)
  })

  test('leave the forms of a browser to be allowed, with a line that says so', async () => {
    const { send } = await behindProxy({ preserveHost: false })
    const { status, body } = await send(`https://${PUBLIC}`)
    expect(status).toBe(403)
    expect(JSON.parse(body).error).toContain('httpd.allowed_hosts')
  })

  test('log the proxy as the client', async () => {
    const { ask, log } = await behindProxy({ preserveHost: false })
    await ask('/api/v1/version')
    await vi.waitFor(() => expect(log.requests[0]?.remoteAddr).toMatch(/^127\.0\.0\.1:\d+$/))
  })
})

test('a proxy that passes Host on needs its name to be allowed', async () => {
  const refused = await (await behindProxy({ preserveHost: true })).ask('/api/v1/version')
  expect(refused.status).toBe(403)
  expect(JSON.parse(refused.body).error).toContain('httpd.allowed_hosts')
})

describe.each([true, false])('with its public name allowed and ProxyPreserveHost %s', (preserveHost) => {
  const site = { preserveHost, allowedHosts: [PUBLIC] }

  test.each([[], ['127.0.0.1']])('forms are taken, those of other sites are not (trusted: %j)', async (...trusted) => {
    const { send } = await behindProxy({ ...site, trustedProxies: trusted.flat() })
    expect(await send(`https://${PUBLIC}`)).toEqual({ status: 200, body: 'saved' })
    expect((await send('https://evil.example', { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await send('https://evil.example')).status).toBe(403)
    expect((await send(`https://${PUBLIC}`, { 'sec-fetch-site': 'same-site' })).status).toBe(403)
  })

  test('a trusted proxy says who asks for what, past what the client claims', async () => {
    const { ask, log } = await behindProxy({ ...site, trustedProxies: ['127.0.0.1'] })
    const headers = { 'x-forwarded-for': '8.8.8.8', 'x-forwarded-proto': 'https', 'x-request-id': 'abc-1' }
    expect((await ask('/api/v1/version', { headers })).status).toBe(200)
    await vi.waitFor(() =>
      expect(log.requests).toMatchObject([
        { remoteAddr: '198.51.100.7', requestId: 'abc-1', uri: `https://${PUBLIC}/api/v1/version` },
      ]),
    )
  })

  test('a name rebound to a trusted proxy is refused, whatever Host the proxy sends', async () => {
    const { ask } = await behindProxy({ ...site, trustedProxies: ['127.0.0.1'] })
    expect((await ask('/api/v1/version', { headers: { host: 'evil.example' } })).status).toBe(403)
    const claimed = { host: 'evil.example', 'x-forwarded-host': PUBLIC }
    expect((await ask('/api/v1/version', { headers: claimed })).status).toBe(403)
  })
})
