import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { MemoryOutbox } from '../providers/memory/outbox.ts'
import type { Outbox, OutboxEntry } from '../providers/outbox.ts'
import { recordingLog } from '../providers/recording-log.ts'
import { BEAT_MS, Journal, LEASE_MS, MAX_PENDING, MAX_PENDING_BYTES } from './journal.ts'
import { owner, settled } from './samples.test.support.ts'

/** An outbox that can be slow, or out of order. */
class Trying implements Outbox {
  readonly inner: Outbox
  readonly calls: string[] = []
  fails = false
  gate: Promise<void> = Promise.resolve()

  constructor(inner: Outbox = new MemoryOutbox()) {
    this.inner = inner
  }

  hold = (...args: Parameters<Outbox['hold']>) => this.#call('hold', () => this.inner.hold(...args))
  owners = () => this.#call('owners', () => this.inner.owners())
  takeOver = (...args: Parameters<Outbox['takeOver']>) => this.#call('takeOver', () => this.inner.takeOver(...args))
  entries = (...args: Parameters<Outbox['entries']>) => this.#call('entries', () => this.inner.entries(...args))
  remove = (...args: Parameters<Outbox['remove']>) => this.#call('remove', () => this.inner.remove(...args))
  letGo = (...args: Parameters<Outbox['letGo']>) => this.#call('letGo', () => this.inner.letGo(...args))
  add = (name: string, entries: readonly OutboxEntry[]) =>
    this.#call(`add ${entries.length}`, () => this.inner.add(name, entries))

  async #call<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.calls.push(name)
    await this.gate
    if (this.fails) throw new Error('the database is gone')
    return work()
  }
}

function journal({ outbox = new Trying(), name = 'one', gone = [] as string[], clock = new VirtualClock() } = {}) {
  const log = recordingLog()
  const delivered: OutboxEntry[] = []
  const made = new Journal({
    outbox,
    owner: owner(name, gone),
    clock,
    log,
    deliver: (entry) => void delivered.push(entry),
  })
  const stored = async (of = name) => (await outbox.inner.entries(of, '', 1_000_000)).map(({ payload }) => payload)
  return {
    journal: made,
    outbox,
    clock,
    log,
    delivered,
    payloads: () => delivered.map(({ payload }) => payload),
    stored,
  }
}

describe('what is put', () => {
  test('in one turn is stored in one go, then delivered in order, and forgotten when it is settled', async () => {
    const { journal: made, outbox, payloads, delivered, stored } = journal()
    await made.start()
    for (let number = 0; number < 20; number++) expect(made.put('file-http', String(number))).toBe(true)
    expect(payloads()).toEqual([])
    await made.written()
    const all = Array.from({ length: 20 }, (_, number) => String(number))
    expect(payloads()).toEqual(all)
    expect(await stored()).toEqual(all)
    expect(outbox.calls.filter((call) => call.startsWith('add'))).toEqual(['add 20'])
    for (const { id } of delivered) made.settled(id)
    await settled()
    expect(await stored()).toEqual([])
    expect(outbox.calls.filter((call) => call === 'remove')).toHaveLength(1)
    expect(made.size).toBe(0)
  })

  test('while the store is slow makes nobody wait, and goes in one go afterwards', async () => {
    const { journal: made, outbox, payloads } = journal()
    await made.start()
    let open = (): void => undefined
    outbox.gate = new Promise((resolve) => {
      open = resolve
    })
    made.put('file-http', 'first')
    await settled()
    for (let number = 0; number < 300; number++) made.put('file-http', String(number))
    await settled()
    expect(payloads()).toEqual([])
    open()
    await made.written()
    expect(payloads()).toHaveLength(301)
    expect(outbox.calls.filter((call) => call.startsWith('add'))).toEqual(['add 1', 'add 300'])
  })

  test('has ids in order, also where the clock is set back', async () => {
    const { journal: made, delivered, clock } = journal()
    await made.start()
    const now = clock.now()
    for (const [number, ms] of [0, 5, -100_000, 3].entries()) {
      clock.now = () => now + ms
      made.put('file-http', String(number))
    }
    await made.written()
    const ids = delivered.map(({ id }) => id)
    expect(ids).toEqual(ids.toSorted())
    expect(new Set(ids).size).toBe(4)
    for (const id of ids) expect(id).toMatch(/^[0-9a-z]{28}$/)
  })

  test('is bounded in number: beyond it is lost, which is said once and then counted', async () => {
    const { journal: made, log, delivered, clock } = journal()
    await made.start()
    for (let number = 0; number < MAX_PENDING; number++) made.put('file-http', '')
    expect([made.put('file-http', ''), made.put('file-http', '')]).toEqual([false, false])
    expect(log.lines).toEqual([expect.stringMatching(/^error notifications are lost from now on: 100000 of them/)])
    await made.written()
    clock.advance(BEAT_MS)
    await settled()
    expect(log.lines.at(-1)).toMatch(/^error 2 notifications were lost/)
    made.settled(delivered[0]?.id ?? '')
    expect(made.put('file-http', '')).toBe(true)
  })

  test('is bounded in bytes', async () => {
    const { journal: made } = journal()
    await made.start()
    const half = 'x'.repeat(MAX_PENDING_BYTES / 2)
    expect([made.put('k', half), made.put('k', half), made.put('k', 'x')]).toEqual([true, true, false])
  })
})

