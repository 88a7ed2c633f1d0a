import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Unnumbered } from '../testing/client.ts'
import { hex } from '../testing/hex.ts'
import { MemoryFileSystem } from '../testing/memory-filesystem.ts'
import { MemorySession } from '../testing/session.ts'
import { SSH_FX } from './constants.ts'

const failure = { kind: 'status', code: SSH_FX.FAILURE }
const noSuchFile = { kind: 'status', code: SSH_FX.NO_SUCH_FILE }
const ok = { kind: 'status', code: SSH_FX.OK }
const badHandle = { ...failure, message: 'Not the handle of an open file' }
const badDirectory = { ...failure, message: 'Not the handle of an open directory' }

/** Handles in the order of opening; then one that was closed, and some that never were. */
const HANDLES = {
  readWrite: hex('00000000'),
  readOnly: hex('00000001'),
  writeOnly: hex('00000002'),
  directory: hex('00000003'),
  closed: hex('00000004'),
  unknown: hex('00000005'),
  empty: hex(''),
  short: hex('000000'),
  long: hex('0000000000'),
  longest: Buffer.alloc(256),
}
type HandleName = keyof typeof HANDLES

async function start(): Promise<{ fs: MemoryFileSystem; session: MemorySession }> {
  const fs = new MemoryFileSystem()
  fs.addFile('/a', 'hello')
  const session = await MemorySession.start({ fs })
  for (const pflags of [3, 1, 2]) await session.client.request({ kind: 'open', filename: '/a', pflags, attrs: {} })
  await session.client.request({ kind: 'opendir', path: '/' })
  await session.client.request({ kind: 'opendir', path: '/' })
  await session.client.request({ kind: 'close', handle: HANDLES.closed })
  return { fs, session }
}

const OPERATIONS: Record<string, (handle: Buffer) => Unnumbered> = {
  read: (handle) => ({ kind: 'read', handle, offset: 0n, len: 3 }),
  write: (handle) => ({ kind: 'write', handle, offset: 0n, data: [hex('58')] }),
  fstat: (handle) => ({ kind: 'fstat', handle }),
  fsetstat: (handle) => ({ kind: 'fsetstat', handle, attrs: {} }),
  readdir: (handle) => ({ kind: 'readdir', handle }),
  close: (handle) => ({ kind: 'close', handle }),
  fsync: (handle) => ({ kind: 'fsync', handle }),
  fstatvfs: (handle) => ({ kind: 'fstatvfs', handle }),
}

const none: HandleName[] = ['closed', 'unknown', 'empty', 'short', 'long', 'longest']
const CASES = [
  ...Object.keys(OPERATIONS).flatMap((operation) =>
    none.map((handle) => ({
      operation,
      handle,
      // As OpenSSH's server has it.
      reply: ['close', 'fsync'].includes(operation) ? noSuchFile : operation === 'readdir' ? badDirectory : badHandle,
    })),
  ),
  { operation: 'read', handle: 'readWrite', reply: { kind: 'data' } },
  { operation: 'read', handle: 'readOnly', reply: { kind: 'data' } },
  { operation: 'read', handle: 'writeOnly', reply: noSuchFile },
  { operation: 'read', handle: 'directory', reply: badHandle },
  { operation: 'write', handle: 'readWrite', reply: ok },
  { operation: 'write', handle: 'readOnly', reply: noSuchFile },
  { operation: 'write', handle: 'writeOnly', reply: ok },
  { operation: 'write', handle: 'directory', reply: badHandle },
  { operation: 'fstat', handle: 'writeOnly', reply: { kind: 'attrs' } },
  { operation: 'fstat', handle: 'directory', reply: badHandle },
  { operation: 'fsetstat', handle: 'directory', reply: badHandle },
  { operation: 'readdir', handle: 'readOnly', reply: badDirectory },
  { operation: 'readdir', handle: 'directory', reply: { kind: 'name' } },
  { operation: 'close', handle: 'directory', reply: ok },
  { operation: 'close', handle: 'readOnly', reply: ok },
  { operation: 'fsync', handle: 'directory', reply: noSuchFile },
  { operation: 'fstatvfs', handle: 'directory', reply: badHandle },
] as { operation: string; handle: HandleName; reply: object }[]

test.each(CASES)('$operation of a handle: $handle', async ({ operation, handle, reply }) => {
  const { fs, session } = await start()
  const request = OPERATIONS[operation]?.(HANDLES[handle]) as Unnumbered
  expect(await session.client.request(request)).toMatchObject(reply)
  const changed = operation === 'write' && 'code' in reply && reply.code === SSH_FX.OK
  expect(fs.contents('/a')).toBe(changed ? 'Xello' : 'hello')
  expect(session.failures).toEqual([])
})

test.each(none)('a READ of no bytes on a handle is judged as any other: %s', async (handle) => {
  const { session } = await start()
  const read: Unnumbered = { kind: 'read', handle: HANDLES[handle], offset: 0n, len: 0 }
  expect(await session.client.request(read)).toMatchObject(badHandle)
})

test.each([
  { filename: '/a/', pflags: 1, reply: noSuchFile },
  { filename: '/new/', pflags: 2 | 8, reply: failure },
])('OPEN of $filename is of no file, and makes none', async ({ filename, pflags, reply }) => {
  const { fs, session } = await start()
  expect(await session.client.request({ kind: 'open', filename, pflags, attrs: {} })).toMatchObject(reply)
  expect(() => fs.contents('/new')).toThrow(/no such/i)
})

