import { expect, test } from 'vitest'
import { VirtualClock } from '../../clock.test.support.ts'
import { Traces } from '../../traces/traces.ts'
import { fakeApi } from '../fakes.test.support.ts'

const clock = new VirtualClock()
const traces = new Traces({ clock, eventsPerConnection: 10 })
const { ask } = fakeApi({ parts: { traces } })

test('a trace is a list of events, the oldest first', async () => {
  traces.begin('c0ffee').add('auth_refused', { username: 'alice', reason: 'unknown public key' })
  const { status, body } = await ask('/api/v1/connection/c0ffee/trace')
  expect([status, JSON.parse(body)]).toEqual([
    200,
    [{ time: clock.now(), event: 'auth_refused', username: 'alice', reason: 'unknown public key' }],
  ])
})

test('of an unknown connection there is none', async () => {
  const { status, body } = await ask('/api/v1/connection/unknown/trace')
  expect([status, body]).toEqual([404, '{"error":"","message":"Not Found","status":404}\n'])
})

test('failed logins come with the words of the log', async () => {
  expect((await ask('/api/v1/failed_logins')).body).toBe('[]\n')
  const login = { ip: '::1', username: 'alice', method: 'password', reason: 'wrong password', connectionId: 'c0ffee' }
  traces.failedLogin(login)
  expect(JSON.parse((await ask('/api/v1/failed_logins')).body)).toEqual([
    {
      time: clock.now(),
      client_ip: '::1',
      username: 'alice',
      login_type: 'password',
      error: 'wrong password',
      connection_id: 'c0ffee',
    },
  ])
})
