import type { Result } from './measure.ts'

const HEADINGS = ['limit', 'direction', 'transfers', 'seconds', 'measured', 'error', 'furthest from an equal share']

/** A Markdown table, which reads well as plain text. */
export function throttleTable(results: readonly Result[]): string {
  const rows = results.map((result) => [
    rateText(result.limitKb * 1000, 0),
    result.direction,
    String(result.transfers),
    result.seconds.toFixed(1),
    rateText(result.bytesPerSecond, 2),
    percentText(result.errorPercent),
    result.transfers === 1 ? '-' : `${result.spreadPercent.toFixed(2)} %`,
  ])
  const all = [HEADINGS, ...rows]
  const widths = HEADINGS.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 1 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`
  const rule = widths.map((width, column) => (column === 1 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(HEADINGS), line(rule), ...rows.map(line)].join('\n')
}

/** What is measured for a limit of 1 MB/s may be a little less, and is compared with it. */
const MEGA_FROM = 950_000

/** 100 KB/s, 1 MB/s: 1000 bytes to a KB, as limits are given. */
export function rateText(bytesPerSecond: number, digits: number): string {
  return bytesPerSecond >= MEGA_FROM
    ? `${(bytesPerSecond / 1_000_000).toFixed(digits)} MB/s`
    : `${(bytesPerSecond / 1000).toFixed(digits)} KB/s`
}

export function percentText(percent: number): string {
  const shown = Math.abs(percent).toFixed(2)
  return `${percent < 0 && Number(shown) !== 0 ? '-' : '+'}${shown} %`
}
