import { z } from 'zod'
import type { SchemaScript } from '../scripts.ts'
import type { SchemaPart } from '../sql/schema.ts'
import { ACCOUNTS, applySteps } from '../sql/schema.ts'
import type { MysqlDatabase } from './database.ts'

/** Rebuilding a large table takes its time, and the second of two programs waits for the first. */
const LOCK_WAIT_S = 600
/** One for the whole server, which is coarse and enough. */
const LOCK = 'sftpgo schema'

/**
 * {@link applySteps} under a lock that one connection of the server has. A step is no transaction here, MySQL has none
 * for tables: its columns come in one statement, and what follows may be missed.
 * @returns the names of the steps that were run.
 * @throws Error as applySteps.
 */
export function applySchema(
  db: MysqlDatabase,
  table: string,
  scripts: readonly SchemaScript[],
  part: SchemaPart = ACCOUNTS,
): Promise<string[]> {
  return db.borrow(async (connection) => {
    const [lock] = await connection.all('SELECT GET_LOCK($1, $2) AS held', [LOCK, LOCK_WAIT_S])
    if (!z.object({ held: z.literal(1) }).safeParse(lock).success) {
      throw new Error('another program has been changing the schema for too long')
    }
    try {
      const exec = async (sql: string) => {
        for (const statement of statements(sql)) await connection.exec(statement)
      }
      const columns = () => columnsOf(connection, table + part.suffix)
      return await applySteps({ columns, exec }, table, scripts, part)
    } finally {
      await connection.all('SELECT RELEASE_LOCK($1)', [LOCK])
    }
  })
}

const columnRows = z.array(z.object({ name: z.string() }))

/** The columns of a table or view, in lower case; none when it does not exist. */
export async function columnsOf(db: Pick<MysqlDatabase, 'all'>, table: string): Promise<Set<string>> {
  const [name, schema] = table.split('.').toReversed()
  const sql = `SELECT column_name AS name FROM information_schema.columns
    WHERE table_schema = COALESCE($1, DATABASE()) AND table_name = $2`
  const rows = columnRows.parse(await db.all(sql, [schema ?? null, name ?? '']))
  return new Set(rows.map((row) => row.name.toLowerCase()))
}

/** The package runs one statement at a time, so that nothing put into one can begin another. */
function statements(script: string): string[] {
  const withoutComments = script.replaceAll(/^--.*$/gm, '')
  return withoutComments.split(/;\s*$/m).filter((statement) => statement.trim() !== '')
}
