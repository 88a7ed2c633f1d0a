import { expect, test } from 'vitest'
import { growthPlot } from './plot.ts'
import { amountText, growthTable, worseThanLinear } from './report.ts'
import type { Series } from './steps.ts'

const series: Series[] = [
  {
    name: 'put one file',
    unit: 'bytes',
    points: [
      { size: 4096, seconds: 0.001, cpuSeconds: 0 },
      { size: 65_536, seconds: 0.008, cpuSeconds: 0.01 },
    ],
  },
  {
    name: 'gets at once',
    unit: 'transfers',
    points: [
      { size: 1, seconds: 1, cpuSeconds: 1 },
      { size: 4, seconds: 8, cpuSeconds: 9 },
    ],
  },
]

test.each([
  ['bytes', 4096, '4 KiB'],
  ['bytes', 1.5 * 1024 ** 3, '1.5 GiB'],
  ['names', 100_000, '100,000'],
] as const)('%s: %d is %s', (unit, size, text) => {
  expect(amountText(unit, size)).toBe(text)
})

test('the table has a row for each size, with its step from the one before', () => {
  expect(growthTable(series).split('\n').slice(2)).toEqual([
    '| put one file | 4 KiB | 0.0010 | 0.00 | - |',
    '| put one file | 64 KiB | 0.0080 | 0.01 | 0.50 |',
    '| gets at once | 1 | 1.0000 | 1.00 | - |',
    '| gets at once | 4 | 8.0000 | 9.00 | 2.00 |',
  ])
})

test('what is worse than linear is named, and nothing else', () => {
  expect(worseThanLinear(series)).toEqual(['gets at once: from 1 to 4 it takes 2.00 times what is linear'])
})

test('the plot has a line for each series and a dot for each size, all inside', () => {
  const svg = growthPlot(series, 'here')
  expect(svg.match(/<polyline/g)).toHaveLength(2)
  expect(svg.match(/<circle/g)).toHaveLength(4)
  expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  const [, width = '0'] = /viewBox="0 0 (\d+)/.exec(svg) ?? []
  for (const [, at] of svg.matchAll(/cx="([\d.]+)"/g)) expect(Number(at)).toBeLessThan(Number(width))
})
