import { createHmac, randomBytes } from 'node:crypto'
import type { Passwords } from '../accounts/passwords.ts'
import { PasswordError } from '../accounts/passwords.ts'
import type { Clock } from '../clock.ts'
import type { Offence } from '../defender/defender.ts'
import type { Log } from '../logging/log.ts'
import { HttpError } from './errors.ts'
import { genericReply, type Reply } from './replies.ts'
import type { UserFile, WebUsers } from './user-file.ts'

/** A page and what it loads cost one check; a password that was changed in the file counts at once all the same. */
export const CACHE_TTL_MS = 60_000
/** Credentials that are remembered: more administrators than are at work at once. */
const CACHE_MAX = 256
/** Of a name in a log line. */
const SHOWN_NAME_MAX = 64
const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="SFTPGo", charset="UTF-8"' }

/** Who is guessing. */
export interface Guesses {
  refuses(ip: string): boolean
  /** @returns whether the address is banned by now. */
  note(ip: string, offence: Offence): boolean
}

export interface BasicAuthOptions {
  userFile: UserFile
  passwords: Pick<Passwords, 'matches'>
  guesses: Guesses
  clock: Clock
  log: Log
}

/** Who sent the request, or the answer for somebody who may not. */
export type Authenticate = (request: {
  headers: Readonly<NodeJS.Dict<string[]>>
  ip: string
}) => Promise<{ user: string } | { refusal: Reply }>

/**
 * HTTP Basic authentication (RFC 7617). A name that is unknown costs what the password of somebody who is known costs.
 * Wrong ones count against the address, as failed logins over SSH do; a banned address is refused before anything is
 * computed, unless it shows credentials that were right a moment ago.
 */
export function createBasicAuth({ userFile, passwords, guesses, clock, log }: BasicAuthOptions): Authenticate {
  const secret = randomBytes(32)
  /** When each was verified, by what only this process can compute of it; the oldest first. */
  const verified = new Map<string, number>()
  /** Checks under way: the requests of one page come at once. */
  const checking = new Map<string, Promise<boolean>>()

  function digest(...parts: string[]): Buffer {
    const hmac = createHmac('sha256', secret)
    // Lengths keep two texts apart that would be the same in a row.
    for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:`).update(part)
    return hmac.digest()
  }

  function isCached(key: string): boolean {
    const sinceMs = verified.get(key)
    return sinceMs !== undefined && clock.monotonic() - sinceMs < CACHE_TTL_MS
  }

  function remember(key: string): void {
    verified.delete(key)
    verified.set(key, clock.monotonic())
    const [oldest] = verified.keys()
    if (verified.size > CACHE_MAX && oldest !== undefined) verified.delete(oldest)
  }

  /** The hash to compare with: for an unknown name that of somebody, always the same one for that name. */
  function hashFor(users: WebUsers, user: string): string | undefined {
    const known = users.get(user)
    if (known !== undefined) return known
    return [...users.values()][digest(user).readUInt32BE() % users.size]
  }

  async function isRight(users: WebUsers, { user, password }: Shown, key: string, ip: string): Promise<boolean> {
    const matches = await passwords.matches(hashFor(users, user), password)
    if (matches && users.has(user)) {
      remember(key)
      return true
    }
    const reason = users.has(user) ? 'wrong password' : 'unknown user'
    log.app('httpd', 'warn', `login of ${JSON.stringify(user.slice(0, SHOWN_NAME_MAX))} from ${ip} refused: ${reason}`)
    guesses.note(ip, reason === 'unknown user' ? reason : 'failed login')
    return false
  }

  return async ({ headers, ip }) => {
    const shown = credentialsOf(headers)
    if (shown === undefined) return { refusal: unauthorized('log in to continue') }
    const { user, password } = shown
    const users = await userFile.users()
    const key = digest(user, users.get(user) ?? '', password).toString('base64')
    if (users.has(user) && isCached(key)) return { user }
    if (guesses.refuses(ip)) {
      return { refusal: genericReply(429, { error: 'too many failed logins from this address' }) }
    }
    // A page of requests with an old password is one guess, but only where it comes from one place.
    const turn = `${ip} ${key}`
    let check = checking.get(turn)
    if (check === undefined) {
      check = isRight(users, shown, key, ip).finally(() => checking.delete(turn))
      checking.set(turn, check)
    }
    try {
      if (await check) return { user }
    } catch (error) {
      if (!(error instanceof PasswordError)) throw error
      throw new HttpError(503, 'too many logins are being checked', '', { cause: error })
    }
    return { refusal: unauthorized('wrong user name or password') }
  }
}

function unauthorized(error: string): Reply {
  return genericReply(401, { error }, CHALLENGE)
}

interface Shown {
  user: string
  password: string
}

/** @throws HttpError 400 for two of them: which one would count? */
function credentialsOf(headers: Readonly<NodeJS.Dict<string[]>>): Shown | undefined {
  const values = headers['authorization'] ?? []
  if (values.length > 1) throw new HttpError(400, 'more than one authorization header')
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(values[0] ?? '')?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
