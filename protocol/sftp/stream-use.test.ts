import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StreamUse } from './stream-use.ts'
import type { Use } from './stream-use.ts'

test('it begins where the first use that is not over does, whatever the order of their ends', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ begins: fc.boolean(), which: fc.nat() })), (steps) => {
      const stream = new StreamUse()
      const open: Use[] = []
      let position = 0
      for (const { begins, which } of steps) {
        if (begins || open.length === 0) open.push(stream.begin((position += which % 10)))
        else stream.end(open.splice(which % open.length, 1)[0] as Use)
        expect(stream.from).toBe(open[0]?.from)
      }
    }),
  )
})

test('one use that stays holds all behind it', () => {
  const stream = new StreamUse()
  const [first, ...rest] = [0, 10, 20].map((from) => stream.begin(from))
  for (const use of rest) stream.end(use)
  expect(stream.from).toBe(0)
  stream.end(first as Use)
  expect(stream.from).toBeUndefined()
})
