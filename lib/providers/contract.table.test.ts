import { readFile, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { DRIVER_NAMES } from './open.ts'

const here = (name: string) => new URL(name, import.meta.url)
const MARK = 'This\nlist is made by the tests.\n'

/** Where each driver's own tests call the contract. */
const CALLERS: Readonly<Record<string, readonly string[]>> = {
  memory: ['memory/memory.test.ts'],
  sqlite: ['sqlite/sqlite.test.ts'],
  bolt: ['bolt/bolt.test.ts'],
  mysql: ['mysql/mysql.test.ts', 'sql/network-driver.test.support.ts'],
  postgresql: ['postgresql/postgresql.test.ts', 'sql/network-driver.test.support.ts'],
}

test('the contract runs for every driver', async () => {
  expect(Object.keys(CALLERS).toSorted()).toEqual([...DRIVER_NAMES].toSorted())
  for (const files of Object.values(CALLERS)) {
    const texts = await Promise.all(files.map((file) => readFile(here(file), 'utf8')))
    expect(texts.at(-1)).toContain('providerContract(')
    if (files.length > 1) expect(texts[0]).toContain('networkDriverTests(')
  }
})

test('README.md lists the contract (UPDATE_DOCS=1 writes it anew)', async () => {
  const rules = [...(await namesIn('contract.ts')), ...(await namesIn('outbox-contract.ts', 'outbox: '))]
  expect(rules.length).toBeGreaterThan(35)
  const table = [
    `| rule | ${DRIVER_NAMES.join(' | ')} |`,
    `| --- |${' :-: |'.repeat(DRIVER_NAMES.length)}`,
    ...rules.map((rule) => `| ${rule} |${' ✓ |'.repeat(DRIVER_NAMES.length)}`),
  ]
  const text = await readFile(here('README.md'), 'utf8')
  const [head] = text.split(MARK)
  expect(text).toContain(MARK)
  const wanted = `${head}${MARK}\n${table.join('\n')}\n`
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(here('README.md'), wanted)
  expect(unpadded(await readFile(here('README.md'), 'utf8'))).toBe(unpadded(wanted))
})

async function namesIn(file: string, prefix = ''): Promise<string[]> {
  const source = await readFile(here(file), 'utf8')
  const names = [...source.matchAll(/^ *test(?:\.each\(\w+\))?\('(.+?)',/gm)].map((found) => found[1] ?? '')
  return names.map((name) => prefix + name.replace(/: %j$/, ''))
}

/** Without what the formatter adds to tables. */
function unpadded(text: string): string {
  return text.replace(/ *\| */g, '|').replace(/:?-+:?/g, '-')
}
