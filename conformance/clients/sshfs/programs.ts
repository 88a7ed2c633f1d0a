import { link, lstat, mkdir, readlink, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Case } from '../../case.ts'
import { checkSame, checkSameFile, checkSameTree, checkSucceeded } from '../../harness/check.ts'
import { writeRandomFile } from '../../harness/files.ts'
import { run } from '../../harness/processes.ts'
import type { Finished } from '../../harness/processes.ts'
import { requireProgram } from '../../harness/programs.ts'
import { runPython } from '../../harness/python.ts'
import type { Scope } from '../../harness/scope.ts'
import { checkMarks, checkMode, checkModified, plantLinks, plantMarked, plantTree } from '../sample-tree.ts'
import { mounted } from './mount.ts'

/** Programs that know nothing of SFTP, at work on the mount. */
export const SSHFS_PROGRAMS: readonly Case[] = [
  {
    name: 'sshfs: cp -a keeps contents, modes, times and links',
    async run(context) {
      const { home, local, mount } = await mounted(context)
      const tree = join(local, 'tree')
      await plantTree(tree)
      await plantLinks(tree)
      await plantMarked(join(tree, 'marked'))
      await link(join(tree, 'some'), join(tree, 'deep/second name'))
      await writeFile(join(tree, 'program'), '#!/bin/sh\n', { mode: 0o755 })
      await mkdir(join(tree, 'private'), { mode: 0o700 })
      const copied = await run(context.scope, requireProgram('cp'), ['-a', tree, mount])
      checkSucceeded(copied)
      const stored = join(home, 'tree')
      // First of all: to be read for its hash gives a file another access time.
      await checkMarks(join(stored, 'marked'))
      await checkSameTree(stored, tree)
      await checkMode(join(stored, 'program'), '755')
      await checkMode(join(stored, 'private'), '700')
      // Made by itself: sshfs cannot set the owner of a link, only of what it leads to, and cp -a wants that set.
      await symlink('nowhere', join(mount, 'tree/dangling'))
      checkSame(await readlink(join(stored, 'dangling')), 'nowhere', 'target of the dangling link')
      await unlink(join(mount, 'tree/dangling'))
      const [one, other] = [await lstat(join(stored, 'some')), await lstat(join(stored, 'deep/second name'))]
      checkSame(other.ino, one.ino, 'file behind the second name')

      checkSucceeded(await run(context.scope, requireProgram('cp'), ['-a', join(mount, 'tree'), join(local, 'back')]))
      await checkSameTree(join(local, 'back'), tree)
      await checkModified(join(local, 'back/marked'))
    },
  },
  {
    name: 'sshfs: git clones into the mount, commits there, and finds nothing wrong',
    async run(context) {
      const { home, local, mount } = await mounted(context)
      const git = gitIn(context.scope, local)
      await plantTree(join(local, 'origin'))
      checkSucceeded(await git(join(local, 'origin'), 'init', '-q', '-b', 'main'))
      for (let i = 0; i < 5; i++) {
        await writeRandomFile(join(local, `origin/file ${i}`), 20_000 * (i + 1))
        checkSucceeded(await git(join(local, 'origin'), 'add', '-A'))
        checkSucceeded(await git(join(local, 'origin'), 'commit', '-q', '-m', `change ${i}`))
      }
      const clone = join(mount, 'clone')
      checkSucceeded(await git(mount, 'clone', '-q', '--no-hardlinks', join(local, 'origin'), clone))
      await checkSameFile(join(home, 'clone/file 4'), join(local, 'origin/file 4'))
      await writeRandomFile(join(clone, 'more'), 30_000)
      checkSucceeded(await git(clone, 'add', '-A'))
      checkSucceeded(await git(clone, 'commit', '-q', '-m', 'made on the mount'))
      checkSucceeded(await git(clone, 'gc', '-q'))
      checkSucceeded(await git(clone, 'fsck', '--full', '--strict'))
      const status = await git(clone, 'status', '--porcelain')
      checkSucceeded(status)
      checkSame(status.stdout, '', 'what git finds changed')
      // Once more where the files are, past the client and the server.
      checkSucceeded(await git(join(home, 'clone'), 'fsck', '--full', '--strict'))
      checkSucceeded(await git(join(local, 'origin'), 'fetch', '-q', join(home, 'clone'), 'main:back'))
    },
  },
  {
    name: 'sshfs: an SQLite database on the mount keeps its transactions and its integrity',
    needs: 'uploads in place',
    async run(context) {
      const { home, mount } = await mounted(context)
      checkSucceeded(await runPython(context.scope, 'sshfs/database.py', { path: join(mount, 'data.db') }))
      await checkSameFile(join(mount, 'data.db'), join(home, 'data.db'))
      const check = { path: join(home, 'data.db') }
      const inPlace = await runPython(context.scope, 'sshfs/database-check.py', check)
      checkSucceeded(inPlace)
      checkSame(inPlace.stdout.trim(), 'ok 1000', 'integrity and rows, past the client and the server')
    },
  },
]

/** git with no configuration but its own defaults. */
function gitIn(scope: Scope, home: string): (cwd: string, ...args: readonly string[]) => Promise<Finished> {
  const program = requireProgram('git')
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Tester',
    GIT_AUTHOR_EMAIL: 'tester@example.org',
    GIT_COMMITTER_NAME: 'Tester',
    GIT_COMMITTER_EMAIL: 'tester@example.org',
  }
  return (cwd, ...args) => run(scope, program, ['-C', cwd, ...args], { env })
}
