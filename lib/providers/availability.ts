import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../logging/log.ts'
import type { Provider } from './provider.ts'

/** As SFTPGo's. */
export const CHECK_INTERVAL_MS = 30_000

export interface AvailabilityOptions {
  provider: Pick<Provider, 'driver' | 'checkAvailability'>
  clock: Clock
  log: Log
  /** Told the outcome of each check. */
  onCheck?: (available: boolean) => void
}

export interface Availability {
  /** No check begins after it. */
  stop(): void
}

/** Asks the provider now and then every 30 s; that it has gone, or is there again, is logged once. */
export function watchAvailability({ provider, clock, log, onCheck }: AvailabilityOptions): Availability {
  let available = true
  let stopped = false
  let timer: Timer | undefined

  async function check(): Promise<void> {
    const error = await provider.checkAvailability().then(
      () => undefined,
      (refusal: unknown) => refusal ?? new Error('no reason given'),
    )
    if (stopped) return
    const before = available
    available = error === undefined
    if (before && !available)
      log.app('dataProvider', 'warn', `data provider ${provider.driver} not available`, { error })
    if (!before && available) log.app('dataProvider', 'info', `data provider ${provider.driver} available again`)
    onCheck?.(available)
    // Only now: a check that takes long must not meet the next one.
    timer = clock.after(CHECK_INTERVAL_MS, () => void check())
  }

  void check()
  return {
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}
