import { SSH_FXF } from '../../../protocol/sftp/constants.ts'
import type { Case } from '../case.ts'
import type { Outcome, Unnumbered } from '../client.ts'
import type { Context } from '../context.ts'
import { attrs, data, handle, ok, someOf } from '../expected.ts'
import { pattern } from '../tree.ts'

const { READ, WRITE, CREAT } = SSH_FXF
const BLOCK = 8192

function write(opened: Buffer, offset: bigint, text: string): Unnumbered {
  return { kind: 'write', handle: opened, offset, data: [Buffer.from(text)] }
}

/** Every number below `count` once, in an order that looks random and is always the same. */
function shuffled(count: number): number[] {
  const order = Array.from({ length: count }, (_, index) => index)
  const random = pattern(4 * count, 7)
  for (let index = count - 1; index > 0; index--) {
    const other = random.readUInt32BE(4 * index) % (index + 1)
    ;[order[index], order[other]] = [order[other] ?? 0, order[index] ?? 0]
  }
  return order
}

async function allOk(context: Context, replies: readonly Promise<Outcome>[]): Promise<void> {
  for (const reply of replies) await context.expect(reply, ok)
}

export const PIPELINING_CASES: readonly Case[] = [
  {
    name: '500 READs under way at once all come back right',
    section: '§6.1',
    async run(context) {
      const content = pattern(500 * 1000)
      await context.file('f', content)
      const opened = await context.open('f', READ)
      const asked = shuffled(500).map((index) => ({
        index,
        reply: context.client.request({ kind: 'read', handle: opened, offset: BigInt(index * 1000), len: 1000 }),
      }))
      for (const { index, reply } of asked) {
        await context.expect(reply, someOf(content.subarray(index * 1000, index * 1000 + 1000)))
      }
      context.same(context.client.unasked.length, 0, 'replies nobody asked for:')
    },
  },
  {
    name: '200 READs of 32 KiB at once, more than any window holds, all come back right',
    section: '§6.1',
    async run(context) {
      const content = pattern(200 * 32_768)
      await context.file('f', content)
      const opened = await context.open('f', READ)
      const asked = Array.from({ length: 200 }, (_, index) =>
        context.client.request({ kind: 'read', handle: opened, offset: BigInt(index * 32_768), len: 32_768 }),
      )
      for (const [index, reply] of asked.entries()) {
        await context.expect(reply, someOf(content.subarray(index * 32_768, (index + 1) * 32_768)))
      }
    },
  },
  {
    name: '200 WRITEs in random order make the right file',
    section: '§6.1',
    async run(context) {
      const content = pattern(200 * BLOCK)
      const opened = await context.open('f', WRITE | CREAT)
      const replies = shuffled(200).map((index) => {
        const part = content.subarray(index * BLOCK, (index + 1) * BLOCK)
        return context.client.request({ kind: 'write', handle: opened, offset: BigInt(index * BLOCK), data: [part] })
      })
      const closed = context.client.request({ kind: 'close', handle: opened })
      await allOk(context, replies)
      await context.expect(closed, ok)
      context.sameBytes(await context.content('f'), content, 'content')
    },
  },
  {
    name: '200 WRITEs in order, and CLOSE behind them, make the right file',
    section: '§6.1',
    async run(context) {
      const content = pattern(200 * 32_768)
      const opened = await context.open('f', WRITE | CREAT)
      const replies = Array.from({ length: 200 }, (_, index) => {
        const part = content.subarray(index * 32_768, (index + 1) * 32_768)
        return context.client.request({ kind: 'write', handle: opened, offset: BigInt(index * 32_768), data: [part] })
      })
      const closed = context.client.request({ kind: 'close', handle: opened })
      await allOk(context, replies)
      await context.expect(closed, ok)
      context.sameBytes(await context.content('f'), content, 'content')
    },
  },
  {
    name: '100 WRITEs to one offset: the last one stays',
    section: '§6.1',
    async run(context) {
      const opened = await context.open('f', WRITE | CREAT)
      const replies = Array.from({ length: 100 }, (_, index) =>
        context.client.request(write(opened, 0n, String(index).padStart(3, '0'))),
      )
      await allOk(context, replies)
      await context.shows({ f: { file: '099' } })
    },
  },
  {
    name: 'READs and WRITEs of ten files mixed do not mix the files',
    section: '§6.1',
    async run(context) {
      const handles = await Promise.all(
        Array.from({ length: 10 }, (_, index) => context.open(`f${index}`, READ | WRITE | CREAT)),
      )
      const writes = Array.from(
        { length: 20 },
        (_, round) =>
        handles.map((opened, file) => context.client.request(write(opened, BigInt(round * 10), `file ${file} ${round % 10}|`.padEnd(10)))), // prettier-ignore
      ).flat()
      const reads = handles.map((opened) =>
        context.client.request({ kind: 'read', handle: opened, offset: 0n, len: 10 }),
      )
      await allOk(context, writes)
      for (const [file, reply] of reads.entries())
        await context.expect(reply, data(Buffer.from(`file ${file} 0|`.padEnd(10))))
      for (let file = 0; file < 10; file++) {
        const expected = Array.from({ length: 20 }, (_, round) => `file ${file} ${round % 10}|`.padEnd(10)).join('')
        await context.shows({ [`f${file}`]: { file: expected } })
      }
    },
  },
  {
    name: '300 OPENs and CLOSEs at once each get their reply',
    section: '§6.1',
    async run(context) {
      await context.file('f', Buffer.from('text'))
      for (let round = 0; round < 3; round++) {
        const opens = Array.from({ length: 100 }, () =>
          context.client.request({ kind: 'open', filename: context.at('f'), pflags: READ, attrs: {} }),
        )
        const handles: Buffer[] = []
        for (const reply of opens) {
          const came = await context.expect(reply, handle)
          if (came.kind === 'handle') handles.push(came.handle)
        }
        context.same(new Set(handles.map((opened) => opened.toString('hex'))).size, 100, 'different handles:')
        await allOk(
          context,
          handles.map((opened) => context.client.request({ kind: 'close', handle: opened })),
        )
      }
    },
  },
  {
    name: '1000 STATs at once get 1000 replies',
    section: '§6.1',
    async run(context) {
      const replies = Array.from({ length: 1000 }, () => context.client.request({ kind: 'stat', path: context.dir }))
      for (const reply of replies) await context.expect(reply, attrs())
      context.same(context.client.unasked.length, 0, 'replies nobody asked for:')
    },
  },
  {
    name: 'READDIR behind changes sees them',
    section: '§6.1',
    async run(context) {
      await context.given({ old: { file: 'x' } })
      const replies = [
        context.client.request({ kind: 'mkdir', path: context.at('new'), attrs: {} }),
        context.client.request({ kind: 'remove', filename: context.at('old') }),
      ]
      const opened = context.client.request({ kind: 'opendir', path: context.dir })
      await allOk(context, replies)
      const came = await context.expect(opened, handle)
      if (came.kind !== 'handle') return
      const names = (await context.entriesOf(came.handle)).map(({ filename }) => filename)
      context.same(names.join(), 'new', 'names')
    },
  },
]
