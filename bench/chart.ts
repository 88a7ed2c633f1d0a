import { CHART_STYLE } from './chart-style.ts'
import type { Results } from './results.ts'

const WIDTH = 760
const LEFT = 230
const RIGHT = 190
const TOP = 84
const BAR = 18
const GROUP_GAP = 16
const BOTTOM = 40

/** An SVG: a bar for each workload and server, as long as its speed against the baseline's. */
export function throughputChart({ summaries, environment }: Results, baseline: string): string {
  const shown = summaries.filter(({ speedRatio }) => speedRatio !== undefined)
  const reach = Math.max(1.25, ...shown.map(({ speedRatio = 0 }) => speedRatio)) * 1.05
  const x = (ratio: number): number => LEFT + (ratio / reach) * (WIDTH - LEFT - RIGHT)
  let y = TOP
  let last = ''
  const bars = shown.map(({ workload, server, speedRatio = 0, mibPerSecond, filesPerSecond, cpuRatio }) => {
    const isFirst = workload !== last
    if (isFirst && last !== '') y += GROUP_GAP
    last = workload
    const rate =
      mibPerSecond === undefined || filesPerSecond > 10
        ? `${filesPerSecond.toFixed(0)}/s`
        : `${mibPerSecond.toFixed(0)} MiB/s`
    const kind = server === baseline ? 'baseline' : server === 'sftpgo' ? 'own' : 'other'
    const row =
      (isFirst ? `<text x="16" y="${y + 13}">${workload}</text>` : '') +
      `<text class="faint" x="${LEFT - 10}" y="${y + 13}" text-anchor="end">${server}</text>` +
      `<rect class="${kind}" x="${LEFT}" y="${y + 2}" width="${(x(speedRatio) - LEFT).toFixed(1)}" height="${BAR - 4}" rx="2"/>` +
      `<text class="faint" x="${(x(speedRatio) + 8).toFixed(1)}" y="${y + 13}">${speedRatio.toFixed(2)} x · ${rate}` +
      `${cpuRatio === undefined ? '' : ` · CPU ${cpuRatio.toFixed(2)}`}</text>`
    y += BAR
    return row
  })
  const height = y + BOTTOM
  const one = x(1).toFixed(1)
  const label = `Speed against ${baseline}, by workload`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${label}">
<style>${CHART_STYLE}
  .own { fill: #0969da } .baseline { fill: #818b98 } .other { fill: #c4cbd3 }
  @media (prefers-color-scheme: dark) { .own { fill: #58a6ff } .baseline { fill: #6e7681 } .other { fill: #3d444d } }
</style>
<text class="title" x="16" y="26">${label}</text>
<text class="faint" x="16" y="46">${environment.openssh}, ${environment.cipher}, Node ${environment.node}</text>
<text class="faint" x="16" y="64">${environment.cpus} CPUs (${environment.cpuModel}); longer is faster</text>
<line class="zero" x1="${one}" x2="${one}" y1="${TOP - 6}" y2="${y + 6}"/>
${bars.join('\n')}
</svg>
`
}
