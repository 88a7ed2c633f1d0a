/** A notification that waits to be delivered, as it is stored. */
export interface OutboxEntry {
  /** At most 64 lower case letters and digits; the order of ids is that of the notifications of one owner. */
  id: string
  /** At most 32 letters and `-`: what is to be done with it. */
  kind: string
  /** Milliseconds since the epoch. */
  createdMs: number
  /** Any text without NUL. */
  payload: string
}

/** A process that has, or had, entries. */
export interface OutboxOwner {
  /** At most 128 ASCII characters. */
  owner: string
  /** Until when it is taken for alive, milliseconds since the epoch; 0 when it holds nothing any more. */
  untilMs: number
}

/**
 * Notifications that survive the process. Several servers may share one: each entry has one owner, who alone delivers
 * it, and an owner that no longer says that it is alive loses its entries to whoever takes them over first.
 * Every method may throw ProviderError `unavailable`.
 */
export interface Outbox {
  /** Says until when `owner` is to be taken for alive: before the first {@link add}, and again before that time. */
  hold(owner: string, untilMs: number): Promise<void>
  /** Stores entries; those that are stored already stay as they are. */
  add(owner: string, entries: readonly OutboxEntry[]): Promise<void>
  /** All that hold, and all that have entries. */
  owners(): Promise<OutboxOwner[]>
  /** Makes the entries of `from` those of `to`, unless `from` has said since that it is alive. */
  takeOver(from: OutboxOwner, to: string): Promise<void>
  /** At most `limit` entries of an owner with ids above `after`, in order. */
  entries(owner: string, after: string, limit: number): Promise<OutboxEntry[]>
  /** Unknown ids are ignored. */
  remove(owner: string, ids: readonly string[]): Promise<void>
  /** Holds no longer: what entries are left may be taken over at once. */
  letGo(owner: string): Promise<void>
}
