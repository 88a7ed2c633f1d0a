import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  MAX_GRANTED_BYTES,
  MAX_WINDOW_BYTES,
  MIN_WAIT_MS,
  ReceiveWindow,
  TRANSPORT_WINDOW_BYTES,
  WindowBudget,
} from './receive-window.ts'

const MIB = 1024 * 1024
const PACKET = 32 * 1024

/** A client whose packets, and the adjustments it gets, take `delay` ms; it sends up to `rate` packets each ms, a step. */
function simulate({
  delay,
  rate,
  steps,
  budget = new WindowBudget(),
  packetBytes = () => PACKET,
  held = false,
}: {
  delay: number
  rate: number
  steps: number
  budget?: WindowBudget
  packetBytes?: () => number
  held?: boolean
}) {
  let serverSide = TRANSPORT_WINDOW_BYTES
  let clientSide = TRANSPORT_WINDOW_BYTES
  let step = 0
  const underWay: { at: number; bytes: number }[] = []
  const adjustments: { at: number; bytes: number }[] = []
  const adjust = (bytes: number): void => {
    serverSide += bytes
    adjustments.push({ at: step + delay, bytes })
  }
  const window = new ReceiveWindow({ window: () => serverSide, adjust }, budget, { monotonic: () => step })
  let received = 0
  let most = 0
  for (; step < steps; step++) {
    while ((adjustments[0]?.at ?? Infinity) <= step) clientSide += adjustments.shift()?.bytes ?? 0
    for (let packet = 0; packet < rate && clientSide > 0; packet++) {
      const bytes = Math.min(packetBytes(), clientSide)
      clientSide -= bytes
      underWay.push({ at: step + delay, bytes })
    }
    while ((underWay[0]?.at ?? Infinity) <= step) {
      const { bytes } = underWay.shift() as { bytes: number }
      serverSide -= bytes
      received += bytes
      if (held) window.hold()
      window.received(bytes)
      // As the transport does when a chunk was taken.
      if (serverSide <= TRANSPORT_WINDOW_BYTES / 2) adjust(TRANSPORT_WINDOW_BYTES - serverSide)
      most = Math.max(most, serverSide)
    }
  }
  return { window, received, most, perRoundTrip: received / (steps / (2 * delay)) }
}

describe('a window', () => {
  test('grows where the way is long, until a round trip carries 16 MiB', () => {
    const { most, perRoundTrip } = simulate({ delay: 1000, rate: 10, steps: 100_000 })
    expect(most).toBeGreaterThan(MAX_WINDOW_BYTES - PACKET)
    expect(most).toBeLessThanOrEqual(MAX_WINDOW_BYTES)
    expect(perRoundTrip).toBeGreaterThan(14 * MIB)
  })

  test('stays where the client sends less than it may', () => {
    const { most, received } = simulate({ delay: 10, rate: 1, steps: 20_000, packetBytes: () => 32_749 })
    expect(received).toBeGreaterThan(19_000 * 32_749)
    expect(most).toBeLessThanOrEqual(TRANSPORT_WINDOW_BYTES)
  })

  test('stays where the way is short, however fast the client is', () => {
    const { most, received } = simulate({ delay: MIN_WAIT_MS / 2 - 1, rate: 1000, steps: 10_000 })
    expect(most).toBeLessThanOrEqual(TRANSPORT_WINDOW_BYTES)
    expect(received).toBeGreaterThan(1000 * TRANSPORT_WINDOW_BYTES)
  })

  test('stays where it is this side that keeps the client waiting', () => {
    const { most } = simulate({ delay: 1000, rate: 10, steps: 50_000, held: true })
    expect(most).toBeLessThanOrEqual(TRANSPORT_WINDOW_BYTES)
  })

  test('grows no further than the budget of all channels, which gets back what a channel had', () => {
    const budget = new WindowBudget(3 * TRANSPORT_WINDOW_BYTES)
    const first = simulate({ delay: 1000, rate: 10, steps: 50_000, budget })
    expect(first.most).toBeLessThanOrEqual(4 * TRANSPORT_WINDOW_BYTES)
    expect(first.most).toBeGreaterThan(2 * TRANSPORT_WINDOW_BYTES)
    const second = simulate({ delay: 1000, rate: 10, steps: 50_000, budget })
    expect(second.most).toBeLessThanOrEqual(TRANSPORT_WINDOW_BYTES)
    first.window.release()
    const third = simulate({ delay: 1000, rate: 10, steps: 50_000, budget })
    expect(third.most).toBeGreaterThan(2 * TRANSPORT_WINDOW_BYTES)
  })

  test('is never more than the client was told, whatever it sends', () => {
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.integer({ min: 1, max: 35_000 })),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 40 }),
        (lengths, delay, rate) => {
          const { most, received } = simulate({
            delay,
            rate,
            steps: 2000,
            packetBytes: () => lengths.next().value as number,
          })
          expect(most).toBeLessThanOrEqual(MAX_WINDOW_BYTES)
          expect(received).toBeGreaterThan(0)
        },
      ),
      { numRuns: 30 },
    )
  })
})

test('all windows together take no more than 256 MiB beyond what the transport gives', () => {
  const budget = new WindowBudget()
  expect(budget.take(MAX_GRANTED_BYTES)).toBe(true)
  expect(budget.take(1)).toBe(false)
})
