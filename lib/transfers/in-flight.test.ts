import { beforeEach, expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { recordingLog } from '../providers/recording-log.ts'
import { InFlight, LINGER_MS } from './in-flight.ts'

let clock: VirtualClock
let done: string[]
let broken: boolean
let inFlight: InFlight
let log: ReturnType<typeof recordingLog>

beforeEach(() => {
  clock = new VirtualClock()
  done = []
  broken = false
  log = recordingLog()
  const say = (what: string) => async (username: string) => {
    await new Promise(setImmediate)
    if (broken) throw new Error('no room')
    done.push(`${what} ${username}`)
  }
  inFlight = new InFlight({ remember: say('remember'), forget: say('forget') }, { clock, log })
})

const rest = async (): Promise<void> => {
  for (let n = 0; n < 5; n++) await new Promise(setImmediate)
}

test('is remembered before work begins, and forgotten a while after the last ended', async () => {
  await inFlight.begin('bob')
  expect(done).toEqual(['remember bob'])
  await inFlight.begin('bob')
  inFlight.end('bob')
  clock.advance(LINGER_MS)
  await rest()
  expect(done).toEqual(['remember bob'])
  inFlight.end('bob')
  clock.advance(LINGER_MS - 1)
  await rest()
  expect(done).toEqual(['remember bob'])
  clock.advance(1)
  await rest()
  expect(done).toEqual(['remember bob', 'forget bob'])
  expect(clock.timers).toBe(0)
})

test('work that follows soon costs nothing', async () => {
  for (let n = 0; n < 10; n++) {
    await inFlight.begin('bob')
    inFlight.end('bob')
    clock.advance(LINGER_MS / 2)
  }
  expect(done).toEqual(['remember bob'])
})

test('who begins while he is being forgotten is remembered after that', async () => {
  await inFlight.begin('bob')
  inFlight.end('bob')
  clock.advance(LINGER_MS)
  await inFlight.begin('bob')
  expect(done).toEqual(['remember bob', 'forget bob', 'remember bob'])
})

test('at the end only those stay who have something under way', async () => {
  await inFlight.begin('bob')
  await inFlight.begin('eve')
  inFlight.end('eve')
  await inFlight.close()
  expect(done).toEqual(['remember bob', 'remember eve', 'forget eve'])
})

test('a store that fails stops nobody, and says so', async () => {
  broken = true
  await inFlight.begin('bob')
  inFlight.end('bob')
  await inFlight.close()
  expect(done).toEqual([])
  expect(log.lines.join()).toContain('would not be put right')
})
