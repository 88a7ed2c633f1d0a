import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { InFlightFolder } from './in-flight-folder.ts'

let base: string
let folder: string
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'in-flight-'))
  folder = join(base, 'in-flight')
})
afterEach(() => rm(base, { recursive: true }))

const left = async (instance: string) => Object.fromEntries((await InFlightFolder.open(folder, instance)).leftovers)

test('who was remembered and not forgotten is found by the next process', async () => {
  const first = await InFlightFolder.open(folder, 'first')
  expect([...first.leftovers]).toEqual([])
  await first.remember('bob')
  await first.remember('ève/../x')
  await first.remember('gone')
  await first.forget('gone')
  expect(await left('second')).toEqual({ bob: ['first'], 'ève/../x': ['first'] })
})

test('what is put right is left no more, also while the account works again', async () => {
  await (await InFlightFolder.open(folder, 'first')).remember('bob')
  const second = await InFlightFolder.open(folder, 'second')
  await second.remember('bob')
  expect(await left('third')).toEqual({ bob: ['first', 'second'] })
  await second.recovered('bob')
  expect(await left('third')).toEqual({ bob: ['second'] })
  await second.forget('bob')
  expect(await readdir(folder)).toEqual([])
})

test('what could not be put right is left for the next process', async () => {
  await (await InFlightFolder.open(folder, 'first')).remember('bob')
  const second = await InFlightFolder.open(folder, 'second')
  await second.remember('bob')
  await second.forget('bob')
  expect(await left('third')).toEqual({ bob: ['first'] })
})

test('files of others are left alone, and ours are the owner’s only', async () => {
  const opened = await InFlightFolder.open(folder, 'first')
  await writeFile(join(folder, 'README'), 'hello')
  await writeFile(join(folder, `${'0'.repeat(64)}.json`), '{"username": 1}')
  await opened.remember('bob')
  expect(await left('second')).toEqual({ bob: ['first'] })
  expect(await readdir(folder)).toHaveLength(3)
  const [note = ''] = (await readdir(folder)).filter((name) => name.endsWith('.json') && !name.startsWith('0000'))
  expect((await stat(join(folder, note))).mode & 0o777).toBe(0o600)
})

test('a folder that cannot be is an error now, not in the middle of an upload', async () => {
  await writeFile(folder, '')
  await expect(InFlightFolder.open(folder, 'first')).rejects.toMatchObject({ code: 'EEXIST' })
})
