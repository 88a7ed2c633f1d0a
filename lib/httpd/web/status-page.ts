import type { ThroughputSample } from '../../connections/throughput.ts'
import type { Ban } from '../../defender/defender.ts'
import { throughputChart } from './chart.ts'
import type { FailedLogin } from './ports.ts'
import { count, dateTime, duration, plural, visible } from './show.ts'

/** Rows of either table: the newest are what matters. */
const MAX_ROWS = 50

export interface StatusFacts {
  version: string
  nowMs: number
  upMs: number
  provider: { driver: string; alive: boolean }
  /** `SFTP on 0.0.0.0:2022`. */
  listeners: readonly string[]
  connections: number
  users: number | undefined
  samples: readonly ThroughputSample[]
  /** Undefined where none are kept. */
  failedLogins: readonly FailedLogin[] | undefined
  bans: readonly Ban[]
}

/** What the template shows. */
export function statusPage(facts: StatusFacts): object {
  const { provider, failedLogins } = facts
  const bans = facts.bans.toReversed()
  return {
    asOf: dateTime(facts.nowMs),
    version: facts.version,
    uptime: duration(facts.upMs),
    driver: provider.driver,
    alive: provider.alive,
    listeners: facts.listeners,
    connections: count(facts.connections),
    users: facts.users === undefined ? 'unknown' : count(facts.users),
    chart: throughputChart(facts.samples),
    keepsLogins: failedLogins !== undefined,
    failedLogins: (failedLogins ?? []).slice(0, MAX_ROWS).map(({ timeMs, ip, username, method, reason }) => ({
      time: dateTime(timeMs),
      ip: visible(ip),
      username: visible(username),
      method: visible(method),
      reason: visible(reason),
    })),
    bans: bans.slice(0, MAX_ROWS).map(({ address, sinceMs, untilMs, reason, refused }) => ({
      address,
      since: dateTime(sinceMs),
      until: dateTime(untilMs),
      reason: visible(reason),
      refused: plural(refused, 'connection'),
    })),
    moreBans: bans.length > MAX_ROWS ? plural(bans.length - MAX_ROWS, 'more') : '',
  }
}
