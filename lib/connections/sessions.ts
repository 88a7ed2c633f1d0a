/**
 * How many sessions each user has: SSH connections that are logged in, however many channels they have. Plain data in
 * and out: one process may count for several.
 */
export interface Sessions {
  /**
   * Takes one of the user's sessions, in one step.
   * @param limit the account's `max_sessions`; 0 for none.
   * @returns false when the limit is reached.
   */
  reserve(username: string, sessionId: string, limit: number): Promise<boolean>
  /** Gives it back; does nothing when it was never taken or is back already. */
  release(username: string, sessionId: string): Promise<void>
}

export class LocalSessions implements Sessions {
  readonly #open = new Map<string, Set<string>>()

  async reserve(username: string, sessionId: string, limit: number): Promise<boolean> {
    const sessions = this.#open.get(username) ?? new Set()
    if (limit > 0 && sessions.size >= limit && !sessions.has(sessionId)) return false
    this.#open.set(username, sessions.add(sessionId))
    return true
  }

  async release(username: string, sessionId: string): Promise<void> {
    const sessions = this.#open.get(username)
    sessions?.delete(sessionId)
    if (sessions?.size === 0) this.#open.delete(username)
  }
}
