import fc from 'fast-check'
import type { Arbitrary } from 'fast-check'

import { SSH_FXF } from '../../protocol/sftp/constants.ts'
import type { Attrs } from '../../protocol/sftp/attrs.ts'
import { PACES } from './sequence.ts'
import type { HandleRef, Operation, Path, Sequence } from './sequence.ts'

/** Few, so that they collide; what is left out and why: see exclusions.ts. */
const NAMES = ['a', 'b', 'c', 'd', 'e', 'l', 'm', 'd/a', 'd/b', 'd/e', 'd/e/a', 'd/l', 'l/a', 'l/e', 'm/a', 'b/a']
const ODD_NAMES = ['\xff\x01\x80', ' a ', '-rf', '~', '\'"\\`$', 'a\nb', '...', 'd/\xc3\xa4', '*', 'é']
const LONG_NAMES = ['x'.repeat(255), 'x'.repeat(256), `d/${'y'.repeat(255)}`, 'a/'.repeat(2100) + 'a']
/** The same places, spelt otherwise; what the sequence's directory itself is called: see play.ts. */
const SPELLINGS = [
  './a',
  'd//a',
  'd/./a',
  './/d/./e',
  '/a',
  '/d',
  '/d/a',
  '//l',
  '../w/a',
  '../w/d/e',
  '../o',
  '../o/a',
]

const path: Arbitrary<Path> = fc.oneof(
  { arbitrary: fc.constantFrom(...NAMES), weight: 20 },
  { arbitrary: fc.constantFrom(...SPELLINGS), weight: 2 },
  { arbitrary: fc.constantFrom(...ODD_NAMES, ...LONG_NAMES), weight: 2 },
  { arbitrary: fc.constantFrom('/'), weight: 1 },
)
/** Of what is looked at, or made. */
const pathOrSelf: Arbitrary<Path> = fc.oneof(
  { arbitrary: path, weight: 12 },
  { arbitrary: fc.constantFrom('.', '..'), weight: 1 },
)
const pathBelowRoot = pathOrSelf.filter((text) => text !== '/')

const linkText = fc.oneof(
  { arbitrary: fc.constantFrom('a', 'b', 'd', 'e', 'l', 'm', 'd/a', 'd/e', 'e/a', 'l/a', 'missing'), weight: 8 },
  {
    arbitrary: fc.constantFrom('../a', '../d', '.', '..', './a', 'd/../a', 'd/..', 'e/../a', '../w/d', 'd//a'),
    weight: 3,
  },
  {
    arbitrary: fc.constantFrom(
      'a/',
      'd/',
      'a/.',
      '',
      '\xfe\xff',
      'x'.repeat(256),
      'n/'.repeat(1500) + 'a',
      'y'.repeat(5000),
    ),
    weight: 1,
  },
)

const slot = fc.nat({ max: 2 })
const handle: Arbitrary<HandleRef> = fc.oneof(
  { arbitrary: slot, weight: 20 },
  {
    arbitrary: fc.constantFrom('', '\0', '\0\0\0\x63', '\xff\xff\xff\xff', 'h'.repeat(300)).map((bogus) => ({ bogus })),
    weight: 1,
  },
)

const { READ, WRITE, APPEND, CREAT, TRUNC, EXCL } = SSH_FXF
const USUAL_FLAGS = [
  READ,
  WRITE,
  READ | WRITE,
  WRITE | CREAT,
  READ | WRITE | CREAT,
  WRITE | CREAT | TRUNC,
  WRITE | CREAT | EXCL,
  WRITE | APPEND,
  WRITE | CREAT | APPEND,
  READ | WRITE | APPEND,
  READ | WRITE | CREAT | EXCL | TRUNC,
]
const pflags = fc.oneof(
  { arbitrary: fc.constantFrom(...USUAL_FLAGS), weight: 6 },
  { arbitrary: fc.nat({ max: 0x3f }), weight: 1 },
  { arbitrary: fc.constantFrom(0, 0x40, 0xffffffc2), weight: 1 },
)

