import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Unnumbered } from '../testing/client.ts'
import { hex } from '../testing/hex.ts'
import { MemoryFileSystem } from '../testing/memory-filesystem.ts'
import { MemorySession } from '../testing/session.ts'
import { SSH_FX } from './constants.ts'

const hash = (algorithm: string, data: string | Buffer): Buffer => createHash(algorithm).update(data).digest()

/** Handles in the order of opening: /a to read and write, /b likewise, /a to read, /b to write, /d. */
const [a, b, aRead, bWrite, d] = ['00000000', '00000001', '00000002', '00000003', '00000004'].map(hex) as [
  Buffer,
  Buffer,
  Buffer,
  Buffer,
  Buffer,
]

async function sample(): Promise<{ fs: MemoryFileSystem; session: MemorySession }> {
  const fs = new MemoryFileSystem({ digest: hash })
  fs.addFile('/a', 'hello world')
  fs.addFile('/b', 'other')
  fs.addDirectory('/d')
  fs.addLink('/link', 'a')
  const session = await MemorySession.start({ fs, username: 'jö', limits: { maxHandles: 8 } })
  for (const [filename, pflags] of [
    ['/a', 3],
    ['/b', 3],
    ['/a', 1],
    ['/b', 2],
  ] as const) {
    await session.client.request({ kind: 'open', filename, pflags, attrs: {} })
  }
  await session.client.request({ kind: 'opendir', path: '/d' })
  return { fs, session }
}

interface Row {
  rule: string
  send: Unnumbered
  reply: object
  tree?: Record<string, unknown>
}

const ok = { kind: 'status', code: SSH_FX.OK }
const failure = { kind: 'status', code: SSH_FX.FAILURE }
const noSuchFile = { kind: 'status', code: SSH_FX.NO_SUCH_FILE }
const volume = {
  kind: 'statvfsReply',
  blockSize: 4096n,
  fragmentSize: 4096n,
  blocks: 1000n,
  freeBlocks: 500n,
  availableBlocks: 400n,
  files: 100n,
  freeFiles: 50n,
  availableFiles: 40n,
  filesystemId: 7n,
  flags: 0n,
  maxNameBytes: 255n,
}

function copy(from: Buffer, readOffset: bigint, length: bigint, to: Buffer, writeOffset: bigint): Unnumbered {
  return { kind: 'copyData', readHandle: from, readOffset, length, writeHandle: to, writeOffset }
}

function check(handle: Buffer, algorithms: string, offset = 0n, length = 0n, blockSize = 0): Unnumbered {
  return { kind: 'checkFileHandle', handle, algorithms, offset, length, blockSize }
}

function hashed(algorithm: string, ...parts: string[]): object {
  const hashes = Buffer.concat(parts.map((part) => hash(algorithm, part)))
  return { kind: 'checkFileReply', extension: 'check-file', algorithm, hashes }
}

