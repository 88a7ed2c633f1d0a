import type { Clock, Timer } from '../clock.ts'
import { describeError } from '../logging/describe.ts'
import type { AppSender, Log } from '../logging/log.ts'
import { backoffMs } from './backoff.ts'
import type { Place } from './lanes.ts'
import { Lanes } from './lanes.ts'
import type { Notification } from './notification.ts'
import { described, subjectsOf } from './notification.ts'

/** Three days: a weekend's outage loses nothing. */
export const MAX_AGE_MS = 3 * 24 * 60 * 60 * 1000

/** What came of one attempt. */
export type Outcome =
  | { kind: 'done' }
  /** It will never be taken. */
  | { kind: 'refused'; reason: string }
  /** This one may be taken later. */
  | { kind: 'again'; reason: string }
  /** Nothing is taken at the moment. */
  | { kind: 'down'; reason: string; retryAfterMs?: number }

export interface Job {
  id: string
  createdMs: number
  notification: Notification
}

export interface ChannelOptions {
  /** For the log: "command of sftpd.actions". */
  name: string
  sender: AppSender
  /** Most attempts at a time. */
  atOnce: number
  /** @param signal aborted when the attempt shall end now: what it gives then does not matter. */
  deliver(job: Job, signal: AbortSignal): Promise<Outcome>
  /** Nothing is to be done about it any more. */
  settled(id: string): void
  clock: Clock
  log: Log
  random(): number
}

/** Brings notifications to one destination: side by side, those of one path one after the other. */
export class Channel {
  readonly #options: ChannelOptions
  readonly #lanes = new Lanes<Job>()
  readonly #attempts = new Map<string, number>()
  readonly #timers = new Set<Timer>()
  readonly #running = new Set<Promise<void>>()
  readonly #halt = new AbortController()
  /** In a row, of the destination. */
  #failures = 0
  #pause: Timer | undefined
  #onQuiet: (() => void)[] = []

  constructor(options: ChannelOptions) {
    this.#options = options
  }

  /** Notifications that wait or are on their way. */
  get size(): number {
    return this.#lanes.size
  }

  add(job: Job): void {
    this.#lanes.add(job, subjectsOf(job.notification))
    this.#go()
  }

  /** Drops what has waited too long. */
  sweep(): void {
    const { clock } = this.#options
    const born = clock.now() - MAX_AGE_MS
    for (const place of this.#lanes.allReady()) if (place.item.createdMs < born) this.#drop(place)
  }

  /** Resolves when nothing more can be delivered at once: all is, or has to wait for another attempt. */
  quiet(): Promise<void> {
    return new Promise((resolve) => {
      this.#onQuiet.push(resolve)
      this.#tellQuiet()
    })
  }

  /** The destination has been changed: what waits for it is tried now. */
  retry(): void {
    this.#pause?.cancel()
    this.#pause = undefined
    this.#failures = 0
    this.#go()
  }

  /** Ends what is running, without result, and begins nothing more. */
  async stop(): Promise<void> {
    this.#halt.abort()
    this.#pause?.cancel()
    for (const timer of this.#timers) timer.cancel()
    await Promise.all(this.#running)
    this.#tellQuiet()
  }

  #go(): void {
    // One at a time shows whether a destination that failed is back.
    const most = this.#failures > 0 ? 1 : this.#options.atOnce
    while (!this.#waits && this.#running.size < most) {
      const place = this.#lanes.next()
      if (place === undefined) break
      if (place.item.createdMs < this.#options.clock.now() - MAX_AGE_MS) this.#drop(place)
      else this.#begin(place)
    }
    this.#tellQuiet()
  }

  get #waits(): boolean {
    return this.#pause !== undefined || this.#halt.signal.aborted
  }

  #begin(place: Place<Job>): void {
    const attempt = this.#attempt(place.item).then((outcome) => {
      this.#running.delete(attempt)
      if (this.#halt.signal.aborted && outcome.kind !== 'done') return undefined
      this.#after(place, outcome)
      this.#go()
      return undefined
    })
    this.#running.add(attempt)
  }

  /** One notification that cannot be dealt with must not stop the others. */
  async #attempt(job: Job): Promise<Outcome> {
    try {
      return await this.#options.deliver(job, this.#halt.signal)
    } catch (error) {
      return { kind: 'refused', reason: describeError(error) }
    }
  }

  #after(place: Place<Job>, outcome: Outcome): void {
    const { name, sender, log, clock, random } = this.#options
    const { id, notification } = place.item
    if (outcome.kind === 'down') {
      this.#lanes.again(place)
      if (this.#pause !== undefined) return
      if (this.#failures++ === 0) log.app(sender, 'warn', `${name}: not reached, notifications wait: ${outcome.reason}`)
      const delayMs = Math.max(backoffMs(this.#failures, random), outcome.retryAfterMs ?? 0)
      this.#pause = clock.after(delayMs, () => {
        this.#pause = undefined
        this.#go()
      })
      return
    }
    if (this.#failures > 0) {
      this.#failures = 0
      log.app(sender, 'info', `${name}: reached again, ${this.size} notifications waited`)
    }
    if (outcome.kind === 'again') {
      const attempts = (this.#attempts.get(id) ?? 0) + 1
      this.#attempts.set(id, attempts)
      if (attempts === 1)
        log.app(sender, 'warn', `${name}: ${described(notification)} (${id}) waits: ${outcome.reason}`)
      const timer = clock.after(backoffMs(attempts, random), () => {
        this.#timers.delete(timer)
        this.#lanes.again(place)
        this.#go()
      })
      this.#timers.add(timer)
      return
    }
    if (outcome.kind === 'refused')
      log.app(sender, 'error', `${name}: ${described(notification)} (${id}) is lost: ${outcome.reason}`)
    this.#settle(place)
  }

  #drop(place: Place<Job>): void {
    const { name, sender, log } = this.#options
    const { id, notification } = place.item
    const days = MAX_AGE_MS / (24 * 60 * 60 * 1000)
    log.app(sender, 'error', `${name}: ${described(notification)} (${id}) is lost: not delivered within ${days} days`)
    this.#settle(place)
  }

  #settle(place: Place<Job>): void {
    this.#attempts.delete(place.item.id)
    this.#lanes.done(place)
    this.#options.settled(place.item.id)
  }

  #tellQuiet(): void {
    if (this.#running.size > 0 || (!this.#waits && this.#lanes.ready > 0)) return
    const waiting = this.#onQuiet
    this.#onQuiet = []
    for (const tell of waiting) tell()
  }
}