const NEVER = [2n ** 63n, 2n ** 63n + 5n, 2n ** 64n - 1n]
const size = fc.oneof(
  { arbitrary: fc.constantFrom(0n, 1n, 4n, 5n, 12n, 100n, 4096n, 70_000n), weight: 9 },
  { arbitrary: fc.constantFrom(...NEVER), weight: 1 },
)
const readOffset = fc.oneof(
  { arbitrary: size, weight: 9 },
  { arbitrary: fc.constantFrom(2n ** 31n, 2n ** 32n, 2n ** 40n), weight: 1 },
)
const bytes = fc.oneof(
  { arbitrary: fc.constantFrom(0, 1, 3, 5, 100, 4096), weight: 12 },
  { arbitrary: fc.constantFrom(65_536, 255 * 1024), weight: 1 },
)
const len = fc.oneof({ arbitrary: bytes, weight: 9 }, { arbitrary: fc.constantFrom(262_144, 0xffffffff), weight: 1 })

const attrs: Arbitrary<Attrs> = fc.record(
  {
    size,
    owner: fc.constantFrom(
      { uid: 0, gid: 0 },
      { uid: 1000, gid: 1001 },
      { uid: 0xffffffff, gid: 0xffffffff },
      { uid: 0xfffffffe, gid: 0 },
    ),
    permissions: fc.constantFrom(
      0o644,
      0o600,
      0o755,
      0o700,
      0o777,
      0o444,
      0,
      0o100640,
      0o40711,
      0o4755,
      0o171717 & ~0o3000,
    ),
    // None is near the present: a time that is was set by the system.
    times: fc.constantFrom(
      { atime: 0, mtime: 0 },
      { atime: 1, mtime: 2 },
      { atime: 1_000_000_001, mtime: 1_000_000_000 },
      { atime: 0x7fffffff, mtime: 0x80000000 },
      { atime: 0xffffffff, mtime: 0xfffffffe },
    ),
    extended: fc.constantFrom([], [{ type: 'user.x', data: Buffer.from('1') }]),
  },
  { requiredKeys: [] },
)
const attrsWithTimes = attrs.map((each) =>
  each.size === undefined ? each : { times: { atime: 3, mtime: 4 }, ...each },
)
const attrsWithoutSize = attrs.map(({ size: _size, ...others }) => others)

const as = <K extends string>(...kinds: K[]): Arbitrary<K> => fc.constantFrom(...kinds)

const operation: Arbitrary<Operation> = fc.oneof(
  { arbitrary: fc.record({ kind: as('open'), path: pathOrSelf, pflags, attrs, slot }), weight: 10 },
  {
    arbitrary: fc.record({ kind: as('write'), handle, offset: size, length: bytes, byte: fc.nat({ max: 255 }) }),
    weight: 8,
  },
  { arbitrary: fc.record({ kind: as('read'), handle, offset: readOffset, len }), weight: 6 },
  { arbitrary: fc.record({ kind: as('opendir'), path: pathOrSelf, slot }), weight: 4 },
  { arbitrary: fc.record({ kind: as('readdir'), handle }), weight: 4 },
  { arbitrary: fc.record({ kind: as('close', 'fstat', 'fsync', 'fstatvfs'), handle }), weight: 6 },
  { arbitrary: fc.record({ kind: as('fsetstat'), handle, attrs }), weight: 3 },
  { arbitrary: fc.record({ kind: as('stat', 'lstat'), path: pathOrSelf }), weight: 5 },
  { arbitrary: fc.record({ kind: as('readlink', 'statvfs'), path: pathOrSelf }), weight: 2 },
  { arbitrary: fc.record({ kind: as('remove', 'rmdir'), path }), weight: 6 },
  {
    arbitrary: fc.record({
      kind: as('realpath'),
      path: fc.oneof({ arbitrary: pathOrSelf, weight: 9 }, fc.constant('')),
    }),
    weight: 3,
  },
  { arbitrary: fc.record({ kind: as('expandPath'), path: pathOrSelf, tilde: fc.boolean() }), weight: 1 },
  { arbitrary: fc.record({ kind: as('setstat'), path: pathBelowRoot, attrs: attrsWithTimes }), weight: 4 },
  {
    arbitrary: fc.record({
      kind: as('lsetstat'),
      path: pathBelowRoot,
      attrs: fc.oneof({ arbitrary: attrsWithoutSize, weight: 5 }, attrs),
    }),
    weight: 3,
  },
  { arbitrary: fc.record({ kind: as('mkdir'), path: pathOrSelf, attrs }), weight: 6 },
  { arbitrary: fc.record({ kind: as('rename', 'posixRename', 'hardlink'), oldpath: path, newpath: path }), weight: 10 },
  { arbitrary: fc.record({ kind: as('symlink'), target: linkText, path }), weight: 7 },
  {
    arbitrary: fc.record({
      kind: as('copyData'),
      from: handle,
      readOffset,
      length: size,
      to: handle,
      writeOffset: size,
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ kind: as('unknownExtension') }), weight: 1 },
)

