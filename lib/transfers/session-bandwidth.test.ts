import { expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { SessionBandwidth } from './session-bandwidth.ts'
import { SLICE_MS } from './slice.ts'
import { createThrottle } from './throttle.ts'
import type { Take } from './throttle.ts'

function session(limits: { upload: number; download: number }) {
  const clock = new VirtualClock()
  const throttle = createThrottle(clock)
  const takes: Take[] = []
  const gone = new AbortController()
  const state = { waiting: 0, most: 0 }
  const bandwidth = new SessionBandwidth({
    username: 'alice',
    limit: (direction) => limits[direction],
    throttle: {
      take(take, signal) {
        takes.push(take)
        return throttle.take(take, signal)
      },
    },
    gone: gone.signal,
    waiting(change) {
      state.waiting += change
      state.most = Math.max(state.most, state.waiting)
    },
  })
  return { bandwidth, clock, takes, gone, state }
}

async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed++) {
    clock.advance(1)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('without a limit nothing waits and nobody is asked', () => {
  const { bandwidth, takes } = session({ upload: 0, download: 0 })
  const transfer = bandwidth.transfer()
  expect(transfer.pay('upload', 1_000_000)).toBeUndefined()
  expect(transfer.pay('download', 1_000_000)).toBeUndefined()
  expect(transfer.sliceBytes('upload')).toBeUndefined()
  expect(takes).toEqual([])
})

test('each direction has its own limit, and nothing costs nothing', () => {
  const { bandwidth, takes } = session({ upload: 0, download: 100_000 })
  const transfer = bandwidth.transfer()
  expect(transfer.pay('upload', 1)).toBeUndefined()
  expect(transfer.pay('download', 0)).toBeUndefined()
  expect(transfer.sliceBytes('download')).toBe((100_000 * SLICE_MS) / 1000)
  expect(takes).toEqual([])
})

test('what is paid for comes in order, one after the other, at the limit', async () => {
  const { bandwidth, clock, state, takes } = session({ upload: 100_000, download: 0 })
  const transfer = bandwidth.transfer()
  const paid: string[] = []
  for (const name of ['first', 'second', 'third']) {
    void transfer.pay('upload', 50_000)?.then(() => paid.push(`${name} after ${Math.round(clock.monotonic() / 100)}`))
  }
  expect(state.waiting).toBe(3)
  await pass(clock, 1500)
  // 100 ms worth was there to begin with.
  expect(paid).toEqual(['first after 4', 'second after 9', 'third after 14'])
  expect(state).toEqual({ waiting: 0, most: 3 })
  expect(new Set(takes.map(({ transfer: id }) => id)).size).toBe(1)
})

test('every open file is a transfer of its own', async () => {
  const { bandwidth, takes } = session({ upload: 100_000, download: 100_000 })
  await Promise.all(['a', 'b'].map(async () => bandwidth.transfer().pay('download', 1)))
  expect(takes[0]?.transfer).not.toBe(takes[1]?.transfer)
})

test('a limit that is lifted lets go of those that wait', async () => {
  const limits = { upload: 1000, download: 0 }
  const { bandwidth, clock, state } = session(limits)
  const transfer = bandwidth.transfer()
  const paid = Promise.all([transfer.pay('upload', 1_000_000), transfer.pay('upload', 1_000_000)])
  await pass(clock, 1000)
  expect(state.waiting).toBe(2)
  limits.upload = 0
  await pass(clock, SLICE_MS)
  await paid
  expect(state.waiting).toBe(0)
})

test('when the client is gone all that wait fail at once, and what comes later too', async () => {
  const { bandwidth, clock, gone, state } = session({ upload: 1000, download: 0 })
  const transfer = bandwidth.transfer()
  const waits = [1, 2, 3].map(async () => transfer.pay('upload', 1_000_000))
  const outcomes = Promise.allSettled(waits)
  await pass(clock, 200)
  const reason = new Error('gone')
  gone.abort(reason)
  expect(await outcomes).toEqual(waits.map(() => ({ status: 'rejected', reason })))
  await expect(bandwidth.transfer().pay('upload', 1)).rejects.toBe(reason)
  expect(state.waiting).toBe(0)
  expect(clock.timers).toBe(0)
})
