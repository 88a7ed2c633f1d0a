export type Value = string | number | null

/**
 * What the SQL drivers have in common. In a statement `$1`, `$2`, ... stand for the parameters, and one may stand more
 * than once. Rows come untyped: they are foreign data.
 */
export interface SqlDatabase {
  all(sql: string, params?: readonly Value[]): Promise<unknown[]>
  /** `lastID` is that of an inserted row, else without meaning. */
  run(sql: string, params?: readonly Value[]): Promise<{ lastID: number; changes: number }>
  close(): Promise<void>
}
