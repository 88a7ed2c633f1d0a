import { constants } from 'node:fs'
import { open, rmdir } from 'node:fs/promises'
import { makeDirectories } from './make-directories.ts'

/** Ids for chown(2), where -1 leaves that half as it is. */
export interface Owner {
  uid: number
  gid: number
}

/**
 * Makes a home directory where there is none, and the parents it lacks. The home is `owner`'s, its parents stay the
 * server's, so that the account cannot move its home away.
 * @throws the system's error; a home that could not be given away is not left behind.
 */
export async function makeHome(directory: string, owner: Owner | undefined): Promise<void> {
  if (!(await makeDirectories(directory)) || owner === undefined) return
  try {
    // By descriptor: whoever may write in the parent could put a link in its place.
    const home = await open(directory, constants.O_DIRECTORY | constants.O_NOFOLLOW)
    try {
      await home.chown(owner.uid, owner.gid)
    } finally {
      await home.close()
    }
  } catch (error) {
    await rmdir(directory).catch(() => undefined)
    throw error
  }
}
