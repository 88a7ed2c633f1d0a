import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { recordingLog } from '../providers/recording-log.ts'
import type { Job, Outcome } from './channel.ts'
import { Channel, MAX_AGE_MS } from './channel.ts'
import { fileNotification, settled } from './samples.test.support.ts'

const DOWN: Outcome = { kind: 'down', reason: 'nobody there' }
const DONE: Outcome = { kind: 'done' }

function channel({ atOnce = 4 } = {}) {
  const clock = new VirtualClock()
  const log = recordingLog()
  const attempts: string[] = []
  const ended: string[] = []
  const running = new Map<string, (outcome: Outcome) => void>()
  let answer: (job: Job) => Outcome | undefined = () => DONE
  let most = 0
  const made = new Channel({
    name: 'hook',
    sender: 'sftpd',
    atOnce,
    deliver(job, signal) {
      attempts.push(job.id)
      const now = answer(job)
      if (now !== undefined) return Promise.resolve(now)
      return new Promise((resolve) => {
        running.set(job.id, (outcome) => {
          running.delete(job.id)
          resolve(outcome)
        })
        most = Math.max(most, running.size)
        signal.addEventListener('abort', () => resolve({ kind: 'down', reason: 'aborted' }))
      })
    },
    settled: (id) => void ended.push(id),
    clock,
    log,
    random: () => 0,
  })
  const add = (id: string, path = `/${id}`, target = '') =>
    made.add({ id, createdMs: clock.now(), notification: fileNotification({ path, target }) })
  return {
    channel: made,
    clock,
    log,
    attempts,
    ended,
    running,
    add,
    most: () => most,
    answers: (next: typeof answer) => {
      answer = next
    },
  }
}

const hangs = () => undefined

