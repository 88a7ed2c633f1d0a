import { SSH_FXF } from '../../../protocol/sftp/constants.ts'
import type { Case } from '../case.ts'
import type { Unnumbered } from '../client.ts'
import type { Context } from '../context.ts'
import { attrs, data, either, ended, ok, refused, status } from '../expected.ts'
import type { Expected } from '../expected.ts'

interface Operation {
  name: string
  section: string
  needs?: readonly string[]
  /** What kind of handle it is for; CLOSE takes both. */
  takes: 'file' | 'directory' | 'both'
  request(handle: Buffer, good: Buffer): Unnumbered
}

const OPERATIONS: readonly Operation[] = [
  { name: 'CLOSE', section: '§6.3', takes: 'both', request: (handle) => ({ kind: 'close', handle }) },
  {
    name: 'READ',
    section: '§6.4',
    takes: 'file',
    request: (handle) => ({ kind: 'read', handle, offset: 0n, len: 10 }),
  },
  {
    name: 'WRITE',
    section: '§6.4',
    takes: 'file',
    request: (handle) => ({ kind: 'write', handle, offset: 0n, data: [Buffer.from('bad')] }),
  },
  { name: 'FSTAT', section: '§6.8', takes: 'file', request: (handle) => ({ kind: 'fstat', handle }) },
  {
    name: 'FSETSTAT',
    section: '§6.9',
    takes: 'file',
    request: (handle) => ({ kind: 'fsetstat', handle, attrs: { times: { atime: 1, mtime: 1 } } }),
  },
  { name: 'READDIR', section: '§6.7', takes: 'directory', request: (handle) => ({ kind: 'readdir', handle }) },
  {
    name: 'fsync',
    section: 'PROTOCOL 4.6',
    needs: ['fsync@openssh.com'],
    takes: 'file',
    request: (handle) => ({ kind: 'fsync', handle }),
  },
  {
    name: 'fstatvfs',
    section: 'PROTOCOL 4.4',
    needs: ['fstatvfs@openssh.com'],
    takes: 'file',
    request: (handle) => ({ kind: 'fstatvfs', handle }),
  },
  {
    name: 'copy-data from',
    section: 'PROTOCOL 4.10',
    needs: ['copy-data'],
    takes: 'file',
    request: (handle, good) => copy(handle, good),
  },
  {
    name: 'copy-data to',
    section: 'PROTOCOL 4.10',
    needs: ['copy-data'],
    takes: 'file',
    request: (handle, good) => copy(good, handle),
  },
  {
    name: 'check-file-handle',
    section: 'extensions draft §3',
    needs: ['check-file'],
    takes: 'file',
    request: (handle) => ({
      kind: 'checkFileHandle',
      handle,
      algorithms: 'md5',
      offset: 0n,
      length: 0n,
      blockSize: 0,
    }),
  },
]

function copy(readHandle: Buffer, writeHandle: Buffer): Unnumbered {
  return { kind: 'copyData', readHandle, readOffset: 0n, length: 0n, writeHandle, writeOffset: 0n }
}

interface Fault {
  name: string
  section: string
  expect: Expected
  note?: string
  applies?(operation: Operation): boolean
  make(context: Context): Promise<Buffer>
}

const { READ, WRITE, CREAT } = SSH_FXF
const BAD_HANDLE = status('FAILURE', 'NO_SUCH_FILE', 'BAD_MESSAGE')
const NO_CODE_NOTE = 'The draft has no code for a bad handle: OpenSSH says FAILURE, to CLOSE and fsync NO_SUCH_FILE.'

const FAULTS: readonly Fault[] = [
  {
    name: 'a handle that was never given',
    section: '§9',
    expect: BAD_HANDLE,
    note: NO_CODE_NOTE,
    make: async () => Buffer.from('never given'),
  },
  {
    name: 'a handle whose last byte is changed',
    section: '§9',
    expect: BAD_HANDLE,
    note: NO_CODE_NOTE,
    async make(context) {
      const changed = Buffer.from(await context.open('f', READ | WRITE))
      changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 0x55
      return changed
    },
  },
  {
    name: 'a handle with a byte added',
    section: '§9',
    expect: BAD_HANDLE,
    note: NO_CODE_NOTE,
    make: async (context) => Buffer.concat([await context.open('f', READ | WRITE), Buffer.from([0])]),
  },
  { name: 'an empty handle', section: '§9', expect: BAD_HANDLE, note: NO_CODE_NOTE, make: async () => Buffer.alloc(0) },
  {
    name: 'a handle of 257 bytes',
    section: '§6',
    expect: either(BAD_HANDLE, ended),
    note: 'A handle is at most 256 bytes long: a longer one is no handle, or no message.',
    make: async () => Buffer.alloc(257, 1),
  },
  {
    name: 'a closed handle',
    section: '§6.3',
    expect: BAD_HANDLE,
    note: NO_CODE_NOTE,
    async make(context) {
      const handle = await context.open('f', READ | WRITE)
      await context.closed(handle)
      return handle
    },
  },
  {
    name: 'the handle of a directory',
    section: '§6.4',
    expect: BAD_HANDLE,
    note: NO_CODE_NOTE,
    applies: ({ takes, name }) => takes === 'file' && name !== 'FSTAT' && name !== 'fstatvfs' && name !== 'FSETSTAT',
    make: (context) => context.opendir('d'),
  },
  {
    name: 'the handle of a file',
    section: '§6.7',
    expect: BAD_HANDLE,
    applies: ({ takes }) => takes === 'directory',
    make: (context) => context.open('f', READ),
  },
]

