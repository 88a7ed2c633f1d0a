import { beforeEach, describe, expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { recordingLog } from '../providers/recording-log.ts'
import type { QuotaUse } from '../providers/provider.ts'
import { InFlight } from './in-flight.ts'
import { FRESH_MS, GATHER_MS, Ledger, RETRY_MS } from './ledger.ts'

const NONE: QuotaUse = { size: 0, files: 0 }
const LIMITS: QuotaUse = { size: 100, files: 2 }

let clock: VirtualClock
let stored: QuotaUse
let provider: { broken: boolean; reads: number; writes: QuotaUse[] }
let remembered: Set<string>
let ledger: Ledger

beforeEach(() => {
  clock = new VirtualClock()
  stored = { size: 40, files: 1 }
  provider = { broken: false, reads: 0, writes: [] }
  remembered = new Set()
  const log = recordingLog()
  const inFlight = new InFlight(
    {
      remember: async (username) => void remembered.add(username),
      forget: async (username) => void remembered.delete(username),
    },
    { clock, log },
  )
  ledger = new Ledger({
    provider: {
      async usedQuota() {
        provider.reads++
        if (provider.broken) throw new Error('down')
        return { ...stored }
      },
      async addUse(_username, change) {
        if (provider.broken) throw new Error('down')
        provider.writes.push(change)
        stored = { size: stored.size + change.size, files: stored.files + change.files }
      },
    },
    inFlight,
    clock,
    log,
  })
  ledger.enter('bob')
})

const FILE = { inode: '1:1', size: 40, links: 1 }
const NEW = { inode: '1:2', size: 0, links: 1 }

describe('the limits', () => {
  test('count what the provider knows, and what is reserved', async () => {
    await ledger.reserveFile('bob', LIMITS)
    await ledger.opened('bob', NEW)
    await ledger.extend('bob', NEW.inode, 60, LIMITS)
    await expect(ledger.extend('bob', NEW.inode, 61, LIMITS)).rejects.toMatchObject({
      kind: 'quota',
      message: 'Quota exceeded: this account may hold 100 bytes',
    })
    await expect(ledger.reserveFile('bob', LIMITS)).rejects.toMatchObject({
      kind: 'quota',
      message: 'Quota exceeded: this account may hold 2 files',
    })
    expect(await ledger.used('bob')).toEqual({ size: 100, files: 2 })
  })

  test('0 is none, and then nobody asks the provider', async () => {
    await ledger.reserveFile('bob', NONE)
    await ledger.opened('bob', NEW)
    await ledger.extend('bob', NEW.inode, 1e15, NONE)
    expect(provider.reads).toBe(0)
  })

  test('a thousand reservations at once get what there is, and no more', async () => {
    const limits = { size: 0, files: 11 }
    const results = await Promise.allSettled(Array.from({ length: 1000 }, () => ledger.reserveFile('bob', limits)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10)
    expect(provider.reads).toBe(1)
  })

  test('a write that was reserved twice counts once', async () => {
    await ledger.opened('bob', FILE)
    await Promise.all([60, 80, 70].map((end) => ledger.extend('bob', FILE.inode, end, LIMITS)))
    expect(await ledger.used('bob')).toEqual({ size: 80, files: 1 })
  })

  test('accounts do not share theirs', async () => {
    await ledger.reserveFile('bob', LIMITS)
    await ledger.reserveFile('eve', LIMITS)
    await expect(ledger.reserveFile('bob', LIMITS)).rejects.toMatchObject({ kind: 'quota' })
  })

  test('a provider that cannot be asked refuses, and the next try asks again', async () => {
    provider.broken = true
    await expect(ledger.reserveFile('bob', LIMITS)).rejects.toMatchObject({ kind: 'failure' })
    provider.broken = false
    await ledger.reserveFile('bob', LIMITS)
    expect(await ledger.used('bob')).toEqual({ size: 40, files: 2 })
  })
})

describe('the end of an open file', () => {
  test.each([
    { rule: 'as long as was reserved', state: { ...FILE, size: 90 }, left: { size: 90, files: 1 } },
    { rule: 'shorter: a write failed', state: { ...FILE, size: 50 }, left: { size: 50, files: 1 } },
    { rule: 'longer: somebody else wrote', state: { ...FILE, size: 95 }, left: { size: 95, files: 1 } },
    { rule: 'removed meanwhile', state: { ...FILE, size: 90, links: 0 }, left: { size: 0, files: 0 } },
    { rule: 'unknown: what was reserved stands', state: undefined, left: { size: 90, files: 1 } },
  ])('$rule', async ({ state, left }) => {
    await ledger.opened('bob', FILE)
    await ledger.extend('bob', FILE.inode, 90, LIMITS)
    await ledger.closed('bob', FILE.inode, state)
    await ledger.settle()
    expect(stored).toEqual(left)
  })

  test('of two handles only the last one settles', async () => {
    await ledger.opened('bob', FILE)
    await ledger.opened('bob', FILE)
    await ledger.extend('bob', FILE.inode, 90, LIMITS)
    await ledger.closed('bob', FILE.inode, { ...FILE, size: 50 })
    expect(await ledger.used('bob')).toEqual({ size: 90, files: 1 })
    await ledger.closed('bob', FILE.inode, { ...FILE, size: 80 })
    expect(await ledger.used('bob')).toEqual({ size: 80, files: 1 })
  })
})

describe('a file that takes the place of another', () => {
  const upload = { inode: '1:9', size: 0, links: 1 }

  test('counts what it has more than the other, and then itself', async () => {
    await ledger.opened('bob', upload, FILE.size)
    await ledger.extend('bob', upload.inode, 100, LIMITS)
    expect(await ledger.used('bob')).toEqual({ size: 100, files: 1 })
    await ledger.replacing('bob', { ...upload, size: 30 }, FILE, LIMITS)
    expect(await ledger.used('bob')).toEqual({ size: 30, files: 1 })
    await ledger.closed('bob', upload.inode, { ...upload, size: 30 })
    await ledger.settle()
    expect(stored).toEqual({ size: 30, files: 1 })
  })

  test('needs room of its own where the other is gone, and may not get it', async () => {
    stored = { size: 100, files: 2 }
    await ledger.opened('bob', upload, 40)
    await ledger.extend('bob', upload.inode, 40, LIMITS)
    await expect(ledger.replacing('bob', { ...upload, size: 40 }, undefined, LIMITS)).rejects.toMatchObject({
      kind: 'quota',
    })
    await ledger.closed('bob', upload.inode, { ...upload, size: 40, links: 0 })
    expect(await ledger.used('bob')).toEqual({ size: 100, files: 2 })
  })

  test('gives everything back when it did not', async () => {
    await ledger.opened('bob', upload, FILE.size)
    await ledger.extend('bob', upload.inode, 70, LIMITS)
    await ledger.replacing('bob', { ...upload, size: 70 }, FILE, LIMITS)
    await ledger.notReplaced('bob', FILE)
    await ledger.closed('bob', upload.inode, { ...upload, size: 70, links: 0 })
    expect(await ledger.used('bob')).toEqual({ size: 40, files: 1 })
  })
})

describe('the provider', () => {
  test('gets what came together in one change, while another is under way', async () => {
    await Promise.all(Array.from({ length: 10 }, () => ledger.added('bob', { size: 1 })))
    await ledger.settle()
    expect(provider.writes).toEqual([
      { size: 1, files: 1 },
      { size: 9, files: 9 },
    ])
    expect(stored).toEqual({ size: 50, files: 11 })
  })

  test('gets the first change at once, and those of the next moment in one more', async () => {
    const turn = () => new Promise(setImmediate)
    await ledger.added('bob', { size: 1 })
    await turn()
    for (let file = 0; file < 5; file++) {
      await ledger.added('bob', { size: 1 })
      clock.advance((GATHER_MS - 1) / 5)
      await turn()
    }
    expect(provider.writes).toEqual([{ size: 1, files: 1 }])
    clock.advance(1)
    await turn()
    expect(provider.writes).toEqual([
      { size: 1, files: 1 },
      { size: 5, files: 5 },
    ])
    clock.advance(GATHER_MS)
    await turn()
    expect(provider.writes).toHaveLength(2)
    expect(stored).toEqual({ size: 46, files: 7 })
  })

  test('gets later what it refused, and nothing is lost', async () => {
    provider.broken = true
    await ledger.added('bob', { size: 5 })
    await ledger.settle()
    await ledger.added('bob', { size: 6 })
    await ledger.settle()
    provider.broken = false
    clock.advance(RETRY_MS)
    await ledger.settle()
    expect(stored).toEqual({ size: 51, files: 3 })
  })

  test('is read again when the account is at rest for a while', async () => {
    expect(await ledger.used('bob')).toEqual({ size: 40, files: 1 })
    stored = { size: 10, files: 1 }
    expect(await ledger.used('bob')).toEqual({ size: 40, files: 1 })
    clock.advance(FRESH_MS)
    expect(await ledger.used('bob')).toEqual({ size: 10, files: 1 })
    await ledger.opened('bob', FILE)
    clock.advance(FRESH_MS)
    stored = { size: 0, files: 0 }
    expect(await ledger.used('bob')).toEqual({ size: 10, files: 1 })
  })
})

describe('an account is in flight', () => {
  const rest = async (): Promise<void> => {
    await ledger.settle()
    clock.advance(60_000)
    await Promise.resolve()
    await new Promise(setImmediate)
  }

  test('while a file is open for writing', async () => {
    await ledger.opened('bob', FILE)
    await rest()
    expect([...remembered]).toEqual(['bob'])
    await ledger.closed('bob', FILE.inode, FILE)
    await rest()
    expect([...remembered]).toEqual([])
  })

  test('while the provider does not know everything', async () => {
    provider.broken = true
    await ledger.added('bob', { size: 1 })
    await ledger.settle()
    clock.advance(RETRY_MS - 1)
    await new Promise(setImmediate)
    expect([...remembered]).toEqual(['bob'])
    provider.broken = false
    await rest()
    expect([...remembered]).toEqual([])
  })

  test('before anything is changed exclusively', async () => {
    const seen = await ledger.exclusively('bob', async () => [...remembered])
    expect(seen).toEqual(['bob'])
    await rest()
    expect([...remembered]).toEqual([])
  })
})

test('what runs exclusively runs one after the other, also after a failure', async () => {
  const order: string[] = []
  const work = (name: string, fails = false) =>
    ledger.exclusively('bob', async () => {
      order.push(`${name} begins`)
      await new Promise(setImmediate)
      order.push(`${name} ends`)
      if (fails) throw new Error('failed')
    })
  const results = await Promise.allSettled([work('a', true), work('b')])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
  expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends'])
})

describe('a count', () => {
  const store = async (use: QuotaUse): Promise<void> => void (stored = { ...use })

  test('that nothing disturbed is stored at once', async () => {
    let counts = 0
    const outcome = await ledger.recount('bob', async () => ({ size: ++counts, files: 3 }), store)
    expect([outcome, stored]).toEqual([
      { size: 1, files: 3 },
      { size: 1, files: 3 },
    ])
  })

  test.each(['began before it, and ends while it goes on', 'begins and ends while it goes on'])(
    'is made anew when something that runs exclusively %s',
    async (when) => {
      let release = (): void => undefined
      const held = new Promise<void>((resolve) => (release = resolve))
      let moving: Promise<unknown> = Promise.resolve()
      const move = () => {
        moving = ledger.exclusively('bob', () => held)
      }
      if (when.startsWith('began')) move()
      await new Promise(setImmediate)
      let counts = 0
      const counted = ledger.recount(
        'bob',
        async () => {
          counts++
          if (when.startsWith('begins') && counts === 1) move()
          // What is moved has no name just now.
          const files = counts === 1 ? 0 : 1
          release()
          await moving
          return { size: 0, files }
        },
        store,
      )
      expect(await counted).toEqual({ size: 0, files: 1 })
      expect(counts).toBe(2)
    },
  )
})

test('a shrinking or growing file that is not open counts at once, a removed one not at all', async () => {
  await ledger.resize('bob', FILE, 90, LIMITS)
  expect(await ledger.used('bob')).toEqual({ size: 90, files: 1 })
  await ledger.resize('bob', { ...FILE, size: 90 }, 10, LIMITS)
  expect(await ledger.used('bob')).toEqual({ size: 10, files: 1 })
  await ledger.resize('bob', { ...FILE, links: 0 }, 99, LIMITS)
  expect(await ledger.used('bob')).toEqual({ size: 10, files: 1 })
  await expect(ledger.resize('bob', { ...FILE, size: 10 }, 101, LIMITS)).rejects.toMatchObject({ kind: 'quota' })
})
