import { expect, test } from 'vitest'
import { BufferPool } from './buffer-pool.ts'

test('gives out buffers of its capacity, each to one borrower', () => {
  const pool = new BufferPool(16, 2)
  const [a, b] = [pool.take(), pool.take()]
  expect([a.length, b.length]).toEqual([16, 16])
  expect(a).not.toBe(b)
})

test('lends again what came back', () => {
  const pool = new BufferPool(16, 2)
  const buffer = pool.take()
  pool.give(buffer)
  expect(pool.take()).toBe(buffer)
  expect(pool.take()).not.toBe(buffer)
})

test('keeps at most as many idle buffers as it was told', () => {
  const pool = new BufferPool(16, 1)
  const [a, b] = [pool.take(), pool.take()]
  pool.give(a)
  pool.give(b)
  expect(pool.take()).toBe(a)
  expect(pool.take()).not.toBe(b)
})
