import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case, Context, Place } from '../case.ts'
import { check, checkSame, checkSameFile, checkSucceeded } from '../harness/check.ts'
import { exists, randomBytes, writeRandomFile } from '../harness/files.ts'
import { NotRun } from '../harness/not-run.ts'
import { run } from '../harness/processes.ts'
import type { Finished } from '../harness/processes.ts'
import { requireProgram } from '../harness/programs.ts'
import { checkMode } from './sample-tree.ts'

const MIB = 1024 * 1024

/** curl's exit codes, as its manual has them. */
const QUOTE_ERROR = 21
const NO_SUCH_FILE = 78

export const CURL: readonly Case[] = [
  {
    name: 'curl: a file goes up and comes back as it was',
    async run(context) {
      const { home, local, curl, url } = await prepare(context)
      await writeRandomFile(join(local, 'a'), 3 * MIB + 7)
      checkSucceeded(await curl('-T', 'a', url('stored')))
      await checkSameFile(join(home, 'stored'), join(local, 'a'), 'stored file')
      checkSucceeded(await curl('-o', 'back', url('stored')))
      await checkSameFile(join(local, 'back'), join(local, 'a'), 'fetched file')
    },
  },
  {
    name: 'curl: ranges from the start, in the middle and from the end',
    async run(context) {
      const { home, local, curl, url } = await prepare(context)
      const contents = randomBytes(300_000)
      await writeFile(join(home, 'a'), contents)
      const ranges = { '0-99': [0, 100], '70000-169999': [70_000, 170_000], '299000-': [299_000], '-1000': [-1000] }
      for (const [range, [start, end]] of Object.entries(ranges)) {
        checkSucceeded(await curl('-r', range, '-o', 'part', url('a')))
        const part = await readFile(join(local, 'part'))
        check(part.equals(contents.subarray(start, end)), `range ${range} brought ${part.length} other bytes`)
      }
    },
  },
  {
    name: 'curl: downloads and uploads carry on where they stopped',
    async run(context) {
      const { home, local, curl, url } = await prepare(context)
      const contents = randomBytes(2 * MIB)
      // A start that differs from the source's shows whether it was sent once more.
      const start = randomBytes(MIB + 1)
      const expected = Buffer.concat([start, contents.subarray(start.length)])
      await writeFile(join(home, 'a'), contents)
      await writeFile(join(local, 'a'), start)
      checkSucceeded(await curl('-C', '-', '-o', 'a', url('a')))
      check((await readFile(join(local, 'a'))).equals(expected), 'the file is not the local start with the remote rest')
      await writeFile(join(local, 'b'), contents)
      await writeFile(join(home, 'b'), start)
      checkSucceeded(await curl('-C', '-', '-T', 'b', url('b')))
      check((await readFile(join(home, 'b'))).equals(expected), 'the file is not the remote start with the local rest')
    },
  },
  {
    name: 'curl: --append adds to the file, --ftp-create-dirs makes the directories above it',
    async run(context) {
      const { home, local, curl, url } = await prepare(context)
      await writeFile(join(home, 'a'), 'first ')
      await writeFile(join(local, 'a'), 'second')
      checkSucceeded(await curl('--append', '-T', 'a', url('a')))
      checkSame(await readFile(join(home, 'a'), 'utf8'), 'first second', 'the file')
      checkSucceeded(await curl('--ftp-create-dirs', '-T', 'a', url('x/y/z')))
      await checkSameFile(join(home, 'x/y/z'), join(local, 'a'))
    },
  },
  {
    name: 'curl: a directory is listed, long and short',
    async run(context) {
      const { home, curl, url } = await prepare(context)
      await mkdir(join(home, 'x/directory'), { recursive: true })
      await writeFile(join(home, 'x/two words'), 'contents', { mode: 0o640 })
      const short = await curl('--list-only', url('x/'))
      checkSucceeded(short)
      // Servers need not list "." and "..".
      const names = short.stdout.split('\n').filter((name) => !/^\.{0,2}$/.test(name))
      checkSame(names.toSorted(), ['directory', 'two words'], 'names')
      const long = await curl(url('x/'))
      checkSucceeded(long)
      check(/^-rw-r-----.* 8 .* two words$/m.test(long.stdout), `the long listing is: ${long.stdout}`)
      check(/^d.* directory$/m.test(long.stdout), `the long listing is: ${long.stdout}`)
    },
  },
  {
    name: 'curl: quote commands mkdir, rename, chmod, ln, rm and rmdir',
    async run(context) {
      const { home, curl, url } = await prepare(context)
      await writeFile(join(home, 'a'), 'contents')
      const quote = (...commands: readonly string[]): Promise<Finished> =>
        curl(...commands.flatMap((text) => ['-Q', text]), '--list-only', url(''))
      // libssh2 takes the answer to a symbolic link for a failure; with the asterisk curl goes on.
      checkSucceeded(await quote('mkdir d', 'rename a "d/two words"', 'chmod 600 "d/two words"', '*ln d link'))
      checkSame((await readdir(home)).toSorted(), ['d', 'link'], 'home')
      checkSame(await readFile(join(home, 'link/two words'), 'utf8'), 'contents', 'the file behind the link')
      await checkMode(join(home, 'd/two words'), '600')
      checkSucceeded(await quote('rm "d/two words"', 'rm link', 'rmdir d'))
      checkSame(await readdir(home), [], 'home')
      checkSame((await quote('rm missing')).code, QUOTE_ERROR, 'exit code for the removal of nothing')
    },
  },
  {
    name: 'curl: a missing file has the exit code for it, and leaves no local file',
    async run(context) {
      const { local, curl, url } = await prepare(context)
      checkSame((await curl('-o', 'back', url('missing'))).code, NO_SUCH_FILE, 'exit code')
      check(!(await exists(join(local, 'back'))), 'there is a local file')
    },
  },
]

interface Prepared extends Place {
  curl(...args: readonly string[]): Promise<Finished>
  /** @param path relative to where sessions start. */
  url(path: string): string
}

async function prepare(context: Context): Promise<Prepared> {
  const program = requireProgram('curl')
  const version = await run(context.scope, program, ['--version'])
  if (!/^Protocols:.* sftp\b/m.test(version.stdout)) throw new NotRun('curl is built without SFTP here')
  const place = await context.place()
  const { host, port } = context.server
  const { privateKeyFile } = place.key
  const login = ['-u', `${place.username}:`, '--key', privateKeyFile, '--pubkey', `${privateKeyFile}.pub`]
  const flags = ['--disable', '--silent', '--show-error', '--insecure', '--max-time', '60', ...login]
  return {
    ...place,
    curl: (...args) => run(context.scope, program, [...flags, ...args], { cwd: place.local }),
    url: (path) => `sftp://${host}:${port}/~/${path}`,
  }
}
