import type { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { VirtualClock } from '../../clock.test.support.ts'
import { HEARTBEAT_MS, Live, MAX_STREAMS, TICK_MS } from './live.ts'

function setUp() {
  const clock = new VirtualClock()
  const state = { value: 1, asked: 0 }
  const live = new Live(clock, () => {
    state.asked++
    return { value: state.value }
  })
  const open = (): Readable => {
    const reply = live.open()
    if (!('stream' in reply)) throw new Error('no stream')
    expect(reply).toMatchObject({ status: 200, endless: true })
    return reply.stream
  }
  const tick = (ms = TICK_MS) => {
    for (let passed = 0; passed < ms; passed += TICK_MS) clock.advance(TICK_MS)
  }
  return { clock, state, live, open, tick }
}

/** All that is there; some versions of Node give it piece by piece. */
function read(stream: Readable): string {
  const pieces: unknown[] = []
  for (let piece: unknown = stream.read(); piece !== null; piece = stream.read()) pieces.push(piece)
  return pieces.join('')
}

test('a page gets the state at once, and again when it has changed', () => {
  const { open, tick, state } = setUp()
  const stream = open()
  expect(read(stream)).toBe('retry: 2000\n\ndata: {"value":1}\n\n')
  tick()
  expect(read(stream)).toBe('')
  state.value = 2
  tick()
  expect(read(stream)).toBe('data: {"value":2}\n\n')
})

test('silence is broken now and then', () => {
  const { open, tick } = setUp()
  const stream = open()
  read(stream)
  tick(HEARTBEAT_MS - TICK_MS)
  expect(read(stream)).toBe('')
  tick()
  expect(read(stream)).toBe(': still here\n\n')
})

test('who does not read is not told more than it can hold', () => {
  const { open, tick, state } = setUp()
  const stream = open()
  for (let value = 0; value < 10_000; value++) {
    state.value = value
    tick()
  }
  expect(stream.readableLength).toBeLessThan(70_000)
})

test('many pages cost one look a second, and none nothing', async () => {
  const { open, tick, state, live, clock } = setUp()
  const streams = [open(), open(), open()]
  state.asked = 0
  tick()
  expect(state.asked).toBe(1)
  for (const stream of streams) stream.destroy()
  await new Promise((resolve) => void setImmediate(resolve))
  expect(live.size).toBe(0)
  expect(clock.timers).toBe(0)
})

test('there is an end to how many', () => {
  const { open, live } = setUp()
  for (let at = 0; at < MAX_STREAMS; at++) open()
  expect(() => live.open()).toThrow(expect.objectContaining({ status: 503 }))
})
