/** An SFTP server as the cases and the benchmark see it. */
export interface Server {
  readonly name: string
  readonly host: string
  /** May change with a restart. */
  readonly port: number
  readonly pid: number
  readonly running: boolean
  /** What it printed, for error messages. */
  output(): string
  /** @returns the name to log in with. */
  addAccount(account: NewAccount): Promise<string>
  /** For a server that has ended. */
  start(): Promise<void>
  /** Ends it and starts it again on the same state. */
  restart(): Promise<void>
}

export interface NewAccount {
  username: string
  /** An existing directory: sessions start here. */
  home: string
  password?: string
  publicKeys?: readonly string[]
  /** @defaultValue true */
  enabled?: boolean
  /** Milliseconds since 1970; the account is refused from then on. */
  expirationDate?: number
  /** @defaultValue no limit */
  quotaBytes?: number
  /** KB/s of 1000 bytes; none where it is left out. */
  bandwidthKb?: { upload?: number; download?: number }
  /** It is to run commands, scp's own among them, instead of SFTP. */
  commands?: boolean
}
