import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import type { Unnumbered } from '../testing/client.ts'
import { hex } from '../testing/hex.ts'
import { MemoryFileSystem } from '../testing/memory-filesystem.ts'
import { MemorySession } from '../testing/session.ts'
import type { SftpLimits } from './limits.ts'

const handle = hex('00000000')
const stat: Unnumbered = { kind: 'stat', path: '/' }
const readA: Unnumbered = { kind: 'read', handle, offset: 0n, len: 1000 }

/** What is left is what somebody holds. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new Error('this engine cannot be told to collect')
  collect()
}

/** A session with /a of 1000 bytes open to read and write. */
async function start(
  limits: Partial<SftpLimits>,
  held = false,
): Promise<{ fs: MemoryFileSystem; session: MemorySession }> {
  const fs = new MemoryFileSystem()
  fs.addFile('/a', Buffer.alloc(1000, 'a'))
  const session = await MemorySession.start({ fs, limits })
  await session.client.request({ kind: 'open', filename: '/a', pflags: 3, attrs: {} })
  await turn()
  session.held = held
  fs.hooks.calls.length = 0
  return { fs, session }
}

describe('pending requests', () => {
  test('at the limit the client is not read; once half of them are done it is, and told once', async () => {
    const { fs, session } = await start({ maxPendingRequests: 4 })
    const held = [1, 2, 3, 4].map(() => fs.hooks.hold('stat'))
    const ready = held.map(() => {
      void session.client.request(stat)
      return session.ready
    })
    expect(ready).toEqual([true, true, true, false])
    held[0]?.release()
    held[1]?.release()
    await turn()
    expect(session.resumed).toBe(0)
    held[2]?.release()
    await turn()
    expect(session.resumed).toBe(1)
    held[3]?.release()
    await turn()
    expect(session.resumed).toBe(1)
    expect(session.client.unanswered).toEqual([])
  })

  test('without reaching the limit nobody is told', async () => {
    const { session } = await start({ maxPendingRequests: 4 })
    for (let count = 0; count < 10; count++) await session.client.request(stat)
    expect(session.resumed).toBe(0)
  })

  test('a chunk with more of them than the limit is still executed', async () => {
    const { session } = await start({ maxPendingRequests: 2 })
    const packets = Array.from({ length: 10 }, () => session.client.prepare(stat))
    session.send(Buffer.concat(packets.map(({ packet }) => packet)))
    await Promise.all(packets.map(({ reply }) => reply))
    expect(session.resumed).toBe(1)
  })
})

describe('pending bytes', () => {
  test.each([
    { name: 'file data', request: { kind: 'write', handle, offset: 0n, data: [Buffer.alloc(4000)] } },
    { name: 'names', request: { kind: 'rename', oldpath: 'x'.repeat(3000), newpath: 'y'.repeat(1000) } },
    {
      name: 'attributes',
      request: { kind: 'fsetstat', handle, attrs: { extended: [{ type: 'x', data: Buffer.alloc(4000) }] } },
    },
    { name: 'handles', request: { kind: 'close', handle: Buffer.alloc(4000) } },
  ] as { name: string; request: Unnumbered }[])('count $name', async ({ request }) => {
    const { fs, session } = await start({ maxPendingBytes: 10_000 })
    const held = fs.hooks.hold('mkdir')
    void session.client.request({ kind: 'mkdir', path: '/d', attrs: {} })
    await held.entered
    const ready = [1, 2, 3].map(() => {
      void session.client.request(request)
      return session.ready
    })
    expect(ready).toEqual([true, true, false])
    held.release()
    await turn()
    expect(session.resumed).toBe(1)
    expect(session.client.unanswered).toEqual([])
  })

  test('count the long name of an unknown extension', async () => {
    const { fs, session } = await start({ maxPendingBytes: 10_000 })
    const held = fs.hooks.hold('mkdir')
    void session.client.request({ kind: 'mkdir', path: '/d', attrs: {} })
    await held.entered
    const name = Buffer.concat([hex('00002ee0'), Buffer.alloc(12_000, 'x')])
    void session.client.raw(200, name)
    expect(session.ready).toBe(false)
    held.release()
    await turn()
    expect(session.client.unanswered).toEqual([])
  })
})

describe('requests under way', () => {
  test('are at most the limit, and the next starts as one ends', async () => {
    const { fs, session } = await start({ maxRunning: 2 })
    const held = [1, 2, 3].map(() => fs.hooks.hold('stat'))
    const replies = held.map(() => session.client.request(stat))
    await turn()
    expect(fs.hooks.calls).toHaveLength(2)
    held[1]?.release()
    await turn()
    expect(fs.hooks.calls).toHaveLength(3)
    for (const { release } of held) release()
    await Promise.all(replies)
  })
})

