import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { metricsRoutes } from './metrics.ts'
import { METHODS, type RouteRequest } from './router.ts'

const EXPOSITION = { contentType: 'text/plain; version=0.0.4; charset=utf-8', text: async () => 'up 1\n' }

function asked(headers: RouteRequest['headers']) {
  const [route] = metricsRoutes(EXPOSITION)
  return route?.handle({
    method: 'GET',
    path: '/metrics',
    params: {},
    query: new URLSearchParams(),
    headers,
    body: async () => Buffer.alloc(0),
  })
}

test('any method is answered', () => {
  expect(metricsRoutes(EXPOSITION).map(({ method, path }) => `${method} ${path}`)).toEqual(
    METHODS.map((method) => `${method} /metrics`),
  )
})

test.each([[[]], [['identity']], [['gzip;q=0']], [['gzip; q=0.00, br']], [['x-gzip']]])(
  'Accept-Encoding %j has plain text',
  async (lines) => {
    expect(await asked({ 'accept-encoding': lines })).toEqual({
      status: 200,
      headers: { 'Content-Type': EXPOSITION.contentType, Vary: 'Accept-Encoding' },
      body: 'up 1\n',
    })
  },
)

test.each([[['gzip']], [['deflate', 'GZIP;q=0.5']], [['br, gzip']]])('Accept-Encoding %j has gzip', async (lines) => {
  const reply = await asked({ 'accept-encoding': lines })
  expect(reply?.headers['Content-Encoding']).toBe('gzip')
  if (reply === undefined || 'stream' in reply) throw new Error('a whole reply was expected')
  expect(gunzipSync(Buffer.from(reply.body)).toString()).toBe('up 1\n')
})
