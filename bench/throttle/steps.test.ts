import { expect, test } from 'vitest'

import { Steps } from './steps.ts'

test('the rate is taken from step to step, whenever one looks', () => {
  const steps = new Steps()
  for (let ms = 0; ms <= 10_500; ms += 10) steps.seen(ms / 1000, 255_000 * Math.floor(ms / 2550))
  expect(steps.seconds).toBeCloseTo(7.65)
  expect(steps.bytesPerSecond).toBeCloseTo(100_000)
})

test('what was there before the first look, and when nothing comes any more, counts for nothing', () => {
  const steps = new Steps()
  for (const [seconds, bytes] of [
    [0, 1000],
    [1, 1000],
    [2, 3000],
    [3, 5000],
    [60, 5000],
  ] as const)
    steps.seen(seconds, bytes)
  expect(steps.bytesPerSecond).toBeCloseTo(4000 / 3)
})

test.each([{ sizes: [] }, { sizes: [0, 0] }, { sizes: [0, 5, 5] }])('$sizes has no rate', ({ sizes }) => {
  const steps = new Steps()
  for (const [second, bytes] of sizes.entries()) steps.seen(second, bytes)
  expect(steps.seconds).toBe(0)
  expect(() => steps.bytesPerSecond).toThrow('did not grow')
})

test('what came before it is begun anew does not count', () => {
  const steps = new Steps()
  for (const second of [0, 1, 2]) steps.seen(second, second * 5000)
  expect(steps.began).toBe(true)
  const later = steps.anew()
  later.seen(2.5, 10_000)
  expect(later.began).toBe(false)
  for (const second of [3, 4, 5]) later.seen(second, 10_000 + (second - 2) * 100)
  expect(later.bytesPerSecond).toBe(100)
})

test('a step that is seen in parts is one', () => {
  const steps = new Steps()
  const looks = [
    [0, 0],
    [1, 40],
    [1.01, 100],
    [3, 130],
    [3.005, 200],
    [5, 270],
    [5.015, 300],
  ] as const
  for (const [seconds, bytes] of looks) steps.seen(seconds, bytes)
  expect(steps.bytesPerSecond).toBe(50)
})
