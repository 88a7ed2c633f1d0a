import type { Dialect } from '../sql/dialect.ts'

const bytes = (text: string) => `CAST(CONVERT(${text} USING utf8mb4) AS BINARY)`
const lowered = (text: string) => `CAST(LOWER(CONVERT(${text} USING utf8mb4)) AS BINARY)`

export const mysqlDialect: Dialect = {
  driver: 'mysql',
  quoteMark: '`',
  integer: 'SIGNED',
  greatest: 'GREATEST',
  returningId: '',
  // INSERT IGNORE would cut what is too long, too.
  keepFirst: 'ON DUPLICATE KEY UPDATE id = id',
  // The usual collations take A for a and ignore trailing spaces; comparing with them uses the index, comparing
  // bytes decides.
  nameIs: (parameter) => `username = ${parameter} AND ${bytes('username')} = ${bytes(parameter)}`,
  // As bytes, so that no collation takes é for e; LOWER knows no case of bytes, so it comes first.
  nameHas: (parameter) => `INSTR(${lowered('username')}, ${lowered(parameter)}) > 0`,
  bytesOf: bytes,
  // Not the primary key: that would be a counter that was set back. The table may stand before the key's name.
  isTaken: (error) => code(error) === 'ER_DUP_ENTRY' && !/for key '([^']*\.)?PRIMARY'/.test((error as Error).message),
  isForeign: (error) => code(error) === 'ER_CANT_AGGREGATE_2COLLATIONS',
  isUndone: (error) => code(error) === 'ER_LOCK_DEADLOCK',
  isMissing: (error) => ['ER_NO_SUCH_TABLE', 'ER_BAD_FIELD_ERROR'].includes(code(error) ?? ''),
}

/** The error's symbolic code, `ER_...` when it comes from the server. */
export function code(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
