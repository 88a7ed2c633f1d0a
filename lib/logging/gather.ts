import type { Clock, Timer } from '../clock.ts'
import type { Sink } from './destination.ts'

/** How long a line waits at most for others: a write costs as much as the small file whose transfer it tells of. */
export const GATHER_MS = 100
/** What waits before it is passed on without waiting for the time. */
export const GATHER_BYTES = 64 * 1024

/**
 * Passes a line on at once when it has been quiet, and together with others while lines come fast. Nothing waits when the
 * sink is rotated or closed; a process that is killed loses what came in its last {@link GATHER_MS}.
 */
export function gathering(sink: Sink, clock: Clock): Sink {
  let lines: string[] = []
  let length = 0
  let timer: Timer | undefined

  function passOn(): void {
    timer?.cancel()
    timer = undefined
    if (lines.length === 0) return
    const gathered = lines
    lines = []
    length = 0
    for (const line of gathered) sink.write(line)
    timer = clock.after(GATHER_MS, passOn)
  }

  return {
    write(line) {
      lines.push(line)
      length += line.length
      if (timer === undefined || length >= GATHER_BYTES) passOn()
    },
    rotate() {
      passOn()
      return sink.rotate()
    },
    close() {
      passOn()
      timer?.cancel()
      return sink.close()
    },
  }
}
