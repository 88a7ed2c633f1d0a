import { beforeEach, describe, expect, test } from 'vitest'
import type { Outbox, OutboxEntry } from './outbox.ts'
import type { Provider } from './provider.ts'

const id = (number: number) => `0193c0de${String(number).padStart(20, '0')}`

function entry(number: number, overrides: Partial<OutboxEntry> = {}): OutboxEntry {
  return {
    id: id(number),
    kind: 'file-http',
    createdMs: 1_700_000_000_000 + number,
    payload: `{"n":${number}}`,
    ...overrides,
  }
}

const sorted = (owners: { owner: string; untilMs: number }[]) => owners.toSorted((a, b) => (a.owner < b.owner ? -1 : 1))

/** The rules for what notifications wait in; part of the provider's. */
export function outboxContract(provider: () => Provider): void {
  describe('the outbox', () => {
    let outbox: Outbox
    beforeEach(async () => {
      outbox = await provider().openOutbox()
    })
    const ids = async (owner: string) => (await outbox.entries(owner, '', 10_000)).map((found) => found.id)

    test('is empty, and opening it again changes nothing', async () => {
      expect(await outbox.owners()).toEqual([])
      expect(await outbox.entries('one', '', 10)).toEqual([])
      await outbox.add('one', [entry(1)])
      const again = await provider().openOutbox()
      expect(await again.entries('one', '', 10)).toEqual([entry(1)])
    })

    test('gives back what was put in, in order of id, page by page, to its owner alone', async () => {
      await outbox.hold('one', 1000)
      const numbers = Array.from({ length: 150 }, (_, number) => number)
      await outbox.add(
        'one',
        numbers.map((number) => entry(number)),
      )
      await outbox.add('two', [entry(500)])
      expect(await ids('one')).toEqual(numbers.map(id))
      expect(await ids('two')).toEqual([id(500)])
      expect((await outbox.entries('one', '', 2)).map((found) => found.id)).toEqual([id(0), id(1)])
      expect((await outbox.entries('one', id(1), 2)).map((found) => found.id)).toEqual([id(2), id(3)])
      expect(await outbox.entries('one', id(149), 2)).toEqual([])
    })

    test('keeps any text', async () => {
      const payloads = ['', `'; DROP TABLE users; --`, '\u00ff\u0001"\\\n', 'Ünïcødé 用户 🗂️', 'x'.repeat(300_000)]
      const entries = payloads.map((payload, number) => entry(number, { payload, kind: 'user-command' }))
      await outbox.add('one', entries)
      expect(await outbox.entries('one', '', 10)).toEqual(entries)
    })

    test('what is put in twice is there once, as it was first', async () => {
      await outbox.add('one', [entry(1), entry(2)])
      await outbox.add('one', [entry(2, { payload: 'other' }), entry(3)])
      expect(await outbox.entries('one', '', 10)).toEqual([entry(1), entry(2), entry(3)])
    })

    test('what is removed is gone, and unknown ids are ignored', async () => {
      await outbox.add(
        'one',
        Array.from({ length: 200 }, (_, number) => entry(number)),
      )
      await outbox.remove(
        'one',
        Array.from({ length: 150 }, (_, number) => id(number)),
      )
      await outbox.remove('one', [id(9999)])
      await outbox.remove('two', [id(170)])
      await outbox.remove('one', [])
      expect(await ids('one')).toEqual(Array.from({ length: 50 }, (_, number) => id(150 + number)))
    })

    test('knows who holds and who has entries', async () => {
      await outbox.hold('holds', 1_700_000_000_123)
      await outbox.add('has', [entry(1)])
      await outbox.add('ha', [entry(3)])
      await outbox.hold('both', 5)
      await outbox.hold('both', 7)
      await outbox.add('both', [entry(2)])
      const expected = [
        { owner: 'both', untilMs: 7 },
        { owner: 'ha', untilMs: 0 },
        { owner: 'has', untilMs: 0 },
        { owner: 'holds', untilMs: 1_700_000_000_123 },
      ]
      expect(sorted(await outbox.owners())).toEqual(expected)
      await outbox.letGo('holds')
      await outbox.letGo('both')
      await outbox.letGo('nobody')
      expect(sorted(await outbox.owners())).toEqual([{ owner: 'both', untilMs: 0 }, ...expected.slice(1, 3)])
    })

    test('gives the entries of one who is gone to another, behind none and before none of its own', async () => {
      await outbox.hold('gone', 5)
      await outbox.add('gone', [entry(1), entry(4)])
      await outbox.add('to', [entry(2)])
      await outbox.takeOver({ owner: 'gone', untilMs: 5 }, 'to')
      expect(await outbox.entries('to', '', 10)).toEqual([entry(1), entry(2), entry(4)])
      expect(await outbox.owners()).toEqual([{ owner: 'to', untilMs: 0 }])
      await outbox.remove('to', [id(1), id(2), id(4)])
      expect(await outbox.owners()).toEqual([])
    })

    test('leaves the entries of one who has said meanwhile that it is alive', async () => {
      await outbox.hold('alive', 5)
      await outbox.add('alive', [entry(1)])
      const [seen] = await outbox.owners()
      if (seen === undefined) throw new Error('nobody holds')
      await outbox.hold('alive', 6)
      await outbox.takeOver(seen, 'to')
      expect(await ids('alive')).toEqual([id(1)])
      expect(await ids('to')).toEqual([])
      expect(await outbox.owners()).toEqual([{ owner: 'alive', untilMs: 6 }])
    })

    test('of many who take over at once each entry has exactly one owner', async () => {
      await outbox.hold('gone', 5)
      const all = Array.from({ length: 100 }, (_, number) => entry(number))
      await outbox.add('gone', all)
      const takers = ['a', 'b', 'c', 'd']
      await Promise.all(takers.map((taker) => outbox.takeOver({ owner: 'gone', untilMs: 5 }, taker)))
      const taken = (await Promise.all(takers.map(ids))).flat()
      expect(taken.toSorted()).toEqual(all.map((each) => each.id))
      expect(await ids('gone')).toEqual([])
    })

    test('many who add at once all have what is theirs', async () => {
      const owners = Array.from({ length: 10 }, (_, number) => `owner${number}`)
      await Promise.all(
        owners.map(async (owner, at) => {
          await outbox.hold(owner, at)
          for (let number = 0; number < 20; number++) await outbox.add(owner, [entry(at * 100 + number)])
        }),
      )
      for (const owner of owners) expect(await ids(owner)).toHaveLength(20)
      expect(await outbox.owners()).toHaveLength(10)
    })

    test('answers nothing after the provider was closed', async () => {
      await provider().close()
      const calls = [
        () => outbox.hold('one', 1),
        () => outbox.add('one', [entry(1)]),
        () => outbox.owners(),
        () => outbox.takeOver({ owner: 'one', untilMs: 0 }, 'two'),
        () => outbox.entries('one', '', 1),
        () => outbox.remove('one', [id(1)]),
        () => outbox.letGo('one'),
        () => provider().openOutbox(),
      ]
      for (const call of calls) {
        await expect(call()).rejects.toMatchObject({ name: 'ProviderError', kind: 'unavailable' })
      }
    })
  })
}
