import { SSH_FXF } from '../../../protocol/sftp/constants.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'
import { attrs, data, either, eof, ok, refused, someOf, status } from '../expected.ts'
import type { Expected } from '../expected.ts'
import { pattern } from '../tree.ts'

const { READ, WRITE, CREAT, TRUNC, APPEND } = SSH_FXF
const TEXT = Buffer.from('0123456789')

const READS: { what: string; offset: bigint; len: number; expect: Expected; note?: string }[] = [
  { what: 'of all of a file', offset: 0n, len: 10, expect: data(TEXT) },
  { what: 'of the beginning', offset: 0n, len: 3, expect: data(TEXT.subarray(0, 3)) },
  { what: 'of the middle', offset: 4n, len: 3, expect: data(TEXT.subarray(4, 7)) },
  { what: 'of the last byte', offset: 9n, len: 1, expect: data(TEXT.subarray(9)) },
  { what: 'over the end of a file', offset: 7n, len: 100, expect: data(TEXT.subarray(7)) },
  { what: 'at the end of a file', offset: 10n, len: 10, expect: eof },
  { what: 'behind the end of a file', offset: 11n, len: 10, expect: eof },
  ...[31n, 32n, 40n].map((bits) => ({ what: `at 2^${bits}`, offset: 1n << bits, len: 10, expect: eof })),
  ...[52n, 53n].map((bits) => ({
    what: `at 2^${bits}`,
    offset: 1n << bits,
    len: 10,
    expect: either(eof, status('BAD_MESSAGE', 'FAILURE')),
    note: 'Few disks hold such a file: the end, or EINVAL of the kernel where OpenSSH seeks.',
  })),
  {
    what: 'at 2^63-1',
    offset: (1n << 63n) - 1n,
    len: 1,
    expect: either(eof, status('BAD_MESSAGE', 'FAILURE')),
    note: 'No file reaches it: the end, or EINVAL of the kernel.',
  },
  {
    what: 'at 2^63',
    offset: 1n << 63n,
    len: 10,
    expect: status('BAD_MESSAGE', 'FAILURE', 'EOF'),
    note: 'No offset of a disk: OpenSSH hands it to the kernel, which answers EINVAL.',
  },
  {
    what: 'at 2^64-1',
    offset: (1n << 64n) - 1n,
    len: 10,
    expect: status('BAD_MESSAGE', 'FAILURE', 'EOF'),
    note: 'No offset of a disk: OpenSSH hands it to the kernel, which answers EINVAL.',
  },
  {
    what: 'of no bytes',
    offset: 0n,
    len: 0,
    expect: either(data(Buffer.alloc(0)), eof),
    note: 'OpenSSH gives DATA without bytes; the draft leaves it open.',
  },
  {
    what: 'of no bytes at the end',
    offset: 10n,
    len: 0,
    expect: either(data(Buffer.alloc(0)), eof),
    note: 'OpenSSH gives DATA without bytes; the draft leaves it open.',
  },
]

const SPARSE = [31n, 32n, 40n]

async function openNew(context: Context, pflags = READ | WRITE | CREAT | TRUNC): Promise<Buffer> {
  return context.open('f', pflags)
}

/** Writes that follow one another; what the file holds then. */
const WRITES: { name: string; given?: string; pflags?: number; writes: [bigint, string][]; content: string }[] = [
  { name: 'one after the other', writes: [[0n, 'abc'], [3n, 'def']], content: 'abcdef' }, // prettier-ignore
  { name: 'backwards', writes: [[4n, 'ef'], [2n, 'cd'], [0n, 'ab']], content: 'abcdef' }, // prettier-ignore
  { name: 'that overlap: the later wins', writes: [[0n, 'aaaa'], [2n, 'bbbb'], [1n, 'c']], content: 'acbbbb' }, // prettier-ignore
  { name: 'that repeat an offset: the later wins', writes: [[0n, 'old'], [0n, 'new']], content: 'new' }, // prettier-ignore
  { name: 'with a gap, which reads as zero bytes', writes: [[0n, 'a'], [4n, 'b']], content: 'a\0\0\0b' }, // prettier-ignore
  { name: 'of no bytes, which change nothing', given: 'text', writes: [[0n, ''], [10n, '']], content: 'text' }, // prettier-ignore
  { name: 'into the middle of a file', given: '0123456789', writes: [[3n, 'abc']], content: '012abc6789' },
  { name: 'over the end of a file', given: '0123', writes: [[3n, 'abc']], content: '012abc' },
  { name: 'with APPEND, which land at the end whatever their offset', given: 'old', pflags: WRITE | APPEND, writes: [[0n, 'a'], [100n, 'b']], content: 'oldab' }, // prettier-ignore
  { name: 'with READ|WRITE|APPEND, which land at the end', given: 'old', pflags: READ | WRITE | APPEND, writes: [[0n, 'x']], content: 'oldx' }, // prettier-ignore
  { name: 'with APPEND|TRUNC into an emptied file', given: 'old', pflags: WRITE | APPEND | TRUNC | CREAT, writes: [[9n, 'a'], [0n, 'b']], content: 'ab' }, // prettier-ignore
]

