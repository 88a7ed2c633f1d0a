import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case } from '../case.ts'
import { checkFailed, checkSame, checkSameFile, checkSameTree, checkSucceeded } from '../harness/check.ts'
import { writeRandomFile, writeRandomFiles } from '../harness/files.ts'
import { ACCESSED, checkMarks, checkModified, MODIFIED, plantMarked, plantTree } from './sample-tree.ts'

const SIZES = [0, 1, 255 * 1024 + 1, 3 * 1024 * 1024 + 7]

const NAMES = [' two  words and more ', `it's "quoted"`, 'żółć 日本語 🎉.txt', '-rf', 'back\\slash', '$(id)&<>']

/** OpenSSH's `scp -s`: scp's command line, SFTP on the wire. */
export const OPENSSH_SCP: readonly Case[] = [
  ...SIZES.map((bytes): Case => ({
    name: `scp -s: a file of ${bytes} bytes goes up and comes back as it was`,
    async run(context) {
      const { home, local, client } = await context.place()
      await writeRandomFile(join(local, 'a'), bytes)
      checkSucceeded(await client.scp(['a', client.remote('stored')]))
      await checkSameFile(join(home, 'stored'), join(local, 'a'), 'stored file')
      checkSucceeded(await client.scp([client.remote('stored'), 'back']))
      await checkSameFile(join(local, 'back'), join(local, 'a'), 'fetched file')
    },
  })),
  {
    // OpenSSH 9.2 among others cuts the file where a reply overtakes an earlier one, and calls that a success.
    name: 'scp -s: downloads are whole every time, as replies come in the order of the requests',
    async run(context) {
      const { home, local, client } = await context.place()
      await writeRandomFile(join(home, 'a'), 3 * 1024 * 1024 + 7)
      for (let i = 0; i < 20; i++) {
        checkSucceeded(await client.scp([client.remote('a'), 'back']))
        await checkSameFile(join(local, 'back'), join(home, 'a'), `file fetched in run ${i + 1}`)
      }
    },
  },
  {
    name: 'scp -s: -r stores and fetches a whole tree',
    async run(context) {
      const { home, local, client } = await context.place()
      await plantTree(join(local, 'tree'))
      checkSucceeded(await client.scp(['tree', client.remote('')], { args: ['-r'] }))
      await checkSameTree(join(home, 'tree'), join(local, 'tree'))
      checkSucceeded(await client.scp([client.remote('tree'), 'back'], { args: ['-r'] }))
      await checkSameTree(join(local, 'back'), join(local, 'tree'))
    },
  },
  {
    name: 'scp -s: -p keeps mode and times in both directions',
    async run(context) {
      const { home, local, client } = await context.place()
      await plantMarked(join(local, 'a'))
      checkSucceeded(await client.scp(['a', client.remote('a')], { args: ['-p'] }))
      await checkMarks(join(home, 'a'))
      checkSucceeded(await client.scp([client.remote('a'), 'back'], { args: ['-p'] }))
      await checkMarks(join(local, 'back'))
    },
  },
  {
    name: 'scp -s: -rp keeps the times of directories and files',
    async run(context) {
      const { home, local, client } = await context.place()
      await mkdir(join(local, 'tree'))
      await plantMarked(join(local, 'tree/a'))
      await utimes(join(local, 'tree'), ACCESSED, MODIFIED)
      checkSucceeded(await client.scp(['tree', client.remote('tree')], { args: ['-rp'] }))
      await checkModified(join(home, 'tree'))
      await checkMarks(join(home, 'tree/a'))
    },
  },
  {
    name: 'scp -s: names with blanks, quotes and dashes are kept in both directions',
    async run(context) {
      const { home, local, client } = await context.place()
      for (const name of NAMES) {
        await writeRandomFile(join(local, 'a'), 1000)
        checkSucceeded(await client.scp(['a', client.remote(name)]))
        await checkSameFile(join(home, name), join(local, 'a'), `stored ${name}`)
        // In a source scp takes a backslash for the start of an escape, as shells do.
        checkSucceeded(await client.scp([client.remote(name.replaceAll('\\', '\\\\')), 'back']))
        await checkSameFile(join(local, 'back'), join(local, 'a'), `fetched ${name}`)
      }
      checkSame((await readdir(home)).toSorted(), NAMES.toSorted(), 'names at home')
    },
  },
  {
    name: 'scp -s: several files go up in one session, and wildcards bring them back',
    async run(context) {
      const { home, local, client } = await context.place()
      await writeRandomFiles(join(local, 'many'), 20, 5000)
      await mkdir(join(home, 'there'))
      await mkdir(join(local, 'back'))
      const files = await readdir(join(local, 'many'))
      checkSucceeded(await client.scp([...files.map((name) => `many/${name}`), client.remote('there')]))
      await checkSameTree(join(home, 'there'), join(local, 'many'))
      checkSucceeded(await client.scp([client.remote('there/*.bin'), 'back']))
      await checkSameTree(join(local, 'back'), join(local, 'many'))
    },
  },
  {
    name: 'scp -s: a shorter file replaces a longer one whole',
    async run(context) {
      const { home, local, client } = await context.place()
      await writeRandomFile(join(home, 'a'), 100_000)
      await writeRandomFile(join(local, 'a'), 1000)
      checkSucceeded(await client.scp(['a', client.remote('a')]))
      await checkSameFile(join(home, 'a'), join(local, 'a'))
    },
  },
  {
    name: 'scp -s: -3 copies from one remote path to another',
    async run(context) {
      const { home, client } = await context.place()
      await writeRandomFile(join(home, 'a'), 500_000)
      checkSucceeded(await client.scp([client.remote('a'), client.remote('b')], { args: ['-3'] }))
      await checkSameFile(join(home, 'b'), join(home, 'a'))
    },
  },
  {
    name: 'scp -s: a missing source and a missing target directory fail with a reason',
    async run(context) {
      const { local, client } = await context.place()
      await writeFile(join(local, 'a'), 'contents')
      checkFailed(await client.scp([client.remote('missing'), 'b']), /missing/)
      checkFailed(await client.scp(['a', client.remote('missing/a')]), /missing/)
    },
  },
]
