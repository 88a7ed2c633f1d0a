/**
 * `disable` none; `require` required, nothing is checked; `verify-ca` the certificate is checked; `verify-full` the
 * server's name too.
 */
export type PostgresqlTls = 'disable' | 'require' | 'verify-ca' | 'verify-full'

/** At the number that `data_provider.sslmode` gives each. */
export const TLS_MODES: readonly PostgresqlTls[] = ['disable', 'require', 'verify-ca', 'verify-full']
