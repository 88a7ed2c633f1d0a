import { isWithin, parseNetwork } from '../addresses/network.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../logging/log.ts'
import type { Bans, DefenderConfig, Offence } from './defender.ts'
import { Defender } from './defender.ts'
import { parseStartups } from './max-startups.ts'
import type { Startup } from './startups.ts'
import { Startups } from './startups.ts'

/** What stands between the network and the login. */
export interface Gate {
  /**
   * A connection has been accepted.
   * @param giveWay called when another one needs its place.
   * @returns undefined when it has to be closed at once.
   */
  admit(ip: string, giveWay: () => void): Startup | undefined
  /** Whether the address is banned; asked for each new connection, or request that needs a login. */
  refuses(ip: string): boolean
  /** @returns whether the address is banned by now. */
  note(ip: string, offence: Offence): boolean
  readonly bans: Bans
}

export interface GateConfig extends DefenderConfig {
  /** `start:rate:full`. */
  max_startups: string
  max_startups_per_address: number
  /** Addresses and networks. */
  trusted: readonly string[]
}

export interface GateOptions {
  config: GateConfig
  clock: Clock
  log: Log
  random?: () => number
}

/** @throws Error when the configuration was not validated. */
export function createGate({ config, clock, log, random = Math.random }: GateOptions): Gate {
  const trusted = config.trusted.map((text) => {
    const network = parseNetwork(text)
    if (network === undefined) throw new Error(`defender.trusted: ${text} is no network`)
    return network
  })
  const isTrusted = (ip: string): boolean => trusted.some((network) => isWithin(network, ip))
  const startups = parseStartups(config.max_startups)
  if (startups === undefined) throw new Error(`defender.max_startups: ${config.max_startups} is not start:rate:full`)
  const defender = new Defender({ config, isTrusted, clock, log })
  const waiting = new Startups({
    limits: { ...startups, perAddress: config.max_startups_per_address },
    isTrusted,
    random,
    clock,
    log,
  })
  return {
    admit: (ip, giveWay) => (defender.refuses(ip) ? undefined : waiting.admit(ip, giveWay)),
    refuses: (ip) => defender.refuses(ip),
    note: (ip, offence) => defender.note(ip, offence),
    bans: defender,
  }
}
