import { isAbsolute } from 'node:path'
import type { Clock } from '../clock.ts'
import type { Log } from '../logging/log.ts'
import type { Provider } from '../providers/provider.ts'
import type { Accounts, LoginRefusal, LoginResult } from './accounts.ts'
import type { Passwords } from './passwords.ts'
import type { AuthorizedKey } from './public-keys.ts'
import { authorizedKey, KeyError, sameKey } from './public-keys.ts'
import type { User } from './user.ts'

/** Parsed lines kept, about 2 KiB each: reading an RSA key costs more than comparing a hundred. */
export const PARSED_KEYS_MAX = 1000

export interface LoginsOptions {
  provider: Pick<Provider, 'userByName'>
  clock: Clock
  log: Log
  passwords: Passwords
}

/** Who may log in. Nothing here throws: whatever fails is logged and the login refused. */
export function createLogins({
  provider,
  clock,
  log,
  passwords,
}: LoginsOptions): Pick<Accounts, 'loginWithPassword' | 'loginWithKey'> {
  const readKey = keyReader(log)

  /** Reasons in their order: the user, its state, the credentials, its home. */
  function judge(user: User | undefined, method: string | undefined, mismatch: LoginRefusal): LoginResult {
    if (user === undefined) return refused('unknown user')
    if (user.status < 1) return refused('user is disabled')
    if (user.expiration_date > 0 && user.expiration_date < clock.now()) return refused('user is expired')
    if (method === undefined) return refused(mismatch)
    if (!isAbsolute(user.home_dir)) return refused('invalid home directory')
    return { ok: true, user: { ...user, password: '' }, method }
  }

  async function orUnavailable(login: () => Promise<LoginResult>): Promise<LoginResult> {
    try {
      return await login()
    } catch (error) {
      log.app('dataProvider', 'error', 'login refused: it could not be checked', { error })
      return refused('provider unavailable')
    }
  }

  return {
    loginWithPassword: (username, password) =>
      orUnavailable(async () => {
        const user = await provider.userByName(username).catch(async (error: unknown) => {
          await passwords.matches(undefined, password)
          throw error
        })
        // Before the state is looked at, so that no reason for a refusal shows in the time it takes.
        const matched = await passwords.matches(user?.password, password)
        return judge(user, matched ? 'password' : undefined, 'wrong password')
      }),

    loginWithKey: (username, keyBlob) =>
      orUnavailable(async () => {
        const user = await provider.userByName(username)
        const keys = user === undefined ? [] : user.public_keys.map((line, index) => readKey(user, line, index))
        const key = keys.find((candidate) => candidate !== undefined && sameKey(candidate.blob, keyBlob))
        const method = key && `public_key:${key.fingerprint}:${key.comment}`
        return judge(user, method, 'unknown public key')
      }),
  }
}

function refused(reason: LoginRefusal): LoginResult {
  return { ok: false, reason }
}

/** Reads stored lines, each once while it is in use; one that is no key is logged and passed over. */
function keyReader(log: Log): (user: User, line: string, index: number) => AuthorizedKey | undefined {
  const parsed = new Map<string, AuthorizedKey | KeyError>()
  return (user, line, index) => {
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
}

function parse(line: string): AuthorizedKey | KeyError {
  try {
    return authorizedKey(line)
  } catch (error) {
    if (error instanceof KeyError) return error
    throw error
  }
}
