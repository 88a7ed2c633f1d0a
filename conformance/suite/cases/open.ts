import { SSH_FXF } from '../../../protocol/sftp/constants.ts'
import { row } from '../case.ts'
import type { Case, Row } from '../case.ts'
import { attrs, data, either, handle, ok, refused, status } from '../expected.ts'

const { READ, WRITE, CREAT, EXCL, TRUNC } = SSH_FXF

const ROWS: Row[] = [
  {
    name: 'OPEN of an empty path is refused',
    section: '§6.3',
    note: 'An empty path means the starting directory (§6.2), and a directory cannot be written.',
    send: () => ({ kind: 'open', filename: '', pflags: WRITE | CREAT, attrs: {} }),
    expect: status('NO_SUCH_FILE', 'FAILURE', 'PERMISSION_DENIED'),
  },
  {
    name: 'OPEN of "." for writing is refused',
    section: '§6.3',
    send: () => ({ kind: 'open', filename: '.', pflags: WRITE, attrs: {} }),
    expect: status('FAILURE', 'PERMISSION_DENIED'),
  },
  {
    name: 'OPEN of "/" for writing is refused',
    section: '§6.3',
    send: () => ({ kind: 'open', filename: '/', pflags: WRITE | CREAT, attrs: {} }),
    expect: status('FAILURE', 'PERMISSION_DENIED'),
  },
  {
    name: 'OPEN follows a link to a file',
    section: '§6.3',
    given: { f: { file: 'text' }, l: { link: 'f' } },
    send: (at) => ({ kind: 'open', filename: at('l'), pflags: WRITE | TRUNC, attrs: {} }),
    expect: handle,
    after: { f: { file: '' }, l: { link: 'f' } },
  },
  {
    name: 'OPEN through a link to a directory reaches the file in it',
    section: '§6.3',
    given: { d: 'directory', l: { link: 'd' } },
    send: (at) => ({ kind: 'open', filename: at('l/new'), pflags: WRITE | CREAT, attrs: {} }),
    expect: handle,
    after: { 'd/new': { file: '' } },
  },
  {
    name: 'OPEN CREAT below a missing directory is refused and makes none',
    section: '§6.3',
    send: (at) => ({ kind: 'open', filename: at('none/new'), pflags: WRITE | CREAT, attrs: {} }),
    expect: status('NO_SUCH_FILE'),
    after: { none: 'missing' },
  },
  {
    name: 'OPEN CREAT|EXCL through a dangling link does not make its target',
    section: '§6.3',
    given: { l: { link: 't' } },
    send: (at) => ({ kind: 'open', filename: at('l'), pflags: READ | WRITE | CREAT | EXCL, attrs: {} }),
    expect: status('FAILURE'),
    after: { t: 'missing', l: { link: 't' } },
  },
  {
    name: 'OPEN EXCL without CREAT on an existing file opens it or refuses',
    section: '§6.3',
    note: 'The draft says that CREAT MUST be there too; OpenSSH passes EXCL on, which has no effect alone.',
    given: { f: { file: 'text' } },
    send: (at) => ({ kind: 'open', filename: at('f'), pflags: READ | EXCL, attrs: {} }),
    expect: either(handle, refused),
    after: { f: { file: 'text' } },
  },
  {
    name: 'OPEN with undefined pflags bits opens or refuses',
    section: '§6.3',
    note: 'Bits the draft does not define; OpenSSH ignores them.',
    given: { f: { file: 'text' } },
    send: (at) => ({ kind: 'open', filename: at('f'), pflags: READ | 0x7fffff00, attrs: {} }),
    expect: either(handle, refused),
    after: { f: { file: 'text' } },
  },
  {
    name: 'OPEN of a file with a trailing slash',
    section: '§6.2',
    note: 'OpenSSH leaves it to the kernel, which refuses; a server that normalises paths first opens the file.',
    given: { f: { file: 'text' } },
    send: (at) => ({ kind: 'open', filename: `${at('f')}/`, pflags: READ, attrs: {} }),
    expect: either(status('NO_SUCH_FILE', 'FAILURE'), handle),
  },
  {
    name: 'OPEN CREAT with a trailing slash makes no directory',
    section: '§6.2',
    note: 'OpenSSH leaves it to the kernel, which refuses; a server that normalises paths first makes a file.',
    send: (at) => ({ kind: 'open', filename: `${at('f')}/`, pflags: WRITE | CREAT, attrs: {} }),
    expect: either(status('FAILURE', 'NO_SUCH_FILE'), handle),
  },
  {
    name: 'OPEN of a relative path starts where sessions start',
    section: '§6.2',
    given: { f: { file: 'text' } },
    send: (at) => ({ kind: 'open', filename: relative(at('f')), pflags: READ, attrs: {} }),
    expect: handle,
  },
]