/** An open file and what may collide in it: single operations seldom meet on one handle. */
const work: Arbitrary<Operation[]> = fc
  .record({
    path,
    slot,
    pflags: fc.constantFrom(READ | WRITE | CREAT, READ | WRITE | CREAT | TRUNC, READ | WRITE | CREAT | APPEND),
    onIt: fc.array(
      fc.oneof(
        fc.record({ kind: as('write'), offset: size, length: bytes, byte: fc.nat({ max: 255 }) }),
        fc.record({ kind: as('read'), offset: readOffset, len }),
        fc.record({ kind: as('fstat') }),
        fc.record({ kind: as('fsetstat'), attrs }),
      ),
      { minLength: 2, maxLength: 7 },
    ),
  })
  .map(({ path: opened, slot: handleSlot, pflags: flags, onIt }) => [
    { kind: 'open', path: opened, pflags: flags, attrs: {}, slot: handleSlot },
    ...onIt.map((each) => ({ ...each, handle: handleSlot })),
  ])

const MAX_OPERATIONS = 25

/** One to {@link MAX_OPERATIONS} operations. */
export const sequences: Arbitrary<Sequence> = fc
  .record({
    pace: fc.constantFrom(...PACES),
    planted: fc.boolean(),
    operations: fc
      .array(
        fc.oneof(
          {
            arbitrary: operation.map((each) => [each]),
            weight: 15,
          },
          { arbitrary: work, weight: 1 },
        ),
        { minLength: 1, maxLength: MAX_OPERATIONS, size: 'max' },
      )
      .map((groups) => groups.flat().slice(0, MAX_OPERATIONS)),
  })
  .map(withoutEndlessCopies)

/** A copy this long ends where the source ends, which one from a file to itself never does in sftp-server. */
const ENDLESS_BYTES = 1024n * 1024n

function withoutEndlessCopies(sequence: Sequence): Sequence {
  const operations = sequence.operations.map((each, index) => {
    if (each.kind !== 'copyData' || (each.length > 0n && each.length < ENDLESS_BYTES)) return each
    return mayCopyToItself(sequence, index, each) ? { ...each, length: 4096n } : each
  })
  return { ...sequence, operations }
}

/** Two paths mean two files for sure when no link is there, nothing was renamed, and both are spelt plainly. */
function mayCopyToItself(sequence: Sequence, index: number, { from, to }: { from: HandleRef; to: HandleRef }): boolean {
  const before = sequence.operations.slice(0, index)
  if (before.some(({ kind }) => ['symlink', 'hardlink', 'rename', 'posixRename'].includes(kind))) return true
  const paths = before.flatMap((each) =>
    each.kind === 'open' && (each.slot === from || each.slot === to) ? [each.path] : [],
  )
  return paths.some((text) => !NAMES.includes(text) || (sequence.planted && PLANTED_LINKS.test(text)))
}

const PLANTED_LINKS = /^(l|d\/l)(\/|$)/
