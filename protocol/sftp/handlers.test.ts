import { describe, expect, test } from 'vitest'
import { MAX_PATH_BYTES } from '../filesystem.ts'
import type { OpenFlags } from '../filesystem.ts'
import type { Unnumbered } from '../testing/client.ts'
import { hex } from '../testing/hex.ts'
import { MemoryFileSystem } from '../testing/memory-filesystem.ts'
import { MemorySession } from '../testing/session.ts'
import { SSH_FX, SSH_FXF } from './constants.ts'
import { openFlags } from './handlers.ts'

/** The first handle of a session: tests may know, clients may not. */
const first = hex('00000000')

function sample(): MemoryFileSystem {
  const fs = new MemoryFileSystem({ now: () => 1_000_000 })
  fs.addFile('/a', 'hello')
  fs.addDirectory('/d')
  fs.addFile('/d/x', 'inner')
  fs.addDirectory('/empty')
  fs.addLink('/link', 'a')
  fs.addLink('/nowhere', 'missing')
  fs.addLink('/circle', 'circle')
  return fs
}

interface Row {
  rule: string
  /** Requests in front, whose replies must not be failures. */
  before?: Unnumbered[]
  send: Unnumbered
  reply: object
  /** What the tree holds then. */
  tree?: Record<string, unknown>
  /** What it does not hold any more. */
  gone?: string[]
}

const ok = { kind: 'status', code: SSH_FX.OK, message: 'Success', language: '' }
const noSuchFile = { kind: 'status', code: SSH_FX.NO_SUCH_FILE }
const failure = { kind: 'status', code: SSH_FX.FAILURE }
const denied = { kind: 'status', code: SSH_FX.PERMISSION_DENIED }
const badMessage = { kind: 'status', code: SSH_FX.BAD_MESSAGE }
const handle = { kind: 'handle', handle: first }

function open(filename: string, pflags: number, attrs = {}): Unnumbered {
  return { kind: 'open', filename, pflags, attrs }
}

function named(filename: string): object {
  return { kind: 'name', entries: [{ filename, longname: filename, attrs: {} }] }
}

const { READ, WRITE, CREAT, TRUNC, EXCL } = SSH_FXF
const opened = [open('/a', READ | WRITE)]
const listed: Unnumbered[] = [{ kind: 'opendir', path: '/d' }]

