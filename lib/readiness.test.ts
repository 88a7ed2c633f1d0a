import { expect, test } from 'vitest'
import { VirtualClock } from './clock.test.support.ts'
import { ANSWER_DEADLINE_MS, ANSWER_TTL_MS, ServerReadiness } from './readiness.ts'

/** A server whose store answers as it is told. */
function serving() {
  const clock = new VirtualClock()
  const store = { asked: 0, answer: (): Promise<void> => Promise.resolve() }
  const readiness = new ServerReadiness(() => {
    store.asked++
    return store.answer()
  }, clock)
  return { clock, store, readiness }
}

test('a server is ready between its start and its stop', async () => {
  const { readiness } = serving()
  expect(await readiness.ready()).toEqual({ ok: false, reason: 'starting' })
  readiness.enter('serving')
  expect(await readiness.ready()).toEqual({ ok: true })
  readiness.enter('stopping')
  expect(await readiness.ready()).toEqual({ ok: false, reason: 'stopping' })
  readiness.enter('serving')
  expect(await readiness.ready()).toEqual({ ok: false, reason: 'stopping' })
})

test('it is as ready as its store, without a word about it', async () => {
  const { readiness, store, clock } = serving()
  readiness.enter('serving')
  store.answer = () => Promise.reject(new Error('password authentication failed for user "sftpgo" at 10.0.0.7'))
  expect(await readiness.ready()).toEqual({ ok: false, reason: 'the data provider is not available' })
  store.answer = () => Promise.resolve()
  clock.advance(ANSWER_TTL_MS)
  expect(await readiness.ready()).toEqual({ ok: true })
  expect(clock.timers).toBe(0)
})

test('the store is asked once a second, however many ask', async () => {
  const { readiness, store, clock } = serving()
  readiness.enter('serving')
  await Promise.all(Array.from({ length: 100 }, () => readiness.ready()))
  clock.advance(ANSWER_TTL_MS - 1)
  await readiness.ready()
  expect(store.asked).toBe(1)
  clock.advance(1)
  await readiness.ready()
  expect(store.asked).toBe(2)
})

test('a store that hangs is not there, and not asked again until it has answered', async () => {
  const { readiness, store, clock } = serving()
  readiness.enter('serving')
  let release = (): void => undefined
  store.answer = () => new Promise((resolve) => (release = resolve))
  const answer = readiness.ready()
  clock.advance(ANSWER_DEADLINE_MS)
  expect(await answer).toEqual({ ok: false, reason: 'the data provider does not answer' })
  clock.advance(10 * ANSWER_TTL_MS)
  expect(await readiness.ready()).toEqual({ ok: false, reason: 'the data provider does not answer' })
  expect(store.asked).toBe(1)
  release()
  await new Promise((resolve) => setImmediate(resolve))
  store.answer = () => Promise.resolve()
  expect(await readiness.ready()).toEqual({ ok: true })
})
