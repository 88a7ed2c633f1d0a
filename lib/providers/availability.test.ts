import { expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { CHECK_INTERVAL_MS, watchAvailability } from './availability.ts'
import { ProviderError } from './provider.ts'
import { recordingLog } from './recording-log.ts'

/** A provider whose checks end when the test says how. */
function watched() {
  const clock = new VirtualClock()
  const log = recordingLog()
  const outcomes: boolean[] = []
  const waiting: ((failure?: Error) => void)[] = []
  let asked = 0
  const checkAvailability = () => {
    asked += 1
    return new Promise<void>((resolve, reject) => {
      waiting.push((failure) => (failure === undefined ? resolve() : reject(failure)))
    })
  }
  const provider = { driver: 'mysql', checkAvailability }
  const availability = watchAvailability({ provider, clock, log, onCheck: (ok) => outcomes.push(ok) })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return {
    clock,
    log,
    outcomes,
    availability,
    asked: () => asked,
    async answer(failure?: Error) {
      waiting.shift()?.(failure)
      await settled()
    },
  }
}

const down = () => new ProviderError('unavailable', 'connect ECONNREFUSED 127.0.0.1:3306')

test('the provider is asked at once, then 30 s after each answer, never twice at a time', async () => {
  const { clock, asked, answer, outcomes } = watched()
  expect(asked()).toBe(1)
  clock.advance(10 * CHECK_INTERVAL_MS)
  expect(asked()).toBe(1)
  await answer()
  expect(outcomes).toEqual([true])
  clock.advance(CHECK_INTERVAL_MS - 1)
  expect(asked()).toBe(1)
  clock.advance(1)
  expect(asked()).toBe(2)
})

test('each outcome is told, each change is logged once', async () => {
  const { clock, log, answer, outcomes } = watched()
  for (const failure of [undefined, down(), down(), undefined, undefined, down()]) {
    await answer(failure)
    clock.advance(CHECK_INTERVAL_MS)
  }
  expect(outcomes).toEqual([true, false, false, true, true, false])
  const gone = 'warn data provider mysql not available connect ECONNREFUSED 127.0.0.1:3306'
  expect(log.lines).toEqual([gone, 'info data provider mysql available again', gone])
})

test('after stop nothing is asked, told or logged', async () => {
  const stoppedWhileAsking = watched()
  stoppedWhileAsking.availability.stop()
  await stoppedWhileAsking.answer(down())
  expect(stoppedWhileAsking.clock.timers).toBe(0)
  expect([stoppedWhileAsking.outcomes, stoppedWhileAsking.log.lines]).toEqual([[], []])
  const stoppedBetween = watched()
  await stoppedBetween.answer()
  stoppedBetween.availability.stop()
  stoppedBetween.clock.advance(CHECK_INTERVAL_MS)
  expect(stoppedBetween.asked()).toBe(1)
})