const ROWS: Row[] = [
  {
    rule: 'check-file is check-file-handle by the name that is announced',
    send: { kind: 'checkFile', handle: a, algorithms: 'md5', offset: 0n, length: 0n, blockSize: 0 },
    reply: hashed('md5', 'hello world'),
  },
  {
    rule: 'posix-rename replaces',
    send: { kind: 'posixRename', oldpath: '/a', newpath: '/b' },
    reply: ok,
    tree: { '/b': { contents: 'hello world' } },
  },
  {
    rule: 'posix-rename of what is missing',
    send: { kind: 'posixRename', oldpath: '/x', newpath: '/b' },
    reply: noSuchFile,
  },
  { rule: 'statvfs', send: { kind: 'statvfs', path: '/d' }, reply: volume },
  { rule: 'statvfs of what is missing', send: { kind: 'statvfs', path: '/x' }, reply: noSuchFile },
  { rule: 'fstatvfs', send: { kind: 'fstatvfs', handle: a }, reply: volume },
  { rule: 'fstatvfs of no handle', send: { kind: 'fstatvfs', handle: hex('') }, reply: failure },
  {
    rule: 'hardlink gives a file a second name',
    send: { kind: 'hardlink', oldpath: '/a', newpath: '/c' },
    reply: ok,
    tree: { '/a': { links: 2 }, '/c': { links: 2, contents: 'hello world' } },
  },
  { rule: 'hardlink never replaces', send: { kind: 'hardlink', oldpath: '/a', newpath: '/b' }, reply: failure },
  { rule: 'fsync', send: { kind: 'fsync', handle: a }, reply: ok },
  { rule: 'fsync of a directory', send: { kind: 'fsync', handle: d }, reply: noSuchFile },
  {
    rule: 'lsetstat acts on the link',
    send: { kind: 'lsetstat', path: '/link', attrs: { times: { atime: 1, mtime: 2 } } },
    reply: ok,
    tree: { '/link': { attrs: { times: { atime: 1, mtime: 2 } } }, '/a': { attrs: { times: { atime: 0, mtime: 0 } } } },
  },
  {
    rule: 'limits',
    send: { kind: 'limits' },
    reply: {
      kind: 'limitsReply',
      maxPacketLength: 262144n,
      maxReadLength: 261120n,
      maxWriteLength: 261120n,
      maxOpenHandles: 8n,
    },
  },
  { rule: 'expand-path of ~', send: { kind: 'expandPath', path: '~' }, reply: { entries: [{ filename: '/' }] } },
  {
    rule: 'expand-path of ~/',
    send: { kind: 'expandPath', path: '~/d/..//b' },
    reply: { entries: [{ filename: '/b' }] },
  },
  {
    rule: "expand-path of the account's own name, whose bytes are UTF-8",
    send: { kind: 'expandPath', path: '~j\xc3\xb6/d' },
    reply: { entries: [{ filename: '/d' }] },
  },
  { rule: 'expand-path of another name', send: { kind: 'expandPath', path: '~root/d' }, reply: noSuchFile },
  {
    rule: 'expand-path without a tilde in front',
    send: { kind: 'expandPath', path: 'd~' },
    reply: { entries: [{ filename: '/d~' }] },
  },
  { rule: 'home-directory', send: { kind: 'homeDirectory', username: '' }, reply: { entries: [{ filename: '/' }] } },
  {
    rule: 'home-directory of the account',
    send: { kind: 'homeDirectory', username: 'jö' },
    reply: { entries: [{ filename: '/' }] },
  },
  { rule: 'home-directory of another', send: { kind: 'homeDirectory', username: 'root' }, reply: failure },
  {
    rule: 'users-groups-by-id gives each id the empty name',
    send: { kind: 'usersGroupsById', uids: hex('00000001 00000002'), gids: hex('00000003') },
    reply: { kind: 'usersGroupsReply', usernames: hex('00000000 00000000'), groupnames: hex('00000000') },
  },
  {
    rule: 'space-available counts in bytes',
    send: { kind: 'spaceAvailable', path: '/' },
    reply: {
      kind: 'spaceAvailableReply',
      bytesOnDevice: 4096000n,
      unusedBytesOnDevice: 2048000n,
      bytesAvailableToUser: 4096000n,
      unusedBytesAvailableToUser: 1638400n,
      bytesPerAllocationUnit: 4096,
    },
  },
  { rule: 'vendor-id', send: { kind: 'vendorId', vendor: 'v', product: 'p', version: '1', build: 1n }, reply: ok },

  { rule: 'copy-data to the end', send: copy(a, 6n, 0n, b, 0n), reply: ok, tree: { '/b': { contents: 'world' } } },
  { rule: 'copy-data of a part', send: copy(a, 0n, 5n, b, 5n), reply: ok, tree: { '/b': { contents: 'otherhello' } } },
  {
    rule: 'copy-data of more than there is copies what there is',
    send: copy(b, 3n, 100n, a, 0n),
    reply: ok,
    tree: { '/a': { contents: 'erllo world' } },
  },
  {
    // OpenSSH's server refuses it, whether the ranges overlap or not.
    rule: 'copy-data from a handle to itself',
    send: copy(a, 0n, 5n, a, 11n),
    reply: failure,
    tree: { '/a': { contents: 'hello world' } },
  },
  {
    rule: 'copy-data onto itself',
    send: copy(a, 0n, 5n, a, 4n),
    reply: failure,
    tree: { '/a': { contents: 'hello world' } },
  },
  {
    rule: 'copy-data onto itself through two handles',
    send: copy(aRead, 0n, 5n, a, 4n),
    reply: failure,
    tree: { '/a': { contents: 'hello world' } },
  },
  { rule: 'copy-data from a handle that is not open to read', send: copy(bWrite, 0n, 0n, a, 0n), reply: noSuchFile },
  {
    rule: 'copy-data into a handle that is not open to write',
    send: copy(b, 0n, 0n, aRead, 0n),
    reply: noSuchFile,
    tree: { '/a': { contents: 'hello world' } },
  },
  { rule: 'copy-data from a directory', send: copy(d, 0n, 0n, a, 0n), reply: failure },
  { rule: 'copy-data from 2^63', send: copy(a, 1n << 63n, 1n, b, 0n), reply: { code: SSH_FX.BAD_MESSAGE } },
  { rule: 'copy-data from 2^53', send: copy(a, 1n << 53n, 1n, b, 0n), reply: failure },

  { rule: 'check-file of a whole file', send: check(a, 'md5'), reply: hashed('md5', 'hello world') },
  {
    rule: 'check-file takes the first hash it knows',
    send: check(a, 'crc32,sha256,md5'),
    reply: hashed('sha256', 'hello world'),
  },
  { rule: 'check-file of a part', send: check(a, 'sha1', 6n, 3n), reply: hashed('sha1', 'wor') },
  {
    rule: 'check-file past the end hashes what there is',
    send: check(a, 'sha1', 6n, 300n),
    reply: hashed('sha1', 'world'),
  },
  { rule: 'check-file of nothing has one hash', send: check(a, 'sha512', 11n), reply: hashed('sha512', '') },
  { rule: 'check-file behind the end', send: check(a, 'md5', 12n), reply: failure },
  { rule: 'check-file with unknown hashes', send: check(a, 'crc32'), reply: { code: SSH_FX.OP_UNSUPPORTED } },
  { rule: 'check-file with too small blocks', send: check(a, 'md5', 0n, 0n, 255), reply: failure },
  { rule: 'check-file of a handle that is not open to read', send: check(bWrite, 'md5'), reply: noSuchFile },
  {
    rule: 'check-file by name',
    send: { kind: 'checkFileName', filename: '/link', algorithms: 'md5', offset: 0n, length: 0n, blockSize: 0 },
    reply: hashed('md5', 'hello world'),
  },
  {
    rule: 'check-file by a name that is missing',
    send: { kind: 'checkFileName', filename: '/x', algorithms: 'md5', offset: 0n, length: 0n, blockSize: 0 },
    reply: noSuchFile,
  },
]

