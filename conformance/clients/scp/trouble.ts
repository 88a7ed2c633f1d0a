import { chmod, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Case } from '../../case.ts'
import { check, checkFailed, checkSame, checkSameFile, checkSucceeded } from '../../harness/check.ts'
import { exists, writeRandomFile } from '../../harness/files.ts'
import { NotRun } from '../../harness/not-run.ts'
import { run } from '../../harness/processes.ts'
import { requireProgram } from '../../harness/programs.ts'
import { Scope } from '../../harness/scope.ts'
import { tempDir } from '../../harness/temp.ts'
import { scpPlace } from './openssh.ts'

const MIB = 1024 * 1024

/** What `scp -O` is told when something cannot be done, and what becomes of the rest. */
export const TROUBLE: readonly Case[] = [
  {
    name: 'scp -O: a missing source and a missing target directory fail with a reason and no path of the host',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await writeFile(join(local, 'a'), 'contents')
      for (const result of [
        await scp([client.remote('missing'), 'b']),
        await scp(['a', client.remote('missing/a')]),
        await scp(['a', 'a', client.remote('missing')]),
      ]) {
        checkFailed(result, /missing.*: (No such file or directory|Not a directory)/)
        check(!result.stderr.includes(home), `the client is told of the host: ${result.stderr}`)
      }
    },
  },
  {
    name: 'scp -O: one file of many that cannot be stored fails, and the rest arrives',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await mkdir(join(local, 'tree'))
      for (const name of ['a', 'b', 'c']) await writeRandomFile(join(local, 'tree', name), 1000)
      // A directory where a file is to go: not even root writes that.
      await mkdir(join(home, 'tree/b'), { recursive: true })
      checkFailed(await scp(['tree', client.remote('')], '-r'), /tree\/b: .*[Ii]s a directory/)
      for (const name of ['a', 'c']) await checkSameFile(join(home, 'tree', name), join(local, 'tree', name))
    },
  },
  {
    name: 'scp -O: one file of many that cannot be fetched fails, and the rest arrives',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await mkdir(join(home, 'tree'))
      for (const name of ['a', 'c']) await writeRandomFile(join(home, 'tree', name), 1000)
      await symlink('nowhere', join(home, 'tree/b'))
      checkFailed(await scp([client.remote('tree'), 'back'], '-r'), /tree\/b: No such file or directory/)
      for (const name of ['a', 'c']) await checkSameFile(join(local, 'back', name), join(home, 'tree', name))
    },
  },
  {
    name: 'scp -O: a directory without -r is refused',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await mkdir(join(home, 'tree'))
      await writeFile(join(home, 'a'), 'contents')
      checkFailed(await scp([client.remote('tree'), 'back']), /tree: ([Ii]s a directory|not a regular file)/)
      check(!(await exists(join(local, 'back'))), 'something arrived')
    },
  },
  {
    name: 'scp -O: links in a circle come to an end',
    needs: 'virtual accounts',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await mkdir(join(home, 'tree'))
      await writeFile(join(home, 'tree/a'), 'contents')
      await symlink('.', join(home, 'tree/round'))
      checkFailed(await scp([client.remote('tree'), 'back'], '-r'), /tree\/round: /)
      checkSame((await readdir(join(local, 'back'))).toSorted(), ['a'], 'what arrived')
    },
  },
  {
    name: 'scp -O: setuid and setgid are not taken from a client',
    needs: 'virtual accounts',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await writeFile(join(local, 'a'), 'contents')
      await chmod(join(local, 'a'), 0o6755)
      checkSucceeded(await scp(['a', client.remote('a')], '-p'))
      checkSame(((await stat(join(home, 'a'))).mode & 0o7777).toString(8), '755', 'mode of the stored file')
    },
  },
  {
    name: 'scp -O: nothing outside the account can be named',
    needs: 'virtual accounts',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await writeFile(join(home, '../secret'), 'contents')
      await symlink(join(home, '../secret'), join(home, 'link'))
      checkFailed(await scp([client.remote('../secret'), 'b']), /secret: No such file/)
      checkFailed(await scp([client.remote('link'), 'b']), /link: /)
      checkFailed(await scp([client.remote('/etc/passwd'), 'b']), /passwd: No such file/)
      await writeFile(join(local, 'a'), 'contents')
      checkSucceeded(await scp(['a', client.remote('../inside')]))
      check(await exists(join(home, 'inside')), '`..` did not stop at the root')
    },
  },
  {
    name: 'scp -O: a quota that is reached in the middle of a tree refuses the file with a reason, and what fits is there',
    needs: 'virtual accounts',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context, 0, { quotaBytes: 2.5 * MIB })
      await mkdir(join(local, 'tree'))
      for (const name of ['a', 'b', 'c', 'd']) await writeRandomFile(join(local, 'tree', name), MIB)
      await writeRandomFile(join(local, 'tree/small'), 1000)
      checkFailed(await scp(['tree', client.remote('')], '-r'), /tree\/.: .*quota/i)
      const sizes = await sizesIn(join(home, 'tree'))
      const total = sizes.reduce((sum, size) => sum + size, 0)
      check(total <= 2.5 * MIB, `${total} bytes are there, more than the quota`)
      check(sizes.filter((size) => size === MIB).length === 2, `not two whole files, but ${sizes.join(', ')}`)
      // What was given back can be used.
      checkSucceeded(await scp([join('tree', 'small'), client.remote('last')]))
    },
  },
  {
    name: 'scp -O: a full disk fails the file with a reason, and when there is space again it arrives',
    async run(context) {
      const home = await smallDisk(context.scope, '2m')
      const { local, client, scp } = await scpPlace(context, 0, { home })
      await writeRandomFile(join(local, 'big'), 3 * MIB)
      await writeRandomFile(join(local, 'fits'), MIB)
      checkFailed(await scp(['big', client.remote('stored')]), /stored: No space left on device/)
      await rm(join(home, 'stored'), { force: true })
      checkSame(await readdir(home), [], 'what the failed upload left')
      checkSucceeded(await scp(['fits', client.remote('stored')]))
      await checkSameFile(join(home, 'stored'), join(local, 'fits'))
    },
  },
  {
    name: 'scp -O: a client that is killed in the middle leaves a server that goes on',
    async run(context) {
      const { home, local, client, scp } = await scpPlace(context)
      await writeRandomFile(join(local, 'a'), 64 * MIB)
      await writeRandomFile(join(home, 'b'), 64 * MIB)
      for (const paths of [
        ['a', client.remote('stored')],
        [client.remote('b'), 'back'],
      ]) {
        const killed = await client.startScp(paths, { args: ['-O', '-l', '8192'] })
        const [arriving] = paths.includes('a') ? [join(home, 'stored')] : [join(local, 'back')]
        while (!(await exists(arriving ?? ''))) await sleep(20)
        await killed.kill()
        checkSucceeded(await scp(['a', client.remote('after')]))
        await checkSameFile(join(home, 'after'), join(local, 'a'))
      }
    },
  },
]

async function sizesIn(dir: string): Promise<number[]> {
  const names = await readdir(dir)
  return Promise.all(names.map(async (name) => (await stat(join(dir, name))).size))
}

/** A file system of its own with room for `size` (as mount(8) takes it), gone with the scope. */
async function smallDisk(scope: Scope, size: string): Promise<string> {
  if (process.getuid?.() !== 0) throw new NotRun('only root can mount a small disk')
  const at = join(await tempDir(scope), 'disk')
  await mkdir(at)
  const mounted = await run(scope, requireProgram('mount'), ['-t', 'tmpfs', '-o', `size=${size}`, 'sftp-test', at])
  if (mounted.code !== 0) throw new NotRun(`no disk can be mounted here: ${mounted.stderr}`)
  scope.defer(async () => {
    await run(new Scope(), requireProgram('umount'), ['-l', at])
  })
  return at
}
