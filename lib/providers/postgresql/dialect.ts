import type { Dialect } from '../sql/dialect.ts'

export const postgresqlDialect: Dialect = {
  driver: 'postgresql',
  quoteMark: '"',
  integer: 'bigint',
  greatest: 'GREATEST',
  returningId: ' RETURNING id',
  keepFirst: 'ON CONFLICT DO NOTHING',
  // The column's collation may take A for a; comparing with it uses the index, comparing bytes decides.
  nameIs: (parameter) => `username = ${parameter}::text AND username::text COLLATE "C" = ${parameter}::text`,
  nameHas: (parameter) => `position(lower(${parameter}::text COLLATE "C") IN lower(username::text COLLATE "C")) > 0`,
  bytesOf: (column) => `${column}::text COLLATE "C"`,
  // Not the primary key: that would be a sequence that was set back.
  isTaken: (error) => sqlState(error) === '23505' && !detail(error).includes('(id)'),
  // NUL is the letter that no PostgreSQL has.
  isForeign: (error) => ['22021', '22P05'].includes(sqlState(error) ?? ''),
  isUndone: (error) => sqlState(error) === '40P01',
  isMissing: (error) => ['42P01', '42703', '3F000'].includes(sqlState(error) ?? ''),
}

function sqlState(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function detail(error: unknown): string {
  return error instanceof Error && 'detail' in error && typeof error.detail === 'string' ? error.detail : ''
}
