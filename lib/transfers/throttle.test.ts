import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Clock } from '../clock.ts'
import { VirtualClock } from '../clock.test.support.ts'
import { SLICE_MS } from './slice.ts'
import { createThrottle } from './throttle.ts'
import type { Direction, Throttle } from './throttle.ts'
import { IDLE_BURST_MS, LATE_BURST_MS } from './token-bucket.ts'

const LIMITS = [100_000, 1_000_000, 50_000_000]
const SECONDS = 10

/** Runs what promises have left to do. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Lets time pass, with what promises do in between. */
async function pass(clock: VirtualClock, ms: number, stepMs = 1): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) {
    clock.advance(Math.min(stepMs, left))
    await settled()
  }
}

/** A process that has more to do: every timer of it comes late. */
function lateClock(clock: VirtualClock, lateMs: number): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delayMs, callback) => clock.after(delayMs + lateMs, callback),
  }
}

interface Transfer {
  moved: number
  stop(): void
}

interface Mover {
  username?: string
  direction?: Direction
  transfer: string
  /** Of one READ or WRITE. */
  requestBytes: number
  limit: () => number
}

/** Moves requests one after the other, without end. */
function move(throttle: Throttle, mover: Mover): Transfer {
  const { username = 'alice', direction = 'download', transfer, requestBytes, limit } = mover
  const state = { moved: 0, stopped: false }
  void (async () => {
    while (!state.stopped) {
      for (let left = requestBytes; left > 0 && !state.stopped;) {
        const count = await throttle.take({ username, direction, transfer, bytes: left, bytesPerSecond: limit() })
        left -= count
        state.moved += count
      }
    }
  })()
  return {
    get moved() {
      return state.moved
    },
    stop() {
      state.stopped = true
    },
  }
}

function sum(transfers: readonly Transfer[]): number {
  return transfers.reduce((total, { moved }) => total + moved, 0)
}

describe('the limit is what the account gets, within 3 % over ten seconds', () => {
  const CASES = LIMITS.flatMap((limit) =>
    (['upload', 'download'] as const).flatMap((direction) =>
      [1, 8].flatMap((count) => [0, 20, 400].map((lateMs) => ({ limit, direction, count, lateMs }))),
    ),
  )

  test.each(CASES)(
    '$limit bytes/s, $direction, $count at once, timers $lateMs ms late',
    async ({ limit, direction, count, lateMs }) => {
      const clock = new VirtualClock()
      const throttle = createThrottle(lateClock(clock, lateMs))
      const transfers = Array.from({ length: count }, (_, n) =>
        move(throttle, { direction, transfer: `${n}`, requestBytes: 32 * 1024, limit: () => limit }),
      )
      await pass(clock, SECONDS * 1000)
      // What a late timer still owes at the end is made up for after it.
      await pass(clock, lateMs)
      const error = sum(transfers) / (limit * (SECONDS + lateMs / 1000)) - 1
      expect(Math.abs(error)).toBeLessThan(0.03 + lateMs / 1000 / SECONDS)
    },
  )
})

describe('transfers of one account share fairly', () => {
  test.each([
    { name: 'requests of one size', sizes: [32768, 32768, 32768, 32768, 32768, 32768, 32768, 32768] },
    { name: 'small requests beside large ones', sizes: [4096, 261_120, 32768, 261_120] },
    { name: 'a client that asks for single kilobytes', sizes: [1000, 261_120] },
  ])('$name', async ({ sizes }) => {
    for (const limit of LIMITS) {
      const clock = new VirtualClock()
      const throttle = createThrottle(clock)
      const transfers = sizes.map((requestBytes, n) =>
        move(throttle, { transfer: `${n}`, requestBytes, limit: () => limit }),
      )
      // Long enough for the largest requests to come round many times.
      await pass(clock, limit === 100_000 ? 200_000 : 20_000, limit === 100_000 ? 10 : 1)
      const fair = sum(transfers) / sizes.length
      for (const { moved } of transfers) expect(Math.abs(moved / fair - 1)).toBeLessThan(0.1)
    }
  })

  test('one that comes later is not made to wait for what others had, nor they for it', async () => {
    const clock = new VirtualClock()
    const throttle = createThrottle(clock)
    const limit = (): number => 1_000_000
    const early = move(throttle, { transfer: 'early', requestBytes: 10_000, limit })
    await pass(clock, 5000)
    const before = early.moved
    const late = move(throttle, { transfer: 'late', requestBytes: 10_000, limit })
    await pass(clock, 5000)
    expect(late.moved / (early.moved - before)).toBeCloseTo(1, 1)
  })

  test('what one leaves is for the others', async () => {
    const clock = new VirtualClock()
    const throttle = createThrottle(clock)
    const transfers = ['a', 'b', 'c'].map((transfer) =>
      move(throttle, { transfer, requestBytes: 10_000, limit: () => 1_000_000 }),
    )
    await pass(clock, 1000)
    const [stays] = transfers
    for (const gone of transfers.slice(1)) gone.stop()
    await pass(clock, 100)
    const before = stays?.moved ?? 0
    await pass(clock, 1000)
    expect(((stays?.moved ?? 0) - before) / 1_000_000).toBeCloseTo(1, 1)
  })
})

