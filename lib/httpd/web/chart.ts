import { SAMPLE_MS, SAMPLES, type ThroughputSample } from '../../connections/throughput.ts'
import { bytes } from './show.ts'

const WIDTH = 720
const HEIGHT = 160

/** The last hour as paths of an SVG of 720 by 160, the present on the right. */
export interface Chart {
  width: number
  height: number
  upload: string
  download: string
  /** What the whole height stands for, and its half. */
  top: string
  middle: string
  /** For who cannot see it. */
  summary: string
  /** Nothing has moved. */
  flat: boolean
}

export function throughputChart(samples: readonly ThroughputSample[]): Chart {
  const peak = (direction: 'upload' | 'download'): number => Math.max(0, ...samples.map((one) => one[direction]))
  const top = roundUp(Math.max(peak('upload'), peak('download')))
  const moved = (direction: 'upload' | 'download'): string =>
    bytes(Math.round((samples.reduce((sum, one) => sum + one[direction], 0) * SAMPLE_MS) / 1000))
  const speed = (value: number): string => `${bytes(Math.round(value))}/s`
  return {
    width: WIDTH,
    height: HEIGHT,
    upload: pathOf(samples.map(({ upload }) => upload / top)),
    download: pathOf(samples.map(({ download }) => download / top)),
    top: speed(top),
    middle: speed(top / 2),
    summary:
      `Uploads: ${moved('upload')} in all, at most ${speed(peak('upload'))}. ` +
      `Downloads: ${moved('download')} in all, at most ${speed(peak('download'))}.`,
    flat: peak('upload') === 0 && peak('download') === 0,
  }
}

function pathOf(shares: readonly number[]): string {
  const step = WIDTH / (SAMPLES - 1)
  const start = SAMPLES - shares.length
  return shares
    .map((share, index) => {
      const x = ((start + index) * step).toFixed(1)
      return `${index === 0 ? 'M' : 'L'}${x} ${(HEIGHT - share * (HEIGHT - 2) - 1).toFixed(1)}`
    })
    .join('')
}

/** The next of 1, 2, 5, 10, 20, …; 1000 where nothing moves. */
function roundUp(value: number): number {
  if (value < 1000) return 1000
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= value) ?? value
}
