import { setImmediate as turn } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { FsError } from '../filesystem.ts'
import { hex } from '../testing/hex.ts'
import type { HeldCall } from '../testing/hooks.ts'
import { MemoryFileSystem } from '../testing/memory-filesystem.ts'
import { MemorySession } from '../testing/session.ts'
import { BufferPool } from './buffer-pool.ts'
import { SSH_FX } from './constants.ts'
import type { Response } from './packets.ts'

const eof = { kind: 'status', code: SSH_FX.EOF, message: 'End of file' }
const ok = { kind: 'status', code: SSH_FX.OK }
const badMessage = { kind: 'status', code: SSH_FX.BAD_MESSAGE }
const failure = { kind: 'status', code: SSH_FX.FAILURE }
const handle = hex('00000000')
const other = hex('00000001')

let fs: MemoryFileSystem
let session: MemorySession

/** /a open as {@link handle}, in the given way; /b as {@link other}. */
async function start(pflags: number, options: { maxReadBytes?: number; buffers?: BufferPool } = {}): Promise<void> {
  fs = new MemoryFileSystem()
  fs.addFile('/a', 'hello world')
  fs.addFile('/b')
  const { buffers, ...limits } = options
  session = await MemorySession.start({ fs, limits, ...(buffers && { buffers }) })
  await session.client.request({ kind: 'open', filename: '/a', pflags, attrs: {} })
  await session.client.request({ kind: 'open', filename: '/b', pflags: 3, attrs: {} })
}

function read(offset: bigint, len: number): Promise<Response> {
  return session.client.request({ kind: 'read', handle, offset, len })
}

function write(offset: bigint, text: string, to = handle): Promise<Response> {
  return session.client.request({ kind: 'write', handle: to, offset, data: [Buffer.from(text)] })
}

function data(text: string): object {
  return { kind: 'data', data: text === '' ? [] : [Buffer.from(text)] }
}

describe('READ', () => {
  beforeEach(() => start(1))

  test.each([
    { rule: 'gives what is asked for', offset: 6n, len: 3, reply: data('wor') },
    { rule: 'gives what there is', offset: 6n, len: 100, reply: data('world') },
    { rule: 'of the largest length gives what there is', offset: 0n, len: 0xffffffff, reply: data('hello world') },
    { rule: 'at the end is EOF', offset: 11n, len: 1, reply: eof },
    { rule: 'past the end is EOF', offset: 1000n, len: 1, reply: eof },
    // As OpenSSH's server has it.
    { rule: 'of no bytes gives none', offset: 0n, len: 0, reply: data('') },
    { rule: 'of no bytes past the end gives none', offset: 1000n, len: 0, reply: data('') },
    { rule: 'of no bytes at 2^63 is refused', offset: 1n << 63n, len: 0, reply: badMessage },
    { rule: 'at 2^32 is EOF', offset: 1n << 32n, len: 1, reply: eof },
    { rule: 'at 2^53 - 1 is EOF', offset: (1n << 53n) - 1n, len: 1, reply: eof },
    { rule: 'at 2^53 is EOF', offset: 1n << 53n, len: 1, reply: eof },
    { rule: 'at 2^63 - 1 is EOF', offset: (1n << 63n) - 1n, len: 1, reply: eof },
    { rule: 'at 2^63 is refused', offset: 1n << 63n, len: 1, reply: badMessage },
    { rule: 'at 2^64 - 1 is refused', offset: (1n << 64n) - 1n, len: 1, reply: badMessage },
  ])('$rule', async ({ offset, len, reply }) => {
    expect(await read(offset, len)).toMatchObject(reply)
    expect(session.reports).toEqual([])
  })

  test('gives at most the limit', async () => {
    await start(1, { maxReadBytes: 4 })
    expect(await read(1n, 100)).toMatchObject(data('ello'))
  })

  test('of a file that grew gives what it has now', async () => {
    await start(3)
    expect(await read(11n, 10)).toMatchObject(eof)
    await write(11n, '!')
    expect(await read(11n, 10)).toMatchObject(data('!'))
  })

  // scp of OpenSSH 9.2 cuts a download short, without an error, when DATA comes in another order.
  test('several on one file run side by side, and are answered in the order of arrival', async () => {
    const held = [fs.hooks.hold('file.read'), fs.hooks.hold('file.read')] as [HeldCall, HeldCall]
    const order: string[] = []
    const replies = [read(0n, 5), read(6n, 5)].map(async (reply, index) => {
      const response = await reply
      order.push(`reply ${index}`)
      return response
    })
    await Promise.all(held.map(({ entered }) => entered))
    held[1].release()
    await turn()
    expect(order).toEqual([])
    held[0].release()
    expect(await Promise.all(replies)).toMatchObject([data('hello'), data('world')])
    expect(order).toEqual(['reply 0', 'reply 1'])
  })
})