test('files without end, two at a time, take no more than their shares from one that goes on', async () => {
  const clock = new VirtualClock()
  const throttle = createThrottle(clock)
  const long = move(throttle, { transfer: 'long', requestBytes: 32_768, limit: () => 1_000_000 })
  let files = 0
  const small = [0, 1].map(async (client) => {
    for (; files < 10_000; files++) {
      const transfer = `${client} ${files}`
      await throttle.take({
        username: 'alice',
        direction: 'download',
        transfer,
        bytes: 4096,
        bytesPerSecond: 1_000_000,
      })
    }
  })
  await pass(clock, 10_000)
  long.stop()
  expect(long.moved).toBeGreaterThan(3_000_000)
  expect(files).toBeGreaterThan(300)
  files = 10_000
  await pass(clock, 1000)
  await Promise.all(small)
})

test('accounts and directions have nothing to do with each other', async () => {
  const clock = new VirtualClock()
  const throttle = createThrottle(clock)
  const transfers = ['alice', 'bob'].flatMap((username) =>
    (['upload', 'download'] as const).map((direction) =>
      move(throttle, { username, direction, transfer: 'same', requestBytes: 10_000, limit: () => 1_000_000 }),
    ),
  )
  await pass(clock, 10_000)
  for (const { moved } of transfers) expect(Math.abs(moved / 10_000_000 - 1)).toBeLessThan(0.03)
})

describe('after a pause', () => {
  test.each(LIMITS)('no more comes at once than %d bytes/s earn in a moment', async (limit) => {
    const clock = new VirtualClock()
    const throttle = createThrottle(clock)
    const first = move(throttle, { transfer: 'a', requestBytes: 32 * 1024, limit: () => limit })
    await pass(clock, 1000)
    first.stop()
    await pass(clock, 1000)
    clock.advance(3_600_000)
    const transfers = ['b', 'c'].map((transfer) =>
      move(throttle, { transfer, requestBytes: 32 * 1024, limit: () => limit }),
    )
    await settled()
    expect(sum(transfers)).toBeLessThanOrEqual((limit * IDLE_BURST_MS) / 1000)
    await pass(clock, 1000)
    expect(sum(transfers)).toBeLessThanOrEqual(limit * (1 + IDLE_BURST_MS / 1000))
  })

  test('nor after the process was stopped for an hour in the middle of it', async () => {
    const clock = new VirtualClock()
    const throttle = createThrottle(clock)
    const transfer = move(throttle, { transfer: 'a', requestBytes: 32 * 1024, limit: () => 1_000_000 })
    await pass(clock, 1000)
    const before = transfer.moved
    // The timer that is due runs an hour late: a virtual clock would run it on time.
    const late = clock.monotonic() + 3_600_000
    clock.monotonic = () => late
    clock.advance(100)
    await settled()
    await settled()
    expect(transfer.moved - before).toBeLessThanOrEqual(1_000_000 * (LATE_BURST_MS / 1000))
  })
})

