import { expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { recordingLog } from '../providers/recording-log.ts'
import { STEP_DEADLINE_MS, Shutdown } from './shutdown.ts'

function setUp() {
  const clock = new VirtualClock()
  const log = recordingLog()
  const shutdown = new Shutdown(clock)
  shutdown.reportTo(log)
  const done: string[] = []
  const step = (name: string) => async () => void done.push(name)
  return { clock, log, shutdown, done, step }
}

test('what was started last ends first, once', async () => {
  const { shutdown, done, step } = setUp()
  shutdown.add(step('store'))
  shutdown.add(step('listener'))
  await Promise.all([shutdown.run(), shutdown.run()])
  expect(done).toEqual(['listener', 'store'])
})

test('a part that fails, at once or later, keeps no other from ending; the first failure is thrown', async () => {
  const { shutdown, done, step, log } = setUp()
  shutdown.add(step('store'))
  shutdown.add(() => Promise.reject(new Error('second')), 'the cache')
  shutdown.add(() => {
    throw new Error('first')
  }, 'the listener')
  await expect(shutdown.run()).rejects.toThrow('first')
  expect(done).toEqual(['store'])
  expect(log.lines).toEqual([
    'error stopping: the listener did not end as it should first',
    'error stopping: the cache did not end as it should second',
  ])
})

test('reliability 13: a part that never ends is left behind at its deadline', async () => {
  const { clock, shutdown, done, step } = setUp()
  shutdown.add(step('store'))
  shutdown.add(() => new Promise(() => undefined), 'the database')
  const running = shutdown.run()
  running.catch(() => undefined)
  clock.advance(STEP_DEADLINE_MS - 1)
  await Promise.resolve()
  expect(done).toEqual([])
  clock.advance(1)
  await expect(running).rejects.toThrow('the database did not end within 15 seconds')
  expect(done).toEqual(['store'])
  expect(clock.timers).toBe(0)
})
