import { mkdir, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { checkSame } from '../harness/check.ts'
import { writeRandomFile } from '../harness/files.ts'

/** Whole seconds, as SFTP version 3 has no finer times: 2001-09-09 and 2014-05-13. */
export const ACCESSED = 1_000_000_000
export const MODIFIED = 1_400_000_000

/** Files of odd sizes, directories in directories, an empty one of each, and names with blanks. */
export async function plantTree(root: string): Promise<void> {
  await mkdir(join(root, 'deep/deeper/deepest'), { recursive: true })
  await mkdir(join(root, 'nothing in it'))
  await writeFile(join(root, 'empty'), '')
  await writeRandomFile(join(root, 'some'), 100_001)
  await writeRandomFile(join(root, 'deep/two words'), 32_769)
  await writeRandomFile(join(root, 'deep/deeper/deepest/last'), 1)
}

/** Links to a file and to a directory, for clients that keep links. */
export async function plantLinks(root: string): Promise<void> {
  await symlink('some', join(root, 'link'))
  await symlink('deeper', join(root, 'deep/link to a directory'))
}

/** A small file whose mode and times are no defaults. */
export async function plantMarked(path: string): Promise<void> {
  await writeFile(path, 'contents', { mode: 0o640 })
  await utimes(path, ACCESSED, MODIFIED)
}

export async function checkModified(path: string): Promise<void> {
  checkSame((await stat(path)).mtimeMs / 1000, MODIFIED, `modification time of ${path}`)
}

export async function checkMode(path: string, mode: string): Promise<void> {
  checkSame(((await stat(path)).mode & 0o7777).toString(8), mode, `mode of ${path}`)
}

/** For what {@link plantMarked} made, after a client has copied it. */
export async function checkMarks(path: string): Promise<void> {
  await checkModified(path)
  checkSame((await stat(path)).atimeMs / 1000, ACCESSED, 'access time')
  await checkMode(path, '640')
}
