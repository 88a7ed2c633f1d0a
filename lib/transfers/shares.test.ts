import { expect, test } from 'vitest'
import { Shares } from './shares.ts'

test('whoever was given the fewest bytes is next', () => {
  const shares = new Shares()
  const [a, b] = [{ share: shares.of('a', 0) }, { share: shares.of('b', 0) }]
  shares.served(a.share, 10)
  expect(shares.next([a, b])).toBe(b)
  shares.served(b.share, 20)
  expect(shares.next([a, b])).toBe(a)
  expect(shares.next([])).toBeUndefined()
})

test('one that comes later begins where the others are, and one that was away is only so far behind', () => {
  const shares = new Shares()
  const [first, away] = [shares.of('first', 0), shares.of('away', 0)]
  for (let turn = 0; turn < 10; turn++) shares.served(first, 100)
  expect(shares.of('new', 0).due).toBe(first.due)
  expect(shares.of('away', 150)).toBe(away)
  expect(away.due).toBe(first.due - 150)
})

test('of transfers that are over, however many, few are remembered', () => {
  const shares = new Shares()
  const waiting = shares.of('waits', 0)
  waiting.waiting = 1
  for (let file = 0; file < 10_000; file++) shares.served(shares.of(`file ${file}`, 0), 4096)
  expect(shares.size).toBeLessThan(100)
  expect(shares.of('waits', Infinity)).toBe(waiting)
})
