import type { Case } from '../case.ts'
import type { Context } from '../context.ts'
import { attrs, either, eof, ok, refused, status } from '../expected.ts'
import type { Expected } from '../expected.ts'
import { pattern } from '../tree.ts'

const TEXT = '0123456789'

interface Copy {
  name: string
  target?: string
  readOffset?: bigint
  length?: bigint
  writeOffset?: bigint
  expect?: Expected
  content: string
  note?: string
}

const COPIES: readonly Copy[] = [
  { name: 'copies a whole file with length 0', content: TEXT },
  { name: 'copies a file with its exact length', length: 10n, content: TEXT },
  { name: 'copies the beginning', length: 3n, content: '012' },
  { name: 'copies the middle', readOffset: 3n, length: 4n, content: '3456' },
  { name: 'copies from an offset to the end with length 0', readOffset: 7n, content: '789' },
  { name: 'copies to an offset', writeOffset: 4n, length: 2n, content: '\0\0\0\x0001' },
  { name: 'writes over the middle of a file', target: 'abcdefgh', writeOffset: 2n, length: 3n, content: 'ab012fgh' },
  { name: 'does not cut a longer file', target: 'abcdefghijklmno', content: '0123456789klmno' },
  {
    name: 'with a length over the end copies what there is',
    length: 100n,
    expect: either(ok, eof),
    content: TEXT,
    note: 'OpenSSH says OK; the READs that it stands for would say EOF, which is right as well.',
  },
  {
    name: 'from behind the end with a length copies nothing',
    readOffset: 50n,
    length: 5n,
    expect: either(ok, eof),
    content: '',
    note: 'OpenSSH says OK; the READs that it stands for would say EOF, which is right as well.',
  },
  { name: 'from the end with length 0 copies nothing', readOffset: 10n, content: '' },
  { name: 'from behind the end with length 0 copies nothing', readOffset: 50n, content: '' },
  {
    name: 'from offset 2^63 is refused',
    readOffset: 1n << 63n,
    expect: status('BAD_MESSAGE', 'FAILURE', 'EOF'),
    content: '',
  },
  {
    name: 'to offset 2^63 is refused',
    writeOffset: 1n << 63n,
    expect: status('BAD_MESSAGE', 'FAILURE'),
    content: '',
  },
]

const NEEDS = ['copy-data']
const SECTION = 'PROTOCOL 4.10'

async function copy(
  context: Context,
  from: Buffer,
  to: Buffer,
  { readOffset = 0n, length = 0n, writeOffset = 0n, expect = ok }: Omit<Copy, 'name' | 'content'>,
): Promise<void> {
  const handles = { readHandle: from, writeHandle: to }
  await context.expect({ kind: 'copyData', ...handles, readOffset, length, writeOffset }, expect)
}

export const COPY_CASES: readonly Case[] = [
  ...COPIES.map(({ name, content, note, target, ...what }): Case => ({
    name: `copy-data ${name}`,
    section: SECTION,
    needs: NEEDS,
    ...(note !== undefined && { note }),
    async run(context) {
      await context.given({ from: { file: TEXT }, to: { file: target ?? '' } })
      const [from, to] = [await context.open('from', 1), await context.open('to', 2)]
      await copy(context, from, to, what)
      await context.shows({ from: { file: TEXT }, to: { file: content } })
    },
  })),
  {
    name: 'copy-data copies 3 MiB',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      const content = pattern(3 * 1024 * 1024 + 7)
      await context.file('from', content)
      const [from, to] = [await context.open('from', 1), await context.open('to', 0x0a)]
      await copy(context, from, to, {})
      context.sameBytes(await context.content('to'), content, 'copy')
    },
  },
  {
    name: 'copy-data of overlapping parts of one file is refused',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      await context.given({ f: { file: TEXT } })
      const [from, to] = [await context.open('f', 1), await context.open('f', 2)]
      await copy(context, from, to, { length: 5n, writeOffset: 2n, expect: status('FAILURE') })
      await context.shows({ f: { file: TEXT } })
    },
  },
  {
    name: 'copy-data of a file to its own end with length 0 is refused',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      await context.given({ f: { file: TEXT } })
      const [from, to] = [await context.open('f', 1), await context.open('f', 2)]
      await copy(context, from, to, { writeOffset: 5n, expect: status('FAILURE') })
      await context.shows({ f: { file: TEXT } })
    },
  },
  {
    name: 'copy-data within one handle, overlapping, is refused',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      await context.given({ f: { file: TEXT } })
      const opened = await context.open('f', 3)
      await copy(context, opened, opened, { length: 5n, writeOffset: 4n, expect: status('FAILURE') })
      await context.shows({ f: { file: TEXT } })
    },
  },
  {
    name: 'copy-data of parts of one file that do not overlap copies or is refused',
    section: SECTION,
    needs: NEEDS,
    note: 'The extensions draft (§7) would have it allowed; OpenSSH refuses any copy within one file.',
    async run(context) {
      await context.given({ f: { file: TEXT } })
      const [from, to] = [await context.open('f', 1), await context.open('f', 2)]
      const asked = { kind: 'copyData', readHandle: from, readOffset: 0n, length: 3n, writeHandle: to, writeOffset: 5n } as const // prettier-ignore
      const came = await context.expect(asked, either(ok, status('FAILURE')))
      const copied = came.kind === 'status' && came.code === 0
      await context.shows({ f: { file: copied ? '0123401289' : TEXT } })
    },
  },
  {
    name: 'copy-data from a handle that only writes is refused',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      await context.given({ from: { file: TEXT }, to: { file: '' } })
      await copy(context, await context.open('from', 2), await context.open('to', 2), { expect: refused })
      await context.shows({ to: { file: '' } })
    },
  },
  {
    name: 'copy-data to a handle that only reads is refused',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      await context.given({ from: { file: TEXT }, to: { file: '' } })
      await copy(context, await context.open('from', 1), await context.open('to', 1), { expect: refused })
      await context.shows({ to: { file: '' } })
    },
  },
  {
    name: 'copy-data to an APPEND handle adds to the end',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      await context.given({ from: { file: TEXT }, to: { file: 'old' } })
      await copy(context, await context.open('from', 1), await context.open('to', 6), {})
      await context.shows({ to: { file: `old${TEXT}` } })
    },
  },
  {
    name: 'a STAT behind copy-data sees all of the copy',
    section: SECTION,
    needs: NEEDS,
    async run(context) {
      await context.file('from', pattern(500_000))
      const [from, to] = [await context.open('from', 1), await context.open('to', 0x0a)]
      const offsets = { readOffset: 0n, length: 0n, writeOffset: 0n }
      const asked = context.client.prepare({ kind: 'copyData', readHandle: from, writeHandle: to, ...offsets })
      const stat = context.client.prepare({ kind: 'stat', path: context.at('to') })
      context.client.send(Buffer.concat([asked.packet, stat.packet]))
      await context.expect(asked.reply, ok)
      await context.expect(stat.reply, attrs({ size: 500_000n }))
    },
  },
]
