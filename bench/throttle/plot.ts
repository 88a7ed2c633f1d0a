import { CHART_STYLE } from '../chart-style.ts'
import type { Result } from './measure.ts'
import { percentText, rateText } from './report.ts'

/** What the throttle promises over ten seconds, in percent of the limit. */
export const TOLERANCE_PERCENT = 3

const WIDTH = 760
const ROW = 26
const TOP = 64
const BOTTOM = 40
const LEFT = 230
const RIGHT = 90

const STYLE = `${CHART_STYLE}
  .band { fill: #2da44e; opacity: .16 }
  .upload { fill: #0969da } .download { fill: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    .band { fill: #3fb950; opacity: .2 }
    .upload { fill: #58a6ff } .download { fill: #f0883e }
  }`

/** An SVG: a row for each result, its deviation from the limit as a dot, and what is promised as a band. */
export function throttlePlot(results: readonly Result[]): string {
  const worst = Math.max(TOLERANCE_PERCENT, ...results.map(({ errorPercent }) => Math.abs(errorPercent)))
  const reach = Math.ceil(worst) + 1
  const height = TOP + results.length * ROW + BOTTOM
  const x = (percent: number): number => LEFT + ((percent + reach) / (2 * reach)) * (WIDTH - LEFT - RIGHT)
  const ticks = Array.from({ length: 2 * reach + 1 }, (_, n) => n - reach)
  const grid = ticks.map((tick) => {
    const at = x(tick).toFixed(1)
    return (
      `<line class="${tick === 0 ? 'zero' : 'line'}" x1="${at}" x2="${at}" y1="${TOP}" y2="${height - BOTTOM}"/>` +
      `<text class="faint" x="${at}" y="${height - BOTTOM + 18}" text-anchor="middle">${tick > 0 ? '+' : ''}${tick} %</text>`
    )
  })
  const rows = results.map((result, n) => {
    const y = TOP + n * ROW + ROW / 2
    const transfers = result.transfers === 1 ? '1 transfer' : `${result.transfers} transfers`
    const label = `${rateText(result.limitKb * 1000, 0)}, ${result.direction}, ${transfers}`
    return (
      `<text x="${LEFT - 16}" y="${y + 4}" text-anchor="end">${label}</text>` +
      `<circle class="${result.direction}" cx="${x(result.errorPercent).toFixed(1)}" cy="${y}" r="5"/>` +
      `<text class="faint" x="${WIDTH - RIGHT + 12}" y="${y + 4}">${percentText(result.errorPercent)}</text>`
    )
  })
  const band = `x="${x(-TOLERANCE_PERCENT).toFixed(1)}" width="${(x(TOLERANCE_PERCENT) - x(-TOLERANCE_PERCENT)).toFixed(1)}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="How far measured bandwidth is from its limit">
<style>${STYLE}
</style>
<text class="title" x="16" y="26">Measured bandwidth against its limit</text>
<text class="faint" x="16" y="46">OpenSSH's sftp against this server; the band is ${TOLERANCE_PERCENT} % to either side</text>
<rect class="band" ${band} y="${TOP}" height="${results.length * ROW}"/>
${grid.join('\n')}
${rows.join('\n')}
</svg>
`
}
