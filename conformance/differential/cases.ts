import { SSH_FXF } from '../../protocol/sftp/constants.ts'
import type { Sequence } from './sequence.ts'

/** A difference that was found once, as the shortest sequence that shows it. */
export interface Case {
  /** What both servers do. */
  name: string
  sequence: Sequence
}

const { READ, WRITE, APPEND, CREAT, TRUNC } = SSH_FXF
const NEVER = 2n ** 63n

const stepwise = { pace: 'stepwise', planted: false } as const
const planted = { pace: 'stepwise', planted: true } as const

/** Names as random sequences have them: see PLANTED for what is there at the beginning. */
export const CASES: readonly Case[] = [
  {
    name: 'CLOSE of no handle: NO_SUCH_FILE',
    sequence: { ...stepwise, operations: [{ kind: 'close', handle: 0 }] },
  },
  {
    name: 'fsync of no handle: NO_SUCH_FILE',
    sequence: { ...stepwise, operations: [{ kind: 'fsync', handle: 0 }] },
  },
  {
    name: 'fsync of a directory',
    sequence: {
      ...stepwise,
      operations: [
        { kind: 'opendir', path: '.', slot: 0 },
        { kind: 'fsync', handle: 0 },
      ],
    },
  },
  {
    name: 'SETSTAT of a size that a directory cannot have applies the rest',
    sequence: {
      ...stepwise,
      operations: [
        { kind: 'setstat', path: '.', attrs: { size: 0n, permissions: 0o700, times: { atime: 0, mtime: 0 } } },
      ],
    },
  },
  {
    name: 'SETSTAT and LSETSTAT of nothing look at nothing',
    sequence: {
      ...stepwise,
      operations: [
        { kind: 'setstat', path: 'a', attrs: {} },
        { kind: 'lsetstat', path: 'a', attrs: {} },
      ],
    },
  },
  {
    name: 'LSETSTAT of the mode that a link cannot have applies the rest',
    sequence: {
      ...planted,
      operations: [
        {
          kind: 'lsetstat',
          path: 'd/l',
          attrs: { owner: { uid: 1000, gid: 1001 }, permissions: 0o644, times: { atime: 0, mtime: 0 } },
        },
      ],
    },
  },
  {
    name: 'LSETSTAT of a size: BAD_MESSAGE, whatever is there',
    sequence: { ...stepwise, operations: [{ kind: 'lsetstat', path: 'm/a', attrs: { size: 0n } }] },
  },
  {
    name: 'SETSTAT of a size that no file has: BAD_MESSAGE, whatever is there',
    sequence: { ...stepwise, operations: [{ kind: 'setstat', path: 'a', attrs: { size: NEVER } }] },
  },
  {
    name: 'READ of no bytes: DATA without any',
    sequence: {
      ...planted,
      operations: [
        { kind: 'open', path: 'a', pflags: 0, attrs: {}, slot: 0 },
        { kind: 'read', handle: 0, offset: 0n, len: 0 },
        { kind: 'read', handle: 0, offset: 100n, len: 0 },
      ],
    },
  },
  {
    name: 'READ of no bytes from a handle that is open to write',
    sequence: {
      ...stepwise,
      operations: [
        { kind: 'open', path: 'a', pflags: WRITE | CREAT, attrs: {}, slot: 1 },
        { kind: 'read', handle: 1, offset: 0n, len: 0 },
      ],
    },
  },
  {
    name: 'WRITE at 2^63 to a handle that is open to read: BAD_MESSAGE',
    sequence: {
      ...planted,
      operations: [
        { kind: 'open', path: 'a', pflags: 0, attrs: {}, slot: 1 },
        { kind: 'write', handle: 1, offset: NEVER, length: 0, byte: 0 },
      ],
    },
  },
  {
    name: 'WRITE at 2^63 to a handle that appends: the offset means nothing',
    sequence: {
      ...planted,
      operations: [
        { kind: 'open', path: 'a', pflags: WRITE | APPEND, attrs: {}, slot: 1 },
        { kind: 'write', handle: 1, offset: NEVER, length: 3, byte: 1 },
        { kind: 'open', path: 'a', pflags: CREAT | APPEND, attrs: {}, slot: 2 },
        { kind: 'write', handle: 2, offset: NEVER, length: 3, byte: 1 },
      ],
    },
  },
  {
    name: 'OPEN with TRUNC truncates what is open to read',
    sequence: { ...planted, operations: [{ kind: 'open', path: 'a', pflags: TRUNC, attrs: {}, slot: 0 }] },
  },
  {
    name: 'OPEN of the root: FAILURE',
    sequence: { ...stepwise, operations: [{ kind: 'open', path: '/', pflags: READ, attrs: {}, slot: 0 }] },
  },
  {
    name: 'OPEN, FSTATVFS of its handle: each in its turn, sent together',
    sequence: {
      pace: 'blind',
      planted: true,
      operations: [
        { kind: 'open', path: 'a', pflags: READ, attrs: {}, slot: 0 },
        { kind: 'fstatvfs', handle: 0 },
      ],
    },
  },
  {
    name: 'RENAME of a directory onto a dangling link of its own',
    sequence: {
      ...planted,
      operations: [
        { kind: 'remove', path: 'a' },
        { kind: 'rename', oldpath: 'd', newpath: 'd/l' },
      ],
    },
  },
  {
    name: 'copy-data from a handle to itself: FAILURE before all else',
    sequence: {
      ...stepwise,
      operations: [
        { kind: 'open', path: 'a', pflags: CREAT | TRUNC, attrs: {}, slot: 0 },
        { kind: 'copyData', from: 0, readOffset: 0n, length: 0n, to: 0, writeOffset: 0n },
      ],
    },
  },
  {
    name: 'copy-data to no handle: FAILURE before the source is asked',
    sequence: {
      ...stepwise,
      operations: [
        { kind: 'open', path: 'a', pflags: WRITE | CREAT, attrs: {}, slot: 1 },
        { kind: 'copyData', from: 1, readOffset: 0n, length: 0n, to: 0, writeOffset: 0n },
      ],
    },
  },
  {
    name: 'copy-data of more than there is: OK, and what there is',
    sequence: {
      ...planted,
      operations: [
        { kind: 'open', path: 'a', pflags: READ, attrs: {}, slot: 2 },
        { kind: 'open', path: 'e', pflags: WRITE | CREAT, attrs: {}, slot: 1 },
        { kind: 'copyData', from: 2, readOffset: 0n, length: 4096n, to: 1, writeOffset: 0n },
      ],
    },
  },
  {
    name: 'copy-data to 2^63: BAD_MESSAGE before the source is asked',
    sequence: {
      ...stepwise,
      operations: [
        { kind: 'open', path: 'a', pflags: WRITE | CREAT, attrs: {}, slot: 0 },
        { kind: 'open', path: 'l', pflags: WRITE | CREAT, attrs: {}, slot: 2 },
        { kind: 'copyData', from: 0, readOffset: 0n, length: 100n, to: 2, writeOffset: NEVER },
      ],
    },
  },
  {
    name: 'copy-data to 2^63 of a handle that appends: the offset means nothing',
    sequence: {
      ...planted,
      operations: [
        { kind: 'open', path: 'a', pflags: READ, attrs: {}, slot: 1 },
        { kind: 'open', path: 'e', pflags: WRITE | CREAT | APPEND, attrs: {}, slot: 0 },
        { kind: 'copyData', from: 1, readOffset: 0n, length: 0n, to: 0, writeOffset: NEVER },
      ],
    },
  },
  {
    name: 'a link text that ends in `/` makes no file',
    sequence: {
      ...stepwise,
      operations: [
        { kind: 'symlink', target: 'a/', path: 'm' },
        { kind: 'realpath', path: 'm' },
        { kind: 'open', path: 'm', pflags: WRITE | CREAT, attrs: {}, slot: 0 },
      ],
    },
  },
  {
    name: 'a link text that ends in `/` means no file',
    sequence: {
      ...planted,
      operations: [
        { kind: 'symlink', target: 'a/', path: 'c' },
        { kind: 'open', path: 'c', pflags: READ, attrs: {}, slot: 1 },
        { kind: 'stat', path: 'c' },
      ],
    },
  },
  {
    name: 'a link text that ends in `/` and means itself',
    sequence: {
      ...stepwise,
      operations: [
        { kind: 'symlink', target: 'a/', path: 'a' },
        { kind: 'open', path: 'a', pflags: WRITE | CREAT, attrs: {}, slot: 0 },
      ],
    },
  },
  {
    name: 'a link text that ends in `/.` is walked into',
    sequence: {
      ...stepwise,
      operations: [
        { kind: 'symlink', target: 'a/.', path: 'l' },
        { kind: 'open', path: 'l', pflags: READ | WRITE | CREAT, attrs: {}, slot: 0 },
      ],
    },
  },
  {
    name: 'copy-data of 2^63 bytes: what there is',
    sequence: {
      ...planted,
      operations: [
        { kind: 'open', path: 'a', pflags: READ, attrs: {}, slot: 2 },
        { kind: 'open', path: 'd/e/a', pflags: WRITE | CREAT, attrs: {}, slot: 1 },
        { kind: 'copyData', from: 2, readOffset: 0n, length: NEVER, to: 1, writeOffset: 0n },
      ],
    },
  },
  {
    name: 'a RENAME that fails is over before what follows makes it possible',
    sequence: {
      pace: 'blind',
      planted: false,
      operations: [
        { kind: 'rename', oldpath: 'a', newpath: 'l/e' },
        { kind: 'mkdir', path: 'l', attrs: {} },
        { kind: 'symlink', target: '../a', path: 'a' },
      ],
    },
  },
  {
    name: 'the failure that SETSTAT tells of is that of the owner, then of the times, then of the mode',
    sequence: {
      ...planted,
      operations: [{ kind: 'lsetstat', path: 'l', attrs: { owner: { uid: 0, gid: 0 }, permissions: 0o644 } }],
    },
  },
  {
    name: 'a directory that was open is out of reach when the one above may not be searched any more',
    sequence: {
      ...planted,
      operations: [
        { kind: 'stat', path: 'd/a' },
        { kind: 'setstat', path: '.', attrs: { permissions: 0o644 } },
        { kind: 'stat', path: 'd/a' },
        { kind: 'mkdir', path: 'd/b', attrs: {} },
      ],
    },
  },
]