describe('a store that fails', () => {
  test('keeps nothing from being delivered; what waits is stored when it is back', async () => {
    const { journal: made, outbox, payloads, delivered, stored, clock, log } = journal()
    await made.start()
    outbox.fails = true
    made.put('file-http', 'a')
    await made.written()
    made.put('file-http', 'b')
    made.put('file-http', 'c')
    await made.written()
    expect(payloads()).toEqual(['a', 'b', 'c'])
    made.settled(delivered[1]?.id ?? '')
    expect(log.lines).toEqual([
      'warn notifications cannot be stored: those that wait end with the process the database is gone',
    ])
    outbox.fails = false
    clock.advance(BEAT_MS)
    await settled()
    expect(await stored()).toEqual(['a', 'c'])
    expect(log.lines.at(-1)).toBe('info notifications can be stored again')
    for (const { id } of delivered) made.settled(id)
    await settled()
    expect(await stored()).toEqual([])
  })

  test('whose answer was lost is asked to forget what it may have stored', async () => {
    const { journal: made, outbox, delivered, stored, clock } = journal()
    await made.start()
    const { add } = outbox
    outbox.add = async (...args) => {
      await add(...args)
      throw new Error('no answer')
    }
    made.put('file-http', 'a')
    await made.written()
    made.settled(delivered[0]?.id ?? '')
    outbox.add = add
    clock.advance(BEAT_MS)
    await settled()
    expect(await stored()).toEqual([])
  })

  test('is not asked for each notification, only with each beat', async () => {
    const { journal: made, outbox, clock } = journal()
    outbox.fails = true
    await made.start()
    const before = outbox.calls.length
    for (let number = 0; number < 10; number++) {
      made.put('file-http', 'x')
      await made.written()
    }
    expect(outbox.calls).toHaveLength(before)
    clock.advance(BEAT_MS)
    await settled()
    expect(outbox.calls).toHaveLength(before + 1)
  })
})

