/** One transfer of one workload with one server. */
export interface Sample {
  workload: string
  server: string
  /** 0 is the round that warms up: kept, but not counted. */
  round: number
  /** Wall time of the client's process, from its start to its end. */
  seconds: number
  bytes: number
  files: number
  /** User and system time of all the server's processes. */
  cpuSeconds: number
  peakRssKib: number
}

/** Medians over the counted rounds. */
export interface Summary {
  workload: string
  server: string
  rounds: number
  /** Absent where no bytes are moved. */
  mibPerSecond: number | undefined
  filesPerSecond: number
  cpuSecondsPerGib: number | undefined
  peakRssMib: number
  /** Against the baseline, as medians of each round's own ratio; absent without a baseline. */
  speedRatio: number | undefined
  cpuRatio: number | undefined
}

const MIB = 1024 * 1024
const GIB = 1024 * MIB

/** @throws when there is nothing to take it of. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.ceil((sorted.length - 1) / 2)]]
  if (low === undefined || high === undefined) throw new Error('no values to take the median of')
  return (low + high) / 2
}

/** One summary for each workload and server, in the order in which they first come. */
export function summarize(samples: readonly Sample[], baseline: string): Summary[] {
  const counted = samples.filter(({ round }) => round > 0)
  const groups = new Map<string, Sample[]>()
  for (const sample of counted) {
    const key = `${sample.workload}\0${sample.server}`
    groups.set(key, [...(groups.get(key) ?? []), sample])
  }
  return [...groups.values()].map((group) => summaryOf(group, counted, baseline))
}

function summaryOf(group: Sample[], all: readonly Sample[], baseline: string): Summary {
  const { workload = '', server = '' } = group[0] ?? {}
  const of = (figure: (sample: Sample) => number): number => median(group.map(figure))
  const against = (ratio: (sample: Sample, base: Sample) => number): number | undefined => {
    const ratios = group.flatMap((sample) => {
      const base = all.find((one) => one.workload === workload && one.server === baseline && one.round === sample.round)
      return base ? [ratio(sample, base)] : []
    })
    return ratios.length > 0 ? median(ratios) : undefined
  }
  const movesBytes = group.every(({ bytes }) => bytes > 0)
  return {
    workload,
    server,
    rounds: group.length,
    mibPerSecond: movesBytes ? of(({ bytes, seconds }) => bytes / MIB / seconds) : undefined,
    filesPerSecond: of(({ files, seconds }) => files / seconds),
    cpuSecondsPerGib: movesBytes ? of(({ cpuSeconds, bytes }) => cpuSeconds / (bytes / GIB)) : undefined,
    peakRssMib: of(({ peakRssKib }) => peakRssKib / 1024),
    speedRatio: against((sample, base) => base.seconds / sample.seconds),
    cpuRatio: against((sample, base) => sample.cpuSeconds / base.cpuSeconds),
  }
}
