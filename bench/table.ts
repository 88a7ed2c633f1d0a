import type { Summary } from './figures.ts'

/** What one column says, and of which summary. Text is aligned left, figures right. */
interface Column {
  heading: string
  figure: boolean
  cell(summary: Summary): string
}

const NONE = '-'

function columns(baseline: string): readonly Column[] {
  return [
    { heading: 'workload', figure: false, cell: ({ workload }) => workload },
    { heading: 'server', figure: false, cell: ({ server }) => server },
    { heading: 'MiB/s', figure: true, cell: ({ mibPerSecond }) => figure(mibPerSecond, 0) },
    {
      heading: 'files/s',
      figure: true,
      cell: ({ filesPerSecond }) => filesPerSecond.toFixed(filesPerSecond < 10 ? 2 : 0),
    },
    { heading: 'CPU s/GiB', figure: true, cell: ({ cpuSecondsPerGib }) => figure(cpuSecondsPerGib, 2) },
    { heading: 'peak RSS MiB', figure: true, cell: ({ peakRssMib }) => peakRssMib.toFixed(0) },
    { heading: `speed / ${baseline}`, figure: true, cell: ({ speedRatio }) => figure(speedRatio, 2) },
    { heading: `CPU / ${baseline}`, figure: true, cell: ({ cpuRatio }) => figure(cpuRatio, 2) },
  ]
}

/** Of what moves no bytes there is none. */
function figure(value: number | undefined, digits: number): string {
  return value === undefined ? NONE : value.toFixed(digits)
}

/** Aligned text, a blank line between workloads. */
export function table(summaries: readonly Summary[], baseline: string): string {
  const all = columns(baseline)
  const rows = summaries.map((summary) => all.map((column) => column.cell(summary)))
  const widths = all.map(({ heading }, i) => Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (all[i]?.figure ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  const body = rows.flatMap((row, i) => {
    const isFirst = summaries[i]?.workload !== summaries[i - 1]?.workload
    return isFirst ? ['', line(row)] : [line(row)]
  })
  return [line(all.map(({ heading }) => heading)), ...body].join('\n')
}
