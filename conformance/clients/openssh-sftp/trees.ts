import { mkdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case } from '../../case.ts'
import { checkSameTree, checkSucceeded } from '../../harness/check.ts'
import { writeRandomFiles } from '../../harness/files.ts'
import { command } from '../../harness/openssh-client.ts'
import { ACCESSED, checkMarks, checkModified, MODIFIED, plantMarked, plantTree } from '../sample-tree.ts'

export const TREES: readonly Case[] = [
  {
    name: 'put -r stores a whole tree',
    async run(context) {
      const { home, local, client } = await context.place()
      await plantTree(join(local, 'tree'))
      checkSucceeded(await client.batch([command`put -r tree`]))
      await checkSameTree(join(home, 'tree'), join(local, 'tree'))
    },
  },
  {
    name: 'get -r fetches a whole tree',
    async run(context) {
      const { home, local, client } = await context.place()
      await plantTree(join(home, 'tree'))
      checkSucceeded(await client.batch([command`get -r tree`]))
      await checkSameTree(join(local, 'tree'), join(home, 'tree'))
    },
  },
  {
    name: 'put -p keeps mode and times',
    async run(context) {
      const { home, local, client } = await context.place()
      await plantMarked(join(local, 'a'))
      checkSucceeded(await client.batch([command`put -p a`]))
      await checkMarks(join(home, 'a'))
    },
  },
  {
    name: 'get -p keeps mode and times',
    async run(context) {
      const { home, local, client } = await context.place()
      await plantMarked(join(home, 'a'))
      checkSucceeded(await client.batch([command`get -p a`]))
      await checkMarks(join(local, 'a'))
    },
  },
  {
    name: 'put -rp keeps the times of directories and files',
    async run(context) {
      const { home, local, client } = await context.place()
      await mkdir(join(local, 'tree'))
      await plantMarked(join(local, 'tree/a'))
      await utimes(join(local, 'tree'), ACCESSED, MODIFIED)
      checkSucceeded(await client.batch([command`put -rp tree`]))
      await checkModified(join(home, 'tree'))
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
