import { isIP } from 'node:net'
import { plainIp } from '../addresses/address.ts'
import { isWithin, parseNetwork } from '../addresses/network.ts'

/** What the options of an authorized_keys line (sshd(8), AUTHORIZED_KEYS FILE FORMAT) hold a key to. */
export interface KeyRestrictions {
  /** `from=`; absent: from anywhere. */
  from?: readonly AddressPattern[]
  /** `expiry-time=`, milliseconds since the epoch: refused later than that. Absent: for ever. */
  validUntilMs?: number
}

interface AddressPattern {
  negated: boolean
  matches(ip: string): boolean
}

/** Why the options of a line are not accepted. Never holds a value: what stands there may be anything. */
export class KeyOptionError extends Error {
  override readonly name = 'KeyOptionError'
}

/** They take away what nobody has here: forwarding, a terminal, a start-up file. Accepted, and without effect. */
const HARMLESS: ReadonlySet<string> = new Set([
  'no-agent-forwarding',
  'no-port-forwarding',
  'no-pty',
  'no-user-rc',
  'no-x11-forwarding',
  'restrict',
])

const ALLOWED = 'want from="<addresses>", expiry-time="<YYYYMMDD[HHMM[SS]][Z]>", restrict or no-*'

/**
 * Splits an authorized_keys line at the first blank outside of quotes into options and the rest.
 * `undefined` when there is no rest.
 */
export function splitOptions(line: string): { options: string; rest: string } | undefined {
  const [options, rest] = /^((?:[^ \t"\\]|\\.|"(?:[^"\\]|\\.)*")+)[ \t]+(.*)$/.exec(line)?.slice(1) ?? []
  return options === undefined || rest === undefined ? undefined : { options, rest }
}

/**
 * Reads `from="10.0.0.0/8,!10.1.*",no-pty`. Whatever would restrict a key in a way that is not enforced here is refused.
 * @throws KeyOptionError naming the option.
 */
export function parseKeyOptions(text: string): KeyRestrictions {
  const restrictions: KeyRestrictions = {}
  for (const option of separated(text)) {
    const [, word = '', value] = /^([A-Za-z0-9-]+)(?:="((?:[^"\\]|\\.)*)")?$/.exec(option) ?? []
    // Option names are in any case, as in OpenSSH.
    const name = word.toLowerCase()
    if (name === 'from' && value !== undefined) {
      if (restrictions.from !== undefined) throw new KeyOptionError('the option from stands there twice')
      restrictions.from = parseFrom(value.replaceAll('\\"', '"'))
    } else if (name === 'expiry-time' && value !== undefined) {
      restrictions.validUntilMs = Math.min(parseExpiry(value), restrictions.validUntilMs ?? Infinity)
    } else if (!HARMLESS.has(name) || value !== undefined) {
      const shown =
        KNOWN_ELSEWHERE.has(name) || name === 'from' || name === 'expiry-time' ? `option ${name}` : 'an option'
      throw new KeyOptionError(`${shown} that is not supported stands before the key, ${ALLOWED}`)
    }
  }
  return restrictions
}

/** OpenSSH's other options: only known words come back in an error. */
const KNOWN_ELSEWHERE: ReadonlySet<string> = new Set([
  'agent-forwarding',
  'cert-authority',
  'command',
  'environment',
  'no-touch-required',
  'permitlisten',
  'permitopen',
  'port-forwarding',
  'principals',
  'pty',
  'tunnel',
  'user-rc',
  'verify-required',
  'x11-forwarding',
])

/** Why a key cannot be used from there and now; `undefined` when it can. */
export function keyRefusal(
  { from, validUntilMs }: KeyRestrictions,
  clientIp: string,
  nowMs: number,
): 'public key is expired' | 'public key is not valid from this address' | undefined {
  if (validUntilMs !== undefined && nowMs > validUntilMs) return 'public key is expired'
  if (from !== undefined && !isFrom(from, plainIp(clientIp))) return 'public key is not valid from this address'
  return undefined
}

/** As OpenSSH: one negated pattern that matches decides, else one that matches has to be there. */
function isFrom(patterns: readonly AddressPattern[], ip: string): boolean {
  const matching = patterns.filter((pattern) => pattern.matches(ip))
  return isIP(ip) !== 0 && matching.length > 0 && matching.every(({ negated }) => !negated)
}

/** At commas outside of quotes. */
function separated(text: string): string[] {
  const option = /(?:[^,"\\]|\\.|"(?:[^"\\]|\\.)*")*/y
  const options: string[] = []
  do {
    options.push(option.exec(text)?.[0] ?? '')
  } while (text[option.lastIndex++] === ',')
  return options
}

function parseFrom(list: string): AddressPattern[] {
  return list.split(',').map((text) => {
    const negated = text.startsWith('!')
    const pattern = (negated ? text.slice(1) : text).toLowerCase()
    const network = parseNetwork(pattern)
    if (network !== undefined) return { negated, matches: (ip) => isWithin(network, ip) }
    // Names of hosts would have to be looked up, and who controls a reverse zone can put any there.
    if (!/^(?=.*[*?])(?:[\d.*?]+|[\da-f.:*?]*:[\da-f.:*?]*)$/.test(pattern)) {
      throw new KeyOptionError(
        'option from holds something else than addresses, want 192.0.2.7, 192.0.2.0/24 or 192.0.2.*, also behind "!"',
      )
    }
    return { negated, matches: (ip) => isLike(ip, pattern) }
  })
}

/** `*` stands for any characters, `?` for one. Never goes back further than to the last `*`. */
function isLike(text: string, pattern: string): boolean {
  let [at, star, retry] = [0, -1, 0]
  for (let index = 0; index < text.length;) {
    if (pattern[at] === '*') {
      star = at++
      retry = index
    } else if (pattern[at] === '?' || pattern[at] === text[index]) {
      at++
      index++
    } else if (star >= 0) {
      at = star + 1
      index = ++retry
    } else {
      return false
    }
  }
  return /^\**$/.test(pattern.slice(at))
}

/** Local time, or UTC with a `Z`. */
function parseExpiry(text: string): number {
  const [, year, month, day, hour = '0', minute = '0', second = '0', utc] =
    /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z)?$/.exec(text) ?? []
  const fields = [Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)] as const
  const asUtc = new Date(Date.UTC(...fields))
  // A day or an hour that does not exist would be moved to another one.
  const same = [
    asUtc.getUTCFullYear(),
    asUtc.getUTCMonth(),
    asUtc.getUTCDate(),
    asUtc.getUTCHours(),
    asUtc.getUTCMinutes(),
    asUtc.getUTCSeconds(),
  ].every((field, index) => field === fields[index])
  if (!same) throw new KeyOptionError('option expiry-time is no time, want YYYYMMDD[HHMM[SS]][Z]')
  return utc === undefined ? new Date(...fields).getTime() : asUtc.getTime()
}
