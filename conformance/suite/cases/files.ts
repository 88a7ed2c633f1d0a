import { SSH_FXF, S_IF } from '../../../protocol/sftp/constants.ts'
import { row } from '../case.ts'
import type { Case, Row } from '../case.ts'
import { attrs, either, ok, status } from '../expected.ts'

const { READ, WRITE, CREAT } = SSH_FXF
const NOT_A_DIRECTORY_NOTE = 'OpenSSH answers ENOTDIR with NO_SUCH_FILE.'

/** STAT, LSTAT, MKDIR, RMDIR and REMOVE: what they do, and what they say to the wrong kind of name. */
const ROWS: Row[] = [
  {
    name: 'STAT of a file shows size and type',
    section: '§6.8',
    given: { f: { file: 'text', attrs: { permissions: 0o600 } } },
    send: (at) => ({ kind: 'stat', path: at('f') }),
    expect: attrs({ size: 4n, permissions: S_IF.REG | 0o600 }),
  },
  {
    name: 'STAT of a link shows what it names',
    section: '§6.8',
    given: { f: { file: 'text', attrs: { permissions: 0o600 } }, l: { link: 'f' } },
    send: (at) => ({ kind: 'stat', path: at('l') }),
    expect: attrs({ size: 4n, permissions: S_IF.REG | 0o600 }),
  },
  {
    name: 'LSTAT of a link shows the link, with the length of its text',
    section: '§6.8',
    given: { f: { file: 'text' }, link: { link: 'f' } },
    send: (at) => ({ kind: 'lstat', path: at('link') }),
    expect: attrs({ size: 1n, permissions: S_IF.LNK | 0o777 }),
  },
  {
    name: 'STAT of a dangling link is refused',
    section: '§6.8',
    given: { l: { link: 'none' } },
    send: (at) => ({ kind: 'stat', path: at('l') }),
    expect: status('NO_SUCH_FILE'),
  },
  {
    name: 'LSTAT of a dangling link shows the link',
    section: '§6.8',
    given: { l: { link: 'none' } },
    send: (at) => ({ kind: 'lstat', path: at('l') }),
    expect: attrs({ size: 4n }),
  },
  {
    name: 'LSTAT of a link with a slash behind it follows the link',
    section: '§6.8',
    note: 'OpenSSH leaves it to the kernel, which follows; a server that normalises paths first shows the link.',
    given: { d: 'directory', l: { link: 'd' } },
    send: (at) => ({ kind: 'lstat', path: `${at('l')}/` }),
    expect: either(attrs({ size: 1n }), attrs()),
  },
  {
    name: 'STAT of an empty path shows where sessions start',
    section: '§6.2',
    note: 'An empty path means the starting directory by the draft; OpenSSH hands it to the kernel, which refuses.',
    send: () => ({ kind: 'stat', path: '' }),
    expect: either(attrs(), status('NO_SUCH_FILE')),
  },
  { name: 'STAT of "/" works', section: '§6.2', send: () => ({ kind: 'stat', path: '/' }), expect: attrs() },
  { name: 'STAT of "." works', section: '§6.2', send: () => ({ kind: 'stat', path: '.' }), expect: attrs() },
  { name: 'STAT of "/.." is the root', section: '§6.2', send: () => ({ kind: 'stat', path: '/..' }), expect: attrs() },
  {
    name: 'STAT of a directory with a trailing slash works',
    section: '§6.2',
    given: { d: 'directory' },
    send: (at) => ({ kind: 'stat', path: `${at('d')}/` }),
    expect: attrs(),
  },
  {
    name: 'STAT through "..", "." and "//" works',
    section: '§6.2',
    given: { d: 'directory', f: { file: 'text' } },
    send: (at) => ({ kind: 'stat', path: at('d/.././/d//../f') }),
    expect: attrs({ size: 4n }),
  },
  {
    name: 'MKDIR makes a directory',
    section: '§6.6',
    send: (at) => ({ kind: 'mkdir', path: at('d'), attrs: {} }),
    expect: ok,
    after: { d: 'directory' },
  },
  {
    name: 'MKDIR with a trailing slash makes a directory',
    section: '§6.6',
    send: (at) => ({ kind: 'mkdir', path: `${at('d')}/`, attrs: {} }),
    expect: ok,
    after: { d: 'directory' },
  },
  ...(['directory', { file: 'text' }, { link: 'none' }, { link: '.' }] as const).map((node): Row => {
    const what = node === 'directory' ? 'a directory' : 'file' in node ? 'a file' : node.link === '.' ? 'a link' : 'a dangling link' // prettier-ignore
    return {
      name: `MKDIR where ${what} is, is refused`,
      section: '§6.6',
      given: { x: node },
      send: (at) => ({ kind: 'mkdir', path: at('x'), attrs: {} }),
      expect: status('FAILURE'),
      after: { x: node },
    }
  }),
  {
    name: 'MKDIR of "/" is refused',
    section: '§6.6',
    note: 'OpenSSH passes on what the kernel says of its root; for a virtual root it is not permitted.',
    send: () => ({ kind: 'mkdir', path: '/', attrs: {} }),
    expect: status('FAILURE', 'PERMISSION_DENIED'),
  },
  {
    name: 'MKDIR of "." is refused',
    section: '§6.6',
    send: () => ({ kind: 'mkdir', path: '.', attrs: {} }),
    expect: status('FAILURE', 'PERMISSION_DENIED'),
  },
  {
    name: 'RMDIR removes an empty directory',
    section: '§6.6',
    given: { d: 'directory' },
    send: (at) => ({ kind: 'rmdir', path: at('d') }),
    expect: ok,
    after: { d: 'missing' },
  },
  {
    name: 'RMDIR of a full directory is refused',
    section: '§6.6',
    given: { d: 'directory', 'd/x': { file: 'text' } },
    send: (at) => ({ kind: 'rmdir', path: at('d') }),
    expect: status('FAILURE'),
    after: { 'd/x': { file: 'text' } },
  },
  {
    name: 'RMDIR of a file is refused',
    section: '§6.6',
    note: NOT_A_DIRECTORY_NOTE,
    given: { f: { file: 'text' } },
    send: (at) => ({ kind: 'rmdir', path: at('f') }),
    expect: status('NO_SUCH_FILE', 'FAILURE'),
    after: { f: { file: 'text' } },
  },
  {
    name: 'RMDIR of a link to a directory is refused',
    section: '§6.6',
    note: NOT_A_DIRECTORY_NOTE,
    given: { d: 'directory', l: { link: 'd' } },
    send: (at) => ({ kind: 'rmdir', path: at('l') }),
    expect: status('NO_SUCH_FILE', 'FAILURE'),
    after: { d: 'directory', l: { link: 'd' } },
  },
  {
    name: 'RMDIR of "/" is refused',
    section: '§6.6',
    note: 'OpenSSH passes on what the kernel says of its root; for a virtual root it is not permitted.',
    send: () => ({ kind: 'rmdir', path: '/' }),
    expect: status('FAILURE', 'PERMISSION_DENIED'),
  },
  {
    name: 'REMOVE removes a file',
    section: '§6.5',
    given: { f: { file: 'text' } },
    send: (at) => ({ kind: 'remove', filename: at('f') }),
    expect: ok,
    after: { f: 'missing' },
  },
  {
    name: 'REMOVE removes a link and leaves what it names',
    section: '§6.5',
    given: { f: { file: 'text' }, l: { link: 'f' } },
    send: (at) => ({ kind: 'remove', filename: at('l') }),
    expect: ok,
    after: { f: { file: 'text' }, l: 'missing' },
  },
  {
    name: 'REMOVE removes a link to a directory and leaves the directory',
    section: '§6.5',
    given: { d: 'directory', l: { link: 'd' } },
    send: (at) => ({ kind: 'remove', filename: at('l') }),
    expect: ok,
    after: { d: 'directory', l: 'missing' },
  },
  {
    name: 'REMOVE removes a dangling link',
    section: '§6.5',
    given: { l: { link: 'none' } },
    send: (at) => ({ kind: 'remove', filename: at('l') }),
    expect: ok,
    after: { l: 'missing' },
  },
  {
    name: 'REMOVE of a directory is refused',
    section: '§6.5',
    note: 'Linux says EISDIR, POSIX EPERM.',
    given: { d: 'directory' },
    send: (at) => ({ kind: 'remove', filename: at('d') }),
    expect: status('FAILURE', 'PERMISSION_DENIED'),
    after: { d: 'directory' },
  },
  {
    name: 'REMOVE of "/" is refused',
    section: '§6.5',
    note: 'OpenSSH passes on what the kernel says of its root; for a virtual root it is not permitted.',
    send: () => ({ kind: 'remove', filename: '/' }),
    expect: status('FAILURE', 'PERMISSION_DENIED'),
  },
]

