import type { User } from './user.ts'

/** Why a login was refused. For the log alone: a client is only ever told that authentication failed. */
export type LoginRefusal =
  | 'unknown user'
  | 'user is disabled'
  | 'user is expired'
  | 'wrong password'
  | 'unknown public key'
  | 'invalid home directory'
  | 'provider unavailable'

export type LoginResult =
  /** `method` is `password` or `public_key:SHA256:<fingerprint>:<comment>`. */
  { ok: true; user: User; method: string } | { ok: false; reason: LoginRefusal }

/** What a user may send of itself; unknown keys are ignored, counters and last_login are never taken from a request. */
export type UserInput = Readonly<Record<string, unknown>>

export type AccountErrorKind = 'validation' | 'method-disabled' | 'not-found' | 'exists' | 'unavailable'

/** The message names what was wrong and what is allowed, and starts with the text that REST clients of SFTPGo know. */
export class AccountError extends Error {
  override readonly name = 'AccountError'
  readonly kind: AccountErrorKind
  constructor(kind: AccountErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

/**
 * Users and their logins, over any provider. Arguments are plain data: a call may cross a process boundary.
 * Every user comes back with an empty `password`: nobody above needs the hash.
 */
export interface Accounts {
  /**
   * Costs the same time whether the user is unknown or the password wrong; an empty password never matches.
   * Neither creates the home nor stamps last_login: see {@link loggedIn}.
   */
  loginWithPassword(username: string, password: string): Promise<LoginResult>
  /**
   * Whether `keyBlob` (RFC 4253 section 6.6 public key encoding) is one of the user's keys and the user may log in.
   * Has no effect: proving possession of the key is the transport's work.
   */
  loginWithKey(username: string, keyBlob: Buffer): Promise<LoginResult>
  /** After a verified login: stamps last_login in the background (never delays or fails the login). */
  loggedIn(user: User): void
  /** @throws AccountError `validation`, `exists`, `method-disabled`, `unavailable`. */
  add(input: UserInput): Promise<User>
  /** Overlays `input` on the stored user. @throws AccountError `not-found` and as {@link add}. */
  update(id: number, input: UserInput): Promise<User>
  /** @throws AccountError `not-found`, `method-disabled`, `unavailable`. */
  remove(id: number): Promise<void>
  /** @throws AccountError `not-found`, `unavailable`. */
  get(id: number): Promise<User>
  list(query: { limit: number; offset: number; order: 'ASC' | 'DESC'; username?: string }): Promise<User[]>
  /** @throws AccountError `unavailable`. */
  checkAvailability(): Promise<void>
}
