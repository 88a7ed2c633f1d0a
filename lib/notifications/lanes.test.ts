import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Lanes } from './lanes.ts'

function drained<T>(lanes: Lanes<T>): T[] {
  const items: T[] = []
  for (let place = lanes.next(); place !== undefined; place = lanes.next()) items.push(place.item)
  return items
}

test('items without a common key are all ready at once, in order', () => {
  const lanes = new Lanes<number>()
  for (const item of [1, 2, 3]) lanes.add(item, [`/${item}`])
  expect(lanes.ready).toBe(3)
  expect(drained(lanes)).toEqual([1, 2, 3])
  expect(lanes.size).toBe(3)
})

test('an item waits for the one before it with the same key', () => {
  const lanes = new Lanes<string>()
  lanes.add('first', ['/a'])
  lanes.add('second', ['/a'])
  lanes.add('other', ['/b'])
  const first = lanes.next()
  expect(first?.item).toBe('first')
  expect(drained(lanes)).toEqual(['other'])
  if (first !== undefined) lanes.done(first)
  expect(drained(lanes)).toEqual(['second'])
})

test('a rename waits for both its paths, and both wait for it', () => {
  const lanes = new Lanes<string>()
  lanes.add('up a', ['/a'])
  lanes.add('up b', ['/b'])
  lanes.add('a to b', ['/a', '/b'])
  lanes.add('down a', ['/a'])
  lanes.add('down b', ['/b'])
  const [a, b] = [lanes.next(), lanes.next()]
  expect([a?.item, b?.item, lanes.next()]).toEqual(['up a', 'up b', undefined])
  if (a !== undefined) lanes.done(a)
  expect(lanes.next()).toBeUndefined()
  if (b !== undefined) lanes.done(b)
  const rename = lanes.next()
  expect([rename?.item, lanes.next()]).toEqual(['a to b', undefined])
  if (rename !== undefined) lanes.done(rename)
  expect(drained(lanes)).toEqual(['down a', 'down b'])
})

test('one that is to be tried again goes behind those that are ready, and keeps its place before its followers', () => {
  const lanes = new Lanes<string>()
  for (const [item, key] of [
    ['a1', 'a'],
    ['a2', 'a'],
    ['b1', 'b'],
  ] as const)
    lanes.add(item, [key])
  const first = lanes.next()
  if (first !== undefined) lanes.again(first)
  expect(drained(lanes)).toEqual(['b1', 'a1'])
})

test('what is done twice, or tried again when it is done, changes nothing', () => {
  const lanes = new Lanes<string>()
  lanes.add('a1', ['a'])
  lanes.add('a2', ['a'])
  lanes.add('a3', ['a'])
  const first = lanes.next()
  if (first === undefined) throw new Error('nothing is ready')
  lanes.done(first)
  lanes.done(first)
  lanes.again(first)
  expect(lanes.size).toBe(2)
  expect(drained(lanes)).toEqual(['a2'])
})

test('whatever is tried again and done in whatever order: each comes, and those of one key in order', () => {
  const step = fc.record({ keys: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 2 }), takes: fc.nat(3) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.infiniteStream(fc.nat(9)), (steps, choices) => {
      const lanes = new Lanes<number>()
      const out: { item: number }[] = []
      const finished: number[] = []
      const act = (): void => {
        const choice = choices.next().value ?? 0
        const place = choice < 5 ? lanes.next() : undefined
        if (place !== undefined) out.push(place)
        const [held] = out.splice(choice % Math.max(1, out.length), 1)
        if (held === undefined) return
        if (choice % 3 === 0) lanes.again(held)
        else {
          lanes.done(held)
          finished.push(held.item)
        }
      }
      for (const [item, { keys, takes }] of steps.entries()) {
        lanes.add(item, keys)
        for (let take = 0; take < takes; take++) act()
      }
      for (let guard = 0; lanes.size > 0 && guard < 10_000; guard++) act()
      expect(finished.toSorted((x, y) => x - y)).toEqual(steps.map((_, item) => item))
      for (const key of ['a', 'b', 'c', 'd'] as const) {
        const ofKey = finished.filter((item) => steps[item]?.keys.includes(key))
        expect(ofKey).toEqual(ofKey.toSorted((x, y) => x - y))
      }
    }),
  )
})
