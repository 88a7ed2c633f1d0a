import { USER_COLUMNS } from '../rows.ts'
import type { SchemaScript } from '../scripts.ts'
import { addedColumns, sqlForTable } from '../scripts.ts'
import { OUTBOX_COLUMNS, OUTBOX_SUFFIX } from './outbox.ts'

/** One table of the schema. */
export interface SchemaPart {
  /** Behind the name of the accounts' table. */
  suffix: string
  columns: readonly string[]
}

export const ACCOUNTS: SchemaPart = { suffix: '', columns: USER_COLUMNS }
export const OUTBOX: SchemaPart = { suffix: OUTBOX_SUFFIX, columns: OUTBOX_COLUMNS }

/** One connection on which nobody else changes the schema meanwhile. */
export interface SchemaSession {
  /** Of the part's table, in lower case; empty when there is no such table. */
  columns(): Promise<ReadonlySet<string>>
  /** Any number of statements, without results. */
  exec(sql: string): Promise<void>
}

/**
 * Brings a table up to date: each step whose columns are all missing is run. A table or view that has every column is
 * not written to.
 * @param table the accounts' name.
 * @returns the names of the steps that were run.
 * @throws Error when the table is not one of ours: a step is half there, or columns are still missing at the end.
 */
export async function applySteps(
  session: SchemaSession,
  table: string,
  scripts: readonly SchemaScript[],
  { suffix, columns }: SchemaPart = ACCOUNTS,
): Promise<string[]> {
  const name = table + suffix
  const applied: string[] = []
  for (const script of scripts) {
    if (!isNeeded(await session.columns(), name, script)) continue
    await session.exec(sqlForTable(script, table))
    applied.push(script.name)
  }
  const missing = missingColumns(await session.columns(), columns)
  if (missing.length > 0) throw new Error(`table ${name} has no column ${missing.join(', ')}`)
  return applied
}

/**
 * The table's state for a server that changes no schema by itself.
 * @throws Error naming the command that makes or completes the table.
 */
export function assertComplete(present: ReadonlySet<string>, table: string): void {
  const missing = missingColumns(present)
  if (missing.length === 0) return
  const what = present.size === 0 ? `there is no table ${table}` : `table ${table} has no column ${missing.join(', ')}`
  throw new Error(`${what}: ${INIT_HINT}`)
}

export const INIT_HINT = 'run "sftpgo initprovider" once with this configuration'

function missingColumns(present: ReadonlySet<string>, wanted: readonly string[] = USER_COLUMNS): string[] {
  return wanted.filter((column) => !present.has(column))
}

function isNeeded(present: ReadonlySet<string>, table: string, script: SchemaScript): boolean {
  const added = addedColumns(script)
  const missing = added.filter((column) => !present.has(column))
  if (missing.length > 0 && missing.length < added.length) {
    throw new Error(`table ${table} has only part of ${script.name}, no column ${missing.join(', ')}: not changed`)
  }
  return missing.length > 0
}
