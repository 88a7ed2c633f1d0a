/** A walk through an account's home that is under way. */
export interface QuotaScan {
  username: string
  startTimeMs: number
  /** Found so far. */
  files: number
  sizeBytes: number
}

/** What the pages need of quota scans. */
export interface QuotaScans {
  /**
   * Resolves when the scan has begun.
   * @returns `busy` when one of this user is under way.
   * @throws AccountError `not-found`, `method-disabled`, `unavailable`.
   */
  start(username: string): Promise<'started' | 'busy'>
  list(): readonly QuotaScan[]
}

export interface FailedLogin {
  timeMs: number
  ip: string
  username: string
  method: string
  reason: string
}

/** Logins that were refused of late. */
export interface FailedLogins {
  /** Newest first. */
  recentFailedLogins(): readonly FailedLogin[]
}
