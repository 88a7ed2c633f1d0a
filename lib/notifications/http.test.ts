import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { HTTP_LIMIT_MS, createHttpSender } from './http.ts'
import { Endpoint } from './program.test.support.ts'
import { eventually } from './samples.test.support.ts'

// Processes and connections take their time on a loaded machine.
beforeAll(() => vi.setConfig({ testTimeout: 60_000 }))
afterAll(() => vi.resetConfig())

function sender(connections = 2) {
  const clock = new VirtualClock()
  const http = createHttpSender({ clock, connections })
  onTestFinished(() => http.close())
  const halt = new AbortController()
  const send = (url: string, method: 'GET' | 'POST' = 'GET', body = '') => {
    const { origin, pathname } = new URL(url)
    return http.send({ origin, method, target: pathname, headers: { 'x-a': 'b' }, body }, halt.signal)
  }
  return { clock, halt, send, http }
}

describe('what an answer means', () => {
  test.each([
    [200, 'done'],
    [204, 'done'],
    [301, 'refused'],
    [302, 'refused'],
    [400, 'refused'],
    [404, 'refused'],
    [408, 'again'],
    [429, 'down'],
    [500, 'again'],
    [501, 'again'],
    [502, 'down'],
    [503, 'down'],
    [504, 'down'],
  ])('%i: %s', async (status, kind) => {
    const endpoint = await Endpoint.start()
    endpoint.answer = (_, response) => void response.writeHead(status, { location: '/elsewhere' }).end()
    expect(await sender().send(endpoint.url)).toMatchObject({ kind })
    expect(endpoint.received).toHaveLength(1)
  })

  test.each([
    ['7', 7_000],
    ['0', 0],
    ['999999999', 600_000],
    ['Wed, 21 Oct 2015 07:28:00 GMT', undefined],
    ['-1', undefined],
  ])('Retry-After: %s', async (value, retryAfterMs) => {
    const endpoint = await Endpoint.start()
    endpoint.answer = (_, response) => void response.writeHead(503, { 'retry-after': value }).end()
    expect(await sender().send(endpoint.url)).toEqual({
      kind: 'down',
      reason: 'status 503',
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
  })
})

test('a body arrives as it is, and headers with it', async () => {
  const endpoint = await Endpoint.start()
  await sender().send(endpoint.url, 'POST', '{"ü":1}')
  expect(endpoint.received).toMatchObject([{ method: 'POST', body: '{"ü":1}', headers: { 'x-a': 'b' } }])
})

test('a server that is not there is down', async () => {
  const endpoint = await Endpoint.start()
  await endpoint.down()
  expect(await sender().send(endpoint.url)).toMatchObject({
    kind: 'down',
    reason: expect.stringContaining('ECONNREFUSED'),
  })
})

test('one that ends the connection is down', async () => {
  const endpoint = await Endpoint.start()
  endpoint.answer = (_, response) => void response.destroy()
  expect(await sender().send(endpoint.url)).toMatchObject({ kind: 'down' })
})

test('one that does not answer in time is down', async () => {
  const endpoint = await Endpoint.start()
  endpoint.answer = () => undefined
  const { send, clock } = sender()
  const outcome = send(endpoint.url)
  await eventually(() => expect(endpoint.received).toHaveLength(1))
  clock.advance(HTTP_LIMIT_MS)
  expect(await outcome).toEqual({ kind: 'down', reason: 'no answer within 15 s' })
  expect(clock.timers).toBe(0)
})

test('one whose answer never ends counts by its status', async () => {
  const endpoint = await Endpoint.start()
  endpoint.answer = (_, response) => {
    response.writeHead(200)
    const timer = setInterval(() => response.write('x'.repeat(65_536)), 1)
    response.on('close', () => clearInterval(timer))
  }
  expect(await sender().send(endpoint.url)).toEqual({ kind: 'done' })
})

test('one that does not speak HTTP is down', async () => {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined).end('SSH-2.0-other\r\n')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  expect(await sender().send(`http://127.0.0.1:${port}/`)).toMatchObject({ kind: 'down' })
})

test('what is under way ends with the server', async () => {
  const endpoint = await Endpoint.start()
  endpoint.answer = () => undefined
  const { send, halt } = sender()
  const outcome = send(endpoint.url)
  await eventually(() => expect(endpoint.received).toHaveLength(1))
  halt.abort()
  expect(await outcome).toMatchObject({ kind: 'down' })
})