const ROWS: Row[] = [
  { rule: 'open to read', send: open('/a', READ), reply: handle, tree: { '/a': { contents: 'hello' } } },
  { rule: 'open through a link', send: open('/link', READ), reply: handle },
  { rule: 'open relative to the home', send: open('d/x', READ), reply: handle },
  { rule: 'open of what is missing', send: open('/missing', READ), reply: noSuchFile },
  { rule: 'open of an empty name is the root, no file', send: open('', READ), reply: failure },
  { rule: 'open of a directory', send: open('/d', READ), reply: failure },
  { rule: 'open of a name with a NUL byte', send: open('/a\0b', WRITE | CREAT), reply: noSuchFile },
  { rule: 'open of too long a path', send: open('a'.repeat(MAX_PATH_BYTES + 1), READ), reply: badMessage },
  { rule: 'CREAT makes a file', send: open('/new', WRITE | CREAT), reply: handle, tree: { '/new': { contents: '' } } },
  {
    rule: 'CREAT takes the mode of the attributes',
    send: open('/new', WRITE | CREAT, { permissions: 0o600 }),
    reply: handle,
    tree: { '/new': { attrs: { permissions: 0o100600 } } },
  },
  {
    rule: 'CREAT keeps what is there',
    send: open('/a', WRITE | CREAT),
    reply: handle,
    tree: { '/a': { contents: 'hello' } },
  },
  { rule: 'TRUNC empties', send: open('/a', WRITE | CREAT | TRUNC), reply: handle, tree: { '/a': { contents: '' } } },
  {
    rule: 'EXCL makes a file',
    send: open('/new', WRITE | CREAT | EXCL),
    reply: handle,
    tree: { '/new': { contents: '' } },
  },
  { rule: 'EXCL refuses a file', send: open('/a', WRITE | CREAT | EXCL), reply: failure },
  { rule: 'EXCL refuses a link to nothing', send: open('/nowhere', WRITE | CREAT | EXCL), reply: failure },

  { rule: 'close', before: opened, send: { kind: 'close', handle: first }, reply: ok },
  { rule: 'close of a directory', before: listed, send: { kind: 'close', handle: first }, reply: ok },

  {
    rule: 'stat follows links',
    send: { kind: 'stat', path: '/link' },
    reply: { kind: 'attrs', attrs: { size: 5n, permissions: 0o100644 } },
  },
  { rule: 'stat of a link to nothing', send: { kind: 'stat', path: '/nowhere' }, reply: noSuchFile },
  { rule: 'stat of a link in a circle', send: { kind: 'stat', path: '/circle' }, reply: noSuchFile },
  { rule: 'stat below a file', send: { kind: 'stat', path: '/a/x' }, reply: noSuchFile },
  {
    rule: 'lstat does not follow',
    send: { kind: 'lstat', path: '/link' },
    reply: { kind: 'attrs', attrs: { size: 1n, permissions: 0o120777 } },
  },
  { rule: 'lstat of what is missing', send: { kind: 'lstat', path: '/missing' }, reply: noSuchFile },
  {
    rule: 'fstat',
    before: opened,
    send: { kind: 'fstat', handle: first },
    reply: { kind: 'attrs', attrs: { size: 5n, owner: { uid: 1000, gid: 1000 }, times: { atime: 1000, mtime: 1000 } } },
  },

  {
    rule: 'setstat applies every attribute',
    send: {
      kind: 'setstat',
      path: '/link',
      attrs: { size: 2n, owner: { uid: 1, gid: 2 }, permissions: 0o600, times: { atime: 3, mtime: 4 } },
    },
    reply: ok,
    tree: {
      '/a': {
        contents: 'he',
        attrs: { size: 2n, owner: { uid: 1, gid: 2 }, permissions: 0o100600, times: { atime: 3, mtime: 4 } },
      },
    },
  },
  { rule: 'setstat of nothing changes nothing', send: { kind: 'setstat', path: '/a', attrs: {} }, reply: ok },
  { rule: 'setstat of what is missing', send: { kind: 'setstat', path: '/missing', attrs: {} }, reply: noSuchFile },
  {
    rule: 'setstat of the size of a directory',
    send: { kind: 'setstat', path: '/d', attrs: { size: 0n } },
    reply: failure,
  },
  {
    rule: 'fsetstat acts on the open file',
    before: [...opened, { kind: 'rename', oldpath: '/a', newpath: '/b' }],
    send: { kind: 'fsetstat', handle: first, attrs: { size: 8n, permissions: 0o640 } },
    reply: ok,
    tree: { '/b': { contents: 'hello\0\0\0', attrs: { permissions: 0o100640 } } },
  },

  { rule: 'opendir', send: { kind: 'opendir', path: '/d' }, reply: handle },
  { rule: 'opendir of a file', send: { kind: 'opendir', path: '/a' }, reply: noSuchFile },
  { rule: 'opendir of what is missing', send: { kind: 'opendir', path: '/missing' }, reply: noSuchFile },
  {
    rule: 'readdir gives names, long names and attributes',
    before: listed,
    send: { kind: 'readdir', handle: first },
    reply: {
      kind: 'name',
      entries: [
        {
          filename: 'x',
          longname: expect.stringMatching(/^-rw-r--r-- {4}1 1000 {5}1000 {12}5 Jan +1 \d\d:\d\d x$/),
          attrs: { size: 5n, permissions: 0o100644 },
        },
      ],
    },
  },
  {
    rule: 'readdir ends with EOF',
    before: [...listed, { kind: 'readdir', handle: first }],
    send: { kind: 'readdir', handle: first },
    reply: { kind: 'status', code: SSH_FX.EOF },
  },
  {
    rule: 'readdir of an empty directory is EOF at once',
    before: [{ kind: 'opendir', path: '/empty' }],
    send: { kind: 'readdir', handle: first },
    reply: { kind: 'status', code: SSH_FX.EOF },
  },

  { rule: 'remove', send: { kind: 'remove', filename: '/a' }, reply: ok, gone: ['/a'] },
  {
    rule: 'remove takes the link, not what it names',
    send: { kind: 'remove', filename: '/link' },
    reply: ok,
    tree: { '/a': { contents: 'hello' } },
    gone: ['/link'],
  },
  { rule: 'remove of what is missing', send: { kind: 'remove', filename: '/missing' }, reply: noSuchFile },
  {
    rule: 'remove of a directory',
    send: { kind: 'remove', filename: '/empty' },
    reply: failure,
    tree: { '/empty': {} },
  },

  {
    rule: 'mkdir',
    send: { kind: 'mkdir', path: '/new', attrs: {} },
    reply: ok,
    tree: { '/new': { kind: 'directory' } },
  },
  {
    rule: 'mkdir takes the mode',
    send: { kind: 'mkdir', path: '/new', attrs: { permissions: 0o700 } },
    reply: ok,
    tree: { '/new': { attrs: { permissions: 0o040700 } } },
  },
  { rule: 'mkdir of what is there', send: { kind: 'mkdir', path: '/d', attrs: {} }, reply: failure },
  { rule: 'mkdir below what is missing', send: { kind: 'mkdir', path: '/missing/new', attrs: {} }, reply: noSuchFile },

  { rule: 'rmdir', send: { kind: 'rmdir', path: '/empty' }, reply: ok, gone: ['/empty'] },
  { rule: 'rmdir of what is not empty', send: { kind: 'rmdir', path: '/d' }, reply: failure, tree: { '/d/x': {} } },
  { rule: 'rmdir of a file', send: { kind: 'rmdir', path: '/a' }, reply: noSuchFile },
  { rule: 'rmdir of the root', send: { kind: 'rmdir', path: '/d/../..' }, reply: denied },

  { rule: 'realpath of nothing is the root', send: { kind: 'realpath', path: '' }, reply: named('/') },
  { rule: 'realpath of `.` is the root', send: { kind: 'realpath', path: '.' }, reply: named('/') },
  { rule: 'realpath stops at the root', send: { kind: 'realpath', path: '../../d/./x' }, reply: named('/d/x') },
  { rule: 'realpath resolves links', send: { kind: 'realpath', path: '/link' }, reply: named('/a') },
  { rule: 'realpath of a last name that is missing', send: { kind: 'realpath', path: 'new' }, reply: named('/new') },
  { rule: 'realpath below what is missing', send: { kind: 'realpath', path: 'no/new' }, reply: noSuchFile },

  {
    rule: 'rename',
    send: { kind: 'rename', oldpath: '/a', newpath: '/d/b' },
    reply: ok,
    tree: { '/d/b': { contents: 'hello' } },
    gone: ['/a'],
  },
  {
    rule: 'rename of a directory takes what is in it',
    send: { kind: 'rename', oldpath: '/d', newpath: '/e' },
    reply: ok,
    tree: { '/e/x': { contents: 'inner' } },
    gone: ['/d', '/d/x'],
  },
  {
    rule: 'rename never replaces',
    send: { kind: 'rename', oldpath: '/a', newpath: '/d/x' },
    reply: failure,
    tree: { '/a': { contents: 'hello' }, '/d/x': { contents: 'inner' } },
  },
  {
    rule: 'rename of what is missing',
    send: { kind: 'rename', oldpath: '/missing', newpath: '/b' },
    reply: noSuchFile,
  },
  {
    rule: 'rename of a directory into itself',
    send: { kind: 'rename', oldpath: '/d', newpath: '/d/e' },
    reply: badMessage,
  },
  { rule: 'rename of the root', send: { kind: 'rename', oldpath: '/', newpath: '/e' }, reply: denied },

  { rule: 'readlink', send: { kind: 'readlink', path: '/link' }, reply: named('a') },
  { rule: 'readlink of a file', send: { kind: 'readlink', path: '/a' }, reply: badMessage },
  { rule: 'readlink of what is missing', send: { kind: 'readlink', path: '/missing' }, reply: noSuchFile },

  {
    rule: 'symlink stores its target as it is',
    send: { kind: 'symlink', targetpath: '../no//such/', linkpath: '/new' },
    reply: ok,
    tree: { '/new': { kind: 'link', target: '../no//such/' } },
  },
  { rule: 'symlink over what is there', send: { kind: 'symlink', targetpath: 'a', linkpath: '/d' }, reply: failure },
  { rule: 'symlink to nothing', send: { kind: 'symlink', targetpath: '', linkpath: '/new' }, reply: noSuchFile },
  { rule: 'symlink to a NUL byte', send: { kind: 'symlink', targetpath: 'a\0', linkpath: '/new' }, reply: noSuchFile },
]

