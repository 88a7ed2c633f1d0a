import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case, Context, Place } from '../../case.ts'
import { checkSame, checkSameFile, checkSameTree, checkSucceeded } from '../../harness/check.ts'
import { writeRandomFile, writeRandomFiles } from '../../harness/files.ts'
import type { Finished } from '../../harness/processes.ts'
import type { NewAccount } from '../../harness/server.ts'
import { ACCESSED, checkMarks, checkMode, checkModified, MODIFIED, plantMarked, plantTree } from '../sample-tree.ts'

const MIB = 1024 * 1024
const SIZES = [0, 1, 32 * 1024, 255 * 1024 + 1, 3 * MIB + 7]
const NAMES = [
  ' two  words and more ',
  `it's "quoted"`,
  'żółć 日本語 🎉.txt',
  '-rf',
  'back\\slash',
  '$(id)&<>;|',
  'a*b?[c]',
]
const BIG_BYTES = 2 * 1024 * MIB
const MANY_FILES = 10_000
const DEPTH = 100

export type Scp = (paths: readonly string[], ...flags: string[]) => Promise<Finished>

/** A place whose account runs commands, and `scp -O` in it. */
export async function scpPlace(
  context: Context,
  bytes = 0,
  account: Partial<NewAccount> = {},
): Promise<Place & { scp: Scp }> {
  const place = await context.place({ ...account, commands: true }, bytes)
  const scp: Scp = (paths, ...flags) => place.client.scp(paths, { args: ['-O', ...flags], timeoutMs: 600_000 })
  return { ...place, scp }
}

