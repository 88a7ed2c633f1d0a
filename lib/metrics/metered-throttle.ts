import type { Clock } from '../clock.ts'
import type { Throttle } from '../transfers/throttle.ts'
import type { Metrics } from './metrics.ts'

/** Tells how long those waited that are held to a bandwidth; others never come here. */
export function meteredThrottle(throttle: Throttle, metrics: Pick<Metrics, 'throttled'>, clock: Clock): Throttle {
  return {
    async take(take, signal) {
      const started = clock.monotonic()
      try {
        return await throttle.take(take, signal)
      } finally {
        metrics.throttled(take.direction, clock.monotonic() - started)
      }
    },
  }
}
