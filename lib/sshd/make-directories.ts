import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'

/**
 * Makes a directory and the parents it lacks. Step by step: Node's recursive mkdir never returns where a file
 * system answers ENOENT, as Linux's /proc does, and takes a thread with it.
 * @returns whether the directory itself was made; false when it was there.
 * @throws the system's error, ENOTDIR where something else has its name.
 */
export async function makeDirectories(directory: string): Promise<boolean> {
  try {
    return await make(directory)
  } catch (error) {
    const parent = path.dirname(directory)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === directory) throw error
    // Where the parent is there, somebody else may have made it just now: one more try will tell.
    if (!(await exists(parent))) await makeDirectories(parent)
    return make(directory)
  }
}

async function make(directory: string): Promise<boolean> {
  try {
    await mkdir(directory)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return isThere(directory)
    throw error
  }
}

async function isThere(directory: string): Promise<false> {
  const stats = await stat(directory)
  if (stats.isDirectory()) return false
  throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${directory}'`), { code: 'ENOTDIR' })
}

async function exists(directory: string): Promise<boolean> {
  try {
    await stat(directory)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
