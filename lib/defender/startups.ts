import { sourceOf } from '../addresses/address.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../logging/log.ts'

/** As OpenSSH's MaxStartups: from `start` on a share of new ones is refused, `rate` percent and rising to all at `full`. */
export interface StartupLimits {
  start: number
  rate: number
  full: number
  /** Of one source; 0 for no limit. */
  perAddress: number
}

/** How far a connection that is not logged in has come, in this order. */
const STAGES = ['silent', 'identified', 'keys exchanged'] as const
type Stage = (typeof STAGES)[number]

/**
 * After this a connection that stays where it is may have to make room for a new one, where there are too many. A client
 * says its name at once and then exchanges keys; behind that is perhaps somebody who types a password.
 */
export const PATIENCE_MS: Readonly<Record<Stage, number>> = {
  silent: 1000,
  identified: 10_000,
  'keys exchanged': 30_000,
}

/** How often a flood is told of in the log. */
export const REPORT_MS = 60_000

/** A connection that is admitted and not logged in yet. */
export interface Startup {
  /** It has come that far. */
  reached(stage: Stage): void
  /** It is logged in, or over; a second call does nothing. */
  done(): void
}

export interface StartupsOptions {
  limits: StartupLimits
  /** Not limited by address, nor refused at random: only when all is full. */
  isTrusted: (ip: string) => boolean
  /** From 0 up to, not including 1. */
  random: () => number
  clock: Clock
  log: Log
}

interface Waiting {
  source: string
  stage: Stage
  sinceMs: number
  giveWay(): void
}

/**
 * The connections that have not logged in yet. Where they are too many, one that has come nowhere for a while gives way,
 * of the source that has most; without such a one the new connection is refused.
 */
export class Startups {
  #options: StartupsOptions
  /** The oldest first. */
  readonly #waiting = new Set<Waiting>()
  #turnedAway = 0

  constructor(options: StartupsOptions) {
    this.#options = options
  }

  /** For the connections to come. */
  configure(limits: StartupLimits): void {
    this.#options = { ...this.#options, limits }
  }

  /** @param giveWay ends the connection. @returns undefined when it is refused. */
  admit(ip: string, giveWay: () => void): Startup | undefined {
    const { limits, clock } = this.#options
    const source = sourceOf(ip)
    const trusted = this.#options.isTrusted(ip)
    if (!trusted && limits.perAddress > 0 && this.#countOf(source) >= limits.perAddress) {
      // Its own silent ones give way, and nobody else's.
      if (!this.#makeRoom(ip, source)) return undefined
    } else if (this.#isTooMany(trusted) && !this.#makeRoom(ip)) {
      return undefined
    }
    const entry: Waiting = { source, stage: 'silent', sinceMs: clock.monotonic(), giveWay }
    this.#waiting.add(entry)
    return {
      reached(stage) {
        entry.stage = stage
        entry.sinceMs = clock.monotonic()
      },
      done: () => void this.#waiting.delete(entry),
    }
  }

  #isTooMany(trusted: boolean): boolean {
    const { start, rate, full } = this.#options.limits
    const { size } = this.#waiting
    if (size >= full) return true
    if (size < start || trusted) return false
    const percent = rate + ((100 - rate) * (size - start)) / (full - start)
    return this.#options.random() * 100 < percent
  }

  /** @param source only of this one. @returns false when nobody can be asked to go. */
  #makeRoom(ip: string, source?: string): boolean {
    this.#report(ip)
    const nowMs = this.#options.clock.monotonic()
    const stalled = [...this.#waiting].filter(
      (one) => nowMs - one.sinceMs >= PATIENCE_MS[one.stage] && (source === undefined || one.source === source),
    )
    const counts = new Map<string, number>()
    for (const one of this.#waiting) counts.set(one.source, (counts.get(one.source) ?? 0) + 1)
    const most = Math.max(...stalled.map((one) => counts.get(one.source) ?? 0))
    const victim = stalled.find((one) => counts.get(one.source) === most)
    if (victim === undefined) return false
    this.#waiting.delete(victim)
    victim.giveWay()
    return true
  }

  #countOf(source: string): number {
    let count = 0
    for (const one of this.#waiting) if (one.source === source) count++
    return count
  }

  /** One line when it begins and one for each minute of it: a flood must not become one of the log. */
  #report(ip: string): void {
    const { limits, clock, log } = this.#options
    if (this.#turnedAway++ > 0) return
    const { start, rate, full, perAddress } = limits
    log.app(
      'defender',
      'warn',
      `too many clients are logging in, ${this.#waiting.size} and ${this.#countOf(sourceOf(ip))} of them from ${ip}: ` +
        `some are turned away (limits ${start}:${rate}:${full}, ${perAddress} for each address)`,
    )
    clock.after(REPORT_MS, () => {
      log.app('defender', 'warn', `${this.#turnedAway} clients that wanted to log in were turned away within a minute`)
      this.#turnedAway = 0
    })
  }
}
