import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case, Context, Place } from '../case.ts'
import { check, checkFailed, checkSame, checkSameFile, checkSameTree, checkSucceeded } from '../harness/check.ts'
import { exists, randomBytes, writeRandomFile, writeRandomFiles } from '../harness/files.ts'
import { run } from '../harness/processes.ts'
import type { Finished } from '../harness/processes.ts'
import { requireProgram } from '../harness/programs.ts'
import { ACCESSED, checkMode, checkModified, MODIFIED, plantTree } from './sample-tree.ts'

const MIB = 1024 * 1024

export const LFTP: readonly Case[] = [
  {
    name: 'lftp: mirror -R stores a tree, mirror fetches it',
    async run(context) {
      const { home, local, lftp } = await prepare(context)
      await plantTree(join(local, 'tree'))
      await writeRandomFile(join(local, 'tree/big'), 5 * MIB + 1)
      checkSucceeded(await lftp('mirror -R tree tree'))
      await checkSameTree(join(home, 'tree'), join(local, 'tree'))
      checkSucceeded(await lftp('mirror tree back'))
      await checkSameTree(join(local, 'back'), join(local, 'tree'))
    },
  },
  {
    name: 'lftp: mirror --parallel moves 200 files in both directions',
    async run(context) {
      const { home, local, lftp } = await prepare(context)
      await writeRandomFiles(join(local, 'many'), 200, 4096)
      checkSucceeded(await lftp('mirror -R --parallel=4 many many'))
      await checkSameTree(join(home, 'many'), join(local, 'many'))
      checkSucceeded(await lftp('mirror --parallel=4 many back'))
      await checkSameTree(join(local, 'back'), join(local, 'many'))
    },
  },
  {
    name: 'lftp: mirror keeps times and modes, and a second one brings the changes alone',
    async run(context) {
      const { home, local, lftp } = await prepare(context)
      await mkdir(join(local, 'tree'))
      await writeFile(join(local, 'tree/a'), 'contents', { mode: 0o640 })
      await writeFile(join(local, 'tree/gone'), 'contents')
      await utimes(join(local, 'tree/a'), ACCESSED, MODIFIED)
      checkSucceeded(await lftp('mirror -R tree tree'))
      await checkModified(join(home, 'tree/a'))
      await checkMode(join(home, 'tree/a'), '640')
      const untouched = (await stat(join(home, 'tree/a'))).ctimeMs
      await rm(join(local, 'tree/gone'))
      await writeRandomFile(join(local, 'tree/new'), 40_000)
      checkSucceeded(await lftp('mirror -R --delete tree tree'))
      await checkSameTree(join(home, 'tree'), join(local, 'tree'))
      checkSame((await stat(join(home, 'tree/a'))).ctimeMs, untouched, 'change time of the file that did not change')
    },
  },
  {
    name: 'lftp: reget and reput carry on where a transfer stopped',
    async run(context) {
      const { home, local, lftp } = await prepare(context)
      const contents = randomBytes(3 * MIB)
      // A start that differs from the source's shows whether it was sent once more.
      const start = randomBytes(MIB + 1)
      const expected = Buffer.concat([start, contents.subarray(start.length)])
      await writeFile(join(home, 'a'), contents)
      await writeFile(join(local, 'a'), start)
      checkSucceeded(await lftp('reget a'))
      check((await readFile(join(local, 'a'))).equals(expected), 'the file is not the local start with the remote rest')
      await writeFile(join(local, 'b'), contents)
      await writeFile(join(home, 'b'), start)
      checkSucceeded(await lftp('reput b'))
      check((await readFile(join(home, 'b'))).equals(expected), 'the file is not the remote start with the local rest')
    },
  },
  {
    name: 'lftp: chmod changes the mode on disk',
    async run(context) {
      const { home, lftp } = await prepare(context)
      await writeFile(join(home, 'a'), '', { mode: 0o600 })
      checkSucceeded(await lftp('chmod 751 a'))
      await checkMode(join(home, 'a'), '751')
    },
  },
  {
    name: 'lftp: rm -r removes a tree, and nothing beside it',
    async run(context) {
      const { home, lftp } = await prepare(context)
      await plantTree(join(home, 'tree'))
      await plantTree(join(home, 'other'))
      checkSucceeded(await lftp('rm -r tree'))
      checkSame(await readdir(home), ['other'], 'home')
    },
  },
  {
    name: 'lftp: mkdir -p, mv, ln -s and cls work on names with blanks',
    async run(context) {
      const { home, local, lftp } = await prepare(context)
      await writeRandomFile(join(local, 'a'), 50_000)
      const result = await lftp(
        'mkdir -p "x y/z"',
        'put a -o "x y/z/two  words"',
        'mv "x y/z/two  words" "x y/z/it\'s"',
        'ln -s z "x y/link"',
        'cls -1 "x y/z"',
      )
      checkSucceeded(result)
      checkSame(result.stdout, "x y/z/it's\n", 'what was listed')
      await checkSameFile(join(home, "x y/link/it's"), join(local, 'a'))
    },
  },
  {
    name: 'lftp: what is missing fails with a reason, and leaves nothing behind',
    async run(context) {
      const { local, lftp } = await prepare(context)
      checkFailed(await lftp('get missing'), /No such file/)
      check(!(await exists(join(local, 'missing'))), 'there is a local file')
    },
  },
]

type Lftp = (...commands: readonly string[]) => Promise<Finished>

async function prepare(context: Context): Promise<Place & { lftp: Lftp }> {
  const program = requireProgram('lftp')
  const place = await context.place()
  const { host, port } = context.server
  const settings = [
    'set cmd:fail-exit yes',
    'set net:max-retries 1',
    'set net:timeout 20',
    'set mirror:set-permissions yes',
    `set sftp:connect-program "${place.client.sshCommand().join(' ')} -a -x"`,
    // lftp wants a password even where ssh brings the key; it is never sent.
    `open -u ${place.username},unused sftp://${host}:${port}`,
  ]
  const env = { PATH: process.env['PATH'] ?? '', HOME: place.local, LC_ALL: 'C' }
  const lftp: Lftp = (...commands) =>
    run(context.scope, program, ['--norc', '-c', [...settings, ...commands].join('\n')], { cwd: place.local, env })
  return { ...place, lftp }
}
