import { chmod, mkdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case } from '../../case.ts'
import { check, checkFailed, checkSame, checkSucceeded } from '../../harness/check.ts'
import { exists, manifest } from '../../harness/files.ts'
import { command } from '../../harness/openssh-client.ts'

/** Everything that changes or shows directories, not contents. */
export const DIRECTORIES: readonly Case[] = [
  {
    name: 'mkdir makes a directory, once',
    async run(context) {
      const { home, client } = await context.place()
      checkSucceeded(await client.batch([command`mkdir d`, command`mkdir d/e`]))
      checkSame(await manifest(home), { d: 'directory', 'd/e': 'directory' }, 'home')
      checkFailed(await client.batch([command`mkdir d`]), /Couldn't create directory|remote mkdir/)
    },
  },
  {
    name: 'rmdir removes an empty directory only',
    async run(context) {
      const { home, client } = await context.place()
      await mkdir(join(home, 'empty'))
      await mkdir(join(home, 'full'))
      await writeFile(join(home, 'full/a'), 'kept')
      checkSucceeded(await client.batch([command`rmdir empty`]))
      checkFailed(await client.batch([command`rmdir full`]), /remote rmdir/)
      checkSame(Object.keys(await manifest(home)), ['full', 'full/a'], 'home')
    },
  },
  {
    name: 'rm removes files only, and says so when there is none',
    async run(context) {
      const { home, client } = await context.place()
      await mkdir(join(home, 'd'))
      await writeFile(join(home, 'a'), 'gone')
      checkSucceeded(await client.batch([command`rm a`]))
      checkFailed(await client.batch([command`rm a`]), /No such file/)
      checkFailed(await client.batch([command`rm d`]), /[Dd]elete/)
      checkSame(await manifest(home), { d: 'directory' }, 'home')
    },
  },
  {
    name: 'rename moves a file, also into another directory',
    async run(context) {
      const { home, client } = await context.place()
      await mkdir(join(home, 'd'))
      await writeFile(join(home, 'a'), 'contents')
      checkSucceeded(await client.batch([command`rename a b`, command`rename b d/c`]))
      checkSame(Object.keys(await manifest(home)), ['d', 'd/c'], 'home')
      checkSame(await readFile(join(home, 'd/c'), 'utf8'), 'contents', 'contents')
    },
  },
  {
    name: 'rename moves a directory with what is in it',
    async run(context) {
      const { home, client } = await context.place()
      await mkdir(join(home, 'd'))
      await writeFile(join(home, 'd/a'), 'contents')
      checkSucceeded(await client.batch([command`rename d e`]))
      checkSame(Object.keys(await manifest(home)), ['e', 'e/a'], 'home')
    },
  },
  {
    name: 'rename of a missing file fails and changes nothing',
    async run(context) {
      const { home, client } = await context.place()
      await writeFile(join(home, 'b'), 'kept')
      checkFailed(await client.batch([command`rename a b`]), /No such file/)
      checkSame(await readFile(join(home, 'b'), 'utf8'), 'kept', 'contents')
    },
  },
  {
    name: 'chmod sets the mode of files and directories',
    async run(context) {
      const { home, client } = await context.place()
      await mkdir(join(home, 'd'))
      await writeFile(join(home, 'a'), '')
      checkSucceeded(await client.batch([command`chmod 604 a`, command`chmod 711 d`]))
      checkSame(((await stat(join(home, 'a'))).mode & 0o777).toString(8), '604', 'mode of the file')
      checkSame(((await stat(join(home, 'd'))).mode & 0o777).toString(8), '711', 'mode of the directory')
    },
  },
  {
    name: 'ln -s makes a link that holds the target as it was given, and get follows it',
    async run(context) {
      const { home, local, client } = await context.place()
      await mkdir(join(home, 'd'))
      await writeFile(join(home, 'a'), 'contents')
      checkSucceeded(await client.batch([command`ln -s ../a d/link`, command`get d/link fetched`]))
      checkSame(await readlink(join(home, 'd/link')), '../a', 'target')
      checkSame(await readFile(join(local, 'fetched'), 'utf8'), 'contents', 'contents')
    },
  },
  {
    name: 'rm of a link leaves what it points to',
    async run(context) {
      const { home, client } = await context.place()
      await writeFile(join(home, 'a'), 'kept')
      await symlink('a', join(home, 'link'))
      checkSucceeded(await client.batch([command`rm link`]))
      check(!(await exists(join(home, 'link'))), 'the link is still there')
      checkSame(await readFile(join(home, 'a'), 'utf8'), 'kept', 'contents')
    },
  },
  {
    name: 'ls -la shows types, modes, sizes and names, dot files included',
    async run(context) {
      const { home, client } = await context.place()
      await mkdir(join(home, 'dir'), { mode: 0o750 })
      await writeFile(join(home, 'file'), '12345')
      await chmod(join(home, 'file'), 0o640)
      await writeFile(join(home, '.hidden'), '')
      await symlink('file', join(home, 'link'))
      const result = await client.batch([command`ls -la`])
      checkSucceeded(result)
      const listed = new Map(longLines(result.stdout))
      // A server may list them or not: the protocol does not say.
      listed.delete('.')
      listed.delete('..')
      checkSame([...listed.keys()].toSorted(), ['.hidden', 'dir', 'file', 'link'], 'names')
      checkSame(listed.get('file'), { mode: '-rw-r-----', size: 5 }, 'file')
      checkSame(listed.get('dir')?.mode, 'drwxr-x---', 'mode of the directory')
      checkSame(listed.get('link')?.mode.at(0), 'l', 'type of the link')
    },
  },
  {
    name: 'ls shows every entry of a directory of 3000, once',
    async run(context) {
      const { home, client } = await context.place()
      const names = Array.from({ length: 3_000 }, (_, i) => `entry-${String(i).padStart(60, '0')}`)
      for (const name of names) await writeFile(join(home, name), '')
      const result = await client.batch([command`ls -1`])
      checkSucceeded(result)
      const shown = result.stdout.split('\n').filter((line) => line.startsWith('entry-'))
      checkSame(shown.toSorted(), names, 'names')
    },
  },
  {
    name: 'cd and pwd follow the directory, and a missing one is refused',
    async run(context) {
      const { home, client } = await context.place()
      await mkdir(join(home, 'd/e'), { recursive: true })
      const result = await client.batch([command`cd d/e`, command`pwd`, command`cd ../..`, command`mkdir here`])
      checkSucceeded(result)
      check(/^Remote working directory: .*\/d\/e$/m.test(result.stdout), `pwd said: ${result.stdout.trim()}`)
      check(await exists(join(home, 'here')), 'the directory was not made where the session stood')
      checkFailed(await client.batch([command`cd missing`]), /No such file/)
    },
  },
]

/** Name to mode and size of each `ls -l` line: mode, links, owner, group, size, three words of time, name. */
function longLines(text: string): [string, { mode: string; size: number }][] {
  return text.split('\n').flatMap((line): [string, { mode: string; size: number }][] => {
    const match = /^([-dlcbps][-rwxsStT]{9})\s+\S+\s+\S+\s+\S+\s+(\d+)\s+\S+\s+\S+\s+\S+\s(.+)$/.exec(line)
    if (!match) return []
    const [, mode = '', size = '', name = ''] = match
    return [[name.split(' -> ')[0] ?? name, { mode, size: Number(size) }]]
  })
}
