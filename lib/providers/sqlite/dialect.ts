import type { Dialect } from '../sql/dialect.ts'

export const sqliteDialect: Dialect = {
  driver: 'sqlite',
  quoteMark: '"',
  integer: 'INTEGER',
  greatest: 'max',
  returningId: '',
  keepFirst: 'ON CONFLICT DO NOTHING',
  // The column's collation may be NOCASE; comparing with it uses the index, comparing bytes decides.
  nameIs: (parameter) => `username = ${parameter} AND username = ${parameter} COLLATE BINARY`,
  // Its lower() knows the letters of ASCII alone.
  nameHas: (parameter) => `instr(lower(username), lower(${parameter})) > 0`,
  bytesOf: (column) => `${column} COLLATE BINARY`,
  isTaken: (error) => error instanceof Error && error.message.includes('UNIQUE constraint failed'),
  // It holds any text.
  isForeign: () => false,
  // There is one writer at a time.
  isUndone: () => false,
  // Opening has made or refused the table.
  isMissing: () => false,
}
