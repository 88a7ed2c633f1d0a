import type { Clock } from '../clock.ts'
import type { Connections } from './connections.ts'

/** The hour is drawn over some hundred pixels: finer samples would not be seen. */
export const SAMPLE_MS = 10_000
/** One hour. */
export const SAMPLES = 360

/** What moved in {@link SAMPLE_MS}, in bytes a second. */
export interface ThroughputSample {
  /** The end of its time. */
  timeMs: number
  upload: number
  download: number
}

export interface Throughput {
  /** Oldest first, at most an hour of them. */
  samples(): readonly ThroughputSample[]
  stop(): void
}

/** Looks at the totals now and then, so that moving bytes costs nothing more. */
export function watchThroughput(connections: Pick<Connections, 'totals'>, clock: Clock): Throughput {
  const ring: ThroughputSample[] = []
  let before = connections.totals()
  let beforeMs = clock.monotonic()
  let timer = clock.after(SAMPLE_MS, sample)

  function sample(): void {
    const totals = connections.totals()
    const nowMs = clock.monotonic()
    // A busy process is late: the bytes are of the time that really passed.
    const seconds = Math.max(1, nowMs - beforeMs) / 1000
    ring.push({
      timeMs: clock.now(),
      upload: (totals.uploadedBytes - before.uploadedBytes) / seconds,
      download: (totals.downloadedBytes - before.downloadedBytes) / seconds,
    })
    if (ring.length > SAMPLES) ring.shift()
    before = totals
    beforeMs = nowMs
    timer = clock.after(SAMPLE_MS, sample)
  }

  return { samples: () => [...ring], stop: () => timer.cancel() }
}
