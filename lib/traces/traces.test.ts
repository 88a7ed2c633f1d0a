import { expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { recordingLog } from '../providers/recording-log.ts'
import { KEPT_MS, MAX_ENDED, MAX_FAILED_LOGINS, MAX_TEXT, Traces } from './traces.ts'

const clock = (): VirtualClock => new VirtualClock()
const failure = { ip: '192.0.2.1', username: 'u', method: 'password', reason: 'wrong password', connectionId: 'c' }

test('a connection’s events come back in order, each with its time', () => {
  const time = clock()
  const traces = new Traces({ clock: time, eventsPerConnection: 10 })
  const trace = traces.begin('c')
  const startMs = time.now()
  trace.add('connected', { remote_address: '192.0.2.1:5', absent: undefined })
  time.advance(20)
  trace.add('disconnected')
  expect(traces.of('c')).toEqual([
    { timeMs: startMs, event: 'connected', details: { remote_address: '192.0.2.1:5' } },
    { timeMs: startMs + 20, event: 'disconnected', details: {} },
  ])
  expect(traces.of('d')).toBeUndefined()
})

test('only the last events are kept', () => {
  const traces = new Traces({ clock: clock(), eventsPerConnection: 3 })
  const trace = traces.begin('c')
  for (let number = 0; number < 8; number++) trace.add('auth_request', { number })
  expect(traces.of('c')?.map(({ details }) => details['number'])).toEqual([5, 6, 7])
})

test('long texts are cut', () => {
  const traces = new Traces({ clock: clock(), eventsPerConnection: 1 })
  const long = 'x'.repeat(MAX_TEXT + 1)
  traces.begin('c').add('auth_request', { username: long })
  traces.failedLogin({ ...failure, username: long, reason: long })
  expect(traces.of('c')?.[0]?.details).toEqual({ username: 'x'.repeat(MAX_TEXT) })
  expect(traces.recentFailedLogins()).toMatchObject([{ username: 'x'.repeat(MAX_TEXT), reason: 'x'.repeat(MAX_TEXT) }])
})

test('a trace outlives its connection for a while', () => {
  const time = clock()
  const traces = new Traces({ clock: time, eventsPerConnection: 1 })
  const trace = traces.begin('c')
  time.advance(2 * KEPT_MS)
  expect(traces.of('c')).toEqual([])
  trace.end()
  time.advance(KEPT_MS - 1)
  expect(traces.of('c')).toEqual([])
  time.advance(1)
  expect(traces.of('c')).toBeUndefined()
})

test('of connections that are over so many are kept, and the living ones all', () => {
  const traces = new Traces({ clock: clock(), eventsPerConnection: 1 })
  traces.begin('alive')
  for (let number = 0; number < MAX_ENDED + 2; number++) traces.begin(`c${number}`).end()
  expect(['alive', 'c0', 'c1', 'c2'].map((id) => traces.of(id) !== undefined)).toEqual([true, false, false, true])
})

test('0 keeps no events; failed logins are kept all the same, newest first', () => {
  const time = clock()
  const traces = new Traces({ clock: time, eventsPerConnection: 0 })
  const trace = traces.begin('c')
  trace.add('connected')
  trace.end()
  expect(traces.of('c')).toBeUndefined()
  for (let number = 0; number < MAX_FAILED_LOGINS + 5; number++) {
    traces.failedLogin({ ...failure, username: `u${number}` })
    time.advance(1)
  }
  const kept = traces.recentFailedLogins()
  expect(kept.length).toBe(MAX_FAILED_LOGINS)
  expect(kept[0]).toEqual({ ...failure, username: `u${MAX_FAILED_LOGINS + 4}`, timeMs: time.now() - 1 })
  expect(kept.at(-1)?.username).toBe('u5')
})

test('with a log every event is written, too', () => {
  const log = recordingLog()
  new Traces({ clock: clock(), eventsPerConnection: 1, log }).begin('c').add('identified', { client_version: 'v' })
  expect(log.lines).toEqual(['debug identified {"client_version":"v"}'])
})
