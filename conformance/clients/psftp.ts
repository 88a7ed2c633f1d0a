import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case, Context, Place } from '../case.ts'
import { check, checkFailed, checkSame, checkSameFile, checkSameTree, checkSucceeded } from '../harness/check.ts'
import { exists, randomBytes, writeRandomFile, writeRandomFiles } from '../harness/files.ts'
import { run } from '../harness/processes.ts'
import type { Finished } from '../harness/processes.ts'
import { requireProgram } from '../harness/programs.ts'
import { puttyLogin } from './putty-login.ts'
import { checkMode, plantTree } from './sample-tree.ts'

const MIB = 1024 * 1024

/** PuTTY's psftp in batch mode. */
export const PSFTP: readonly Case[] = [
  {
    name: 'psftp: put and get move a file of 3 MiB',
    async run(context) {
      const { home, local, psftp } = await prepare(context)
      await writeRandomFile(join(local, 'a'), 3 * MIB + 7)
      checkSucceeded(await psftp('put a', 'get a back'))
      await checkSameFile(join(home, 'a'), join(local, 'a'), 'stored file')
      await checkSameFile(join(local, 'back'), join(local, 'a'), 'fetched file')
    },
  },
  {
    name: 'psftp: reget and reput carry on where a transfer stopped',
    async run(context) {
      const { home, local, psftp } = await prepare(context)
      const contents = randomBytes(2 * MIB)
      // A start that differs from the source's shows whether it was sent once more.
      const start = randomBytes(MIB + 1)
      const expected = Buffer.concat([start, contents.subarray(start.length)])
      await writeFile(join(home, 'a'), contents)
      await writeFile(join(local, 'a'), start)
      await writeFile(join(local, 'b'), contents)
      await writeFile(join(home, 'b'), start)
      checkSucceeded(await psftp('reget a', 'reput b'))
      check((await readFile(join(local, 'a'))).equals(expected), 'the file is not the local start with the remote rest')
      check((await readFile(join(home, 'b'))).equals(expected), 'the file is not the remote start with the local rest')
    },
  },
  {
    name: 'psftp: mput and mget move what wildcards name',
    async run(context) {
      const { home, local, psftp } = await prepare(context)
      await writeRandomFiles(join(local, 'many'), 20, 5000)
      await mkdir(join(home, 'many'))
      await mkdir(join(local, 'back'))
      checkSucceeded(await psftp('lcd many', 'cd many', 'mput *.bin', 'lcd ../back', 'mget *.bin'))
      await checkSameTree(join(home, 'many'), join(local, 'many'))
      await checkSameTree(join(local, 'back'), join(local, 'many'))
    },
  },
  {
    name: 'psftp: put -r and get -r move a tree',
    async run(context) {
      const { home, local, psftp } = await prepare(context)
      await plantTree(join(local, 'tree'))
      checkSucceeded(await psftp('put -r tree', 'get -r tree back'))
      await checkSameTree(join(home, 'tree'), join(local, 'tree'))
      await checkSameTree(join(local, 'back'), join(local, 'tree'))
    },
  },
  {
    name: 'psftp: mkdir, mv, chmod, ls, rm and rmdir',
    async run(context) {
      const { home, local, psftp } = await prepare(context)
      await writeFile(join(local, 'a'), 'contents')
      const listed = await psftp(
        'mkdir "x y"',
        'put a "x y/a"',
        'mv "x y/a" "x y/b c"',
        'chmod 640 "x y/b c"',
        'ls "x y"',
      )
      checkSucceeded(listed)
      check(/^-rw-r-----.* 8 .* b c$/m.test(listed.stdout), `the listing is: ${listed.stdout}`)
      await checkMode(join(home, 'x y/b c'), '640')
      checkSucceeded(await psftp('rm "x y/b c"', 'rmdir "x y"'))
      checkSame(await readdir(home), [], 'home')
    },
  },
  {
    name: 'psftp: a missing file fails with a reason',
    async run(context) {
      const { local, psftp } = await prepare(context)
      const { stdout, ...result } = await psftp('get missing')
      checkFailed({ ...result, stdout, stderr: result.stderr + stdout }, /no such file/i)
      check(!(await exists(join(local, 'missing'))), 'there is a local file')
    },
  },
]

type Psftp = (...commands: readonly string[]) => Promise<Finished>

async function prepare(context: Context): Promise<Place & { psftp: Psftp }> {
  const program = requireProgram('psftp')
  const { scope, server } = context
  const place = await context.place()
  const { login, env, dir } = await puttyLogin(context, place)
  const psftp: Psftp = async (...commands) => {
    const batch = join(dir, 'batch')
    await writeFile(batch, commands.map((line) => `${line}\n`).join(''))
    return run(scope, program, [...login, '-b', batch, server.host], { cwd: place.local, env })
  }
  return { ...place, psftp }
}