export const READ_WRITE_CASES: readonly Case[] = [
  ...READS.map(({ what, offset, len, expect, note }): Case => ({
    name: `READ ${what}`,
    section: '§6.4',
    ...(note !== undefined && { note }),
    async run(context) {
      await context.file('f', TEXT)
      const opened = await context.open('f', READ)
      await context.expect({ kind: 'read', handle: opened, offset, len }, expect)
      await context.expect({ kind: 'read', handle: opened, offset: 0n, len: 10 }, data(TEXT))
    },
  })),
  ...WRITES.map(({ name, given, pflags = WRITE | CREAT, writes, content }): Case => ({
    name: `WRITEs ${name}`,
    section: '§6.4',
    async run(context) {
      if (given !== undefined) await context.file('f', Buffer.from(given))
      const opened = await openNew(context, pflags)
      for (const [offset, text] of writes) {
        await context.expect({ kind: 'write', handle: opened, offset, data: [Buffer.from(text)] }, ok)
      }
      await context.closed(opened)
      await context.shows({ f: { file: content } })
    },
  })),
  ...SPARSE.map((bits): Case => ({
    name: `a WRITE at 2^${bits} makes a sparse file that reads back`,
    section: '§6.4',
    async run(context) {
      const offset = 1n << bits
      const opened = await openNew(context)
      await context.expect({ kind: 'write', handle: opened, offset, data: [TEXT] }, ok)
      await context.expect({ kind: 'fstat', handle: opened }, attrs({ size: offset + 10n }))
      await context.expect({ kind: 'read', handle: opened, offset, len: 100 }, data(TEXT))
      await context.expect({ kind: 'read', handle: opened, offset: offset - 4n, len: 4 }, data(Buffer.alloc(4)))
    },
  })),
  ...[(1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n].map((offset): Case => ({
    name: `a WRITE at ${offset} is refused and changes nothing`,
    section: '§6.4',
    note: 'No offset of a disk: OpenSSH passes on that the kernel says EINVAL, or that the file would be too large.',
    async run(context) {
      await context.file('f', TEXT)
      const opened = await context.open('f', READ | WRITE)
      await context.expect(
        { kind: 'write', handle: opened, offset, data: [Buffer.from('no')] },
        status('BAD_MESSAGE', 'FAILURE'),
      )
      await context.shows({ f: { file: TEXT.toString() } })
    },
  })),
  {
    name: 'READ of an empty file is the end at once',
    section: '§6.4',
    async run(context) {
      await context.file('f')
      const opened = await context.open('f', READ)
      await context.expect({ kind: 'read', handle: opened, offset: 0n, len: 1 }, eof)
      await context.expect({ kind: 'read', handle: opened, offset: 0n, len: 1 }, eof)
    },
  },
  {
    name: 'READs in any order give the right bytes',
    section: '§6.4',
    async run(context) {
      const content = pattern(100_000)
      await context.file('f', content)
      const opened = await context.open('f', READ)
      for (const offset of [99_000, 0, 50_000, 1, 99_999, 32_768, 32_767]) {
        const part = content.subarray(offset, offset + 5000)
        await context.expect({ kind: 'read', handle: opened, offset: BigInt(offset), len: 5000 }, someOf(part))
      }
    },
  },
  {
    name: 'a READ|WRITE handle reads what it wrote',
    section: '§6.4',
    async run(context) {
      const opened = await openNew(context)
      await context.expect({ kind: 'write', handle: opened, offset: 5n, data: [TEXT] }, ok)
      await context.expect({ kind: 'read', handle: opened, offset: 5n, len: 10 }, data(TEXT))
      await context.expect({ kind: 'write', handle: opened, offset: 0n, data: [TEXT] }, ok)
      await context.expect({ kind: 'read', handle: opened, offset: 8n, len: 10 }, data(Buffer.from('8956789')))
    },
  },
  {
    name: 'a second handle reads what the first wrote',
    section: '§6.4',
    note: 'A server that publishes uploads at CLOSE may show nothing until then; here the file is there before.',
    async run(context) {
      await context.file('f', Buffer.from('old text!!'))
      const [writer, reader] = [await context.open('f', WRITE), await context.open('f', READ)]
      await context.expect({ kind: 'write', handle: writer, offset: 0n, data: [TEXT] }, ok)
      await context.expect({ kind: 'read', handle: reader, offset: 0n, len: 10 }, data(TEXT))
    },
  },
  {
    name: 'two handles write to one file, each where it says',
    section: '§6.4',
    async run(context) {
      await context.file('f', Buffer.from('----------'))
      const [a, b] = [await context.open('f', WRITE), await context.open('f', WRITE)]
      await context.expect({ kind: 'write', handle: a, offset: 0n, data: [Buffer.from('aaa')] }, ok)
      await context.expect({ kind: 'write', handle: b, offset: 5n, data: [Buffer.from('bbb')] }, ok)
      await context.expect({ kind: 'write', handle: a, offset: 7n, data: [Buffer.from('a')] }, ok)
      await context.closed(a)
      await context.closed(b)
      await context.shows({ f: { file: 'aaa--bba--' } })
    },
  },
  {
    name: 'two APPEND handles do not overwrite each other',
    section: '§6.3',
    async run(context) {
      const pflags = WRITE | CREAT | APPEND
      const [a, b] = [await context.open('f', pflags), await context.open('f', pflags)]
      for (const [opened, text] of [
        [a, 'one '],
        [b, 'two '],
        [a, 'three'],
      ] as const)
        // prettier-ignore
        await context.expect({ kind: 'write', handle: opened, offset: 0n, data: [Buffer.from(text)] }, ok)
      await context.shows({ f: { file: 'one two three' } })
    },
  },
  {
    name: 'a file removed while it is open can be read and written on',
    section: '§6.5',
    async run(context) {
      await context.file('f', TEXT)
      const opened = await context.open('f', READ | WRITE)
      await context.expect({ kind: 'remove', filename: context.at('f') }, ok)
      await context.expect({ kind: 'write', handle: opened, offset: 10n, data: [Buffer.from('!')] }, ok)
      await context.expect({ kind: 'read', handle: opened, offset: 0n, len: 20 }, data(Buffer.from('0123456789!')))
      await context.expect({ kind: 'fstat', handle: opened }, attrs({ size: 11n }))
      await context.expect({ kind: 'close', handle: opened }, ok)
      await context.shows({ f: 'missing' })
    },
  },
  {
    name: 'a file cut by SETSTAT while it is open ends there',
    section: '§6.9',
    async run(context) {
      await context.file('f', TEXT)
      const opened = await context.open('f', READ | WRITE)
      await context.expect({ kind: 'setstat', path: context.at('f'), attrs: { size: 4n } }, ok)
      await context.expect({ kind: 'read', handle: opened, offset: 0n, len: 20 }, data(TEXT.subarray(0, 4)))
      await context.expect({ kind: 'read', handle: opened, offset: 4n, len: 20 }, eof)
      await context.expect({ kind: 'write', handle: opened, offset: 6n, data: [Buffer.from('x')] }, ok)
      await context.shows({ f: { file: '0123\0\0x' } })
    },
  },
  {
    name: 'FSETSTAT size cuts and fills an open file',
    section: '§6.9',
    async run(context) {
      await context.file('f', TEXT)
      const opened = await context.open('f', READ | WRITE)
      await context.expect({ kind: 'fsetstat', handle: opened, attrs: { size: 3n } }, ok)
      await context.expect({ kind: 'fsetstat', handle: opened, attrs: { size: 5n } }, ok)
      await context.expect({ kind: 'read', handle: opened, offset: 0n, len: 20 }, data(Buffer.from('012\0\0')))
    },
  },
  {
    name: 'a WRITE of bytes that stand for every value is kept',
    section: '§6.4',
    async run(context) {
      const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
      const opened = await openNew(context)
      await context.expect({ kind: 'write', handle: opened, offset: 0n, data: [every] }, ok)
      await context.expect({ kind: 'read', handle: opened, offset: 0n, len: 256 }, data(every))
    },
  },
  {
    name: 'a file of 5 MiB comes back as it was sent',
    section: '§6.4',
    async run(context) {
      const content = pattern(5 * 1024 * 1024 + 3)
      await context.file('f', content)
      context.sameBytes(await context.content('f'), content, 'content')
    },
  },
  {
    name: 'WRITE to a file that was opened to append and read only is refused',
    section: '§6.4',
    async run(context) {
      await context.file('f', TEXT)
      const opened = await context.open('f', READ | APPEND)
      await context.expect({ kind: 'write', handle: opened, offset: 0n, data: [TEXT] }, refused)
      await context.shows({ f: { file: TEXT.toString() } })
    },
  },
]