describe('READs that wait together', () => {
  beforeEach(() => start(1))

  /** Sends reads in one turn, behind one that is held until they have arrived. */
  async function together(...reads: [bigint, number][]): Promise<Response[]> {
    const held = fs.hooks.hold('open')
    const blocker = session.client.request({ kind: 'open', filename: '/b', pflags: 2, attrs: {} })
    await held.entered
    fs.hooks.calls.length = 0
    const replies = reads.map(([offset, len]) => read(offset, len))
    held.release()
    await blocker
    return Promise.all(replies)
  }

  test('and continue each other ask the filesystem once, each with its reply', async () => {
    expect(await together([0n, 4], [4n, 4], [8n, 4], [12n, 4])).toMatchObject([
      data('hell'),
      data('o wo'),
      data('rld'),
      eof,
    ])
    expect(fs.hooks.calls.filter(({ name }) => name === 'file.read')).toHaveLength(1)
  })

  test('with a gap between them ask each for itself', async () => {
    expect(await together([0n, 2], [3n, 2])).toMatchObject([data('he'), data('lo')])
    expect(fs.hooks.calls.filter(({ name }) => name === 'file.read')).toHaveLength(2)
  })

  test('are each tried alone when the gathered one fails', async () => {
    fs.hooks.fail('file.read', new FsError('failure', 'Input/output error'))
    expect(await together([0n, 4], [4n, 4])).toMatchObject([data('hell'), data('o wo')])
    expect(fs.hooks.calls.filter(({ name }) => name === 'file.read')).toHaveLength(3)
  })
})

describe('the buffers that READ fills', () => {
  class CountingPool extends BufferPool {
    out = 0
    override take(): Buffer {
      this.out++
      return super.take()
    }
    override give(buffer: Buffer): void {
      this.out--
      super.give(buffer)
    }
  }
  let pool: CountingPool
  beforeEach(async () => {
    pool = new CountingPool(32, 2)
    await start(1, { buffers: pool, maxReadBytes: 16 })
  })

  test('come back once their reply left, not before', async () => {
    session.held = true
    const replies = [read(0n, 11), read(1n, 10)]
    await turn()
    expect({ unsent: session.unsent, out: pool.out }).toEqual({ unsent: 2, out: 2 })
    session.deliver(1)
    expect(pool.out).toBe(1)
    session.deliver(1)
    expect(pool.out).toBe(0)
    expect(await Promise.all(replies)).toMatchObject([data('hello world'), data('ello world')])
  })

  test('are not held by a reply that is much shorter than they are', async () => {
    session.held = true
    const reply = read(6n, 16)
    await turn()
    expect({ unsent: session.unsent, out: pool.out }).toEqual({ unsent: 1, out: 0 })
    session.deliver()
    expect(await reply).toMatchObject(data('world'))
  })

  test('are not used for a short READ, whose reply needs no more than its own length', async () => {
    await start(1, { buffers: pool, maxReadBytes: 100 })
    session.held = true
    const reply = read(0n, 5)
    await turn()
    expect({ unsent: session.unsent, out: pool.out }).toEqual({ unsent: 1, out: 0 })
    session.deliver()
    expect(await reply).toMatchObject(data('hello'))
  })

  test('are not filled again while a reply is unsent', async () => {
    session.held = true
    const first = read(0n, 11)
    await turn()
    const second = read(1n, 10)
    await turn()
    session.deliver()
    expect(await first).toMatchObject(data('hello world'))
    expect(await second).toMatchObject(data('ello world'))
  })

  test('come back at the end of the file', async () => {
    expect(await read(11n, 5)).toMatchObject(eof)
    expect(pool.out).toBe(0)
  })

  test('are not taken for a handle that cannot be read', async () => {
    await session.client.request({ kind: 'read', handle: hex('00000009'), offset: 0n, len: 1 })
    expect(pool.out).toBe(0)
  })
})

