import { REQUESTS } from '../../../protocol/sftp/packets.ts'
import { SSH_FXF } from '../../../protocol/sftp/constants.ts'
import type { Unnumbered } from '../client.ts'
import type { Context } from '../context.ts'
import type { Expected } from '../expected.ts'
import { attrs, data, handle, name, ok, reply } from '../expected.ts'
import type { Tree } from '../tree.ts'

/** What {@link samples} builds on. */
export const SAMPLE_TREE: Tree = {
  f: { file: 'text' },
  g: { file: '' },
  d: 'directory',
  l: { link: 'f' },
}

export interface Sample {
  label: string
  section: string
  /** As VERSION names it. */
  needs?: string
  /** Uses up what is there: it works once. */
  request(at: (name: string) => string, handles: Handles): Unnumbered
  expect(at: (name: string) => string): Expected
}

export interface Handles {
  file: Buffer
  target: Buffer
  directory: Buffer
}

export async function sampleHandles(context: Context): Promise<Handles> {
  return {
    file: await context.open('f', SSH_FXF.READ | SSH_FXF.WRITE),
    target: await context.open('g', SSH_FXF.READ | SSH_FXF.WRITE),
    directory: await context.opendir(),
  }
}

const extended = (kind: Parameters<typeof reply>[0]): Expected => reply(kind, 'EXTENDED_REPLY', () => true)

/** One request of each kind that works, over {@link SAMPLE_TREE}. */
export const SAMPLES: readonly Sample[] = [
  sample('§6.3', (at) => ({ kind: 'open', filename: at('f'), pflags: 1, attrs: { permissions: 0o600 } }), handle),
  sample('§6.3', (_at, { file }) => ({ kind: 'close', handle: file }), ok),
  sample('§6.4', (_at, { file }) => ({ kind: 'read', handle: file, offset: 0n, len: 4 }), data(Buffer.from('text'))),
  sample('§6.4', (_at, { file }) => ({ kind: 'write', handle: file, offset: 4n, data: [Buffer.from('more')] }), ok),
  sample('§6.8', (at) => ({ kind: 'lstat', path: at('f') }), attrs()),
  sample('§6.8', (_at, { file }) => ({ kind: 'fstat', handle: file }), attrs()),
  sample('§6.9', (at) => ({ kind: 'setstat', path: at('f'), attrs: { times: { atime: 1, mtime: 2 } } }), ok),
  sample('§6.9', (_at, { file }) => ({ kind: 'fsetstat', handle: file, attrs: { permissions: 0o600 } }), ok),
  sample('§6.7', (at) => ({ kind: 'opendir', path: at('d') }), handle),
  sample('§6.7', (_at, { directory }) => ({ kind: 'readdir', handle: directory }), extended('name')),
  sample('§6.5', (at) => ({ kind: 'remove', filename: at('f') }), ok),
  sample('§6.6', (at) => ({ kind: 'mkdir', path: at('new'), attrs: { permissions: 0o700 } }), ok),
  sample('§6.6', (at) => ({ kind: 'rmdir', path: at('d') }), ok),
  sample(
    '§6.11',
    (at) => ({ kind: 'realpath', path: at('f') }),
    (at) => name(at('f')),
  ),
  sample('§6.8', (at) => ({ kind: 'stat', path: at('f') }), attrs()),
  sample('§6.5', (at) => ({ kind: 'rename', oldpath: at('f'), newpath: at('new') }), ok),
  sample('§6.10', (at) => ({ kind: 'readlink', path: at('l') }), name('f')),
  sample('§6.10', (at) => ({ kind: 'symlink', targetpath: 'f', linkpath: at('new') }), ok),
  sample('PROTOCOL 4.3', (at) => ({ kind: 'posixRename', oldpath: at('f'), newpath: at('new') }), ok),
  sample('PROTOCOL 4.4', (at) => ({ kind: 'statvfs', path: at('f') }), extended('statvfsReply')),
  sample('PROTOCOL 4.4', (_at, { file }) => ({ kind: 'fstatvfs', handle: file }), extended('statvfsReply')),
  sample('PROTOCOL 4.5', (at) => ({ kind: 'hardlink', oldpath: at('f'), newpath: at('new') }), ok),
  sample('PROTOCOL 4.6', (_at, { file }) => ({ kind: 'fsync', handle: file }), ok),
  sample('PROTOCOL 4.7', (at) => ({ kind: 'lsetstat', path: at('l'), attrs: { times: { atime: 1, mtime: 2 } } }), ok),
  sample('PROTOCOL 4.8', () => ({ kind: 'limits' }), extended('limitsReply')),
  sample(
    'PROTOCOL 4.9',
    (at) => ({ kind: 'expandPath', path: at('f') }),
    (at) => name(at('f')),
  ),
  sample(
    'PROTOCOL 4.10',
    (_at, { file, target }) => ({
      kind: 'copyData',
      readHandle: file,
      readOffset: 0n,
      length: 0n,
      writeHandle: target,
      writeOffset: 0n,
    }),
    ok,
  ),
  sample(
    'PROTOCOL 4.12',
    () => ({ kind: 'usersGroupsById', uids: Buffer.from([0, 0, 0, 0]), gids: Buffer.from([0, 0, 0, 0]) }),
    extended('usersGroupsReply'),
  ),
  sample(
    'extensions draft §3',
    (at) => ({ kind: 'checkFileName', filename: at('f'), algorithms: 'md5', offset: 0n, length: 0n, blockSize: 0 }),
    extended('checkFileReply'),
    'check-file',
  ),
  sample(
    'extensions draft §3',
    (_at, { file }) => ({
      kind: 'checkFileHandle',
      handle: file,
      algorithms: 'sha256',
      offset: 0n,
      length: 0n,
      blockSize: 0,
    }),
    extended('checkFileReply'),
    'check-file',
  ),
  sample('extensions draft §4', (at) => ({ kind: 'spaceAvailable', path: at('f') }), extended('spaceAvailableReply')),
]

function sample(
  section: string,
  request: Sample['request'],
  expect: Expected | Sample['expect'],
  announcedAs?: string,
): Sample {
  // Only the kind is asked for: paths and handles do not matter.
  const none = { file: Buffer.alloc(0), target: Buffer.alloc(0), directory: Buffer.alloc(0) }
  const { kind } = request((path) => path, none)
  const { extension } = REQUESTS[kind]
  const needs = announcedAs ?? extension
  return {
    label: extension ?? kind.toUpperCase(),
    section,
    ...(needs !== undefined && { needs }),
    request,
    expect: typeof expect === 'function' ? expect : () => expect,
  }
}
