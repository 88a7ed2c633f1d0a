import { access, constants, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Context, Place } from '../../case.ts'
import { NotRun } from '../../harness/not-run.ts'
import { Child, run } from '../../harness/processes.ts'
import { requireProgram } from '../../harness/programs.ts'
import { Scope } from '../../harness/scope.ts'
import { tempDir } from '../../harness/temp.ts'
import { waitUntil } from '../../harness/wait.ts'

const DEVICE = '/dev/fuse'
const MOUNTED_WITHIN_MS = 20_000
/** What fusermount3 and the kernel say where a sandbox allows no mounts. */
const NOT_ALLOWED = /fusermount.*(operation not permitted|permission denied)|fuse: (device not found|mount failed)/i

/** @returns a place with its home mounted at `mount`; unmounted when the scope ends, whatever happened. */
export async function mounted(context: Context): Promise<Place & { mount: string }> {
  const [program, fusermount] = [requireProgram('sshfs'), requireProgram('fusermount3')]
  await access(DEVICE, constants.R_OK | constants.W_OK).catch((error: unknown) => {
    throw new NotRun(`no file system can be mounted here: ${String(error)}`)
  })
  const { scope, server } = context
  const place = await context.place()
  const mount = join(await tempDir(scope), 'mount')
  await mkdir(mount)
  const options = [
    `ssh_command=${place.client.sshCommand().join(' ')}`,
    // The pages of a file that is open are then the kernel's own, and what another mount changes is still seen.
    'auto_cache',
  ]
  const args = [
    place.client.remote(''),
    mount,
    '-f',
    '-p',
    String(server.port),
    ...options.flatMap((one) => ['-o', one]),
  ]
  const sshfs = new Child(scope, program, args)
  // Undone before sshfs is stopped: a mount that has lost its program hangs whoever looks at it.
  scope.defer(async () => {
    if (await isMounted(mount)) await run(new Scope(), fusermount, ['-u', '-z', mount])
  })
  await waitUntil(
    'the file system is mounted',
    async () => !sshfs.running || (await isMounted(mount)),
    MOUNTED_WITHIN_MS,
  )
  if (!sshfs.running) {
    const message = `sshfs: ${sshfs.output()}`
    throw NOT_ALLOWED.test(message) ? new NotRun(`no file system can be mounted here: ${message}`) : new Error(message)
  }
  return { ...place, mount }
}

/** Asks the kernel's table: a look at the mount itself would be a request to the server. */
async function isMounted(path: string): Promise<boolean> {
  return (await readFile('/proc/self/mounts', 'utf8')).split('\n').some((line) => line.split(' ')[1] === path)
}
