import { CHART_STYLE } from '../chart-style.ts'
import { amountText } from './report.ts'
import type { Point, Series } from './steps.ts'

const PANEL = { width: 250, height: 210 }
const LEFT = 50
const TOP = 80
const GAP_X = 20
const GAP_Y = 64
const IN_ROW = 3

const STYLE = `${CHART_STYLE}
  .own { fill: none; stroke: #0969da; stroke-width: 2 } .dot { fill: #0969da }
  .linear { stroke: #818b98; stroke-dasharray: 4 4 }
  @media (prefers-color-scheme: dark) { .own { stroke: #58a6ff } .dot { fill: #58a6ff } .linear { stroke: #6e7681 } }`

/** An SVG: seconds by size for each series, both in powers of ten, and what is linear beside it. */
export function growthPlot(all: readonly Series[], subtitle: string): string {
  const rows = Math.ceil(all.length / IN_ROW)
  const width = LEFT + IN_ROW * (PANEL.width + GAP_X)
  const height = TOP + rows * (PANEL.height + GAP_Y)
  const panels = all.map((series, at) => {
    const x = LEFT + (at % IN_ROW) * (PANEL.width + GAP_X)
    const y = TOP + Math.floor(at / IN_ROW) * (PANEL.height + GAP_Y)
    return `<g transform="translate(${x} ${y})">${panel(series)}</g>`
  })
  const label = 'What grows with size, and how'
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${label}">
<style>${STYLE}
</style>
<text class="title" x="16" y="26">${label}</text>
<text class="faint" x="16" y="46">${subtitle}; dashes are linear</text>
${panels.join('\n')}
</svg>
`
}

function panel({ name, unit, points }: Series): string {
  const x = scale(
    points.map(({ size }) => size),
    PANEL.width - 40,
  )
  const y = scale(
    points.map(({ seconds }) => seconds),
    PANEL.height - 20,
  )
  const place = ({ size, seconds }: Pick<Point, 'size' | 'seconds'>) =>
    `${x(size).toFixed(1)},${(PANEL.height - y(seconds)).toFixed(1)}`
  const last = points.at(-1) ?? { size: 1, seconds: 1 }
  const first = points[0] ?? last
  // Through the last point: what lies above it has a cost of its own, whatever the size.
  const least = { size: first.size, seconds: (last.seconds * first.size) / last.size }
  const [x1, y1] = place({ ...least, seconds: Math.max(least.seconds, first.seconds / 1e4) }).split(',')
  const [x2, y2] = place(last).split(',')
  const labels = points.map(
    (point) =>
      `<circle class="dot" cx="${place(point).replace(',', '" cy="')}" r="3"/>` +
      `<text class="faint" x="${x(point.size).toFixed(1)}" y="${PANEL.height + 18}" text-anchor="middle">${tickText(unit, point.size)}</text>`,
  )
  return (
    `<text x="0" y="-8">${name}</text>` +
    `<clipPath id="clip-${name.replaceAll(' ', '-')}"><rect width="${PANEL.width}" height="${PANEL.height}"/></clipPath>` +
    `<line class="line" x1="0" x2="${PANEL.width - 30}" y1="${PANEL.height}" y2="${PANEL.height}"/>` +
    `<line class="linear" clip-path="url(#clip-${name.replaceAll(' ', '-')})" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>` +
    `<polyline class="own" points="${points.map(place).join(' ')}"/>${labels.join('')}` +
    `<text class="faint" x="${x(last.size).toFixed(1)}" y="${(PANEL.height - y(last.seconds) - 8).toFixed(1)}" text-anchor="end">${secondsText(last.seconds)}</text>` +
    `<text class="faint" x="${x(first.size).toFixed(1)}" y="${(PANEL.height - y(first.seconds) - 8).toFixed(1)}">${secondsText(first.seconds)}</text>`
  )
}

/** From the smallest to the largest over `length` pixels, by logarithm. */
function scale(values: readonly number[], length: number): (value: number) => number {
  const [low, high] = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))]
  return (value) => 10 + ((Math.log10(value) - low) / (high - low || 1)) * (length - 20)
}

/** Short enough to stand beside its neighbours: `256M`, `10k`. */
function tickText(unit: Series['unit'], size: number): string {
  if (unit === 'bytes') return amountText(unit, size).replace(/ (\w).*/, '$1')
  return size < 1000 ? String(size) : `${size / 1000}k`
}

function secondsText(seconds: number): string {
  return seconds < 1 ? `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms` : `${seconds.toFixed(1)} s`
}
