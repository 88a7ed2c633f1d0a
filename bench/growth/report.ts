import { LINEAR_AND_NOISE, steps, type Series } from './steps.ts'

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

export function amountText(unit: Series['unit'], size: number): string {
  if (unit !== 'bytes') return size.toLocaleString('en-US')
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(size) / 10))
  return `${Number((size / 1024 ** power).toFixed(1))} ${UNITS[power]}`
}

/** A Markdown table: each size, and by how much its step from the one before differs from linear. */
export function growthTable(all: readonly Series[]): string {
  const rows = all.flatMap(({ name, unit, points }) => {
    const factors = steps(points)
    return points.map(({ size, seconds, cpuSeconds }, at) => {
      const factor = factors[at - 1]?.factor
      const cells = [name, amountText(unit, size), seconds.toFixed(4), cpuSeconds.toFixed(2), factor?.toFixed(2) ?? '-']
      return `| ${cells.join(' | ')} |`
    })
  })
  return ['| what | size | seconds | CPU s | step / linear |', '| --- | ---: | ---: | ---: | ---: |', ...rows].join(
    '\n',
  )
}

/** Steps that are worse than linear by more than noise, as sentences. */
export function worseThanLinear(all: readonly Series[]): string[] {
  return all.flatMap(({ name, unit, points }) =>
    steps(points)
      .filter(({ factor }) => factor > LINEAR_AND_NOISE)
      .map(({ from, to, factor }) => {
        const [low, high] = [amountText(unit, from), amountText(unit, to)]
        return `${name}: from ${low} to ${high} it takes ${factor.toFixed(2)} times what is linear`
      }),
  )
}
