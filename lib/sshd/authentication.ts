import ssh2 from 'ssh2'
import type { AuthContext, PublicKeyAuthContext } from 'ssh2'
import type { Accounts, LoginResult } from '../accounts/accounts.ts'
import type { User } from '../accounts/user.ts'
import { USER_KEY_TYPES } from './algorithms.ts'

type Method = 'password' | 'publickey'
const METHODS: Method[] = ['password', 'publickey']

export interface AuthenticationEvents {
  /** A password or key was refused; `reason` is for the log. */
  refused(username: string, loginType: 'password' | 'public_key', reason: string): void
  /**
   * The client proved who it is; whatever a login needs (a home directory, say) is made here.
   * @returns false to refuse the login all the same.
   */
  verified(user: User, method: string): Promise<boolean>
  /** Too many refusals: end the connection. */
  exhausted(): void
}

/** The tries of one connection; a bare key query counts only when it is refused. */
export class Authentication {
  readonly #accounts: Accounts
  readonly #events: AuthenticationEvents
  /** Negative: without limit. */
  #triesLeft: number
  #exhausted = false
  /** Any password or key was offered. */
  tried = false

  /** @param maxTries as `sftpd.max_auth_tries`: 0 means 6, a negative number no limit. */
  constructor(accounts: Accounts, maxTries: number, events: AuthenticationEvents) {
    this.#accounts = accounts
    this.#events = events
    this.#triesLeft = maxTries === 0 ? 6 : maxTries
  }

  /** Answers one USERAUTH_REQUEST. Never rejects: what goes wrong refuses the login. */
  async decide(context: AuthContext): Promise<void> {
    try {
      await this.#decide(context)
    } catch (error) {
      const loginType = context.method === 'publickey' ? 'public_key' : 'password'
      this.#refuse(context, loginType, `internal error: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  async #decide(context: AuthContext): Promise<void> {
    if (this.#exhausted) return context.reject(METHODS)
    if (context.method === 'password') {
      this.tried = true
      const password: unknown = context.password
      // RFC 4252 §8: a request to change the password carries two of them, which the type does not say.
      if (typeof password !== 'string') return this.#refuse(context, 'password', 'passwords cannot be changed here')
      const result = await this.#accounts.loginWithPassword(context.username, password)
      return this.#conclude(context, 'password', result)
    }
    if (context.method === 'publickey') {
      this.tried = true
      return this.#publicKey(context)
    }
    // `none` asks which methods there are (RFC 4252 §5.2); others are not offered.
    return context.reject(METHODS)
  }

  async #publicKey(context: PublicKeyAuthContext): Promise<void> {
    const { key, signature, blob } = context
    const hashAlgorithm = (context as { hashAlgo?: string }).hashAlgo
    // Without a hash of its own `ssh-rsa` signs with SHA-1 (RFC 8332 §3).
    if (!USER_KEY_TYPES.includes(key.algo) || (key.algo === 'ssh-rsa' && hashAlgorithm === undefined)) {
      return this.#refuse(context, 'public_key', `keys of type ${printable(key.algo)} are not accepted`)
    }
    const result = await this.#accounts.loginWithKey(context.username, key.data)
    if (!result.ok) return this.#conclude(context, 'public_key', result)
    // RFC 4252 §7: the client asks whether the key would do. Nothing is proved yet, so nothing may change.
    if (!signature || !blob) return context.accept()
    const parsed = ssh2.utils.parseKey(`${key.algo} ${key.data.toString('base64')}`)
    if (parsed instanceof Error) return this.#refuse(context, 'public_key', 'the key cannot be read')
    // Not only true and false, whatever the type says: an Error where the signature makes no sense.
    const verified: unknown = parsed.verify(blob, signature, hashAlgorithm)
    if (verified !== true) {
      return this.#refuse(context, 'public_key', 'the signature is wrong')
    }
    return this.#conclude(context, 'public_key', result)
  }

  async #conclude(context: AuthContext, loginType: 'password' | 'public_key', result: LoginResult): Promise<void> {
    if (!result.ok) return this.#refuse(context, loginType, result.reason)
    if (!(await this.#events.verified(result.user, result.method))) return context.reject(METHODS)
    return context.accept()
  }

  #refuse(context: AuthContext, loginType: 'password' | 'public_key', reason: string): void {
    this.#events.refused(context.username, loginType, reason)
    if (--this.#triesLeft === 0) {
      this.#exhausted = true
      this.#events.exhausted()
      return
    }
    context.reject(METHODS)
  }
}

/** A name the client chose, fit for a log line. */
function printable(text: string): string {
  return JSON.stringify(text.slice(0, 64))
}
