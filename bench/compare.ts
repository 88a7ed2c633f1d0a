import { median } from './figures.ts'
import type { Sample } from './figures.ts'

/** A change below this is not worth a word, however steady the figures are. */
const MIN_CHANGE = 0.05

/**
 * Looks at ratios against the baseline, round by round, as absolute figures of two days say little. What is worse by more
 * than the rounds of either run differ among themselves has a line.
 */
export function whatIsWorse(before: readonly Sample[], now: readonly Sample[], baseline: string): string[] {
  const pairs = new Map(
    now.filter(({ server }) => server !== baseline).map((one) => [`${one.workload}\0${one.server}`, one]),
  )
  return [...pairs.values()].flatMap(({ workload, server }) =>
    FIGURES.flatMap(({ name, ratio }) => {
      const [old, recent] = [before, now].map((samples) => ratios(samples, workload, server, baseline, ratio))
      if (old === undefined || recent === undefined || old.length === 0 || recent.length === 0) return []
      const [was, is] = [median(old), median(recent)]
      const noise = Math.max(MIN_CHANGE * was, spread(old), spread(recent))
      if (is <= was + noise) return []
      return [`${workload}, ${server}: ${name} is ${is.toFixed(2)} of ${baseline}'s, and was ${was.toFixed(2)}`]
    }),
  )
}

/** Lower is better. */
const FIGURES: readonly { name: string; ratio: (sample: Sample, base: Sample) => number }[] = [
  { name: 'time', ratio: (sample, base) => sample.seconds / base.seconds },
  { name: 'CPU time', ratio: (sample, base) => sample.cpuSeconds / base.cpuSeconds },
]

function ratios(
  samples: readonly Sample[],
  workload: string,
  server: string,
  baseline: string,
  ratio: (sample: Sample, base: Sample) => number,
): number[] {
  return samples
    .filter((one) => one.round > 0 && one.workload === workload && one.server === server)
    .flatMap((one) => {
      const base = samples.find(
        (other) => other.round === one.round && other.workload === workload && other.server === baseline,
      )
      return base === undefined ? [] : [ratio(one, base)]
    })
}

/** The middle half of the values lies within this. */
function spread(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? 0
  return at(0.75) - at(0.25)
}
