import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Unnumbered } from '../testing/client.ts'
import { hex } from '../testing/hex.ts'
import { MemoryFileSystem } from '../testing/memory-filesystem.ts'
import { MemorySession } from '../testing/session.ts'
import type { SftpLimits } from './limits.ts'
import type { Response } from './packets.ts'

/** A few names, so that requests meet. */
const path = fc.constantFrom('/a', '/b', '/d', '/d/a', '/d/e', '/link')
/** The handles a session gives, used before and after they are given, and after they are closed. */
const handle = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 4).map((number) => hex(`0000000${number}`))
const few = fc.constantFrom(0n, 1n, 2n, 3n, 4n)
const letters = fc.constantFrom('x', 'yz', 'uvw').map((text) => [Buffer.from(text)])
const attrs = fc.record(
  {
    size: few,
    permissions: fc.constantFrom(0o600, 0o644),
    times: fc.record({ atime: fc.nat(3), mtime: fc.nat(3) }),
  },
  { requiredKeys: [] },
)
const handleOnly = { handle }
const pathOnly = { path }
const twoPaths = { oldpath: path, newpath: path }

function one(kind: Unnumbered['kind'], fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Unnumbered> {
  return fc.record({ kind: fc.constant(kind), ...fields }) as fc.Arbitrary<unknown> as fc.Arbitrary<Unnumbered>
}

const openToRead = one('open', { filename: path, pflags: fc.constant(1), attrs: fc.constant({}) })
const openAnyhow = one('open', { filename: path, pflags: fc.constantFrom(2, 3, 6, 7, 0x1a, 0x1b, 0x2a), attrs })
const write = one('write', { handle, offset: few, data: letters })
const read = one('read', { handle, offset: few, len: fc.constantFrom(0, 2, 100) })

/** WRITEs that continue each other, which may be gathered. */
const writes = fc.tuple(handle, few, fc.array(letters, { minLength: 2, maxLength: 5 })).map(([to, offset, parts]) => {
  let next = offset
  return parts.map((data): Unnumbered => {
    const at = next
    next += BigInt(data[0]?.length ?? 0)
    return { kind: 'write', handle: to, offset: at, data }
  })
})

const request = fc.oneof(
  { arbitrary: openToRead, weight: 4 },
  { arbitrary: openAnyhow, weight: 4 },
  { arbitrary: write, weight: 6 },
  { arbitrary: read, weight: 6 },
  { arbitrary: one('close', handleOnly), weight: 4 },
  { arbitrary: one('fstat', handleOnly), weight: 3 },
  { arbitrary: one('fsetstat', { handle, attrs }), weight: 2 },
  { arbitrary: one('opendir', pathOnly), weight: 2 },
  { arbitrary: one('readdir', handleOnly), weight: 3 },
  { arbitrary: one('stat', pathOnly), weight: 3 },
  one('lstat', pathOnly),
  one('setstat', { path, attrs }),
  one('remove', { filename: path }),
  one('mkdir', { path, attrs }),
  one('rmdir', pathOnly),
  one('realpath', pathOnly),
  one('rename', twoPaths),
  one('posixRename', twoPaths),
  one('readlink', pathOnly),
  one('symlink', { targetpath: fc.constantFrom('a', '/d/a', 'd'), linkpath: path }),
  one('hardlink', twoPaths),
  one('fsync', handleOnly),
  one('limits', {}),
  one('statvfs', pathOnly),
  one('copyData', { readHandle: handle, readOffset: few, length: few, writeHandle: handle, writeOffset: few }),
  one('checkFileName', {
    filename: path,
    algorithms: fc.constant('md5'),
    offset: few,
    length: few,
    blockSize: fc.constant(0),
  }),
)
/** Much on few open files at once, where most may run side by side. */
const burst = fc.array(
  fc.oneof(
    write,
    read,
    one('fstat', handleOnly),
    one('readdir', { handle: fc.constant(hex('00000002')) }),
    one('stat', pathOnly),
    one('close', handleOnly),
    openToRead,
  ),
  { minLength: 3, maxLength: 12, size: 'max' },
)

/** Two handles of one file, or of two, and a directory's; or none. */
const opening: fc.Arbitrary<Unnumbered[]> = fc.constantFrom(
  [],
  ...['/link', '/d/a'].map((second): Unnumbered[] => [
    { kind: 'open', filename: '/a', pflags: 3, attrs: {} },
    { kind: 'open', filename: second, pflags: 3, attrs: {} },
    { kind: 'opendir', path: '/d' },
  ]),
)

const requests = fc
  .tuple(
    opening,
    fc.array(
      fc.oneof(
        { arbitrary: request.map((single) => [single]), weight: 8 },
        { arbitrary: writes, weight: 2 },
        { arbitrary: burst, weight: 2 },
      ),
      { minLength: 1, maxLength: 12, size: 'max' },
    ),
  )
  .map(([opened, parts]) => [...opened, ...parts.flat()])

const limits: fc.Arbitrary<Partial<SftpLimits>> = fc.record({
  maxHandles: fc.constantFrom(2, 3, 100),
  maxRunning: fc.constantFrom(1, 2, 3, 16),
  maxReadBytes: fc.constantFrom(1, 100),
})

interface Outcome {
  /** Per request. */
  replies: Response[]
  tree: ReturnType<MemoryFileSystem['tree']>
  treeAfterEnd: ReturnType<MemoryFileSystem['tree']>
  openHandles: number
}

function sample(): MemoryFileSystem {
  const fs = new MemoryFileSystem()
  fs.addFile('/a', 'hello')
  fs.addDirectory('/d')
  fs.addFile('/d/a', 'inner')
  fs.addLink('/link', 'a')
  return fs
}

/** Each request once the reply to the one before is there. */
async function serially(sent: readonly Unnumbered[], options: Partial<SftpLimits>): Promise<Outcome> {
  const fs = sample()
  const session = await MemorySession.start({ fs, limits: options })
  const replies: Response[] = []
  for (const single of sent) replies.push(await session.client.request(single))
  return outcome(fs, session, replies, (end) => end)
}

/** All at once, in chunks, while the calls of the filesystem begin and end as the scheduler likes. */
async function pipelined(
  sent: readonly Unnumbered[],
  options: Partial<SftpLimits>,
  cuts: readonly number[],
  scheduler: fc.Scheduler,
): Promise<Outcome> {
  const fs = sample()
  const session = await MemorySession.start({ fs, limits: options })
  fs.hooks.before = ({ name }) => scheduler.schedule(Promise.resolve(), `before ${name}`)
  fs.hooks.after = ({ name }) => scheduler.schedule(Promise.resolve(), `after ${name}`)
  const prepared = sent.map((single) => session.client.prepare(single))
  const bytes = Buffer.concat(prepared.map(({ packet }) => packet))
  const arrive = async (): Promise<void> => {
    for (const chunk of cut(bytes, cuts)) {
      await scheduler.schedule(Promise.resolve(), `chunk of ${chunk.length}`)
      session.send(chunk)
    }
  }
  const [, ...replies] = await scheduler.waitFor(Promise.all([arrive(), ...prepared.map(({ reply }) => reply)]))
  return outcome(fs, session, replies, (end) => scheduler.waitFor(end))
}

async function outcome(
  fs: MemoryFileSystem,
  { client, server, failures, reports }: MemorySession,
  replies: Response[],
  wait: (end: Promise<void>) => Promise<void>,
): Promise<Outcome> {
  const [tree, openHandles] = [fs.tree(), server.openHandles]
  await wait(server.end())
  expect({ failures, reports, unexpected: client.unexpected }).toEqual({ failures: [], reports: [], unexpected: [] })
  expect(fs.opened.filter(({ ends }) => ends.length !== 1)).toEqual([])
  return { replies, tree, treeAfterEnd: fs.tree(), openHandles }
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  let start = 0
  for (const size of sizes) {
    if (start >= bytes.length) break
    chunks.push(bytes.subarray(start, start + size))
    start += size
  }
  return [...chunks, bytes.subarray(start)]
}

test('what a client sees equals serial execution in arrival order, however its requests are pipelined', async () => {
  await fc.assert(
    fc.asyncProperty(
      requests,
      limits,
      fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 8 }),
      fc.scheduler(),
      async (sent, options, cuts, scheduler) => {
        expect(await pipelined(sent, options, cuts, scheduler)).toEqual(await serially(sent, options))
      },
    ),
    { numRuns: 1500 },
  )
}, 30_000)
