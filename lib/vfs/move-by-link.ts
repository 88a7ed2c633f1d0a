import { errnoOf } from './errno.ts'
import type { Storage } from './storage.ts'

/**
 * Renames what is no directory to a name that must be free: a hard link fails where it is taken, so that there is
 * no moment in which somebody else's file could be lost.
 * @returns false where the file system has no hard links; then nothing happened.
 * @throws the storage's error, `EEXIST` where the name is taken.
 */
export async function moveByLink(storage: Storage, from: string, to: string): Promise<boolean> {
  try {
    await storage.link(from, to)
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'EOPNOTSUPP' || errno === 'ENOSYS' || errno === 'EPERM' || errno === 'EMLINK') return false
    throw error
  }
  try {
    await storage.unlink(from)
  } catch (error) {
    await storage.unlink(to).catch(() => undefined)
    throw error
  }
  return true
}
