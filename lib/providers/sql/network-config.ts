/** The keys of the data_provider section that lead to a database behind a network. */
export interface NetworkConfig {
  /** Of the database. */
  name: string
  /** `''` is this machine. */
  host: string
  port: number
  username: string
  password: string
  /** 0 to 3; what they mean is each driver's. */
  sslmode: number
  /** Replaces all of the above when not empty. */
  connection_string: string
  /** 0 for {@link DEFAULT_POOL_SIZE}. */
  pool_size: number
  users_table: string
}

/**
 * "Unlimited", as in SFTPGo, would let a burst of logins take every connection the database has; statements take a
 * millisecond, so ten connections answer thousands of logins a second.
 */
export const DEFAULT_POOL_SIZE = 10

/** @throws Error naming the key that is empty. */
export function assertDatabaseNamed(driver: string, name: string): void {
  if (name === '') throw new Error(`data_provider.name is empty: driver ${driver} needs the name of its database`)
}
