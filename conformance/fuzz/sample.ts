import { FsError } from '../../protocol/filesystem.ts'
import type { FsErrorKind } from '../../protocol/filesystem.ts'
import type { Call } from '../../protocol/testing/hooks.ts'
import { MemoryFileSystem } from '../../protocol/testing/memory-filesystem.ts'
import type { Plan } from './input.ts'
import type { Random } from './random.ts'

/** More than a READDIR gives at once. */
const MANY = 300
const CONTENTS = Buffer.from('0123456789abcdef'.repeat(20))

/** What a session finds: something of every kind, under names that the generator knows. */
export function sampleFileSystem({ manyEntries }: Plan): MemoryFileSystem {
  const fs = new MemoryFileSystem()
  fs.addFile('/a', CONTENTS)
  fs.addDirectory('/d')
  fs.addFile('/d/a', 'inner')
  fs.addDirectory('/d/e')
  fs.addLink('/link', 'a')
  fs.addLink('/dangling', 'nowhere')
  fs.addLink('/loop', 'loop')
  fs.addLink('/dlink', '/d')
  fs.addDirectory('/many')
  if (manyEntries) for (let index = 0; index < MANY; index++) fs.addFile(`/many/${index}`)
  return fs
}

const FAULTS: readonly FsErrorKind[] = [
  'not-found',
  'permission',
  'exists',
  'quota',
  'no-space',
  'unsupported',
  'invalid',
  'failure',
]

/** Not an FsError: a bug below the engine, of which the client learns nothing. */
export class InjectedFault extends Error {
  constructor() {
    super('injected')
  }
}

/** Fails one call in some; those that the port says never fail do not. @throws FsError, or InjectedFault */
export function injectFault({ name }: Call, random: Random): void {
  if (name === 'file.abort' || name === 'directory.close' || !random.oneIn(6)) return
  if (random.oneIn(4)) throw new InjectedFault()
  throw new FsError(random.pick(FAULTS), 'Injected')
}
