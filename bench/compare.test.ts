import { expect, test } from 'vitest'

import { whatIsWorse } from './compare.ts'
import type { Sample } from './figures.ts'

function run(ours: readonly number[], cpu: readonly number[] = ours.map(() => 1)): Sample[] {
  const common = { workload: 'put', bytes: 1, files: 1, peakRssKib: 1 }
  return ours.flatMap((seconds, n) => [
    { ...common, server: 'a', round: n + 1, seconds, cpuSeconds: cpu[n] ?? 1 },
    { ...common, server: 'base', round: n + 1, seconds: 2, cpuSeconds: 2 },
  ])
}

test.each([
  { what: 'the same', before: [2, 2, 2], now: [2, 2, 2] },
  { what: 'faster', before: [2, 2, 2], now: [1, 1, 1] },
  { what: 'a little slower', before: [2, 2, 2], now: [2.08, 2.08, 2.08] },
  { what: 'slower within the noise', before: [1.5, 2, 2.5], now: [2.1, 2.3, 2.4] },
])('$what is not worse', ({ before, now }) => {
  expect(whatIsWorse(run(before), run(now), 'base')).toEqual([])
})

test('slower, and dearer, than the noise explains is said', () => {
  expect(whatIsWorse(run([2, 2, 2.1]), run([3, 3.1, 3]), 'base')).toEqual([
    "put, a: time is 1.50 of base's, and was 1.00",
  ])
  expect(whatIsWorse(run([2, 2, 2]), run([2, 2, 2], [2, 2, 2]), 'base')).toEqual([
    "put, a: CPU time is 1.00 of base's, and was 0.50",
  ])
})

test('what was not measured before is not compared', () => {
  expect(whatIsWorse([], run([3, 3, 3]), 'base')).toEqual([])
})
