import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Scope } from './scope.ts'

export const MEMORY_DIR = '/dev/shm'

/** A new directory, removed with its contents when the scope ends. */
export async function tempDir(scope: Scope, parent = tmpdir()): Promise<string> {
  const dir = await mkdtemp(join(parent, 'sftp-test-'))
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** The memory file system when it has this many bytes to spare, else the disk's temp directory. */
export async function roomyDir(bytes: number): Promise<string> {
  return (await freeBytes(MEMORY_DIR)) >= bytes ? MEMORY_DIR : tmpdir()
}

/** @returns 0 when there is no such directory. */
export async function freeBytes(dir: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(dir)
    return bavail * bsize
  } catch {
    return 0
  }
}