describe('WRITE', () => {
  beforeEach(() => start(3))

  test.each([
    { rule: 'overwrites', offset: 6n, text: 'W', contents: 'hello World' },
    { rule: 'over the end grows the file', offset: 9n, text: 'LD!', contents: 'hello worLD!' },
    { rule: 'behind the end leaves zeros', offset: 13n, text: 'x', contents: 'hello world\0\0x' },
    { rule: 'of no bytes changes nothing', offset: 100n, text: '', contents: 'hello world' },
  ])('$rule', async ({ offset, text, contents }) => {
    expect(await write(offset, text)).toMatchObject(ok)
    expect(fs.contents('/a')).toBe(contents)
  })

  test.each([
    { rule: 'at 2^53 fails: no file reaches that', offset: 1n << 53n, reply: failure },
    { rule: 'at 2^63 - 1 fails: no file reaches that', offset: (1n << 63n) - 1n, reply: failure },
    { rule: 'at 2^63 is refused', offset: 1n << 63n, reply: badMessage },
  ])('$rule', async ({ offset, reply }) => {
    expect(await write(offset, 'x')).toMatchObject(reply)
    expect(fs.contents('/a')).toBe('hello world')
  })

  test('on a handle opened to append lands at the end, whatever its offset', async () => {
    await start(2 | 4)
    await Promise.all([write(0n, '1'), write(0n, '2'), write(1n, '3')])
    expect(fs.contents('/a')).toBe('hello world123')
  })
})

describe('WRITEs that wait together', () => {
  /** Sends them while another write is under way, and counts the calls they become. */
  async function together(...writes: [offset: bigint, data: string, to?: Buffer][]): Promise<Response[]> {
    const held = fs.hooks.hold('file.write')
    const first = write(0n, '')
    await held.entered
    fs.hooks.calls.length = 0
    const replies = writes.map(([offset, text, to]) => write(offset, text, to))
    held.release()
    await first
    return Promise.all(replies)
  }

  beforeEach(() => start(3))

  test('and continue each other go to the filesystem as one, each with its reply', async () => {
    expect(await together([0n, 'HE'], [2n, 'LL'], [4n, 'O'])).toMatchObject([ok, ok, ok])
    expect(fs.contents('/a')).toBe('HELLO world')
    expect(fs.hooks.calls).toHaveLength(1)
    expect(session.client.unexpected).toEqual([])
  })

  test.each([
    {
      rule: 'a gap',
      writes: [
        [0n, 'A'],
        [2n, 'C'],
      ],
      contents: 'AeClo world',
      calls: 2,
    },
    {
      rule: 'an overlap',
      writes: [
        [0n, 'AB'],
        [1n, 'C'],
      ],
      contents: 'ACllo world',
      calls: 2,
    },
    {
      rule: 'a step back',
      writes: [
        [1n, 'B'],
        [0n, 'A'],
      ],
      contents: 'ABllo world',
      calls: 2,
    },
    {
      rule: 'another file',
      writes: [
        [0n, 'A'],
        [1n, 'B', other],
      ],
      contents: 'Aello world',
      calls: 2,
    },
    {
      rule: 'an empty one goes along',
      writes: [
        [0n, 'A'],
        [1n, ''],
        [1n, 'B'],
      ],
      contents: 'ABllo world',
      calls: 1,
    },
  ] as { rule: string; writes: [bigint, string, Buffer?][]; contents: string; calls: number }[])(
    'are told apart by: $rule',
    async ({ writes, contents, calls }) => {
      expect(await together(...writes)).toMatchObject(writes.map(() => ok))
      expect(fs.contents('/a')).toBe(contents)
      expect(fs.hooks.calls).toHaveLength(calls)
    },
  )

  test('are gathered up to 1 MiB', async () => {
    const chunk = 'x'.repeat(250 * 1024)
    const writes = Array.from({ length: 9 }, (_, index): [bigint, string] => [BigInt(index * chunk.length), chunk])
    expect(await together(...writes)).toMatchObject(writes.map(() => ok))
    expect(fs.hooks.calls).toHaveLength(3)
    expect(fs.contents('/a')).toBe(chunk.repeat(9))
  })

  test('are each tried alone when the gathered one fails, and get the reply they earned', async () => {
    const full = new FsError('quota', 'Quota exceeded')
    fs.hooks.fail('file.write', full)
    const held = fs.hooks.hold('file.write')
    fs.hooks.fail('file.write', full)
    // The first failure is that of the write in front, the hold stands in front of the gathered ones.
    const replies = [write(0n, 'x'), write(0n, 'A'), write(1n, 'B'), write(2n, 'C')]
    await held.entered
    held.fail(full)
    expect(await Promise.all(replies)).toMatchObject([
      { message: 'Quota exceeded' },
      { message: 'Quota exceeded' },
      ok,
      ok,
    ])
    expect(fs.contents('/a')).toBe('hBClo world')
    expect(session.reports).toEqual([])
  })

  test('on a handle opened to append are never gathered', async () => {
    await start(2 | 4)
    expect(await together([0n, 'A'], [1n, 'B'], [2n, 'C'])).toMatchObject([ok, ok, ok])
    expect(fs.contents('/a')).toBe('hello worldABC')
    expect(fs.hooks.calls).toHaveLength(3)
  })

  test('on no handle at all are each refused', async () => {
    const nowhere = hex('00000009')
    expect(await together([0n, 'A', nowhere], [1n, 'B', nowhere])).toMatchObject([failure, failure])
  })
})

