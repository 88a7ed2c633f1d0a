import { constants } from 'node:fs'
import type { Stats } from 'node:fs'
import { FsError } from '../../protocol/filesystem.ts'
import { O_PATH } from './confinement.ts'
import { MODE_BITS } from './attributes.ts'
import type { Storage } from './storage.ts'
import { walkTree } from './walk-tree.ts'
import type { Step } from './walk-tree.ts'

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants

/**
 * Copies a file, a link or a directory tree to `to`, a host path that must be free, with modes, owners and times,
 * and puts its data on stable storage. Links stay links. Names of one file become files of their own.
 * @returns the sizes of the regular files that were made.
 * @throws FsError `failure` for what can only be where it is (devices, sockets), and for a file that changed
 * meanwhile; what was copied by then stays, for the caller to remove.
 */
export async function copyTree(storage: Storage, from: string, to: string): Promise<{ size: number }[]> {
  const made: { size: number }[] = []
  /** The copies of the directories that the walk is in. */
  const directories: number[] = []
  const place = ({ name }: Step, inside: number | undefined): string =>
    inside === undefined ? to : `/proc/self/fd/${inside}/${name}`
  try {
    for await (const step of walkTree(storage, from)) {
      if (step.kind === 'enter') {
        const at = place(step, directories.at(-1))
        await storage.mkdir(at, 0o700)
        directories.push(await storage.open(at, O_PATH | O_DIRECTORY | O_NOFOLLOW))
      } else if (step.kind === 'leave') {
        const copy = directories.pop() as number
        try {
          await keepAttributes(storage, `/proc/self/fd/${copy}`, step.stats)
        } finally {
          storage.closeSync(copy)
        }
      } else if (step.stats.isSymbolicLink()) {
        await copyLink(storage, step, place(step, directories.at(-1)))
      } else if (step.stats.isFile()) {
        made.push(await copyFile(storage, step, place(step, directories.at(-1))))
      } else {
        throw new FsError('failure', 'Only files, directories and links can go to another file system')
      }
    }
    return made
  } finally {
    for (const copy of directories) storage.closeSync(copy)
  }
}

/** Removes what {@link copyTree} could copy; `removed` is told of every name that is gone, with what it meant. */
export async function removeTree(
  storage: Storage,
  top: string,
  removed?: (stats: Stats) => Promise<void>,
): Promise<void> {
  for await (const { kind, at, stats } of walkTree(storage, top)) {
    if (kind === 'enter') continue
    await (kind === 'leave' ? storage.rmdir(at) : storage.unlink(at))
    await removed?.(stats)
  }
}

async function copyFile(storage: Storage, { at, stats }: Step, to: string): Promise<{ size: number }> {
  await storage.copyFile(at, to)
  const fd = await storage.open(to, O_RDONLY | O_NOFOLLOW)
  try {
    const [now, copy] = [await storage.lstat(at), await storage.fstat(fd)]
    if (now.ino !== stats.ino || now.mtimeMs !== stats.mtimeMs || copy.size !== now.size) {
      throw new FsError('failure', 'The file changes while it is moved')
    }
    await keepAttributes(storage, `/proc/self/fd/${fd}`, stats)
    await storage.fsync(fd)
    return copy
  } finally {
    await storage.close(fd)
  }
}

async function copyLink(storage: Storage, { at, stats }: Step, to: string): Promise<void> {
  await storage.symlink(await storage.readlink(at), to)
  await storage.lchown(to, stats.uid, stats.gid).catch(() => undefined)
  await storage.lutimes(to, stats.atimeMs / 1000, stats.mtimeMs / 1000)
}

/** Who may not give files away keeps them: then they belong to whoever moved them, as with mv(1). */
async function keepAttributes(storage: Storage, at: string, stats: Stats): Promise<void> {
  await storage.chown(at, stats.uid, stats.gid).catch(() => undefined)
  await storage.chmod(at, stats.mode & MODE_BITS)
  await storage.utimes(at, stats.atimeMs / 1000, stats.mtimeMs / 1000)
}
