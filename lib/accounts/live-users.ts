import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../logging/log.ts'
import type { Provider } from '../providers/provider.ts'
import type { Login, SessionEnd } from './accounts.ts'
import type { Credential } from './credential.ts'
import type { FindKey } from './keyring.ts'
import { sessionRefusal } from './logins.ts'
import type { User } from './user.ts'

/** How long a change that another process made in the store may go unnoticed: one row is read for each user. */
export const REREAD_MS = 30_000
/** A runtime timer counts at most 2^31 - 1 milliseconds. */
const TIMER_MAX_MS = 2_147_483_647

/** An account with open sessions, which all share it. What an operation may do is read from `current` when it begins. */
export interface LiveUser {
  readonly username: string
  /** As it is now; the password hash is left out. Another object after each change. */
  readonly current: User
  /** `listener` is called after each change, with what holds from now on. @returns to stop that. */
  subscribe(listener: (user: User) => void): () => void
}

export interface LiveSession {
  readonly user: LiveUser
  /** The session is over; a second call does nothing. */
  close(): void
}

export interface LiveUsersOptions {
  provider: Pick<Provider, 'userByName'>
  clock: Clock
  log: Log
  findKey: FindKey
}

interface Session {
  credential: Credential
  ended: (reason: SessionEnd) => void
}

/**
 * Keeps the accounts of open sessions as they are in the store. A change that takes away what let a session in ends it:
 * the account removed, disabled or expired; another password, for sessions that came with one (also when it is the same
 * again); the key removed, expired or bound to other addresses, for sessions that came with it. A changed home or owner
 * ends all sessions, which have the old one open. Anything else is in {@link LiveUser} for the next operation.
 */
export class LiveUsers {
  readonly #options: LiveUsersOptions
  readonly #entries = new Map<string, Entry>()
  #reread: Timer | undefined

  constructor(options: LiveUsersOptions) {
    this.#options = options
  }

  /** See `openSession` of Accounts. @throws ProviderError when the account cannot be read. */
  async open(
    { user, credential }: Login,
    ended: Session['ended'],
  ): Promise<{ ok: true; session: LiveSession } | { ok: false; reason: SessionEnd }> {
    let over: SessionEnd | undefined
    let opening = true
    const session: Session = {
      credential,
      ended(reason) {
        over = reason
        if (!opening) ended(reason)
      },
    }
    const entry = this.#entries.get(user.username) ?? this.#add(user)
    entry.sessions.add(session)
    try {
      // It is among those that are told of changes by now, so none is missed.
      await this.#refresh(entry)
    } catch (error) {
      this.#close(entry, session)
      throw error
    }
    opening = false
    if (over !== undefined) return { ok: false, reason: over }
    return { ok: true, session: { user: entry, close: () => this.#close(entry, session) } }
  }

  /** @param user with its password hash, as it is stored from now on. */
  changed(user: User): void {
    const entry = this.#entries.get(user.username)
    if (entry !== undefined) this.#apply(entry, user)
  }

  removed(id: number): void {
    for (const entry of this.#entries.values()) if (entry.current.id === id) this.#apply(entry, undefined)
  }

  #add(user: User): Entry {
    const entry = new Entry(user)
    this.#entries.set(user.username, entry)
    this.#reread ??= this.#options.clock.after(REREAD_MS, () => void this.#rereadAll())
    return entry
  }

  #close(entry: Entry, session: Session): void {
    entry.sessions.delete(session)
    if (entry.sessions.size > 0) return
    entry.expiry?.cancel()
    if (this.#entries.get(entry.username) === entry) this.#entries.delete(entry.username)
    if (this.#entries.size > 0) return
    this.#reread?.cancel()
    this.#reread = undefined
  }

  async #rereadAll(): Promise<void> {
    try {
      // One after the other: this is nothing that a login should have to wait behind.
      for (const entry of this.#entries.values()) await this.#refresh(entry)
    } catch (error) {
      // Who is in stays in while the store is away.
      this.#options.log.app('dataProvider', 'warn', 'the accounts of open sessions could not be read again', { error })
    }
    // The last session may have ended meanwhile, and another one begun.
    this.#reread?.cancel()
    this.#reread =
      this.#entries.size === 0 ? undefined : this.#options.clock.after(REREAD_MS, () => void this.#rereadAll())
  }

  async #refresh(entry: Entry): Promise<void> {
    const { changes } = entry
    const user = await this.#options.provider.userByName(entry.username)
    // What was read may be older than a change that came meanwhile.
    if (entry.changes === changes && entry.sessions.size > 0) this.#apply(entry, user)
  }

  #apply(entry: Entry, user: User | undefined): void {
    const { clock, findKey } = this.#options
    entry.changes++
    const { id, home_dir: home, uid, gid } = entry.current
    const isOther = user?.home_dir !== home || user.uid !== uid || user.gid !== gid
    const nowMs = clock.now()
    // Before anybody is told, so that nobody acts by what held before.
    if (user?.id === id) entry.current = { ...user, password: '' }
    for (const session of entry.sessions) {
      const reason =
        user?.id !== id
          ? 'the user was removed'
          : (sessionRefusal(user, session.credential, { findKey, nowMs }) ??
            (isOther ? 'the home directory or its owner was changed' : undefined))
      if (reason !== undefined) this.#end(entry, session, reason)
    }
    if (entry.sessions.size === 0) return
    for (const listener of entry.listeners) listener(entry.current)
    this.#watchExpiry(entry)
  }

  #watchExpiry(entry: Entry): void {
    const { clock } = this.#options
    entry.expiry?.cancel()
    entry.expiry = undefined
    const { expiration_date: expiration } = entry.current
    if (expiration <= 0) return
    // An account is valid through the millisecond of its expiration.
    const leftMs = expiration + 1 - clock.now()
    entry.expiry = clock.after(Math.min(Math.max(leftMs, 0), TIMER_MAX_MS), () => {
      if (expiration >= clock.now()) return this.#watchExpiry(entry)
      for (const session of entry.sessions) this.#end(entry, session, 'user is expired')
    })
  }

  #end(entry: Entry, session: Session, reason: SessionEnd): void {
    this.#close(entry, session)
    session.ended(reason)
  }
}

class Entry implements LiveUser {
  readonly username: string
  current: User
  readonly sessions = new Set<Session>()
  readonly listeners = new Set<(user: User) => void>()
  expiry: Timer | undefined
  /** Counts what was applied. */
  changes = 0

  constructor(user: User) {
    this.username = user.username
    this.current = { ...user, password: '' }
  }

  subscribe(listener: (user: User) => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }
}
