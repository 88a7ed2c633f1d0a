import type pg from 'pg'
import { z } from 'zod'
import type { SchemaScript } from '../scripts.ts'
import { quoted } from '../sql/dialect.ts'
import type { SchemaPart } from '../sql/schema.ts'
import { ACCOUNTS, applySteps } from '../sql/schema.ts'
import type { PostgresqlDatabase } from './database.ts'
import { postgresqlDialect } from './dialect.ts'

/** Any number will do that other programs do not choose: "sftpgo" in hexadecimal. */
const LOCK = 0x73667470676f

/**
 * {@link applySteps} in one transaction, under a lock that one connection of the database has.
 * @returns the names of the steps that were run.
 * @throws Error as applySteps; then nothing is changed.
 */
export function applySchema(
  db: PostgresqlDatabase,
  table: string,
  scripts: readonly SchemaScript[],
  part: SchemaPart = ACCOUNTS,
): Promise<string[]> {
  return db.borrow(async (client) => {
    await client.query('BEGIN')
    // Taken before looking: the second of two programs must see what the first one made. Ends with the transaction.
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK])
    const all = async (sql: string, params: unknown[]) => (await client.query<pg.QueryResultRow>(sql, params)).rows
    const exec = async (sql: string) => void (await client.query(sql))
    const columns = () => columnsOf({ all }, table + part.suffix)
    const applied = await applySteps({ columns, exec }, table, scripts, part)
    await client.query('COMMIT')
    return applied
  })
}

const columnRows = z.array(z.object({ name: z.string() }))

/** The columns of a table or view, in lower case; none when it does not exist. */
export async function columnsOf(
  db: { all: (sql: string, params: string[]) => Promise<unknown[]> },
  table: string,
): Promise<Set<string>> {
  const sql = `SELECT attname::text AS name FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`
  const rows = columnRows.parse(await db.all(sql, [quoted(table, postgresqlDialect)]))
  return new Set(rows.map(({ name }) => name.toLowerCase()))
}
