import { expect, test } from 'vitest'
import { fakeApi } from './fakes.test.support.ts'
import { genericReply } from './replies.ts'

/** As a kubelet asks: by an address that nobody configured, without a login. */
const PROBE = { headers: { host: '10.42.0.17:8080' } }
const locked = async () => ({ refusal: genericReply(401, {}) })

test('the process lives, whatever else is wrong', async () => {
  const { ask } = fakeApi({ readiness: { ready: async () => ({ ok: false }) }, authenticate: locked })
  const { status, headers, body } = await ask('/healthz', PROBE)
  expect({ status, body }).toEqual({ status: 200, body: '{"ok":true}\n' })
  expect(headers['Content-Type']).toBe('application/json; charset=utf-8')
  expect((await ask('/healthz', { ...PROBE, method: 'HEAD' })).status).toBe(200)
})

test('the server is ready, or says why not', async () => {
  let state: { ok: boolean; reason?: string } = { ok: true }
  const { ask } = fakeApi({ readiness: { ready: async () => state }, authenticate: locked })
  expect(await ask('/readyz', PROBE)).toMatchObject({ status: 200, body: '{"ok":true}\n' })
  state = { ok: false, reason: 'stopping' }
  expect(await ask('/readyz', PROBE)).toMatchObject({ status: 503, body: '{"ok":false,"reason":"stopping"}\n' })
  state = { ok: false }
  expect(await ask('/readyz', PROBE)).toMatchObject({ status: 503, body: '{"ok":false,"reason":"not ready"}\n' })
})

test('nothing else is open, nor another method', async () => {
  const { ask } = fakeApi({ authenticate: locked })
  expect((await ask('/healthz', { method: 'POST' })).status).toBe(401)
  expect((await ask('/healthz/')).status).toBe(401)
  expect((await ask('/healthz/', PROBE)).status).toBe(403)
})