function caseOf(operation: Operation, fault: Fault): Case {
  return {
    name: `${operation.name} with ${fault.name} is refused`,
    section: `${operation.section}, ${fault.section}`,
    ...(operation.needs && { needs: operation.needs }),
    ...(fault.note !== undefined && { note: fault.note }),
    async run(context) {
      await context.given({ f: { file: 'text' }, g: { file: 'good' }, d: 'directory' })
      const good = await context.open('g', READ | WRITE)
      const bad = await fault.make(context)
      const came = context.client.request(operation.request(bad, good))
      await context.expect(came, fault.expect)
      if ((await came).kind === 'status') await context.shows({ f: { file: 'text' }, g: { file: 'good' } })
    },
  }
}

export const HANDLE_CASES: readonly Case[] = [
  ...OPERATIONS.flatMap((operation) =>
    FAULTS.filter((fault) => fault.applies?.(operation) ?? true).map((fault) => caseOf(operation, fault)),
  ),
  {
    name: 'FSTAT with the handle of a directory shows the directory or refuses',
    section: '§6.8',
    note: 'The draft speaks of an open file; OpenSSH refuses.',
    async run(context) {
      const opened = await context.opendir()
      await context.expect({ kind: 'fstat', handle: opened }, either(status('FAILURE', 'NO_SUCH_FILE'), attrs()))
    },
  },
  {
    name: 'FSETSTAT with the handle of a directory is applied or refused',
    section: '§6.9',
    note: 'The draft speaks of an open file; OpenSSH refuses.',
    async run(context) {
      const opened = await context.opendir()
      const asked = { kind: 'fsetstat', handle: opened, attrs: { permissions: 0o700 } } as const
      await context.expect(asked, either(status('FAILURE', 'NO_SUCH_FILE'), ok))
    },
  },
  {
    name: 'READ through a handle that only writes is refused',
    section: '§6.4',
    note: 'OpenSSH answers EBADF with NO_SUCH_FILE.',
    async run(context) {
      await context.file('f', Buffer.from('text'))
      const opened = await context.open('f', WRITE)
      await context.expect({ kind: 'read', handle: opened, offset: 0n, len: 4 }, refused)
    },
  },
  {
    name: 'WRITE through a handle that only reads is refused and changes nothing',
    section: '§6.4',
    note: 'OpenSSH answers EBADF with NO_SUCH_FILE.',
    async run(context) {
      await context.file('f', Buffer.from('text'))
      const opened = await context.open('f', READ)
      await context.expect({ kind: 'write', handle: opened, offset: 0n, data: [Buffer.from('new')] }, refused)
      await context.shows({ f: { file: 'text' } })
    },
  },
  {
    name: 'a handle of one session means nothing in another',
    section: '§9',
    async run(context) {
      await context.file('f', Buffer.from('secret'))
      const opened = await context.open('f', READ)
      const other = await context.session()
      await context.expect(other.request({ kind: 'read', handle: opened, offset: 0n, len: 6 }), BAD_HANDLE)
      await context.expect({ kind: 'read', handle: opened, offset: 0n, len: 6 }, data(Buffer.from('secret')))
    },
  },
  {
    name: 'a closed handle does not come to mean a file opened later',
    section: '§9',
    note: 'OpenSSH gives the number out again, so that a stale handle reads the newer file.',
    async run(context) {
      await context.given({ a: { file: 'first' }, b: { file: 'second' } })
      const stale = await context.open('a', READ)
      await context.closed(stale)
      const fresh = await context.open('b', READ)
      const asked = { kind: 'read', handle: stale, offset: 0n, len: 10 } as const
      if (fresh.equals(stale)) await context.expect(asked, data(Buffer.from('second')))
      else await context.expect(asked, BAD_HANDLE)
    },
  },
  {
    name: '200 files open at once are told apart',
    section: '§6.3',
    async run(context) {
      const handles: Buffer[] = []
      for (let index = 0; index < 200; index++) {
        const opened = await context.open(`f${index}`, READ | WRITE | CREAT)
        await context.write(opened, 0, Buffer.from(`file ${index}`))
        handles.push(opened)
      }
      for (const [index, opened] of handles.entries()) {
        await context.expect({ kind: 'read', handle: opened, offset: 0n, len: 100 }, data(Buffer.from(`file ${index}`)))
      }
    },
  },
]