describe('a limit that changes', () => {
  test.each([
    { from: 100_000, to: 1_000_000 },
    { from: 50_000_000, to: 100_000 },
    { from: 1000, to: 1_000_000 },
  ])('from $from to $to bytes/s holds at once, also for those that wait', async ({ from, to }) => {
    const clock = new VirtualClock()
    const throttle = createThrottle(clock)
    let limit = from
    const transfers = ['a', 'b', 'c'].map((transfer) =>
      move(throttle, { transfer, requestBytes: 261_120, limit: () => limit }),
    )
    await pass(clock, 3000)
    limit = to
    await pass(clock, 2 * SLICE_MS)
    const before = sum(transfers)
    await pass(clock, 10_000)
    expect(Math.abs((sum(transfers) - before) / (to * 10) - 1)).toBeLessThan(0.03)
  })
})

describe('a wait that is given up', () => {
  const take = (throttle: Throttle, transfer: string, signal?: AbortSignal): Promise<number> =>
    throttle.take({ username: 'alice', direction: 'upload', transfer, bytes: 5000, bytesPerSecond: 100_000 }, signal)

  test('ends at once, takes nothing, and leaves no timer', async () => {
    const clock = new VirtualClock()
    const throttle = createThrottle(clock)
    await take(throttle, 'a')
    await take(throttle, 'a')
    const gone = new AbortController()
    const waits = ['b', 'c'].map((transfer) => take(throttle, transfer, gone.signal))
    const outcomes = Promise.allSettled(waits)
    await settled()
    expect(clock.timers).toBe(1)
    const reason = new Error('gone')
    gone.abort(reason)
    expect(await outcomes).toEqual(waits.map(() => ({ status: 'rejected', reason })))
    expect(clock.timers).toBe(0)
    await expect(take(throttle, 'd', gone.signal)).rejects.toBe(reason)
    clock.advance(SLICE_MS)
    expect(await take(throttle, 'e')).toBe(5000)
  })

  test('lets the others come forward', async () => {
    const clock = new VirtualClock()
    const throttle = createThrottle(clock)
    await take(throttle, 'a')
    await take(throttle, 'a')
    const gone = new AbortController()
    const left = take(throttle, 'b', gone.signal)
    const stays = take(throttle, 'c')
    gone.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    clock.advance(SLICE_MS)
    expect(await stays).toBe(5000)
  })
})

test('whatever is asked when, no span of time brings more than the limit and one second of it', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1000, max: 100_000_000 }),
      fc.array(
        fc.record({
          pauseMs: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 3000 })),
          transfer: fc.constantFrom('a', 'b', 'c'),
          seconds: fc.double({ min: 0, max: 0.4, noNaN: true }),
        }),
        { minLength: 1, maxLength: 25 },
      ),
      async (limit, requests) => {
        // What is granted within a step is seen at its end.
        const stepMs = 20
        const clock = new VirtualClock()
        const throttle = createThrottle(clock)
        const moved: { at: number; bytes: number }[] = []
        const request = async (transfer: string, bytes: number): Promise<void> => {
          for (let left = bytes; left > 0;) {
            const count = await throttle.take({
              username: 'alice',
              direction: 'upload',
              transfer,
              bytes: left,
              bytesPerSecond: limit,
            })
            expect(count).toBeGreaterThan(0)
            expect(count).toBeLessThanOrEqual(left)
            moved.push({ at: clock.monotonic(), bytes: count })
            left -= count
          }
        }
        let asked = 0
        const all: Promise<void>[] = []
        for (const { pauseMs, transfer, seconds } of requests) {
          await pass(clock, pauseMs, stepMs)
          const bytes = Math.ceil(limit * seconds)
          asked += bytes
          all.push(request(transfer, bytes))
          await settled()
        }
        while (moved.reduce((total, { bytes }) => total + bytes, 0) < asked) {
          await pass(clock, stepMs, stepMs)
        }
        await Promise.all(all)
        expect(clock.timers).toBe(0)
        for (let from = 0; from < moved.length; from++) {
          let bytes = 0
          for (const one of moved.slice(from)) {
            bytes += one.bytes
            const ms = one.at - (moved[from]?.at ?? 0)
            expect(bytes).toBeLessThanOrEqual((limit * (ms + stepMs + LATE_BURST_MS)) / 1000 + 1)
          }
        }
      },
    ),
    { numRuns: 60 },
  ))
