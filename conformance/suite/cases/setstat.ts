import { SSH_FXF, S_IF } from '../../../protocol/sftp/constants.ts'
import { row } from '../case.ts'
import type { Case, Row } from '../case.ts'
import { attrs, either, handle, ok, refused, status } from '../expected.ts'
import { NotOffered } from '../failure.ts'

const { READ, WRITE, CREAT } = SSH_FXF
const MODES = [0o400, 0o444, 0o600, 0o644, 0o666, 0o711, 0o755, 0o777]
const TIMES = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]

const ROWS: Row[] = [
  {
    name: 'SETSTAT follows a link',
    section: '§6.9',
    given: { f: { file: 'text' }, l: { link: 'f' } },
    send: (at) => ({ kind: 'setstat', path: at('l'), attrs: { size: 2n } }),
    expect: ok,
    after: { f: { file: 'te' }, l: { link: 'f' } },
  },
  {
    name: 'SETSTAT of a dangling link is refused',
    section: '§6.9',
    given: { l: { link: 'none' } },
    send: (at) => ({ kind: 'setstat', path: at('l'), attrs: { permissions: 0o600 } }),
    expect: status('NO_SUCH_FILE'),
  },
  {
    name: 'SETSTAT size makes a file longer with zero bytes',
    section: '§6.9',
    given: { f: { file: 'ab' } },
    send: (at) => ({ kind: 'setstat', path: at('f'), attrs: { size: 5n } }),
    expect: ok,
    after: { f: { file: 'ab\0\0\0' } },
  },
  {
    name: 'SETSTAT size 0 empties a file',
    section: '§6.9',
    given: { f: { file: 'ab' } },
    send: (at) => ({ kind: 'setstat', path: at('f'), attrs: { size: 0n } }),
    expect: ok,
    after: { f: { file: '' } },
  },
  {
    name: 'SETSTAT size of a directory is refused',
    section: '§6.9',
    given: { d: 'directory' },
    send: (at) => ({ kind: 'setstat', path: at('d'), attrs: { size: 0n } }),
    expect: status('FAILURE', 'BAD_MESSAGE', 'PERMISSION_DENIED'),
    after: { d: 'directory' },
  },
  {
    name: 'SETSTAT size 2^63 is refused',
    section: '§6.9',
    given: { f: { file: 'ab' } },
    send: (at) => ({ kind: 'setstat', path: at('f'), attrs: { size: 1n << 63n } }),
    expect: status('BAD_MESSAGE', 'FAILURE'),
    after: { f: { file: 'ab' } },
  },
  {
    name: 'SETSTAT permissions with type bits changes the mode alone',
    section: '§6.9',
    given: { f: { file: 'ab' } },
    send: (at) => ({ kind: 'setstat', path: at('f'), attrs: { permissions: S_IF.DIR | 0o640 } }),
    expect: ok,
    after: { f: { file: 'ab' } },
  },
  {
    name: 'SETSTAT with an extended attribute is not refused for it',
    section: '§5',
    given: { f: { file: 'ab' } },
    send: (at) => ({
      kind: 'setstat',
      path: at('f'),
      attrs: { permissions: 0o600, extended: [{ type: 'unknown@example.com', data: Buffer.from('x') }] },
    }),
    expect: ok,
  },
]

