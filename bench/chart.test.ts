import { expect, test } from 'vitest'

import { throughputChart } from './chart.ts'
import type { Summary } from './figures.ts'
import { parseOptions } from './options.ts'

const ENVIRONMENT = { node: 'v20', cpus: 2, cpuModel: 'A CPU', openssh: 'OpenSSH_9.2', cipher: 'none', ssh2Addon: true }

function summary(server: string, speedRatio: number | undefined): Summary {
  const figures = { rounds: 1, mibPerSecond: 300, filesPerSecond: 0.3, cpuSecondsPerGib: 2, peakRssMib: 1 }
  return { workload: 'put', server, ...figures, speedRatio, cpuRatio: 0.5 }
}

test('a bar is as long as its speed, and says it', () => {
  const summaries = [summary('sftpgo', 2), summary('openssh', 1), summary('rclone', undefined)]
  const svg = throughputChart(
    { environment: ENVIRONMENT, options: parseOptions([]), summaries, samples: [] },
    'openssh',
  )
  const widths = [...svg.matchAll(/<rect class="(\w+)"[^>]* width="([\d.]+)"/g)].map(([, kind, width]) => [
    kind,
    Number(width),
  ])
  expect(widths.map(([kind]) => kind)).toEqual(['own', 'baseline'])
  expect(Number(widths[0]?.[1]) / Number(widths[1]?.[1])).toBeCloseTo(2, 2)
  expect(svg).toContain('2.00 x · 300 MiB/s · CPU 0.50')
  expect(svg.match(/>put</g)).toHaveLength(1)
})
