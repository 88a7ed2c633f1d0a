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
