import { constants } from 'node:fs'
import type { Stats } from 'node:fs'
import { O_PATH } from './confinement.ts'
import type { DirectoryStream, Storage } from './storage.ts'

const { O_DIRECTORY, O_NOFOLLOW } = constants

const NAMES_AT_ONCE = 256

/** What a walk comes upon; a directory once before what is in it, and once after. */
export interface Step {
  kind: 'leaf' | 'enter' | 'leave'
  /** Host path, good until the walk goes on. */
  at: string
  /** In its directory, one character a byte; `''` for the top. */
  name: string
  stats: Stats
}

interface Level {
  fd: number
  stream: DirectoryStream
  /** Read already; the next one is the last. */
  names: string[]
  step: Step
}

/**
 * Walks a directory tree, or a single file, from `top` down: links are not followed, and every directory is
 * entered through its open parent, so that the walk stays in the tree whatever is swapped meanwhile. What
 * vanishes meanwhile is left out. As deep as the tree, as many descriptors are open.
 */
export async function* walkTree(storage: Storage, top: string): AsyncGenerator<Step, void, void> {
  const levels: Level[] = []
  try {
    let next: { at: string; name: string } | undefined = { at: top, name: '' }
    for (;;) {
      if (next !== undefined) {
        const step = await look(storage, next)
        if (step?.kind === 'enter') levels.push(await enter(storage, step))
        if (step !== undefined) yield step
      }
      const level = levels.at(-1)
      if (level === undefined) return
      if (level.names.length === 0) level.names = [...(await level.stream.read(NAMES_AT_ONCE))].toReversed()
      const name = level.names.pop()
      next = name === undefined ? undefined : { at: `/proc/self/fd/${level.fd}/${name}`, name }
      if (next === undefined) {
        levels.pop()
        await leave(storage, level)
        yield { ...level.step, kind: 'leave' }
      }
    }
  } finally {
    for (const level of levels.toReversed()) await leave(storage, level)
  }
}

async function look(storage: Storage, { at, name }: { at: string; name: string }): Promise<Step | undefined> {
  try {
    const stats = await storage.lstat(at)
    return { kind: stats.isDirectory() ? 'enter' : 'leaf', at, name, stats }
  } catch (error) {
    // The top must be there.
    if (name !== '' && error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function enter(storage: Storage, step: Step): Promise<Level> {
  const fd = await storage.open(step.at, O_PATH | O_DIRECTORY | O_NOFOLLOW)
  try {
    return { fd, stream: await storage.opendir(`/proc/self/fd/${fd}`), names: [], step }
  } catch (error) {
    storage.closeSync(fd)
    throw error
  }
}

async function leave(storage: Storage, { fd, stream }: Level): Promise<void> {
  await stream.close().catch(() => undefined)
  storage.closeSync(fd)
}
