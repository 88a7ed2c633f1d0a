import type { Log } from '../logging/log.ts'
import { keyRefusal } from './key-options.ts'
import type { AuthorizedKey } from './public-keys.ts'
import { authorizedKey, KeyError } from './public-keys.ts'
import type { User } from './user.ts'

/** Parsed lines kept, about 2 KiB each: reading an RSA key costs more than comparing a hundred. */
export const PARSED_KEYS_MAX = 1000

export type KeySearch =
  | { ok: true; key: AuthorizedKey }
  | { ok: false; reason: 'unknown public key' | NonNullable<ReturnType<typeof keyRefusal>> }

/**
 * Finds the user's key that is meant and may be used from there and now. A key that stands there twice, with options
 * that differ, may be used where one of its lines allows it.
 */
export type FindKey = (
  user: User,
  isMeant: (key: AuthorizedKey) => boolean,
  use: { clientIp: string; nowMs: number },
) => KeySearch

/** Reads stored lines, each once while it is in use; one that is no key is logged and passed over. */
export function createKeyring(log: Log): FindKey {
  const parsed = new Map<string, AuthorizedKey | KeyError>()

  function read(user: User, line: string, index: number): AuthorizedKey | undefined {
    const key = parsed.get(line) ?? parse(line)
    // Reinserting keeps the map in order of last use.
    parsed.delete(line)
    parsed.set(line, key)
    const [oldest] = parsed.keys()
    if (parsed.size > PARSED_KEYS_MAX && oldest !== undefined) parsed.delete(oldest)
    if (!(key instanceof KeyError)) return key
    const who = JSON.stringify(user.username)
    log.app('dataProvider', 'warn', `public_keys[${index}] of ${who} is not used: ${key.message}`)
    return undefined
  }

  return (user, isMeant, { clientIp, nowMs }) => {
    // All of them, whichever it is: the time tells nothing of the place in the list.
    const keys = user.public_keys.map((line, index) => read(user, line, index))
    let refused: KeySearch = { ok: false, reason: 'unknown public key' }
    for (const key of keys) {
      if (key === undefined || !isMeant(key)) continue
      const reason = keyRefusal(key.restrictions, clientIp, nowMs)
      if (reason === undefined) return { ok: true, key }
      refused = { ok: false, reason }
    }
    return refused
  }
}

function parse(line: string): AuthorizedKey | KeyError {
  try {
    return authorizedKey(line)
  } catch (error) {
    if (error instanceof KeyError) return error
    throw error
  }
}
