import { readFile, realpath } from 'node:fs/promises'

/** Of this process: all that is mounted where it can see it, one a line (proc(5)). */
const MOUNTS_FILE = '/proc/self/mountinfo'

/**
 * Whether something is mounted somewhere below a directory, on host paths of one character a byte. Where
 * that cannot be found out: yes.
 */
export async function hasMountBelow(directory: string, mountsFile = MOUNTS_FILE): Promise<boolean> {
  try {
    const real = (await realpath(Buffer.from(directory, 'latin1'), { encoding: 'buffer' })).toString('latin1')
    const below = real === '/' ? '/' : `${real}/`
    return mountPoints(await readFile(mountsFile, 'latin1')).some((point) => point !== '/' && point.startsWith(below))
  } catch {
    return true
  }
}

/** The fifth field; blanks and backslashes in it are written as three octal digits. */
function mountPoints(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const point = line.split(' ')[4]
      if (point === undefined) throw new Error('a line without a mount point')
      return point.replace(/\\([0-7]{3})/g, (_escape, digits: string) => String.fromCharCode(parseInt(digits, 8)))
    })
}