test('a handle is of no use once it is closed, and is never given again', async () => {
  const { session } = await start()
  const { client } = session
  expect(await client.request({ kind: 'close', handle: HANDLES.readOnly })).toMatchObject(ok)
  expect(await client.request({ kind: 'close', handle: HANDLES.readOnly })).toMatchObject(noSuchFile)
  const given = new Set<string>()
  for (let round = 0; round < 5; round++) {
    const reply = await client.request({ kind: 'open', filename: '/a', pflags: 1, attrs: {} })
    const handle = reply.kind === 'handle' ? reply.handle : hex('')
    given.add(handle.toString('hex'))
    await client.request({ kind: 'close', handle })
  }
  expect(given.size).toBe(5)
  expect(given).not.toContain(HANDLES.readOnly.toString('hex'))
})

test('a handle that another request is still closing is of no use any more', async () => {
  const { fs, session } = await start()
  const held = fs.hooks.hold('file.close')
  const closed = session.client.request({ kind: 'close', handle: HANDLES.readWrite })
  await held.entered
  const replies = [
    session.client.request({ kind: 'fstat', handle: HANDLES.readWrite }),
    session.client.request({ kind: 'close', handle: HANDLES.readWrite }),
  ]
  held.release()
  expect(await closed).toMatchObject(ok)
  expect(await Promise.all(replies)).toMatchObject([badHandle, noSuchFile])
  expect(fs.opened[0]?.ends).toEqual(['close'])
})

test('a close that fails has closed all the same', async () => {
  const { fs, session } = await start()
  fs.hooks.fail('file.close', new Error('EIO'))
  expect(await session.client.request({ kind: 'close', handle: HANDLES.readWrite })).toMatchObject(failure)
  expect(await session.client.request({ kind: 'fstat', handle: HANDLES.readWrite })).toMatchObject(badHandle)
  await session.server.end()
  expect(fs.opened[0]?.ends).toEqual(['close'])
})

describe('the handle limit', () => {
  const limits = { maxHandles: 2 }
  const tooMany = { ...failure, message: 'Too many open handles: at most 2 at once' }
  const openA: Unnumbered = { kind: 'open', filename: '/a', pflags: 1, attrs: {} }
  const openMissing: Unnumbered = { kind: 'open', filename: '/missing', pflags: 1, attrs: {} }
  const openRoot: Unnumbered = { kind: 'opendir', path: '/' }

  async function limited(): Promise<{ fs: MemoryFileSystem; session: MemorySession }> {
    const fs = new MemoryFileSystem()
    fs.addFile('/a')
    return { fs, session: await MemorySession.start({ fs, limits }) }
  }

  test('files and directories count together; over it nothing is opened, and the session goes on', async () => {
    const { fs, session } = await limited()
    expect(await session.client.request(openA)).toMatchObject({ kind: 'handle' })
    expect(await session.client.request(openRoot)).toMatchObject({ kind: 'handle' })
    expect(await session.client.request(openA)).toMatchObject(tooMany)
    expect(await session.client.request(openRoot)).toMatchObject(tooMany)
    expect(fs.opened).toHaveLength(2)
    expect(session.server.openHandles).toBe(2)
  })

  test('a closed handle leaves its place', async () => {
    const { session } = await limited()
    for (const request of [openA, openA]) await session.client.request(request)
    await session.client.request({ kind: 'close', handle: hex('00000000') })
    expect(await session.client.request(openA)).toMatchObject({ kind: 'handle' })
    expect(await session.client.request(openA)).toMatchObject(tooMany)
  })

  test('opens under way count', async () => {
    const { fs, session } = await limited()
    const held = [fs.hooks.hold('open'), fs.hooks.hold('open')]
    const replies = [openA, openA, openA].map((request) => session.client.request(request))
    await Promise.all(held.map(({ entered }) => entered))
    for (const { release } of held) release()
    expect(await Promise.all(replies)).toMatchObject([{ kind: 'handle' }, { kind: 'handle' }, tooMany])
    expect(fs.opened).toHaveLength(2)
  })

  test('an open under way that fails leaves its place to the one behind it', async () => {
    const { fs, session } = await limited()
    const held = fs.hooks.hold('open')
    const replies = [openMissing, openA, openA, openA].map((request) => session.client.request(request))
    await held.entered
    held.release()
    expect(await Promise.all(replies)).toMatchObject([noSuchFile, { kind: 'handle' }, { kind: 'handle' }, tooMany])
  })
})

test('handles are numbered in the order of the opens, whichever of them is faster', async () => {
  const fs = new MemoryFileSystem()
  fs.addFile('/a')
  const session = await MemorySession.start({ fs })
  const held = [fs.hooks.hold('open'), fs.hooks.hold('open')]
  const open: Unnumbered = { kind: 'open', filename: '/a', pflags: 1, attrs: {} }
  const replies = [session.client.request(open), session.client.request(open)]
  await Promise.all(held.map(({ entered }) => entered))
  held[1]?.release()
  await turn()
  held[0]?.release()
  expect(await Promise.all(replies)).toMatchObject([{ handle: hex('00000000') }, { handle: hex('00000001') }])
})