test.each(ROWS)('$rule', async ({ send, reply, tree = {} }) => {
  const { fs, session } = await sample()
  expect(await session.client.request(send)).toMatchObject(reply)
  expect(fs.tree()).toMatchObject(tree)
  expect({ failures: session.failures, reports: session.reports }).toEqual({ failures: [], reports: [] })
})

describe('check-file', () => {
  test('in blocks gives a hash for each, the last one shorter', async () => {
    const { fs, session } = await sample()
    fs.addFile('/long', Buffer.alloc(600, 'x'))
    const request = { kind: 'checkFileName', filename: '/long', algorithms: 'sha256', offset: 0n, length: 0n } as const
    const reply = await session.client.request({ ...request, blockSize: 256 })
    expect(reply).toMatchObject(hashed('sha256', 'x'.repeat(256), 'x'.repeat(256), 'x'.repeat(88)))
  })

  test('with more hashes than a reply holds is refused', async () => {
    const { fs, session } = await sample()
    fs.addFile('/huge', Buffer.alloc(1024 * 1024))
    const request = { kind: 'checkFileName', filename: '/huge', algorithms: 'sha512', offset: 0n, length: 0n } as const
    expect(await session.client.request({ ...request, blockSize: 256 })).toMatchObject(failure)
  })

  test('by name leaves no file open, also when it fails', async () => {
    const { fs, session } = await sample()
    const already = fs.opened.length
    const request = { kind: 'checkFileName', filename: '/a', offset: 0n, length: 0n, blockSize: 0 } as const
    await session.client.request({ ...request, algorithms: 'md5' })
    await session.client.request({ ...request, algorithms: 'none' })
    expect(fs.opened.slice(already).map(({ ends }) => ends)).toEqual([['abort'], ['abort']])
  })
})

test('copy-data moves more than one buffer', async () => {
  const { fs, session } = await sample()
  const data = Buffer.from(Array.from({ length: 600_000 }, (_, index) => index % 251))
  fs.addFile('/big', data)
  await session.client.request({ kind: 'open', filename: '/big', pflags: 1, attrs: {} })
  expect(await session.client.request(copy(hex('00000005'), 1n, 0n, b, 0n))).toMatchObject(ok)
  expect(fs.contents('/b')).toBe(data.subarray(1).toString('latin1'))
})