/** As the old protocol asks for: the server's side takes the name for a word of a shell's. */
function shellQuoted(name: string): string {
  // A dash in front must show, as the client then puts `--` before it.
  if (/^[\w-]+$/.test(name)) return name
  return `'${name.replaceAll("'", `'\\''`)}'`
}

/** OpenSSH's `scp -O`: scp's command line, and scp's own protocol on the wire. */
export const OPENSSH_SCP_PROTOCOL: readonly Case[] = [
  ...SIZES.map((bytes): Case => ({
    name: `scp -O: a file of ${bytes} bytes goes up and comes back as it was`,
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await writeRandomFile(join(local, 'a'), bytes)
      checkSucceeded(await scp(['a', client.remote('stored')]))
      await checkSameFile(join(home, 'stored'), join(local, 'a'), 'stored file')
      checkSucceeded(await scp([client.remote('stored'), 'back']))
      await checkSameFile(join(local, 'back'), join(local, 'a'), 'fetched file')
    },
  })),
  {
    name: 'scp -O: -r stores and fetches a whole tree, into a directory and under a new name',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await plantTree(join(local, 'tree'))
      checkSucceeded(await scp(['tree', client.remote('')], '-r'))
      await checkSameTree(join(home, 'tree'), join(local, 'tree'))
      checkSucceeded(await scp(['tree', client.remote('renamed')], '-r'))
      await checkSameTree(join(home, 'renamed'), join(local, 'tree'))
      checkSucceeded(await scp(['tree', client.remote('renamed')], '-r'))
      await checkSameTree(join(home, 'renamed/tree'), join(local, 'tree'))
      checkSucceeded(await scp([client.remote('tree'), 'back'], '-r'))
      await checkSameTree(join(local, 'back'), join(local, 'tree'))
    },
  },
  {
    name: 'scp -O: -r into what is there already replaces the files and keeps the rest',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await plantTree(join(local, 'tree'))
      checkSucceeded(await scp(['tree', client.remote('')], '-r'))
      await writeFile(join(home, 'tree/only here'), 'contents')
      await writeRandomFile(join(local, 'tree/some'), 5000)
      checkSucceeded(await scp(['tree', client.remote('')], '-r'))
      await checkSameFile(join(home, 'tree/some'), join(local, 'tree/some'))
      checkSame(await readFile(join(home, 'tree/only here'), 'utf8'), 'contents', 'the file that was not sent')
    },
  },
  {
    name: 'scp -O: -p keeps mode and times of files and directories in both directions',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await mkdir(join(local, 'tree'), { mode: 0o750 })
      await plantMarked(join(local, 'tree/a'))
      await utimes(join(local, 'tree'), ACCESSED, MODIFIED)
      checkSucceeded(await scp(['tree', client.remote('tree')], '-r', '-p'))
      await checkModified(join(home, 'tree'))
      await checkMode(join(home, 'tree'), '750')
      await checkMarks(join(home, 'tree/a'))
      // What came is read by now, which changes the time of that.
      await utimes(join(home, 'tree/a'), ACCESSED, MODIFIED)
      checkSucceeded(await scp([client.remote('tree'), 'back'], '-r', '-p'))
      await checkModified(join(local, 'back'))
      await checkMode(join(local, 'back'), '750')
      await checkMarks(join(local, 'back/a'))
    },
  },
  {
    name: 'scp -O: names with blanks, quotes, wildcards and other characters are kept in both directions',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      for (const name of NAMES) {
        await writeRandomFile(join(local, 'a'), 1000)
        checkSucceeded(await scp(['a', client.remote(shellQuoted(name))]))
        await checkSameFile(join(home, name), join(local, 'a'), `stored ${name}`)
      }
      await mkdir(join(local, 'names'))
      for (const name of NAMES) await writeRandomFile(join(local, 'names', name), 100)
      checkSucceeded(await scp(['names', client.remote('')], '-r'))
      await checkSameTree(join(home, 'names'), join(local, 'names'))
      checkSucceeded(await scp([client.remote('names'), 'back'], '-r'))
      await checkSameTree(join(local, 'back'), join(local, 'names'))
    },
  },
  {
    name: 'scp -O: several files go up in one session, and wildcards bring them back',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await writeRandomFiles(join(local, 'many'), 20, 5000)
      await mkdir(join(home, 'there'))
      await mkdir(join(local, 'back'))
      await writeFile(join(home, 'there/other.txt'), 'not asked for')
      const files = await readdir(join(local, 'many'))
      checkSucceeded(await scp([...files.map((name) => `many/${name}`), client.remote('there')]))
      checkSucceeded(await scp([client.remote('there/*.bin'), 'back']))
      await checkSameTree(join(local, 'back'), join(local, 'many'))
      checkSucceeded(await scp([client.remote('ther?/000[0-4].bin'), 'back']))
    },
  },
  {
    name: 'scp -O: a shorter file replaces a longer one whole',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await writeRandomFile(join(home, 'a'), 100_000)
      await writeRandomFile(join(local, 'a'), 1000)
      checkSucceeded(await scp(['a', client.remote('a')]))
      await checkSameFile(join(home, 'a'), join(local, 'a'))
    },
  },
  {
    name: 'scp -O: -3 copies from one account to another',
    // Where all accounts are one, the first key that fits decides which of them it is.
    needs: 'virtual accounts',
    async run(context) {
      const [from, to] = [await scpPlace(context), await scpPlace(context)]
      await plantTree(join(from.home, 'tree'))
      // The client has one login for both ends: a key that opens both accounts.
      const paths = [from.client.remote('tree'), to.client.remote('copied')]
      checkSucceeded(await from.scp(paths, '-3', '-r', '-o', `IdentityFile=${to.key.privateKeyFile}`))
      await checkSameTree(join(to.home, 'copied'), join(from.home, 'tree'))
    },
  },
  {
    name: 'scp -O: links in a tree are followed',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await mkdir(join(home, 'tree'))
      await writeFile(join(home, 'a'), 'contents')
      await symlink('../a', join(home, 'tree/link'))
      checkSucceeded(await scp([client.remote('tree'), 'back'], '-r'))
      checkSame(await readFile(join(local, 'back/link'), 'utf8'), 'contents', 'what the link names')
    },
  },
  {
    name: `scp -O: a tree of ${DEPTH} levels goes up and comes back`,
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      const deep = Array.from({ length: DEPTH }, (_, level) => `level ${level}`).join('/')
      await mkdir(join(local, 'tree', deep), { recursive: true })
      await writeFile(join(local, 'tree', deep, 'last'), 'contents')
      checkSucceeded(await scp(['tree', client.remote('')], '-r'))
      await checkSameTree(join(home, 'tree'), join(local, 'tree'))
      checkSucceeded(await scp([client.remote('tree'), 'back'], '-r'))
      await checkSameTree(join(local, 'back'), join(local, 'tree'))
    },
  },
  {
    name: `scp -O: ${MANY_FILES} files go up and come back`,
    timeoutMs: 900_000,
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await writeRandomFiles(join(local, 'many'), MANY_FILES, 100)
      checkSucceeded(await scp(['many', client.remote('')], '-r'))
      await checkSameTree(join(home, 'many'), join(local, 'many'))
      checkSucceeded(await scp([client.remote('many'), 'back'], '-r'))
      await checkSameTree(join(local, 'back'), join(local, 'many'))
    },
  },
  {
    name: 'scp -O: a file of 2 GiB goes up and comes back',
    timeoutMs: 900_000,
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context, 3 * BIG_BYTES)
      await writeRandomFile(join(local, 'a'), BIG_BYTES)
      checkSucceeded(await scp(['a', client.remote('a')]))
      await checkSameFile(join(home, 'a'), join(local, 'a'), 'stored file')
      checkSucceeded(await scp([client.remote('a'), 'back']))
      await checkSameFile(join(local, 'back'), join(local, 'a'), 'fetched file')
    },
  },
]