describe('what another one left', () => {
  async function left(outbox: Trying, clock: VirtualClock): Promise<void> {
    const other = journal({ outbox, name: 'other', clock })
    await other.journal.start()
    for (const payload of ['a', 'b']) other.journal.put('file-http', payload)
    await other.journal.written()
  }

  test('is delivered when it was let go', async () => {
    const [outbox, clock] = [new Trying(), new VirtualClock()]
    const other = journal({ outbox, name: 'other', clock })
    await other.journal.start()
    other.journal.put('file-http', 'a')
    await other.journal.close()
    const { journal: made, payloads, stored, log } = journal({ outbox, clock })
    await made.start()
    expect(payloads()).toEqual(['a'])
    expect(await stored()).toEqual(['a'])
    expect(log.lines).toEqual(['info 1 notifications of a server that has ended are delivered here'])
  })

  test('is delivered at once when it is known to have ended', async () => {
    const [outbox, clock] = [new Trying(), new VirtualClock()]
    await left(outbox, clock)
    const { journal: made, payloads } = journal({ outbox, clock, gone: ['other'] })
    await made.start()
    expect(payloads()).toEqual(['a', 'b'])
  })

  test('is delivered when it has not been heard of for long enough, and not before', async () => {
    const [outbox, clock] = [new Trying(), new VirtualClock()]
    await left(outbox, clock)
    const { journal: made, payloads } = journal({ outbox, clock })
    // The other one says nothing any more.
    outbox.hold = async (name, until) => (name === 'other' ? undefined : outbox.inner.hold(name, until))
    await made.start()
    for (let ms = 0; ms < LEASE_MS - BEAT_MS; ms += BEAT_MS) {
      clock.advance(BEAT_MS)
      await settled()
    }
    expect(payloads()).toEqual([])
    clock.advance(BEAT_MS)
    await settled()
    expect(payloads()).toEqual(['a', 'b'])
  })

  test('stays where the other one lives', async () => {
    const [outbox, clock] = [new Trying(), new VirtualClock()]
    await left(outbox, clock)
    const { journal: made, payloads, stored } = journal({ outbox, clock })
    await made.start()
    for (let ms = 0; ms < 10 * LEASE_MS; ms += BEAT_MS) {
      clock.advance(BEAT_MS)
      await settled()
    }
    expect(payloads()).toEqual([])
    expect(await stored('other')).toEqual(['a', 'b'])
  })

  test('is delivered once by those that are here, however many they are', async () => {
    const [outbox, clock] = [new Trying(), new VirtualClock()]
    await left(outbox, clock)
    const heirs = ['x', 'y', 'z'].map((name) => journal({ outbox, name, clock, gone: ['other'] }))
    await Promise.all(heirs.map((heir) => heir.journal.start()))
    expect(heirs.flatMap((heir) => heir.payloads()).toSorted()).toEqual(['a', 'b'])
  })

  test('does not come twice, whatever is settled while it is read', async () => {
    const [outbox, clock] = [new Trying(), new VirtualClock()]
    await left(outbox, clock)
    const { journal: made, delivered, payloads, stored } = journal({ outbox, clock, gone: ['other', 'third'] })
    await made.start()
    for (const { id } of delivered) made.settled(id)
    await outbox.inner.hold('third', clock.now() + LEASE_MS)
    await outbox.inner.add('third', [{ id: 'zz', kind: 'file-http', createdMs: 0, payload: 'third' }])
    clock.advance(BEAT_MS)
    await settled()
    expect(payloads()).toEqual(['a', 'b', 'third'])
    expect(await stored()).toEqual(['third'])
  })
})

test('closing stores what was not, and says what is lost', async () => {
  const { journal: made, outbox, log, stored, clock } = journal()
  outbox.fails = true
  await made.start()
  made.put('file-http', 'a')
  await made.written()
  outbox.fails = false
  await made.close()
  expect(await stored()).toEqual(['a'])
  expect(await outbox.inner.owners()).toEqual([{ owner: 'one', untilMs: 0 }])
  expect(clock.timers).toBe(0)

  const broken = journal()
  broken.outbox.fails = true
  await broken.journal.start()
  broken.journal.put('file-http', 'a')
  await broken.journal.close()
  expect(broken.log.lines.at(-1)).toBe('error 1 notifications could not be stored and are lost')
  expect(log.lines.filter((line) => line.startsWith('error'))).toEqual([])
})