describe('replies that wait for an earlier one', () => {
  const write: Unnumbered = { kind: 'write', handle, offset: 0n, data: [Buffer.from('b')] }
  const readlink: Unnumbered = { kind: 'readlink', path: '/none' }

  test('count as unsent: over the limit only what they wait for starts', async () => {
    const { fs, session } = await start({ maxUnsentBytes: 60 })
    const held = fs.hooks.hold('stat')
    const replies = [stat, readlink, readlink, readlink, readlink].map((request) => session.client.request(request))
    await held.entered
    await turn()
    const started = fs.hooks.calls.length
    expect(started).toBeGreaterThan(1)
    const later = [session.client.request(readlink), session.client.request(write)]
    await turn()
    expect(fs.hooks.calls).toHaveLength(started)
    held.release()
    await Promise.all([...replies, ...later])
    expect(session.client.unanswered).toEqual([])
  })

  test('never stop the oldest request from starting, so that nothing waits for ever', async () => {
    const { fs, session } = await start({ maxUnsentBytes: 30, maxRunning: 2 })
    const held = fs.hooks.hold('file.write')
    // The READ must wait for the WRITE; what overtakes it may fill the limit meanwhile.
    const requests = [write, readA, ...Array.from({ length: 5 }, (): Unnumbered => ({ kind: 'limits' }))]
    const replies = requests.map((request) => session.client.request(request))
    await held.entered
    await turn()
    held.release()
    expect(await Promise.all(replies)).toHaveLength(requests.length)
  })

  test('count as pending: at the limit the client is not read', async () => {
    const { fs, session } = await start({ maxPendingRequests: 8 })
    const held = fs.hooks.hold('stat')
    void session.client.request(stat)
    await held.entered
    const ready: boolean[] = []
    for (let count = 0; count < 10; count++) {
      void session.client.request(readlink)
      ready.push(session.ready)
      await turn()
    }
    expect(ready.indexOf(false)).toBeGreaterThan(0)
    expect(session.resumed).toBe(0)
    held.release()
    await turn()
    expect(session.resumed).toBe(1)
    expect(session.client.unanswered).toEqual([])
  })

  test('keep nothing of the WRITEs that they answer', async () => {
    const { fs, session } = await start({})
    fs.addFile('/slow', Buffer.alloc(10))
    await session.client.request({ kind: 'open', filename: '/slow', pflags: 1, attrs: {} })
    const held = fs.hooks.hold('file.read')
    void session.client.request({ kind: 'read', handle: hex('00000001'), offset: 0n, len: 10 })
    await held.entered
    const before = process.memoryUsage().arrayBuffers
    for (let count = 0; count < 500 && session.ready; count++) {
      void session.client.request({ kind: 'write', handle, offset: 0n, data: [Buffer.alloc(200_000)] })
      await turn()
    }
    collectGarbage()
    // 500 of them are 100 MB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 1024 * 1024)
    held.release()
    await turn()
    expect(session.client.unanswered).toEqual([])
  })

  test('a client that takes nothing gets no more than the limit and one request besides', async () => {
    const { fs, session } = await start({ maxUnsentBytes: 2000 }, true)
    for (let count = 0; count < 50; count++) {
      void session.client.request({ kind: 'read', handle, offset: BigInt(count % 7), len: 900 })
      void session.client.request(stat)
    }
    await turn()
    expect(fs.hooks.calls.length).toBeLessThan(10)
    session.held = false
    session.deliver()
    for (let turns = 0; turns < 200; turns++) await turn()
    expect(session.client.unanswered).toEqual([])
  })
})

describe('unsent replies', () => {
  test('over the limit no request starts; it does as soon as there is room', async () => {
    const { fs, session } = await start({ maxUnsentBytes: 40 }, true)
    const replies = [1, 2, 3].map(() => session.client.request(stat))
    await turn()
    // Each ATTRS is 41 bytes: those that started before the first was ready are let through.
    expect(fs.hooks.calls).toHaveLength(3)
    const later = session.client.request(stat)
    await turn()
    expect(fs.hooks.calls).toHaveLength(3)
    session.deliver(2)
    await turn()
    expect(fs.hooks.calls).toHaveLength(3)
    session.deliver(1)
    await turn()
    expect(fs.hooks.calls).toHaveLength(4)
    session.deliver()
    await Promise.all([...replies, later])
  })

  test('count READs from their start, so that they cannot pass the limit together', async () => {
    const { fs, session } = await start({ maxUnsentBytes: 3000 }, true)
    const replies = Array.from({ length: 10 }, () => session.client.request(readA))
    await turn()
    expect(fs.hooks.calls).toHaveLength(3)
    expect(session.unsent).toBe(3)
    session.deliver(1)
    await turn()
    expect(fs.hooks.calls).toHaveLength(4)
    while (session.unsent > 0) {
      session.deliver()
      await turn()
    }
    await Promise.all(replies)
    expect(fs.hooks.calls).toHaveLength(10)
  })

  test('a READ that gives less than it might leaves its room to the next', async () => {
    const { fs, session } = await start({ maxUnsentBytes: 3000 }, true)
    const atTheEnd: Unnumbered = { kind: 'read', handle, offset: 1000n, len: 1000 }
    for (let count = 0; count < 10; count++) void session.client.request(atTheEnd)
    await turn()
    expect(fs.hooks.calls).toHaveLength(10)
  })

  test('in the end fill the pending requests, and then the client is not read', async () => {
    const { session } = await start({ maxUnsentBytes: 1000, maxPendingRequests: 8 }, true)
    let sent = 0
    for (; session.ready && sent < 1000; sent++) {
      void session.client.request(readA)
      await turn()
    }
    expect(session.ready).toBe(false)
    expect(sent).toBe(9)
    while (session.unsent > 0) {
      session.deliver()
      await turn()
    }
    expect(session.resumed).toBe(1)
    expect(session.client.unanswered).toEqual([])
  })

  test('over the limit keep the end of a broken session waiting', async () => {
    const { session } = await start({ maxUnsentBytes: 1 }, true)
    void session.client.request(stat)
    await turn()
    session.send(hex('00000000'))
    await turn()
    expect(session.failures).toEqual([])
    session.deliver()
    expect(session.failures).toHaveLength(1)
  })
})
