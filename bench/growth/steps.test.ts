import { expect, test } from 'vitest'
import { sizes, steps } from './steps.ts'

const point = (size: number, seconds: number) => ({ size, seconds, cpuSeconds: 0 })

test.each([
  { what: 'twice as long for twice as much is linear', points: [point(1, 1), point(2, 2)], factors: [1] },
  { what: 'what has a cost of its own grows slower', points: [point(1, 2), point(4, 4)], factors: [0.5] },
  { what: 'four times as long is worse', points: [point(1, 1), point(2, 4), point(4, 8)], factors: [2, 1] },
  { what: 'one size is no step', points: [point(1, 1)], factors: [] },
])('$what', ({ points, factors }) => {
  expect(steps(points).map(({ factor }) => factor)).toEqual(factors)
})

test('sizes go up to the last one', () => {
  expect(sizes(1, 4, 64)).toEqual([1, 4, 16, 64])
  expect(sizes(10, 10, 99)).toEqual([10])
})
