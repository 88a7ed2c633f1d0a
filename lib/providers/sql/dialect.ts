/** In what the SQL databases differ. */
export interface Dialect {
  driver: string
  quoteMark: '"' | '`'
  /** The type of CAST for 64 bits. */
  integer: string
  /** The function that gives the larger of two numbers. */
  greatest: string
  /** Put behind an INSERT that has to tell the new id. */
  returningId: string
  /** Put behind an INSERT whose rows stay as they are where there is one of their key already. */
  keepFirst: string
  /** A condition that holds for one username byte for byte, whatever the collation, and that can use the index. */
  nameIs(parameter: string): string
  /** A condition that holds where the parameter, not empty, is a part of the username; a to z match in either case. */
  nameHas(parameter: string): string
  /** An expression that sorts a column of text in the order of its UTF-8 bytes. */
  bytesOf(column: string): string
  /** The database refused a username that is taken. */
  isTaken(error: unknown): boolean
  /** A text was asked for that the table's character set cannot hold. */
  isForeign(error: unknown): boolean
  /** The statement met another one and was undone: asked again it may go through. */
  isUndone(error: unknown): boolean
  /** The table, or a column of it, does not exist. */
  isMissing(error: unknown): boolean
}

/** `name` or `schema.name`, each part quoted. */
export function quoted(name: string, { quoteMark }: Pick<Dialect, 'quoteMark'>): string {
  return name
    .split('.')
    .map((part) => quoteMark + part + quoteMark)
    .join('.')
}
