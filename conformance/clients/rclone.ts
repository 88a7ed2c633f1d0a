import { mkdir, readdir, rm, stat, statfs, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case, Context, Place } from '../case.ts'
import { check, checkFailed, checkSame, checkSameFile, checkSameTree, checkSucceeded } from '../harness/check.ts'
import { exists, randomBytes, writeRandomFile, writeRandomFiles } from '../harness/files.ts'
import { run } from '../harness/processes.ts'
import type { Finished } from '../harness/processes.ts'
import { requireProgram } from '../harness/programs.ts'
import { ACCESSED, checkModified, MODIFIED, plantTree } from './sample-tree.ts'

const MIB = 1024 * 1024

export const RCLONE: readonly Case[] = [
  {
    name: 'rclone: copy stores a tree, check --download finds it the same, and copy fetches it',
    async run(context) {
      const { home, local, rclone } = await prepare(context)
      await plantTree(join(local, 'tree'))
      await writeRandomFile(join(local, 'tree/big'), 8 * MIB + 5)
      checkSucceeded(await rclone('copy', 'tree', ':sftp:tree', '--create-empty-src-dirs'))
      await checkSameTree(join(home, 'tree'), join(local, 'tree'))
      checkSucceeded(await rclone('check', 'tree', ':sftp:tree'))
      checkSucceeded(await rclone('check', '--download', 'tree', ':sftp:tree'))
      checkSucceeded(await rclone('copy', ':sftp:tree', 'back', '--create-empty-src-dirs'))
      await checkSameTree(join(local, 'back'), join(local, 'tree'))
    },
  },
  {
    name: 'rclone: check --download finds one byte that differs',
    async run(context) {
      const { home, local, rclone } = await prepare(context)
      const contents = randomBytes(300_000)
      await mkdir(join(local, 'tree'))
      await writeFile(join(local, 'tree/a'), contents)
      checkSucceeded(await rclone('copy', 'tree', ':sftp:tree'))
      contents[200_000] = (contents[200_000] ?? 0) ^ 1
      await writeFile(join(home, 'tree/a'), contents)
      checkFailed(await rclone('check', '--download', 'tree', ':sftp:tree'), /1 differences found/)
    },
  },
  {
    name: 'rclone: copy keeps modification times in both directions',
    async run(context) {
      const { home, local, rclone } = await prepare(context)
      await mkdir(join(local, 'tree'))
      await writeFile(join(local, 'tree/a'), 'contents')
      await utimes(join(local, 'tree/a'), ACCESSED, MODIFIED)
      checkSucceeded(await rclone('copy', 'tree', ':sftp:tree'))
      await checkModified(join(home, 'tree/a'))
      checkSucceeded(await rclone('copy', ':sftp:tree', 'back'))
      await checkModified(join(local, 'back/a'))
    },
  },
  {
    name: 'rclone: sync brings the changes alone and removes what is gone',
    async run(context) {
      const { home, local, rclone } = await prepare(context)
      await plantTree(join(local, 'tree'))
      checkSucceeded(await rclone('sync', 'tree', ':sftp:tree', '--create-empty-src-dirs'))
      const untouched = (await stat(join(home, 'tree/some'))).ctimeMs
      await rm(join(local, 'tree/empty'))
      await rm(join(local, 'tree/deep/deeper'), { recursive: true })
      await writeRandomFile(join(local, 'tree/deep/two words'), 10)
      await writeRandomFile(join(local, 'tree/new'), 12_345)
      checkSucceeded(await rclone('sync', 'tree', ':sftp:tree', '--create-empty-src-dirs'))
      await checkSameTree(join(home, 'tree'), join(local, 'tree'))
      checkSame((await stat(join(home, 'tree/some'))).ctimeMs, untouched, 'change time of the file that did not change')
    },
  },
  {
    name: 'rclone: 300 files go up with 8 transfers at a time',
    async run(context) {
      const { home, local, rclone } = await prepare(context)
      await writeRandomFiles(join(local, 'many'), 300, 4096)
      checkSucceeded(await rclone('copy', 'many', ':sftp:many', '--transfers', '8', '--checkers', '8'))
      await checkSameTree(join(home, 'many'), join(local, 'many'))
    },
  },
  {
    name: 'rclone: moveto renames a file and a directory, and replaces a file',
    async run(context) {
      const { home, local, rclone } = await prepare(context)
      await plantTree(join(local, 'tree'))
      checkSucceeded(await rclone('copy', 'tree', ':sftp:tree', '--create-empty-src-dirs'))
      checkSucceeded(await rclone('moveto', ':sftp:tree', ':sftp:moved'))
      checkSame(await readdir(home), ['moved'], 'home after moveto of a directory')
      await checkSameTree(join(home, 'moved'), join(local, 'tree'))
      checkSucceeded(await rclone('moveto', ':sftp:moved/some', ':sftp:moved/empty'))
      await checkSameFile(join(home, 'moved/empty'), join(local, 'tree/some'))
      check(!(await exists(join(home, 'moved/some'))), 'the moved file is still under its old name')
    },
  },
  {
    name: 'rclone: touch makes a file and sets the time of one',
    async run(context) {
      const { home, rclone } = await prepare(context)
      checkSucceeded(await rclone('touch', ':sftp:new'))
      checkSame((await stat(join(home, 'new'))).size, 0, 'size of the touched file')
      checkSucceeded(await rclone('touch', ':sftp:new', '-t', new Date(MODIFIED * 1000).toISOString().slice(0, 19)))
      await checkModified(join(home, 'new'))
    },
  },
  {
    name: 'rclone: about shows the size of the disk',
    async run(context) {
      const { home, rclone } = await prepare(context)
      const about = await rclone('about', '--json', ':sftp:')
      checkSucceeded(about)
      const { blocks, bsize } = await statfs(home)
      checkSame((JSON.parse(about.stdout) as { total: number }).total, blocks * bsize, 'total bytes')
    },
  },
  {
    name: 'rclone: lsl shows the size and the time of every file',
    async run(context) {
      const { home, rclone } = await prepare(context)
      await plantTree(join(home, 'tree'))
      await utimes(join(home, 'tree/some'), ACCESSED, MODIFIED)
      const listed = await rclone('lsl', ':sftp:tree')
      checkSucceeded(listed)
      const lines = listed.stdout.split('\n').filter(Boolean)
      const files = lines.map((line) => line.replace(/^ *(\d+) \S+ \S+ /, '$1 '))
      const expected = ['0 empty', '1 deep/deeper/deepest/last', '100001 some', '32769 deep/two words']
      checkSame(files.toSorted(), expected, 'files listed')
      check(listed.stdout.includes('2014-05-13 16:53:20.000000000 some'), `the time is not there: ${listed.stdout}`)
    },
  },
  {
    name: 'rclone: deletefile removes one file, purge a directory with all that is in it',
    async run(context) {
      const { home, rclone } = await prepare(context)
      await plantTree(join(home, 'tree'))
      await plantTree(join(home, 'other'))
      checkSucceeded(await rclone('deletefile', ':sftp:other/some'))
      check(!(await exists(join(home, 'other/some'))), 'the file is still there')
      check(await exists(join(home, 'other/empty')), 'another file went too')
      checkSucceeded(await rclone('purge', ':sftp:tree'))
      checkSame(await readdir(home), ['other'], 'home after purge')
    },
  },
  {
    name: 'rclone: cat with an offset and a count fetches that range',
    async run(context) {
      const { home, local, rclone } = await prepare(context)
      const contents = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join(''))
      await writeFile(join(home, 'a'), contents)
      const range = await rclone('cat', ':sftp:a', '--offset', '70001', '--count', '40000')
      checkSucceeded(range)
      checkSame(range.stdout, contents.subarray(70_001, 110_001).toString(), 'the range')
      checkSucceeded(await rclone('copyto', ':sftp:a', 'back'))
      await checkSameFile(join(local, 'back'), join(home, 'a'))
    },
  },
]

type Rclone = (...args: readonly string[]) => Promise<Finished>

/** All settings are flags: no configuration file is read or written. */
async function prepare(context: Context): Promise<Place & { rclone: Rclone }> {
  const program = requireProgram('rclone')
  const place = await context.place()
  const { host, port } = context.server
  const login = ['--sftp-host', host, '--sftp-port', String(port), '--sftp-user', place.username]
  const key = ['--sftp-key-file', place.key.privateKeyFile]
  const flags = ['--config', '', '--retries', '1', '--low-level-retries', '2', ...login, ...key]
  const env = { PATH: process.env['PATH'] ?? '', HOME: place.local, LC_ALL: 'C', TZ: 'UTC' }
  const rclone: Rclone = (...args) => run(context.scope, program, [...args, ...flags], { cwd: place.local, env })
  return { ...place, rclone }
}
