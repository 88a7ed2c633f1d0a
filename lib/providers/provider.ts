import type { NewUser, User } from '../accounts/user.ts'
import type { Outbox } from './outbox.ts'

/** What a user occupies: `size` in bytes, `files` as a count. As a change, either may be negative. */
export interface QuotaUse {
  size: number
  files: number
}

export interface UserQuery {
  /** 1..500. */
  limit: number
  /** From 0. */
  offset: number
  order: 'ASC' | 'DESC'
  /** What the list is ordered by, users with the same value by username; by username alone when it is left out. */
  sort?: UserSort
  /** Exact match. */
  username?: string
  /** As in {@link UserFilter}. */
  search?: string
}

/** Usernames and homes are in byte order. */
export const USER_SORTS = [
  'username',
  'status',
  'expiration_date',
  'home_dir',
  'used_quota_size',
  'used_quota_files',
  'last_login',
] as const
export type UserSort = (typeof USER_SORTS)[number]

export interface UserFilter {
  /**
   * A part of the username, taken literally; `''` is in every name. The letters a to z match in either case, others as
   * the store has it.
   */
  search?: string
}

/**
 * Where the accounts live. Every method may throw {@link ProviderError} `unavailable`.
 * Users are returned as copies, with their password hash: stripping it is the caller's work.
 */
export interface Provider {
  /** The configured driver's name: `memory`, `sqlite`, ... */
  readonly driver: string
  /** Resolves when the store answers. */
  checkAvailability(): Promise<void>
  userByName(username: string): Promise<User | undefined>
  userById(id: number): Promise<User | undefined>
  users(query: UserQuery): Promise<User[]>
  /** How many users the filter leaves, also those that cannot be read. */
  countUsers(filter: UserFilter): Promise<number>
  /**
   * Stores a validated user; its id is chosen here, its counters start at zero.
   * @throws ProviderError `exists` when the name is taken.
   */
  addUser(user: NewUser): Promise<User>
  /**
   * Replaces what an administrator may set, found by `user.id`; the username, the usage counters and
   * last_login stay as stored.
   * @throws ProviderError `not-found`.
   */
  updateUser(user: User): Promise<void>
  /** @throws ProviderError `not-found`. */
  deleteUser(id: number): Promise<void>
  /** Adds `change` in one atomic step, never below zero, and stamps last_quota_update. Unknown names are ignored. */
  addUse(username: string, change: QuotaUse, nowMs: number): Promise<void>
  /** Stores `use` as it is (the result of a scan) and stamps last_quota_update. */
  resetUse(username: string, use: QuotaUse, nowMs: number): Promise<void>
  /** @throws ProviderError `not-found`. */
  usedQuota(username: string): Promise<QuotaUse>
  setLastLogin(username: string, nowMs: number): Promise<void>
  /**
   * Where notifications wait. A store in a file makes what it needs for it; a database behind a network has it from
   * `sftpgo initprovider`, and need not be there at the moment. Nothing is written before it is asked for.
   */
  openOutbox(): Promise<Outbox>
  /** Later calls throw `unavailable`; closing twice is allowed. */
  close(): Promise<void>
}

export type ProviderErrorKind = 'exists' | 'not-found' | 'unavailable'

export class ProviderError extends Error {
  override readonly name = 'ProviderError'
  readonly kind: ProviderErrorKind
  constructor(kind: ProviderErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}
