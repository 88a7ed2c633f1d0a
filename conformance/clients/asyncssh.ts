import { readdir, readFile, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case, Context, Place } from '../case.ts'
import { checkSame, checkSameFile, checkSameTree, checkSucceeded } from '../harness/check.ts'
import { manifest, writeRandomFile, writeRandomFiles } from '../harness/files.ts'
import { NotRun } from '../harness/not-run.ts'
import { runPython } from '../harness/python.ts'
import { checkMode, checkModified, plantMarked, plantTree } from './sample-tree.ts'

const BIG_BYTES = 5 * 1024 * 1024 + 3
/** The script's exit code for what the installed version of the library has no call for. */
const CANNOT_BE_PLAYED = 77

/** What asyncssh is made to do; the script `asyncssh/client.py` has the client's half of each case. */
export const ASYNCSSH: readonly Case[] = [
  {
    name: 'asyncssh: put and get with many blocks in flight, and of 40 files at once',
    async run(context) {
      const place = await context.place()
      const { home, local } = place
      await writeRandomFile(join(local, 'big'), BIG_BYTES)
      await writeRandomFiles(join(local, 'many'), 40, 50_000)
      await play(context, place, 'transfers')
      await checkSameFile(join(home, 'big'), join(local, 'big'), 'stored file')
      await checkSameFile(join(local, 'back'), join(local, 'big'), 'fetched file')
      await checkSameTree(join(home, 'many'), join(local, 'many'))
      await checkSameTree(join(local, 'many back'), join(local, 'many'))
    },
  },
  {
    name: 'asyncssh: recursive put and get keep contents, modes and times',
    async run(context) {
      const place = await context.place()
      const { home, local } = place
      await plantTree(join(local, 'tree'))
      await plantMarked(join(local, 'tree/marked'))
      await play(context, place, 'trees')
      // The access time is another one as soon as the file is read to be fetched.
      for (const copy of [join(home, 'tree/marked'), join(local, 'back/marked')]) {
        await checkModified(copy)
        await checkMode(copy, '640')
      }
      await checkSameTree(join(home, 'tree'), join(local, 'tree'))
      await checkSameTree(join(local, 'back'), join(local, 'tree'))
    },
  },
  {
    name: 'asyncssh: reads and writes of one handle, all under way at once, mix up nothing',
    async run(context) {
      const place = await context.place()
      await writeRandomFile(join(place.local, 'big'), BIG_BYTES)
      await play(context, place, 'blocks')
      await checkSameFile(join(place.home, 'big'), join(place.local, 'big'))
    },
  },
  {
    name: 'asyncssh: statvfs, hard links, fsync, posix_rename and truncate',
    async run(context) {
      const place = await context.place()
      const { home } = place
      const bytes = Number(await play(context, place, 'extensions'))
      const { blocks, bsize } = await statfs(home)
      checkSame(bytes, blocks * bsize, 'size of the disk')
      checkSame((await stat(join(home, 'b'))).ino, (await stat(join(home, 'a'))).ino, 'file behind the second name')
      checkSame(await readFile(join(home, 'link'), 'utf8'), 'rep', 'the file that replaced the link')
      checkSame((await readdir(home)).toSorted(), ['a', 'b', 'link'], 'home')
    },
  },
  {
    name: 'asyncssh: remote_copy copies a file and a part of one on the server',
    async run(context) {
      const place = await context.place()
      const { home, local } = place
      await writeRandomFile(join(home, 'big'), BIG_BYTES)
      await play(context, place, 'remote_copy')
      await checkSameFile(join(home, 'copy'), join(home, 'big'))
      await writeFile(join(local, 'part'), (await readFile(join(home, 'big'))).subarray(1000, 301_000))
      await checkSameFile(join(home, 'part'), join(local, 'part'))
    },
  },
  {
    name: 'asyncssh: listdir, scandir and glob name each of 1500 files once',
    async run(context) {
      const place = await context.place()
      await writeRandomFiles(join(place.home, 'many'), 1500, 10)
      await play(context, place, 'listing')
    },
  },
  {
    name: 'asyncssh: names that are not UTF-8 are created, listed, renamed and removed',
    async run(context) {
      const place = await context.place()
      await play(context, place, 'byte_names')
      const expected = ['\xfe\xc0\xaf', 'e6 97', '\xe6\x97', `${'n'.repeat(254)}\xff`]
      checkSame(Object.keys(await manifest(place.home)).toSorted(), expected.toSorted(), 'home')
    },
  },
  {
    name: 'asyncssh: rmtree removes a tree, and nothing beside it',
    async run(context) {
      const place = await context.place()
      await plantTree(join(place.home, 'tree'))
      await plantTree(join(place.home, 'other'))
      await play(context, place, 'removal')
      checkSame(await readdir(place.home), ['other'], 'home')
    },
  },
]

/** @returns what the script printed. */
async function play(context: Context, { username, key, local }: Place, name: string): Promise<string> {
  const { host, port } = context.server
  const settings = { case: name, host, port, username, key: key.privateKeyFile, local }
  const result = await runPython(context.scope, 'asyncssh/client.py', settings)
  if (result.code === CANNOT_BE_PLAYED) throw new NotRun(result.stdout.trim())
  checkSucceeded(result)
  return result.stdout
}
