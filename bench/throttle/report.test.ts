import { expect, test } from 'vitest'

import type { Result } from './measure.ts'
import { throttlePlot } from './plot.ts'
import { percentText, rateText, throttleTable } from './report.ts'

const RESULTS: Result[] = [
  {
    limitKb: 100,
    direction: 'upload',
    transfers: 8,
    seconds: 20.4,
    bytesPerSecond: 99_500,
    errorPercent: -0.5,
    spreadPercent: 1.234,
  },
  {
    limitKb: 50_000,
    direction: 'download',
    transfers: 1,
    seconds: 10,
    bytesPerSecond: 52_000_000,
    errorPercent: 4,
    spreadPercent: 0,
  },
]

test('the table has a row for each case', () => {
  expect(throttleTable(RESULTS).split('\n')).toEqual([
    '|    limit | direction | transfers | seconds |   measured |   error | furthest from an equal share |',
    '| -------: | --------- | --------: | ------: | ---------: | ------: | ---------------------------: |',
    '| 100 KB/s | upload    |         8 |    20.4 | 99.50 KB/s | -0.50 % |                       1.23 % |',
    '|  50 MB/s | download  |         1 |    10.0 | 52.00 MB/s | +4.00 % |                            - |',
  ])
})

test('the plot has a dot for each case inside of its axis, and the band', () => {
  const svg = throttlePlot(RESULTS)
  const dots = [...svg.matchAll(/<circle class="(\w+)" cx="([\d.]+)"/g)].map(([, kind, x]) => ({ kind, x: Number(x) }))
  expect(dots.map(({ kind }) => kind)).toEqual(['upload', 'download'])
  const grid = [...svg.matchAll(/<line class="\w+" x1="([\d.]+)"/g)].map(([, x]) => Number(x))
  expect(grid).toHaveLength(11)
  for (const { x } of dots) {
    expect(x).toBeGreaterThan(Math.min(...grid))
    expect(x).toBeLessThan(Math.max(...grid))
  }
  expect(svg).toContain('class="band"')
  expect(svg).toContain('prefers-color-scheme: dark')
  expect(svg).toContain('50 MB/s, download, 1 transfer<')
})

test('figures are comparable at a glance', () => {
  expect([-0.001, 0, -0.01, 3].map(percentText)).toEqual(['+0.00 %', '+0.00 %', '-0.01 %', '+3.00 %'])
  expect([99_990, 999_970, 50_000_000].map((rate) => rateText(rate, 2))).toEqual([
    '99.99 KB/s',
    '1.00 MB/s',
    '50.00 MB/s',
  ])
})
