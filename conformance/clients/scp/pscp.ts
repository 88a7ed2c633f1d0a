import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case, Context, Place } from '../../case.ts'
import { checkFailed, checkSame, checkSameFile, checkSameTree, checkSucceeded } from '../../harness/check.ts'
import { writeRandomFile, writeRandomFiles } from '../../harness/files.ts'
import { run } from '../../harness/processes.ts'
import type { Finished } from '../../harness/processes.ts'
import { requireProgram } from '../../harness/programs.ts'
import { puttyLogin } from '../putty-login.ts'
import { checkModified, plantMarked, plantTree } from '../sample-tree.ts'

const MIB = 1024 * 1024

/** PuTTY's pscp, told to speak SCP. */
export const PSCP: readonly Case[] = [
  {
    name: 'pscp -scp: a file of 3 MiB goes up and comes back',
    async run(context) {
      const { home, local, pscp } = await prepare(context)
      await writeRandomFile(join(local, 'a'), 3 * MIB + 7)
      checkSucceeded(await pscp('a', ':stored'))
      await checkSameFile(join(home, 'stored'), join(local, 'a'), 'stored file')
      checkSucceeded(await pscp(':stored', 'back'))
      await checkSameFile(join(local, 'back'), join(local, 'a'), 'fetched file')
    },
  },
  {
    name: 'pscp -scp: -r moves a tree in both directions',
    async run(context) {
      const { home, local, pscp } = await prepare(context)
      await plantTree(join(local, 'tree'))
      checkSucceeded(await pscp('-r', 'tree', ':'))
      await checkSameTree(join(home, 'tree'), join(local, 'tree'))
      await mkdir(join(local, 'back'))
      checkSucceeded(await pscp('-r', ':tree', 'back'))
      await checkSameTree(join(local, 'back/tree'), join(local, 'tree'))
    },
  },
  {
    name: 'pscp -scp: -p keeps the times, an empty file arrives',
    async run(context) {
      const { home, local, pscp } = await prepare(context)
      await plantMarked(join(local, 'a'))
      await writeRandomFile(join(local, 'empty'), 0)
      checkSucceeded(await pscp('-p', 'a', 'empty', ':'))
      await checkModified(join(home, 'a'))
      await checkSameFile(join(home, 'empty'), join(local, 'empty'))
      checkSucceeded(await pscp('-p', ':a', 'back'))
      await checkModified(join(local, 'back'))
    },
  },
  {
    name: 'pscp -scp: several files go up in one session, and wildcards bring them back',
    async run(context) {
      const { home, local, pscp } = await prepare(context)
      await writeRandomFiles(join(local, 'many'), 20, 5000)
      await mkdir(join(home, 'there'))
      await mkdir(join(local, 'back'))
      const files = await readdir(join(local, 'many'))
      checkSucceeded(await pscp(...files.map((name) => `many/${name}`), ':there'))
      await checkSameTree(join(home, 'there'), join(local, 'many'))
      // pscp takes the server's word for the names only when it is told to.
      checkSucceeded(await pscp('-unsafe', ':there/*.bin', 'back'))
      await checkSameTree(join(local, 'back'), join(local, 'many'))
    },
  },
  {
    name: 'pscp -scp: a name in quotes holds blanks',
    async run(context) {
      const { home, local, pscp } = await prepare(context)
      await writeRandomFile(join(local, 'a'), 1000)
      checkSucceeded(await pscp('a', ':"two  words"'))
      checkSame(await readdir(home), ['two  words'], 'names at home')
    },
  },
  {
    name: 'pscp -scp: a missing file fails with a reason',
    async run(context) {
      const { pscp } = await prepare(context)
      const { stdout, ...result } = await pscp(':missing', 'b')
      checkFailed({ ...result, stdout, stderr: result.stderr + stdout }, /missing: No such file or directory/)
    },
  },
]

/** @param args options and paths; a path that starts with `:` is the server's. */
type Pscp = (...args: string[]) => Promise<Finished>

async function prepare(context: Context): Promise<Place & { pscp: Pscp }> {
  const program = requireProgram('pscp')
  const place = await context.place({ commands: true })
  const { login, env } = await puttyLogin(context, place)
  const pscp: Pscp = (...args) => {
    const paths = args.map((arg) => (arg.startsWith(':') ? `${context.server.host}${arg}` : arg))
    return run(context.scope, program, ['-scp', '-q', ...login, ...paths], { cwd: place.local, env })
  }
  return { ...place, pscp }
}
