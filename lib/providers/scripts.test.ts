import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { USER_COLUMNS } from './rows.ts'
import { addedColumns, packageRoot, schemaScripts, sqlForTable } from './scripts.ts'

test('the steps come in order of name and add every column once', async () => {
  const scripts = await schemaScripts('sqlite')
  expect(scripts.map(({ name }) => name)).toEqual(['20190828.sql', '20191112.sql'])
  expect(scripts.flatMap(addedColumns).toSorted()).toEqual([...USER_COLUMNS].toSorted())
})

test('a driver without scripts is an error that names the folder', async () => {
  await expect(schemaScripts('oracle')).rejects.toThrow(/sql.oracle/)
})

test('the package is found from its sources and from dist', async () => {
  const root = await mkdtemp(join(tmpdir(), 'package-root-'))
  await mkdir(join(root, 'dist', 'lib', 'providers'), { recursive: true })
  await writeFile(join(root, 'package.json'), '{}')
  expect(packageRoot(join(root, 'dist', 'lib', 'providers'))).toBe(root)
  expect(packageRoot(join(root, 'lib', 'providers'))).toBe(root)
  await rm(root, { recursive: true })
})

test('the table name is put in place of "users" as a name, and nowhere else', () => {
  const sql = `INSERT INTO "users_new" SELECT 'users_new', 'users' FROM "users"; -- users`
  expect(sqlForTable({ name: 'x.sql', sql }, 'people')).toBe(
    `INSERT INTO "people_new" SELECT 'people_new', 'people' FROM "people"; -- users`,
  )
})

test('a step that does not say what it adds is an error', () => {
  expect(() => addedColumns({ name: '20300101.sql', sql: 'SELECT 1' })).toThrow(/20300101\.sql/)
})
