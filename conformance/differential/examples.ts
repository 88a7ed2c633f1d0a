import { SSH_FXF } from '../../protocol/sftp/constants.ts'
import type { Operation, Sequence } from './sequence.ts'

/** A sequence that shows a known difference, so that the list of those holds none that is gone. */
export interface Example {
  /** Begins the difference's `what`. */
  difference: string
  sequence: Sequence
}

const { READ, WRITE, CREAT } = SSH_FXF

const planted = (...operations: Operation[]): Sequence => ({ pace: 'stepwise', planted: true, operations })
const open = (path: string, pflags: number, slot: number): Operation => ({
  kind: 'open',
  path,
  pflags,
  attrs: {},
  slot,
})
const copy = (length: bigint): Operation => ({
  kind: 'copyData',
  from: 0,
  readOffset: 0n,
  length,
  to: 1,
  writeOffset: 100n,
})

/** Three have none: permissions do not bind root, and how requests meet is up to chance. */
export const EXAMPLES: readonly Example[] = [
  {
    difference: 'READDIR leaves out `.` and `..`',
    sequence: planted({ kind: 'opendir', path: 'd', slot: 0 }, { kind: 'readdir', handle: 0 }),
  },
  {
    difference: 'READDIR knows its directory',
    sequence: planted(
      { kind: 'opendir', path: 'd', slot: 0 },
      { kind: 'rename', oldpath: 'd', newpath: 'b' },
      { kind: 'readdir', handle: 0 },
    ),
  },
  {
    difference: 'setuid bits are dropped',
    sequence: planted(
      { kind: 'setstat', path: 'a', attrs: { permissions: 0o4755 } },
      { kind: 'stat', path: 'a' },
      { kind: 'opendir', path: '.', slot: 0 },
      { kind: 'readdir', handle: 0 },
    ),
  },
  { difference: 'the root itself', sequence: planted({ kind: 'rmdir', path: '/' }) },
  {
    difference: 'with two names',
    sequence: planted({ kind: 'rename', oldpath: 'x'.repeat(256), newpath: 'nothing/b' }),
  },
  {
    difference: 'SETSTAT and LSETSTAT of nothing',
    sequence: planted({ kind: 'setstat', path: 'y'.repeat(5000), attrs: {} }),
  },
  {
    difference: 'RENAME refuses every name that is taken',
    sequence: planted(
      { kind: 'symlink', target: 'nothing', path: 'm' },
      { kind: 'rename', oldpath: 'd', newpath: 'm' },
    ),
  },
  {
    difference: 'copy-data within one file',
    sequence: planted(open('a', READ, 0), open('a', WRITE, 1), copy(5n)),
  },
  {
    difference: 'copy-data of more than the source has',
    sequence: planted(open('a', READ, 0), open('b', WRITE | CREAT, 1), copy(200_000n)),
  },
  {
    difference: 'copy-data fails when a handle is not open for it',
    sequence: planted(open('a', WRITE, 0), open('b', WRITE | CREAT, 1), copy(5n)),
  },
  {
    difference: 'REALPATH and expand-path',
    sequence: planted({ kind: 'symlink', target: 'a/', path: 'b' }, { kind: 'realpath', path: 'b' }),
  },
]
