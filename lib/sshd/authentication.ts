import ssh2 from 'ssh2'
import type { AuthContext, KeyboardAuthContext, PublicKeyAuthContext } from 'ssh2'
import type { Accounts, Login, LoginRefusal, LoginResult } from '../accounts/accounts.ts'
import type { Offence } from '../defender/defender.ts'
import { USER_KEY_TYPES } from './algorithms.ts'

type Method = 'password' | 'publickey' | 'keyboard-interactive'
const METHODS: Method[] = ['password', 'publickey', 'keyboard-interactive']

export interface Refusal {
  username: string
  loginType: 'password' | 'public_key'
  /** For the log. */
  reason: string
  /** What it says about the client; absent where the fault is here. */
  offence?: Offence
}

export interface AuthenticationEvents {
  /** A password or key is about to be checked. @returns told how that ended, unless nothing was proved. */
  checking(loginType: Refusal['loginType']): (ok: boolean) => void
  /** A password or key was refused. @returns false when the connection is over with that. */
  refused(refusal: Refusal): boolean
  /**
   * The client proved who it is; whatever a login needs (a home directory, say) is made here.
   * @returns false to refuse the login all the same.
   */
  verified(login: Login): Promise<boolean>
  /** Too many refusals: end the connection. */
  exhausted(): void
}

/** No fault of the client's; anything else is a failed login. */
const NO_OFFENCE: ReadonlySet<LoginRefusal> = new Set([
  'provider unavailable',
  'too many password checks are waiting',
  'invalid home directory',
])

/** The tries of one connection; a bare key query counts only when it is refused. */
export class Authentication {
  readonly #accounts: Accounts
  readonly #clientIp: string
  readonly #events: AuthenticationEvents
  /** Negative: without limit. */
  #triesLeft: number
  #exhausted = false
  /** Gives up waiting for the answer to a question. */
  #stopAsking: (() => void) | undefined
  /** Any password or key was offered. */
  tried = false

  /** @param maxTries as `sftpd.max_auth_tries`: 0 means 6, a negative number no limit. */
  constructor(accounts: Accounts, clientIp: string, maxTries: number, events: AuthenticationEvents) {
    this.#accounts = accounts
    this.#clientIp = clientIp
    this.#events = events
    this.#triesLeft = maxTries === 0 ? 6 : maxTries
  }

  /** Answers one USERAUTH_REQUEST. Never rejects: what goes wrong refuses the login. */
  async decide(context: AuthContext): Promise<void> {
    try {
      await this.#decide(context)
    } catch (error) {
      const loginType = context.method === 'publickey' ? 'public_key' : 'password'
      const reason = `internal error: ${error instanceof Error ? error.message : String(error)}`
      this.#refuse(context, { loginType, reason })
    }
  }

  /** The connection is over. */
  end(): void {
    this.#stopAsking?.()
  }

  async #decide(context: AuthContext): Promise<void> {
    if (this.#exhausted) return context.reject(METHODS)
    switch (context.method) {
      case 'password':
        // RFC 4252 §8: a request to change the password carries two of them, which the type does not say.
        return this.#password(context, context.password)
      case 'keyboard-interactive':
        return this.#keyboard(context)
      case 'publickey':
        this.tried = true
        return this.#told('public_key', () => this.#publicKey(context))
      default:
        // `none` asks which methods there are (RFC 4252 §5.2); others are not offered.
        return context.reject(METHODS)
    }
  }

  #password(context: AuthContext, password: unknown): Promise<void> {
    this.tried = true
    return this.#told('password', async () => {
      if (typeof password !== 'string') {
        const reason = 'passwords cannot be changed here'
        return this.#refuse(context, { loginType: 'password', reason, offence: 'failed login' })
      }
      return this.#conclude(context, 'password', await this.#accounts.loginWithPassword(context.username, password))
    })
  }

  /** @param check undefined for a question that proves nothing. */
  async #told(loginType: Refusal['loginType'], check: () => Promise<boolean | undefined>): Promise<void> {
    const ended = this.#events.checking(loginType)
    let ok: boolean | undefined = false
    try {
      ok = await check()
    } finally {
      if (ok !== undefined) ended(ok)
    }
  }

  /** RFC 4256: one question, the same for every name, whose answer is a password like any other. */
  async #keyboard(context: KeyboardAuthContext): Promise<void> {
    const answers = await new Promise<unknown>((resolve) => {
      this.#stopAsking = () => resolve(undefined)
      context.prompt([{ prompt: 'Password: ', echo: false }], (answer: unknown) => resolve(answer))
    })
    // The client left, or began another method instead (RFC 4256 §3.1), which is answered then.
    if (!Array.isArray(answers)) return
    if (this.#exhausted) return context.reject(METHODS)
    const [password, ...others]: unknown[] = answers
    // §3.4: one answer to each question.
    return this.#password(context, others.length === 0 ? (password ?? '') : '')
  }

  async #publicKey(context: PublicKeyAuthContext): Promise<boolean | undefined> {
    const { key, signature, blob } = context
    const refuse = (reason: string): false =>
      this.#refuse(context, { loginType: 'public_key', reason, offence: 'failed login' })
    const hashAlgorithm = (context as { hashAlgo?: string }).hashAlgo
    // Without a hash of its own `ssh-rsa` signs with SHA-1 (RFC 8332 §3).
    if (!USER_KEY_TYPES.includes(key.algo) || (key.algo === 'ssh-rsa' && hashAlgorithm === undefined)) {
      return refuse(`keys of type ${printable(key.algo)} are not accepted`)
    }
    const result = await this.#accounts.loginWithKey(context.username, key.data, this.#clientIp)
    if (!result.ok) return this.#conclude(context, 'public_key', result)
    // RFC 4252 §7: the client asks whether the key would do. Nothing is proved yet, so nothing may change.
    if (!signature || !blob) {
      context.accept()
      return undefined
    }
    const parsed = ssh2.utils.parseKey(`${key.algo} ${key.data.toString('base64')}`)
    if (parsed instanceof Error) return refuse('the key cannot be read')
    // Not only true and false, whatever the type says: an Error where the signature makes no sense.
    const verified: unknown = parsed.verify(blob, signature, hashAlgorithm)
    if (verified !== true) return refuse('the signature is wrong')
    return this.#conclude(context, 'public_key', result)
  }

  async #conclude(context: AuthContext, loginType: Refusal['loginType'], result: LoginResult): Promise<boolean> {
    if (!result.ok) {
      const { reason } = result
      const offence = reason === 'unknown user' ? reason : 'failed login'
      return this.#refuse(context, { loginType, reason, ...(NO_OFFENCE.has(reason) ? {} : { offence }) })
    }
    const { user, method, credential } = result
    if (await this.#events.verified({ user, method, credential })) {
      context.accept()
      return true
    }
    this.#reject(context)
    return false
  }

  #refuse(context: AuthContext, refusal: Omit<Refusal, 'username'>): false {
    if (this.#events.refused({ username: context.username, ...refusal })) this.#reject(context)
    else this.#exhausted = true
    return false
  }

  #reject(context: AuthContext): void {
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
