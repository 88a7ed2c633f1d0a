import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { checkSameTree } from './check.ts'
import { manifest } from './files.ts'
import { Scope } from './scope.ts'
import { tempDir } from './temp.ts'

const SHA256_OF_X = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'

async function newDir(): Promise<string> {
  const scope = new Scope()
  onTestFinished(() => scope.close())
  return tempDir(scope)
}

test('a manifest has every entry with its bytes for a name, its hash or its target', async () => {
  const dir = await newDir()
  await mkdir(join(dir, 'd'))
  await writeFile(Buffer.concat([Buffer.from(`${dir}/d/`), Buffer.from([0xff])]), 'x')
  await symlink('nowhere', join(dir, 'link'))
  expect(await manifest(dir)).toEqual({ d: 'directory', 'd/\xff': SHA256_OF_X, link: 'link to nowhere' })
})

test('trees that differ are told apart by the entries that differ', async () => {
  const [a, b] = [await newDir(), await newDir()]
  await expect(checkSameTree(a, b)).rejects.toThrow('both trees are empty')
  await writeFile(join(a, 'same'), 'x')
  await writeFile(join(b, 'same'), 'x')
  await expect(checkSameTree(a, b)).resolves.toBeUndefined()
  await writeFile(join(b, 'more'), 'x')
  await expect(checkSameTree(a, b)).rejects.toThrow(
    `1 of 2 entries differ: more: expected ${SHA256_OF_X}, found undefined`,
  )
})
