import { z } from 'zod'
import { USER_COLUMNS } from '../rows.ts'
import type { SchemaScript } from '../scripts.ts'
import { addedColumns, sqlForTable } from '../scripts.ts'
import type { Database } from './database.ts'

/**
 * Brings the accounts table up to date: each step whose columns are all missing is run, in one transaction. A table
 * or view that has every column is not written to.
 * @returns the names of the steps that were run.
 * @throws Error when the table is not one of ours: a step is half there, or columns are still missing at the end.
 */
export async function applySchema(db: Database, table: string, scripts: readonly SchemaScript[]): Promise<string[]> {
  // Taken before looking: two servers that start together must not both build the table. It also finds out whether
  // the file can be written at all.
  await db.exec('BEGIN IMMEDIATE')
  try {
    const applied: string[] = []
    for (const script of scripts) {
      if (!(await isNeeded(db, table, script))) continue
      await db.exec(sqlForTable(script, table))
      applied.push(script.name)
    }
    const present = await columnsOf(db, table)
    const missing = USER_COLUMNS.filter((column) => !present.has(column))
    if (missing.length > 0) throw new Error(`table ${table} has no column ${missing.join(', ')}`)
    await db.exec(applied.length === 0 ? 'ROLLBACK' : 'COMMIT')
    return applied
  } catch (error) {
    // Some failures end the transaction by themselves, then there is nothing to roll back.
    await db.exec('ROLLBACK').catch(() => undefined)
    throw error
  }
}

async function isNeeded(db: Database, table: string, script: SchemaScript): Promise<boolean> {
  const present = await columnsOf(db, table)
  const added = addedColumns(script)
  const missing = added.filter((column) => !present.has(column))
  if (missing.length > 0 && missing.length < added.length) {
    throw new Error(`table ${table} has only part of ${script.name}, no column ${missing.join(', ')}: not changed`)
  }
  return missing.length > 0
}

const columnRows = z.array(z.object({ name: z.string() }))

async function columnsOf(db: Database, table: string): Promise<Set<string>> {
  const rows = await db.all('SELECT name FROM pragma_table_info(?)', [table])
  return new Set(columnRows.parse(rows).map(({ name }) => name.toLowerCase()))
}
