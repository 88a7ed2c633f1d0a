import { isAbsolute } from 'node:path'
import type { Clock } from '../clock.ts'
import type { Log } from '../logging/log.ts'
import type { Provider } from '../providers/provider.ts'
import type { Accounts, LoginRefusal, LoginResult, SessionEnd } from './accounts.ts'
import type { Credential } from './credential.ts'
import { isSamePassword, passwordCredential } from './credential.ts'
import type { FindKey } from './keyring.ts'
import type { Passwords } from './passwords.ts'
import { PasswordError } from './passwords.ts'
import { sameKey } from './public-keys.ts'
import type { User } from './user.ts'

export interface LoginsOptions {
  provider: Pick<Provider, 'userByName'>
  clock: Clock
  log: Log
  passwords: Passwords
  findKey: FindKey
}

/** Who may log in. Nothing here throws: whatever fails is logged and the login refused. */
export function createLogins({
  provider,
  clock,
  log,
  passwords,
  findKey,
}: LoginsOptions): Pick<Accounts, 'loginWithPassword' | 'loginWithKey'> {
  /** Reasons in their order: the user, its state, the credentials, its home. */
  function judge(
    user: User | undefined,
    shown: { method: string; credential: Credential } | { mismatch: LoginRefusal },
  ): LoginResult {
    if (user === undefined) return refused('unknown user')
    const reason = accountRefusal(user, clock.now())
    if (reason !== undefined) return refused(reason)
    if ('mismatch' in shown) return refused(shown.mismatch)
    if (!isAbsolute(user.home_dir)) return refused('invalid home directory')
    return { ok: true, user: { ...user, password: '' }, ...shown }
  }

  async function orUnavailable(login: () => Promise<LoginResult>): Promise<LoginResult> {
    try {
      return await login()
    } catch (error) {
      // Expected under a flood, which would fill the log.
      if (error instanceof PasswordError && error.kind === 'busy')
        return refused('too many password checks are waiting')
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
        if (!matched || user === undefined) return judge(user, { mismatch: 'wrong password' })
        return judge(user, { method: 'password', credential: passwordCredential(user.password) })
      }),

    loginWithKey: (username, keyBlob, clientIp) =>
      orUnavailable(async () => {
        const user = await provider.userByName(username)
        if (user === undefined) return refused('unknown user')
        const use = { clientIp, nowMs: clock.now() }
        const found = findKey(user, ({ blob }) => sameKey(blob, keyBlob), use)
        if (!found.ok) return judge(user, { mismatch: found.reason })
        const { fingerprint, comment } = found.key
        return judge(user, {
          method: `public_key:${fingerprint}:${comment}`,
          credential: { kind: 'key', fingerprint, clientIp },
        })
      }),
  }
}

/** Why the account may not be used now, whatever is shown. */
function accountRefusal(
  { status, expiration_date }: User,
  nowMs: number,
): 'user is disabled' | 'user is expired' | undefined {
  if (status < 1) return 'user is disabled'
  return expiration_date > 0 && expiration_date < nowMs ? 'user is expired' : undefined
}

/** Why a session that was let in by `credential` would not be now; `user` with its password hash. */
export function sessionRefusal(
  user: User,
  credential: Credential,
  { findKey, nowMs }: { findKey: FindKey; nowMs: number },
): SessionEnd | undefined {
  const reason = accountRefusal(user, nowMs)
  if (reason !== undefined) return reason
  if (credential.kind === 'password') {
    return isSamePassword(credential, user.password) ? undefined : 'the password was changed'
  }
  const { fingerprint, clientIp } = credential
  const found = findKey(user, (key) => key.fingerprint === fingerprint, { clientIp, nowMs })
  if (found.ok) return undefined
  return found.reason === 'unknown public key' ? 'the public key was removed' : found.reason
}

function refused(reason: LoginRefusal): LoginResult {
  return { ok: false, reason }
}