test.each(ROWS)('$rule', async ({ before = [], send, reply, tree = {}, gone = [] }) => {
  const fs = sample()
  const { client, failures, reports } = await MemorySession.start({ fs, now: () => 1_000_000 })
  for (const request of before) {
    const answer = await client.request(request)
    if (answer.kind === 'status') expect(answer.code).toBe(SSH_FX.OK)
  }
  expect(await client.request(send)).toMatchObject(reply)
  expect(fs.tree()).toMatchObject(tree)
  for (const path of gone) expect(fs.tree()).not.toHaveProperty([path])
  expect({ failures, reports }).toEqual({ failures: [], reports: [] })
})

test('a failed request changes nothing', async () => {
  const untouched = sample().tree()
  for (const { send, reply } of ROWS.filter((row) => row.before === undefined && row.reply !== ok)) {
    if (!('code' in reply)) continue
    const fs = sample()
    const { client } = await MemorySession.start({ fs })
    await client.request(send)
    expect(fs.tree()).toEqual(untouched)
  }
})

describe('pflags', () => {
  const none: OpenFlags = { read: false, write: false, append: false, create: false, truncate: false, exclusive: false }
  test.each([
    { name: 'none at all reads, as OpenSSH has it', pflags: 0, flags: { read: true } },
    { name: 'READ', pflags: 0x01, flags: { read: true } },
    { name: 'WRITE', pflags: 0x02, flags: { write: true } },
    { name: 'READ and WRITE', pflags: 0x03, flags: { read: true, write: true } },
    { name: 'APPEND alone reads', pflags: 0x04, flags: { read: true, append: true } },
    { name: 'WRITE and APPEND', pflags: 0x06, flags: { write: true, append: true } },
    { name: 'CREAT alone reads', pflags: 0x08, flags: { read: true, create: true } },
    { name: 'a new upload', pflags: 0x1a, flags: { write: true, create: true, truncate: true } },
    { name: 'TRUNC alone reads', pflags: 0x10, flags: { read: true, truncate: true } },
    { name: 'EXCL', pflags: 0x2a, flags: { write: true, create: true, exclusive: true } },
    { name: 'bits without a meaning are ignored', pflags: 0xffffffc1, flags: { read: true } },
    {
      name: 'all',
      pflags: 0xffffffff,
      flags: { read: true, write: true, append: true, create: true, truncate: true, exclusive: true },
    },
  ])('$name', ({ pflags, flags }) => expect(openFlags(pflags)).toEqual({ ...none, ...flags }))
})
