import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One step of a database's schema: a file of sql/<driver>. */
export interface SchemaScript {
  /** File name, `YYYYMMDD.sql`: steps are applied in its order. */
  name: string
  sql: string
}

/**
 * The steps shipped with the package for one driver and one table, as the scripts call it, in the order to apply them.
 * @throws Error naming the folder when it is missing or holds none.
 */
export async function schemaScripts(driver: string, table = 'users'): Promise<SchemaScript[]> {
  const folder = join(packageRoot(dirname(fileURLToPath(import.meta.url))), 'sql', driver)
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted()
  if (names.length === 0) throw new Error(`no schema scripts in ${folder}`)
  const scripts = await Promise.all(
    names.map(async (name) => ({ name, sql: await readFile(join(folder, name), 'utf8') })),
  )
  return scripts.filter((script) => tableOf(script) === table)
}

/** What its `-- table:` line says; the accounts' table without one. */
function tableOf({ sql }: SchemaScript): string {
  return /^-- table: (\w+)$/m.exec(sql)?.[1] ?? 'users'
}

/**
 * The nearest folder at or above `from` that holds a package.json: the same from the sources and from dist/.
 * @throws Error when there is none.
 */
export function packageRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) throw new Error(`no package.json at or above ${from}`)
  }
}

/** The columns a step adds, from its `-- adds:` lines: the schema has no version table to ask. */
export function addedColumns(script: SchemaScript): string[] {
  const columns = [...script.sql.matchAll(/^-- adds:(.*)$/gm)].flatMap((line) => line[1]?.split(/\s+/) ?? [])
  const names = columns.filter((column) => column !== '')
  if (names.length === 0) throw new Error(`${script.name} does not say which columns it adds`)
  return names
}

/**
 * The step's SQL for a table of another name, perhaps with its schema: the scripts call it "users", or "users_new" while
 * it is rebuilt; the outbox beside it is called after it.
 */
export function sqlForTable(script: SchemaScript, table: string): string {
  return script.sql.replaceAll(/(["'`])users(_new|_outbox|_outbox_owners)?\1/g, (_, quote: string, suffix = '') => {
    const name = table + suffix
    return quote + (quote === "'" ? name : name.replaceAll('.', `${quote}.${quote}`)) + quote
  })
}

/**
 * Table names cannot be parameters, so only plain identifiers are let into a statement.
 * @throws Error naming the key, the value and what is allowed.
 */
export function checkedTableName(name: string, { withSchema = false } = {}): string {
  const identifiers = withSchema ? /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)?$/ : /^[A-Za-z_]\w*$/
  if (!identifiers.test(name)) {
    const schema = withSchema ? ', perhaps after a schema and "."' : ''
    throw new Error(
      `data_provider.users_table is ${JSON.stringify(name)}: want letters, digits and _, not beginning with a digit${schema}`,
    )
  }
  return name
}
