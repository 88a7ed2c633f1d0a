import { expect, test } from 'vitest'

import type { Summary } from './figures.ts'
import { table } from './table.ts'

const SUMMARY: Summary = {
  workload: 'put 1 GiB',
  server: 'sftpgo',
  rounds: 5,
  mibPerSecond: 695.4,
  filesPerSecond: 0.678,
  cpuSecondsPerGib: 1.416,
  peakRssMib: 120.2,
  speedRatio: 1.764,
  cpuRatio: 0.645,
}

test('columns are aligned, workloads set apart, and what was not measured is a dash', () => {
  const summaries: Summary[] = [
    SUMMARY,
    { ...SUMMARY, server: 'openssh', mibPerSecond: 394, speedRatio: 1, cpuRatio: 1 },
    { ...SUMMARY, workload: 'put 2000 x 4 KiB', filesPerSecond: 2700.4, speedRatio: undefined, cpuRatio: undefined },
    { ...SUMMARY, workload: 'list', filesPerSecond: 50_000, mibPerSecond: undefined, cpuSecondsPerGib: undefined },
  ]
  expect(table(summaries, 'openssh')).toBe(
    [
      'workload          server   MiB/s  files/s  CPU s/GiB  peak RSS MiB  speed / openssh  CPU / openssh',
      '',
      'put 1 GiB         sftpgo     695     0.68       1.42           120             1.76           0.65',
      'put 1 GiB         openssh    394     0.68       1.42           120             1.00           1.00',
      '',
      'put 2000 x 4 KiB  sftpgo     695     2700       1.42           120                -              -',
      '',
      'list              sftpgo       -    50000          -           120             1.76           0.65',
    ].join('\n'),
  )
})