/** The last two components: the suite's directory is made where sessions start, the case's in it. */
function relative(path: string): string {
  return path.split('/').slice(-3).join('/')
}

export const OPEN_CASES: readonly Case[] = [
  ...ROWS.map(row),
  {
    name: 'two OPENs of one file give two handles',
    section: '§6.3',
    async run(context) {
      await context.file('f', Buffer.from('text'))
      const [a, b] = [await context.open('f', READ), await context.open('f', READ)]
      context.check(!a.equals(b), 'two handles', 'the same twice')
      await context.closed(a)
      await context.expect({ kind: 'read', handle: b, offset: 0n, len: 10 }, data(Buffer.from('text')))
    },
  },
  {
    name: 'OPEN twice with EXCL makes the file once',
    section: '§6.3',
    async run(context) {
      const open = { kind: 'open', filename: context.at('f'), pflags: WRITE | CREAT | EXCL, attrs: {} } as const
      await context.expect(open, handle)
      await context.expect(open, status('FAILURE'))
    },
  },
  {
    name: 'a new file has size 0 and is a regular file',
    section: '§6.3',
    async run(context) {
      const opened = await context.open('f', WRITE | CREAT)
      const came = await context.must({ kind: 'fstat', handle: opened }, 'attrs')
      context.same(came.attrs.size, 0n, 'size')
      context.sameMode((came.attrs.permissions ?? 0) >> 12, 0o10, 'type bits')
    },
  },
  {
    name: 'OPEN TRUNC cuts the file before CLOSE',
    section: '§6.3',
    note: 'A server that publishes uploads at CLOSE may show the old file until then.',
    async run(context) {
      await context.file('f', Buffer.from('old text'))
      const opened = await context.open('f', WRITE | TRUNC)
      await context.expect({ kind: 'fstat', handle: opened }, attrs({ size: 0n }))
      await context.expect({ kind: 'close', handle: opened }, ok)
      await context.shows({ f: { file: '' } })
    },
  },
  {
    name: 'CLOSE is answered with OK and the handle is gone',
    section: '§6.3',
    note: 'The draft has no code for a bad handle; OpenSSH says NO_SUCH_FILE to CLOSE.',
    async run(context) {
      const opened = await context.open('f', WRITE | CREAT)
      await context.expect({ kind: 'close', handle: opened }, ok)
      await context.expect({ kind: 'close', handle: opened }, status('FAILURE', 'NO_SUCH_FILE', 'BAD_MESSAGE'))
    },
  },
  {
    name: 'a file opened for writing and left open keeps what is in it',
    section: '§6.3',
    note: 'The draft says nothing of it; but opening alone changes nothing.',
    async run(context) {
      await context.file('kept', Buffer.from('old'))
      const other = await context.session()
      const opened = await other.request({ kind: 'open', filename: context.at('kept'), pflags: WRITE, attrs: {} })
      await context.expect(Promise.resolve(opened), handle)
      await other.close()
      await context.shows({ kept: { file: 'old' } })
    },
  },
]
