import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { generateKey } from './keys.ts'
import { freePort, LOOPBACK, retryOnClash } from './ports.ts'
import { Child } from './processes.ts'
import { requireProgram } from './programs.ts'
import type { Scope } from './scope.ts'
import type { Server } from './server.ts'
import { tempDir } from './temp.ts'

const READY_WITHIN_MS = 15_000

/** What is measured beside the others: one directory, one user, read when it starts. */
export type RcloneServer = Pick<Server, 'name' | 'host' | 'port' | 'pid' | 'output'>

/** `rclone serve sftp`, with its host key made here instead of in the user's cache directory. */
export async function startRcloneServer(
  scope: Scope,
  account: { username: string; home: string; publicKey: string },
): Promise<RcloneServer> {
  const program = requireProgram('rclone')
  const dir = await tempDir(scope)
  const hostKey = await generateKey(scope, dir, 'host_ed25519', 'ed25519')
  const authorizedKeys = join(dir, 'authorized_keys')
  await writeFile(authorizedKeys, `${account.publicKey}\n`)
  return retryOnClash(async () => {
    const port = await freePort()
    const files = ['--config', '', '--cache-dir', dir, '--key', hostKey.privateKeyFile]
    const access = ['--addr', `${LOOPBACK}:${port}`, '--user', account.username, '--authorized-keys', authorizedKeys]
    const child = new Child(scope, program, ['serve', 'sftp', account.home, ...files, ...access, '-v'])
    await child.waitForOutput(/SFTP server listening/, READY_WITHIN_MS)
    return { name: 'rclone', host: LOOPBACK, port, pid: child.pid, output: () => child.output() }
  })
}
