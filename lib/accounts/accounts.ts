import type { Credential } from './credential.ts'
import type { UserFilter, UserQuery } from '../providers/provider.ts'
import type { LiveSession } from './live-users.ts'
import type { User } from './user.ts'

/** Why a login was refused. For the log alone: a client is only ever told that authentication failed. */
export type LoginRefusal =
  | 'unknown user'
  | 'user is disabled'
  | 'user is expired'
  | 'wrong password'
  | 'unknown public key'
  | 'public key is expired'
  | 'public key is not valid from this address'
  | 'invalid home directory'
  | 'provider unavailable'
  | 'too many password checks are waiting'

/** Somebody who showed a password or a key that holds. */
export interface Login {
  user: User
  /** `password` or `public_key:SHA256:<fingerprint>:<comment>`. */
  method: string
  credential: Credential
}

export type LoginResult = ({ ok: true } & Login) | { ok: false; reason: LoginRefusal }

/** Why an open session is one no longer, for the log. */
export type SessionEnd =
  | LoginRefusal
  | 'the user was removed'
  | 'the password was changed'
  | 'the public key was removed'
  | 'the home directory or its owner was changed'

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
   * Whether `keyBlob` (RFC 4253 section 6.6 public key encoding) is one of the user's keys, may be used from that
   * address, and the user may log in.
   * Has no effect: proving possession of the key is the transport's work.
   */
  loginWithKey(username: string, keyBlob: Buffer, clientIp: string): Promise<LoginResult>
  /**
   * Follows the account of a session, from a verified login to the session's end, through all changes that are made
   * here or in the store. The account is read again first: it may have changed since the password was checked.
   * @param ended called once, when the account no longer lets the session be; `close` is not needed then.
   */
  openSession(
    login: Login,
    ended: (reason: SessionEnd) => void,
  ): Promise<{ ok: true; session: LiveSession } | { ok: false; reason: SessionEnd }>
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
  list(query: UserQuery): Promise<User[]>
  /** How many users there are whose names have what is searched for. @throws AccountError `unavailable`. */
  count(filter: UserFilter): Promise<number>
  /**
   * All users by name, for a backup: unlike everywhere else with their password hashes.
   * @throws AccountError `unavailable`, at any time.
   */
  dump(): AsyncGenerator<User, void, void>
  /**
   * Adds the users that are new by their name, and overlays the others; ids, counters and last_login are not taken. All are
   * judged before any is stored.
   * @throws AccountError as {@link add}, naming the user; of those that are judged well some may be stored by then.
   */
  load(inputs: readonly UserInput[]): Promise<{ added: number; updated: number }>
  /** @throws AccountError `unavailable`. */
  checkAvailability(): Promise<void>
}
