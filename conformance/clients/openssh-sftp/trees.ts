import { mkdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case } from '../../case.ts'
import { checkSame, checkSameTree, checkSucceeded } from '../../harness/check.ts'
import { writeRandomFile, writeRandomFiles } from '../../harness/files.ts'
import { command } from '../../harness/openssh-client.ts'

/** Whole seconds, as SFTP version 3 has no finer times: 2001-09-09 and 2014-05-13. */
const ACCESSED = 1_000_000_000
const MODIFIED = 1_400_000_000

export const TREES: readonly Case[] = [
  {
    name: 'put -r stores a whole tree',
    async run(context) {
      const { home, local, client } = await context.place()
      await plant(join(local, 'tree'))
      checkSucceeded(await client.batch([command`put -r tree`]))
      await checkSameTree(join(home, 'tree'), join(local, 'tree'))
    },
  },
  {
    name: 'get -r fetches a whole tree',
    async run(context) {
      const { home, local, client } = await context.place()
      await plant(join(home, 'tree'))
      checkSucceeded(await client.batch([command`get -r tree`]))
      await checkSameTree(join(local, 'tree'), join(home, 'tree'))
    },
  },
  {
    name: 'put -p keeps mode and times',
    async run(context) {
      const { home, local, client } = await context.place()
      await marked(join(local, 'a'))
      checkSucceeded(await client.batch([command`put -p a`]))
      await checkMarks(join(home, 'a'))
    },
  },
  {
    name: 'get -p keeps mode and times',
    async run(context) {
      const { home, local, client } = await context.place()
      await marked(join(home, 'a'))
      checkSucceeded(await client.batch([command`get -p a`]))
      await checkMarks(join(local, 'a'))
    },
  },
  {
    name: 'put -rp keeps the times of directories and files',
    async run(context) {
      const { home, local, client } = await context.place()
      await mkdir(join(local, 'tree'))
      await marked(join(local, 'tree/a'))
      await utimes(join(local, 'tree'), ACCESSED, MODIFIED)
      checkSucceeded(await client.batch([command`put -rp tree`]))
      checkSame((await stat(join(home, 'tree'))).mtimeMs / 1000, MODIFIED, 'modification time of the directory')
      await checkMarks(join(home, 'tree/a'))
    },
  },
  {
    name: 'many small files all go up and come back',
    timeoutMs: 600_000,
    async run(context) {
      const { home, local, client } = await context.place()
      await writeRandomFiles(join(local, 'many'), context.sizes.smallFiles, 4096)
      const timeoutMs = 280_000
      checkSucceeded(await client.batch([command`put -r many`], { timeoutMs }))
      await checkSameTree(join(home, 'many'), join(local, 'many'))
      checkSucceeded(await client.batch([command`get -r many back`], { timeoutMs }))
      await checkSameTree(join(local, 'back'), join(local, 'many'))
    },
  },
]

async function plant(root: string): Promise<void> {
  await mkdir(join(root, 'deep/deeper/deepest'), { recursive: true })
  await mkdir(join(root, 'nothing in it'))
  await writeFile(join(root, 'empty'), '')
  await writeRandomFile(join(root, 'some'), 100_001)
  await writeRandomFile(join(root, 'deep/two words'), 32_769)
  await writeRandomFile(join(root, 'deep/deeper/deepest/last'), 1)
}

async function marked(path: string): Promise<void> {
  await writeFile(path, 'contents', { mode: 0o640 })
  await utimes(path, ACCESSED, MODIFIED)
}

async function checkMarks(path: string): Promise<void> {
  const found = await stat(path)
  checkSame(found.mtimeMs / 1000, MODIFIED, 'modification time')
  checkSame(found.atimeMs / 1000, ACCESSED, 'access time')
  checkSame((found.mode & 0o777).toString(8), '640', 'mode')
}
