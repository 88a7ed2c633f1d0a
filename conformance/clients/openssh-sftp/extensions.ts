import { lstat, readdir, readFile, readlink, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case } from '../../case.ts'
import { check, checkFailed, checkSame, checkSameFile, checkSucceeded } from '../../harness/check.ts'
import { writeRandomFile } from '../../harness/files.ts'
import { command } from '../../harness/openssh-client.ts'
import { checkMode } from '../sample-tree.ts'

/** Commands behind which there is an extension of OpenSSH's. */
export const EXTENSIONS: readonly Case[] = [
  {
    name: 'copy copies a file on the server, also over a longer one',
    async run(context) {
      const { home, client } = await context.place()
      await writeRandomFile(join(home, 'a'), 3 * 1024 * 1024 + 7)
      await writeRandomFile(join(home, 'longer'), 5 * 1024 * 1024)
      checkSucceeded(await client.batch([command`copy a b`, command`copy a longer`]))
      await checkSameFile(join(home, 'b'), join(home, 'a'))
      await checkSameFile(join(home, 'longer'), join(home, 'a'))
    },
  },
  {
    name: 'ln makes a second name, ln -s a link to a relative or missing name',
    async run(context) {
      const { home, client } = await context.place()
      await writeFile(join(home, 'a'), 'contents')
      checkSucceeded(await client.batch([command`ln a b`, command`ln -s a link`, command`ln -s nowhere dangling`]))
      checkSame((await stat(join(home, 'b'))).ino, (await stat(join(home, 'a'))).ino, 'file behind the second name')
      checkSame(await readlink(join(home, 'link')), 'a', 'target of the link')
      checkSame(await readlink(join(home, 'dangling')), 'nowhere', 'target of the dangling link')
      checkFailed(await client.batch([command`ln a link`]), /./)
    },
  },
  {
    name: 'rename replaces an existing file, and with -l it does not',
    async run(context) {
      const { home, client } = await context.place()
      await writeFile(join(home, 'a'), 'new')
      await writeFile(join(home, 'b'), 'old')
      checkFailed(await client.batch([command`rename -l a b`]), /Failure/)
      checkSame(await readFile(join(home, 'b'), 'utf8'), 'old', 'b after rename -l')
      checkSucceeded(await client.batch([command`rename a b`]))
      checkSame(await readFile(join(home, 'b'), 'utf8'), 'new', 'b after rename')
      checkSame(await readdir(home), ['b'], 'home')
    },
  },
  {
    name: 'df shows the size of the disk',
    async run(context) {
      const { home, client } = await context.place()
      const df = await client.batch([command`df`])
      checkSucceeded(df)
      const { blocks, bsize } = await statfs(home)
      check(df.stdout.includes(` ${Math.floor((blocks * bsize) / 1024)} `), `df printed: ${df.stdout}`)
    },
  },
  {
    name: 'put -f syncs the file to the disk',
    async run(context) {
      const { home, local, client } = await context.place()
      await writeRandomFile(join(local, 'a'), 500_000)
      checkSucceeded(await client.batch([command`put -f a`]))
      await checkSameFile(join(home, 'a'), join(local, 'a'))
    },
  },
  {
    name: 'chown -h and chgrp -h change the link, chmod what it leads to',
    async run(context) {
      const { home, client } = await context.place()
      await writeFile(join(home, 'a'), '', { mode: 0o600 })
      const { uid, gid } = await stat(join(home, 'a'))
      const own = [command`ln -s a link`, command`chown -h ${String(uid)} link`, command`chgrp -h ${String(gid)} link`]
      checkSucceeded(await client.batch([...own, command`chmod 640 link`]))
      await checkMode(join(home, 'a'), '640')
      check((await lstat(join(home, 'link'))).isSymbolicLink(), 'the link is none any more')
    },
  },
]
