import { constants } from 'node:fs'
import { posix } from 'node:path'
import type { Place } from './confinement.ts'
import type { Storage } from './storage.ts'

/** Puts the names in the directory of `place` on stable storage. */
export async function syncDirectory(storage: Storage, { at }: Place): Promise<void> {
  const fd = await storage.open(posix.dirname(at), constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await storage.fsync(fd)
  } finally {
    await storage.close(fd)
  }
}