export const SETSTAT_CASES: readonly Case[] = [
  ...ROWS.map(row),
  {
    name: 'FSETSTAT size through a handle that only reads is refused',
    section: '§6.9',
    async run(context) {
      await context.file('f', Buffer.from('ab'))
      const opened = await context.open('f', READ)
      await context.expect({ kind: 'fsetstat', handle: opened, attrs: { size: 0n } }, refused)
      await context.shows({ f: { file: 'ab' } })
    },
  },
  ...MODES.map((mode): Case => ({
    name: `SETSTAT sets mode ${mode.toString(8).padStart(4, '0')} whatever the umask`,
    section: '§6.9',
    async run(context) {
      await context.file('f')
      await context.expect({ kind: 'setstat', path: context.at('f'), attrs: { permissions: mode } }, ok)
      await context.expect({ kind: 'stat', path: context.at('f') }, attrs({ permissions: S_IF.REG | mode }))
    },
  })),
  ...[0o4755, 0o2755, 0o1755].map((mode): Case => ({
    name: `SETSTAT with mode ${mode.toString(8)} sets the low nine bits at least`,
    section: '§6.9',
    note: 'OpenSSH sets setuid, setgid and sticky too; a server may drop them for safety.',
    async run(context) {
      await context.file('f')
      const path = context.at('f')
      await context.expect({ kind: 'setstat', path, attrs: { permissions: mode } }, ok)
      const allowed = [S_IF.REG | mode, S_IF.REG | (mode & 0o777)]
      await context.expect({ kind: 'stat', path }, either(...allowed.map((permissions) => attrs({ permissions }))))
    },
  })),
  ...TIMES.map((time): Case => ({
    name: `SETSTAT sets times of ${time} seconds`,
    section: '§5',
    note: 'Times are unsigned 32 bits on the wire; a disk may hold fewer, and then shows its nearest.',
    async run(context) {
      await context.file('f')
      const sent = { atime: time, mtime: time }
      await context.expect({ kind: 'setstat', path: context.at('f'), attrs: { times: sent } }, ok)
      await context.expect({ kind: 'stat', path: context.at('f') }, attrs({ times: sent }))
    },
  })),
  {
    name: 'OPEN CREAT with mode 0666 gives that, less the umask',
    section: '§6.3',
    async run(context) {
      await context.file('f', Buffer.alloc(0), { permissions: 0o666 })
      const mode = (await context.attrs('f')).permissions ?? 0
      context.check((mode & 0o7777 & ~0o666) === 0, 'no bit that was not asked for', (mode & 0o7777).toString(8))
      context.sameMode(mode & 0o600, 0o600, 'the owner’s bits')
    },
  },
  {
    name: 'OPEN CREAT without permissions gives a file that is not executable',
    section: '§6.3',
    async run(context) {
      await context.file('f')
      const mode = (await context.attrs('f')).permissions ?? 0
      context.sameMode(mode & 0o7111, 0, 'bits beyond rw:')
      context.sameMode(mode & 0o600, 0o600, 'the owner’s bits')
    },
  },
  {
    name: 'OPEN of an existing file leaves its permissions alone',
    section: '§6.3',
    async run(context) {
      await context.file('f', Buffer.alloc(0), { permissions: 0o600 })
      await context.closed(await context.open('f', WRITE | CREAT, { permissions: 0o755 }))
      await context.expect({ kind: 'stat', path: context.at('f') }, attrs({ permissions: S_IF.REG | 0o600 }))
    },
  },
  {
    name: 'SETSTAT owner to another user works for the privileged and is refused for others',
    section: '§6.9',
    async run(context) {
      await context.file('f')
      const mine = (await context.attrs('f')).owner?.uid
      const other = { uid: 12345, gid: 54321 }
      const expected = mine === 0 ? ok : status('PERMISSION_DENIED', 'FAILURE')
      const asked = { kind: 'setstat', path: context.at('f'), attrs: { owner: other } } as const
      const came = await context.expect(asked, either(expected, status('PERMISSION_DENIED', 'OP_UNSUPPORTED')))
      if (came.kind === 'status' && came.code === 0) {
        await context.expect({ kind: 'stat', path: context.at('f') }, attrs({ owner: other }))
      }
    },
  },
  {
    name: 'OPEN of a file without permission bits is refused',
    section: '§6.3',
    async run(context) {
      await context.file('f', Buffer.from('secret'))
      await context.must({ kind: 'setstat', path: context.at('f'), attrs: { permissions: 0 } }, 'status')
      if ((await context.attrs('f')).owner?.uid === 0) throw new NotOffered('the server acts as root')
      await context.expect(
        { kind: 'open', filename: context.at('f'), pflags: READ, attrs: {} },
        status('PERMISSION_DENIED'),
      )
    },
  },
  {
    name: 'MKDIR in a directory without write permission is refused',
    section: '§6.6',
    async run(context) {
      await context.given({ d: 'directory' })
      await context.must({ kind: 'setstat', path: context.at('d'), attrs: { permissions: 0o500 } }, 'status')
      if ((await context.attrs('d')).owner?.uid === 0) throw new NotOffered('the server acts as root')
      await context.expect({ kind: 'mkdir', path: context.at('d/e'), attrs: {} }, status('PERMISSION_DENIED'))
    },
  },
  {
    name: 'a file made with mode 0400 can be written through the handle that made it',
    section: '§6.3',
    async run(context) {
      const attributes = { permissions: 0o400 }
      const pflags = WRITE | CREAT
      const came = await context.expect({ kind: 'open', filename: context.at('f'), pflags, attrs: attributes }, handle)
      if (came.kind !== 'handle') return
      await context.expect({ kind: 'write', handle: came.handle, offset: 0n, data: [Buffer.from('text')] }, ok)
      await context.closed(came.handle)
      await context.shows({ f: { file: 'text' } })
    },
  },
]