/** The length of a packet is taken as soon as it is there. */
const LENGTH_BYTES = 4

describe('what was received', () => {
  beforeEach(() => start(3))

  test('is released as soon as it was looked at, but for a packet that is not complete', async () => {
    const before = session.server.releasedBytes
    void session.client.request({ kind: 'stat', path: '/a' })
    const request = 4 + 1 + 4 + 4 + 2
    expect(session.server.releasedBytes).toBe(before + request)
    session.send(hex('00000009 11 000000'))
    expect(session.server.releasedBytes).toBe(before + request + LENGTH_BYTES)
    session.send(hex('01 00000000'))
    await turn()
    expect(session.server.releasedBytes).toBe(before + request + 4 + 9)
  })

  test('stays as it is from the first WRITE on that is under way', async () => {
    const [first, second] = [fs.hooks.hold('file.write'), fs.hooks.hold('file.write')]
    const before = session.server.releasedBytes
    const written = [
      write(0n, 'HELLO'),
      write(0n, 'there', other),
      session.client.request({ kind: 'stat', path: '/a' }),
    ]
    second.release()
    await turn()
    expect(session.server.releasedBytes).toBe(before + LENGTH_BYTES)
    first.release()
    await Promise.all(written)
    expect(session.server.releasedBytes).toBe(before + 2 * (4 + 1 + 4 + 8 + 8 + 4 + 5) + 4 + 1 + 4 + 4 + 2)
    expect([fs.contents('/a'), fs.contents('/b')].map(String)).toEqual(['HELLO world', 'there'])
  })

  test('is released when a WRITE failed, was gathered with others, or was dropped with its session', async () => {
    fs.hooks.fail('file.write', new FsError('no-space', 'full'))
    await write(0n, 'a')
    const held = fs.hooks.hold('file.write')
    const written = [write(0n, 'b'), write(1n, 'c'), write(2n, 'd')]
    held.release()
    await Promise.all(written)
    const writeBytes = 4 + 1 + 4 + 8 + 8 + 4 + 1
    const before = session.server.releasedBytes
    const last = fs.hooks.hold('file.write')
    for (const offset of [0n, 1n, 5n]) void write(offset, 'x')
    const abandoned = session.server.abandon()
    expect(session.server.releasedBytes).toBe(before + LENGTH_BYTES)
    last.release()
    await abandoned
    expect(session.server.releasedBytes).toBe(before + 3 * writeBytes)
  })
})

test('a request without data may be looked at after it was answered, when its memory is used again', async () => {
  await start(3)
  for (let index = 0; index < 300; index++) fs.addFile(`/file-${index}`)
  const opened = await session.client.request({ kind: 'opendir', path: '/' })
  if (opened.kind !== 'handle') throw new Error(`opendir: ${opened.kind}`)
  const reads = (): number => fs.hooks.calls.filter(({ name }) => name === 'directory.read').length
  await session.client.request({ kind: 'readdir', handle: opened.handle })
  // The next entries are read ahead, by the handle of the request, when the reply has left.
  await turn()
  expect(reads()).toBe(2)
})
