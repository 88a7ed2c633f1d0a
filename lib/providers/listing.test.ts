import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { byBytes } from './listing.ts'

test('texts are in the order of their UTF-8 bytes', () => {
  const text = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(byBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
  )
  expect(byBytes('\u{ffff}', '\u{10000}')).toBeLessThan(0)
})
