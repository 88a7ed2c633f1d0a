import { sourceOf } from '../addresses/address.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../logging/log.ts'

/** What speaks against an address. */
export type Offence = 'failed login' | 'unknown user' | 'garbage' | 'no auth'

export interface DefenderConfig {
  enabled: boolean
  ban_minutes: number
  /** Points that lead to a ban. */
  threshold: number
  /** How long a point counts. */
  observation_minutes: number
  score_failed_login: number
  score_unknown_user: number
  score_garbage: number
  score_no_auth: number
  max_addresses: number
}

/** An address that is refused, as an administrator sees it. */
export interface Ban {
  /** An IPv4 address, or a /64 network of IPv6. */
  address: string
  /** Milliseconds since the epoch. */
  sinceMs: number
  untilMs: number
  /** What it did. */
  reason: string
  /** Connections refused so far. */
  refused: number
}

/** For the API. */
export interface Bans {
  /** In the order in which they began. */
  list(): Promise<Ban[]>
  /** @param ip any address of the source. @returns false when it is not banned. */
  remove(ip: string): Promise<boolean>
}

interface Noted {
  atMs: number
  offence: Offence
  points: number
}

const MINUTE_MS = 60_000
const PLURAL: Readonly<Record<Offence, string>> = {
  'failed login': 'failed logins',
  'unknown user': 'unknown users',
  garbage: 'times no SSH',
  'no auth': 'connections without a try',
}

/** Counts what addresses do wrong, and bans those that do too much of it for a while. */
export class Defender implements Bans {
  #config: DefenderConfig
  readonly #clock: Clock
  readonly #log: Log
  readonly #isTrusted: (ip: string) => boolean
  /** In order of the last offence; each holds less than the threshold in points, and so fewer entries than that. */
  readonly #noted = new Map<string, Noted[]>()
  readonly #bans = new Map<string, Ban & { endMs: number }>()

  constructor(options: { config: DefenderConfig; isTrusted: (ip: string) => boolean; clock: Clock; log: Log }) {
    this.#config = options.config
    this.#isTrusted = options.isTrusted
    this.#clock = options.clock
    this.#log = options.log
  }

  /** From now on; bans that were imposed stay as they are. */
  configure(config: DefenderConfig): void {
    this.#config = config
  }

  /** @returns whether the address is banned by now. */
  note(ip: string, offence: Offence): boolean {
    const points = this.#pointsOf(offence)
    if (!this.#config.enabled || points === 0 || this.#isTrusted(ip)) return false
    const source = sourceOf(ip)
    if (this.#current(source) !== undefined) return true
    const atMs = this.#clock.monotonic()
    const sinceMs = atMs - this.#config.observation_minutes * MINUTE_MS
    const noted = (this.#noted.get(source) ?? []).filter((one) => one.atMs > sinceMs)
    noted.push({ atMs, offence, points })
    const sum = noted.reduce((total, one) => total + one.points, 0)
    this.#noted.delete(source)
    if (sum >= this.#config.threshold) {
      this.#ban(source, noted, sum)
      return true
    }
    this.#noted.set(source, noted)
    forgetOldest(this.#noted, this.#config.max_addresses)
    return false
  }

  /** Asked for each new connection, which is refused then. */
  refuses(ip: string): boolean {
    const ban = this.#current(sourceOf(ip))
    if (ban === undefined) return false
    ban.refused++
    return true
  }

  async list(): Promise<Ban[]> {
    return [...this.#bans.keys()].flatMap((source) => {
      const ban = this.#current(source)
      if (ban === undefined) return []
      const { endMs: _, ...shown } = ban
      return [shown]
    })
  }

  async remove(ip: string): Promise<boolean> {
    const source = sourceOf(ip.replace(/\/64$/, ''))
    if (this.#current(source) === undefined) return false
    this.#lift(source, 'was lifted')
    return true
  }

  #pointsOf(offence: Offence): number {
    const { score_failed_login, score_unknown_user, score_garbage, score_no_auth } = this.#config
    const points: Readonly<Record<Offence, number>> = {
      'failed login': score_failed_login,
      'unknown user': score_unknown_user,
      garbage: score_garbage,
      'no auth': score_no_auth,
    }
    return points[offence]
  }

  #ban(source: string, noted: readonly Noted[], sum: number): void {
    const { ban_minutes: minutes, threshold, observation_minutes, max_addresses } = this.#config
    const kinds = new Map<Offence, number>()
    for (const { offence } of noted) kinds.set(offence, (kinds.get(offence) ?? 0) + 1)
    const what = [...kinds].map(([kind, count]) => `${count} ${count === 1 ? kind : PLURAL[kind]}`).join(', ')
    const reason = `${what} within ${observation_minutes} minutes: ${sum} points, the limit is ${threshold}`
    const sinceMs = this.#clock.now()
    this.#bans.set(source, {
      address: source,
      sinceMs,
      untilMs: sinceMs + minutes * MINUTE_MS,
      reason,
      refused: 0,
      endMs: this.#clock.monotonic() + minutes * MINUTE_MS,
    })
    this.#log.app('defender', 'warn', `${source} is banned for ${minutes} minutes: ${reason}`)
    forgetOldest(this.#bans, max_addresses)
  }

  /** The ban that holds now. */
  #current(source: string): (Ban & { endMs: number }) | undefined {
    const ban = this.#bans.get(source)
    if (ban === undefined || ban.endMs > this.#clock.monotonic()) return ban
    this.#lift(source, 'is over')
    return undefined
  }

  #lift(source: string, how: string): void {
    const refused = this.#bans.get(source)?.refused ?? 0
    this.#bans.delete(source)
    this.#log.app('defender', 'info', `the ban of ${source} ${how}; ${refused} connections were refused`)
  }
}

function forgetOldest<T>(map: Map<string, T>, max: number): void {
  const [oldest] = map.keys()
  if (map.size > max && oldest !== undefined) map.delete(oldest)
}
