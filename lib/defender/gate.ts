import { isWithin, parseNetwork } from '../addresses/network.ts'
import type { Network } from '../addresses/network.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../logging/log.ts'
import type { Bans, DefenderConfig, Offence } from './defender.ts'
import { Defender } from './defender.ts'
import { parseStartups } from './max-startups.ts'
import type { Startup, StartupLimits } from './startups.ts'
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
  /** Other limits from now on; bans that were imposed stay. @throws Error when they were not validated. */
  configure(config: GateConfig): void
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
  let trusted = config.trusted.map(networkOf)
  const isTrusted = (ip: string): boolean => trusted.some((network) => isWithin(network, ip))
  const waiting = new Startups({ limits: limitsOf(config), isTrusted, random, clock, log })
  const defender = new Defender({ config, isTrusted, clock, log })
  return {
    admit: (ip, giveWay) => (defender.refuses(ip) ? undefined : waiting.admit(ip, giveWay)),
    refuses: (ip) => defender.refuses(ip),
    note: (ip, offence) => defender.note(ip, offence),
    bans: defender,
    configure(next) {
      trusted = next.trusted.map(networkOf)
      waiting.configure(limitsOf(next))
      defender.configure(next)
    },
  }
}

function limitsOf({ max_startups, max_startups_per_address: perAddress }: GateConfig): StartupLimits {
  const startups = parseStartups(max_startups)
  if (startups === undefined) throw new Error(`defender.max_startups: ${max_startups} is not start:rate:full`)
  return { ...startups, perAddress }
}

function networkOf(text: string): Network {
  const network = parseNetwork(text)
  if (network === undefined) throw new Error(`defender.trusted: ${text} is no network`)
  return network
}
