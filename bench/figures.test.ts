import { expect, test } from 'vitest'

import { median, summarize } from './figures.ts'
import type { Sample } from './figures.ts'

const GIB = 1024 ** 3

function sample(server: string, round: number, seconds: number, cpuSeconds = 1): Sample {
  return { workload: 'put', server, round, seconds, cpuSeconds, bytes: GIB, files: 1, peakRssKib: 2048 }
}

test.each([
  { values: [3], expected: 3 },
  { values: [9, 1, 5], expected: 5 },
  { values: [4, 1, 10, 2], expected: 3 },
])('the median of $values is $expected', ({ values, expected }) => {
  expect(median(values)).toBe(expected)
})

test('nothing has no median', () => {
  expect(() => median([])).toThrow('no values')
})

test('figures are medians of the counted rounds, and the warm-up is not counted', () => {
  const [summary] = summarize([sample('a', 0, 100), sample('a', 1, 2), sample('a', 2, 4, 3), sample('a', 3, 1)], 'b')
  expect(summary).toEqual({
    workload: 'put',
    server: 'a',
    rounds: 3,
    mibPerSecond: 512,
    filesPerSecond: 0.5,
    cpuSecondsPerGib: 1,
    peakRssMib: 2,
    speedRatio: undefined,
    cpuRatio: undefined,
  })
})

test('ratios are taken within a round, then their median', () => {
  // The machine was three times slower in round 2, for both: the ratio does not show it.
  const samples = [
    sample('a', 1, 1, 2),
    sample('base', 1, 2, 4),
    sample('a', 2, 3, 6),
    sample('base', 2, 6, 12),
    sample('a', 3, 1, 2),
    sample('base', 3, 2, 4),
  ]
  const [a, base] = summarize(samples, 'base')
  expect(a).toMatchObject({ server: 'a', speedRatio: 2, cpuRatio: 0.5 })
  expect(base).toMatchObject({ server: 'base', speedRatio: 1, cpuRatio: 1 })
})

test('what moves no bytes has no figures of bytes', () => {
  const [summary] = summarize([{ ...sample('a', 1, 2), bytes: 0, files: 100 }], 'b')
  expect(summary).toMatchObject({ mibPerSecond: undefined, cpuSecondsPerGib: undefined, filesPerSecond: 50 })
})