export const FILE_CASES: readonly Case[] = [
  ...ROWS.map(row),
  {
    name: 'FSTAT shows what STAT shows',
    section: '§6.8',
    async run(context) {
      await context.file('f', Buffer.from('text'))
      const expected = await context.attrs('f')
      const opened = await context.open('f', READ)
      await context.expect({ kind: 'fstat', handle: opened }, attrs(expected))
    },
  },
  {
    name: 'STAT shows all four attributes',
    section: '§5',
    async run(context) {
      await context.file('f')
      const came = await context.attrs('f')
      for (const field of ['size', 'owner', 'permissions', 'times'] as const) {
        context.check(came[field] !== undefined, field, 'none')
      }
    },
  },
  {
    name: 'a new file’s times are now',
    section: '§5',
    note: 'Within a day: clocks of two machines differ.',
    async run(context) {
      await context.file('f')
      const { times } = await context.attrs('f')
      const apart = Math.abs((times?.mtime ?? 0) - Date.now() / 1000)
      context.check(apart < 86_400, 'now', `${Math.round(apart)} s apart`)
    },
  },
  {
    name: 'a WRITE changes the time of a file',
    section: '§6.4',
    async run(context) {
      await context.file('f', Buffer.from('text'))
      const times = { atime: 1_000_000, mtime: 1_000_000 }
      await context.must({ kind: 'setstat', path: context.at('f'), attrs: { times } }, 'status')
      const opened = await context.open('f', WRITE)
      await context.write(opened, 0, Buffer.from('new'))
      await context.closed(opened)
      const mtime = (await context.attrs('f')).times?.mtime ?? 0
      context.check(mtime > 1_000_000, 'a later time', String(mtime))
    },
  },
  {
    name: 'times set through a handle stay when it is closed',
    section: '§6.9',
    async run(context) {
      const opened = await context.open('f', WRITE | CREAT)
      await context.write(opened, 0, Buffer.from('text'))
      const times = { atime: 1_111_111_111, mtime: 1_222_222_222 }
      await context.expect({ kind: 'fsetstat', handle: opened, attrs: { times } }, ok)
      await context.closed(opened)
      await context.expect({ kind: 'stat', path: context.at('f') }, attrs({ times }))
    },
  },
]
