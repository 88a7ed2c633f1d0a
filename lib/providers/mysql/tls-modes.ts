/**
 * `false` none; `true` required, the server's certificate and name are checked; `skip-verify` required, nothing is
 * checked; `preferred` used when the server has it, nothing is checked.
 */
export type MysqlTls = 'false' | 'true' | 'skip-verify' | 'preferred'

/** At the number that `data_provider.sslmode` gives each. */
export const TLS_MODES: readonly MysqlTls[] = ['false', 'true', 'skip-verify', 'preferred']