describe('deliveries', () => {
  test('run side by side up to a bound, those of one path one after the other', async () => {
    const { add, running, answers, most, ended } = channel({ atOnce: 3 })
    answers(hangs)
    for (const id of ['a1', 'a2']) add(id, '/a')
    for (const id of ['b', 'c', 'd']) add(id)
    expect([...running.keys()]).toEqual(['a1', 'b', 'c'])
    running.get('b')?.(DONE)
    await settled()
    expect([...running.keys()]).toEqual(['a1', 'c', 'd'])
    running.get('a1')?.(DONE)
    await settled()
    expect([...running.keys()]).toEqual(['c', 'd', 'a2'])
    expect(most()).toBe(3)
    expect(ended).toEqual(['b', 'a1'])
  })

  test('that are refused are over, said so, and what comes after them goes on', async () => {
    const { add, answers, ended, log } = channel()
    answers(({ id }) => (id === 'first' ? { kind: 'refused', reason: 'status 404' } : DONE))
    add('first', '/a')
    add('second', '/a')
    await settled()
    expect(ended).toEqual(['first', 'second'])
    expect(log.lines).toEqual(['error hook: upload of "/a" (first) is lost: status 404'])
  })

  test('one that cannot be dealt with at all is refused, and nothing else suffers', async () => {
    const { add, answers, ended, log } = channel()
    answers(({ id }) => {
      if (id === 'odd') throw new Error('a bug')
      return DONE
    })
    add('odd', '/a')
    add('even', '/a')
    await settled()
    expect(ended).toEqual(['odd', 'even'])
    expect(log.lines).toEqual(['error hook: upload of "/a" (odd) is lost: a bug'])
  })

  test('to a destination that is down wait, longer each time, and one alone finds out that it is back', async () => {
    const { add, answers, attempts, clock, ended, log } = channel()
    answers(() => DOWN)
    for (const id of ['a', 'b', 'c', 'd', 'e']) add(id)
    await settled()
    expect(attempts).toEqual(['a', 'b', 'c', 'd'])
    for (const [delay, next] of [
      [1_000, 'e'],
      [2_000, 'a'],
      [4_000, 'b'],
      [8_000, 'c'],
    ] as const) {
      clock.advance(delay - 1)
      await settled()
      const before = attempts.length
      clock.advance(1)
      await settled()
      expect(attempts.slice(before)).toEqual([next])
    }
    answers(() => DONE)
    clock.advance(60_000)
    await settled()
    expect(ended.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(log.lines).toEqual([
      'warn hook: not reached, notifications wait: nobody there',
      'info hook: reached again, 5 notifications waited',
    ])
    expect(clock.timers).toBe(0)
  })

  test('wait as long as the destination asks for', async () => {
    const { add, answers, attempts, clock } = channel()
    answers(() => ({ ...DOWN, retryAfterMs: 90_000 }))
    add('a')
    await settled()
    clock.advance(89_999)
    await settled()
    expect(attempts).toHaveLength(1)
    clock.advance(1)
    await settled()
    expect(attempts).toHaveLength(2)
  })

  test('one that fails by itself is tried again later, and only what shares its path waits for it', async () => {
    const { add, answers, attempts, clock, ended } = channel()
    answers(({ id }) => (id === 'bad' ? { kind: 'again', reason: 'status 500' } : DONE))
    add('bad', '/a')
    add('behind', '/a')
    add('other', '/b')
    await settled()
    expect(ended).toEqual(['other'])
    clock.advance(1_000)
    await settled()
    clock.advance(2_000)
    await settled()
    expect(attempts).toEqual(['bad', 'other', 'bad', 'bad'])
    answers(() => DONE)
    clock.advance(4_000)
    await settled()
    expect(ended).toEqual(['other', 'bad', 'behind'])
  })

  test('one that brings the destination down does not keep the others from it', async () => {
    const { add, answers, clock, ended } = channel()
    answers(({ id }) => (id === 'poison' ? DOWN : DONE))
    add('poison')
    await settled()
    for (let number = 0; number < 20; number++) add(`n${number}`)
    for (let minute = 0; minute < 10; minute++) {
      clock.advance(60_000)
      await settled(100)
    }
    expect(ended).toHaveLength(20)
  })

  test('are dropped when they are too old, waiting or next, with a line in the log', async () => {
    const { channel: made, add, answers, clock, ended, log } = channel()
    answers(() => DOWN)
    add('old', '/a')
    add('older behind it', '/a')
    await settled()
    clock.advance(MAX_AGE_MS - 1_000)
    add('young', '/b')
    await settled()
    clock.advance(1_001)
    await settled()
    made.sweep()
    await settled()
    expect(ended.toSorted()).toEqual(['old', 'older behind it'])
    expect(log.lines.filter((line) => line.includes('is lost: not delivered within 3 days'))).toHaveLength(2)
    expect(made.size).toBe(1)
  })
})

describe('quiet', () => {
  test('is at once where nothing is to be done', async () => {
    await expect(channel().channel.quiet()).resolves.toBeUndefined()
  })

  test('comes after the last that can be delivered now', async () => {
    const { channel: made, add, answers, running } = channel({ atOnce: 1 })
    answers(hangs)
    add('a')
    add('b')
    let quiet = false
    void made.quiet().then(() => (quiet = true))
    running.get('a')?.(DONE)
    await settled()
    expect(quiet).toBe(false)
    running.get('b')?.(DONE)
    await settled()
    expect(quiet).toBe(true)
  })

  test('does not wait for a destination that is down', async () => {
    const { channel: made, add, answers } = channel()
    answers(() => DOWN)
    add('a')
    await expect(made.quiet()).resolves.toBeUndefined()
  })
})

describe('stopping', () => {
  test('ends what runs, begins nothing, and leaves what is not done', async () => {
    const { channel: made, add, answers, attempts, clock, ended } = channel({ atOnce: 2 })
    answers(hangs)
    for (const id of ['a', 'b', 'c']) add(id)
    await made.stop()
    clock.advance(1_000_000)
    await settled()
    expect(attempts).toEqual(['a', 'b'])
    expect(ended).toEqual([])
    expect(made.size).toBe(3)
    expect(clock.timers).toBe(0)
  })
})

test('a destination that is changed is tried at once', async () => {
  const { channel: made, add, answers, clock, ended } = channel()
  answers(() => DOWN)
  add('a')
  await settled()
  answers(() => DONE)
  made.retry()
  await settled()
  expect(ended).toEqual(['a'])
  expect(clock.timers).toBe(0)
})
