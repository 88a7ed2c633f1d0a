import { z } from 'zod'
import type { SchemaScript } from '../scripts.ts'
import type { SchemaPart } from '../sql/schema.ts'
import { ACCOUNTS, applySteps } from '../sql/schema.ts'
import type { Database } from './database.ts'

/**
 * {@link applySteps} in one transaction.
 * @returns the names of the steps that were run.
 * @throws Error as applySteps; then nothing is changed.
 */
export async function applySchema(
  db: Database,
  table: string,
  scripts: readonly SchemaScript[],
  part: SchemaPart = ACCOUNTS,
): Promise<string[]> {
  // Taken before looking: two servers that start together must not both build the table. It also finds out whether
  // the file can be written at all.
  await db.exec('BEGIN IMMEDIATE')
  try {
    const session = { columns: () => columnsOf(db, table + part.suffix), exec: (sql: string) => db.exec(sql) }
    const applied = await applySteps(session, table, scripts, part)
    await db.exec(applied.length === 0 ? 'ROLLBACK' : 'COMMIT')
    return applied
  } catch (error) {
    // Some failures end the transaction by themselves, then there is nothing to roll back.
    await db.exec('ROLLBACK').catch(() => undefined)
    throw error
  }
}

const columnRows = z.array(z.object({ name: z.string() }))

async function columnsOf(db: Database, table: string): Promise<Set<string>> {
  const rows = await db.all('SELECT name FROM pragma_table_info(?)', [table])
  return new Set(columnRows.parse(rows).map(({ name }) => name.toLowerCase()))
}
