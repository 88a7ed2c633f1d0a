import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Unnumbered } from '../testing/client.ts'
import { hex } from '../testing/hex.ts'
import { MemoryFileSystem } from '../testing/memory-filesystem.ts'
import { MemorySession } from '../testing/session.ts'
import { SSH_FX } from './constants.ts'

const handle = hex('00000000')
const ok = { kind: 'status', code: SSH_FX.OK }
const openNew: Unnumbered = { kind: 'open', filename: '/new', pflags: 0x1a, attrs: {} }
const openRoot: Unnumbered = { kind: 'opendir', path: '/' }

function write(offset: bigint, text: string): Unnumbered {
  return { kind: 'write', handle, offset, data: [Buffer.from(text)] }
}

async function start(): Promise<{ fs: MemoryFileSystem; session: MemorySession }> {
  const fs = new MemoryFileSystem()
  return { fs, session: await MemorySession.start({ fs }) }
}

/** Whether a promise has settled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false
  void promise.finally(() => (done = true))
  await turn()
  return done
}

describe('end', () => {
  test('executes and answers what was sent, then aborts what is open', async () => {
    const { fs, session } = await start()
    const replies = [openNew, openRoot, write(0n, 'abc'), write(3n, 'def')].map((one) => session.client.request(one))
    await session.server.end()
    expect(await Promise.all(replies)).toMatchObject([{ kind: 'handle' }, { kind: 'handle' }, ok, ok])
    expect(fs.contents('/new')).toBe('abcdef')
    expect(fs.opened).toEqual([
      { path: '/new', ends: ['abort'] },
      { path: '/', ends: ['close'] },
    ])
    expect(session.server.openHandles).toBe(0)
  })

  test('does not abort what the client closed', async () => {
    const { fs, session } = await start()
    for (const request of [openNew, write(0n, 'abc'), { kind: 'close', handle } as const]) {
      void session.client.request(request)
    }
    await session.server.end()
    expect(fs.opened).toEqual([{ path: '/new', ends: ['close'] }])
  })

  test('waits for slow calls', async () => {
    const { fs, session } = await start()
    const held = fs.hooks.hold('mkdir')
    const reply = session.client.request({ kind: 'mkdir', path: '/d', attrs: {} })
    const ended = session.server.end()
    expect(await settled(ended)).toBe(false)
    held.release()
    await ended
    expect(await reply).toMatchObject(ok)
  })

  test('ignores what comes behind it', async () => {
    const { fs, session } = await start()
    const ended = session.server.end()
    void session.client.request(openNew)
    session.send(hex('00000000'))
    await ended
    await turn()
    expect({ opened: fs.opened, failures: session.failures }).toEqual({ opened: [], failures: [] })
    expect(session.client.unanswered).toEqual([1])
  })

  test('with nothing open is over at once, and may be called again', async () => {
    const { session } = await start()
    await session.server.end()
    await session.server.end()
    await expect(session.server.abandon()).resolves.toBeUndefined()
  })
})

describe('abandon', () => {
  test('starts nothing further, waits for what runs, and aborts what is open', async () => {
    const { fs, session } = await start()
    await session.client.request(openNew)
    const held = fs.hooks.hold('file.write')
    void session.client.request(write(0n, 'abc'))
    void session.client.request({ kind: 'mkdir', path: '/d', attrs: {} })
    await held.entered
    const abandoned = session.server.abandon()
    expect(await settled(abandoned)).toBe(false)
    expect(fs.opened).toEqual([{ path: '/new', ends: [] }])
    held.release()
    await abandoned
    expect(fs.opened).toEqual([{ path: '/new', ends: ['abort'] }])
    expect(Object.keys(fs.tree())).toEqual(['/new'])
  })

  test.each([
    { name: 'open', call: 'open', request: openNew, ends: ['abort'] },
    { name: 'opendir', call: 'opendir', request: openRoot, ends: ['close'] },
  ] as const)('leaves nothing open when an $name ends after it', async ({ call, request, ends }) => {
    const { fs, session } = await start()
    const held = fs.hooks.hold(call)
    void session.client.request(request)
    await held.entered
    const abandoned = session.server.abandon()
    held.release()
    await abandoned
    expect(fs.opened.map((opened) => opened.ends)).toEqual([ends])
    expect(session.server.openHandles).toBe(0)
  })

  test('leaves a close under way to its end', async () => {
    const { fs, session } = await start()
    await session.client.request(openNew)
    const held = fs.hooks.hold('file.close')
    void session.client.request({ kind: 'close', handle })
    await held.entered
    const abandoned = session.server.abandon()
    held.release()
    await abandoned
    expect(fs.opened).toEqual([{ path: '/new', ends: ['close'] }])
  })

  test('sends nothing any more', async () => {
    const { fs, session } = await start()
    const held = fs.hooks.hold('stat')
    void session.client.request({ kind: 'stat', path: '/' })
    await held.entered
    const abandoned = session.server.abandon()
    held.release()
    await abandoned
    await turn()
    expect(session.client.unanswered).toEqual([1])
  })

  test('breaks off an end that waits', async () => {
    const { fs, session } = await start()
    const held = fs.hooks.hold('mkdir')
    void session.client.request({ kind: 'mkdir', path: '/d', attrs: {} })
    void session.client.request({ kind: 'mkdir', path: '/e', attrs: {} })
    const ended = session.server.end()
    const abandoned = session.server.abandon()
    held.release()
    await Promise.all([ended, abandoned])
    expect(Object.keys(fs.tree())).toEqual(['/d'])
  })

  test('breaks off an end whose replies the client does not take', async () => {
    const fs = new MemoryFileSystem()
    const session = await MemorySession.start({ fs, held: true, limits: { maxUnsentBytes: 1 } })
    void session.client.request(openNew)
    void session.client.request(write(0n, 'abc'))
    const ended = session.server.end()
    expect(await settled(ended)).toBe(false)
    await session.server.abandon()
    await ended
    expect(fs.opened).toEqual([{ path: '/new', ends: ['abort'] }])
    expect(fs.contents('/new')).toBe('')
  })
})

test('after a broken protocol, end aborts what is open', async () => {
  const { fs, session } = await start()
  await session.client.request(openNew)
  session.send(hex('00000000'))
  expect(session.failures).toHaveLength(1)
  await session.server.end()
  expect(fs.opened).toEqual([{ path: '/new', ends: ['abort'] }])
})

test('every file is ended exactly once, whatever happens and whenever the session ends', async () => {
  const handles = fc.nat(5).map((number) => hex(`0000000${number}`))
  const requests: fc.Arbitrary<Unnumbered> = fc.oneof(
    fc.record({
      kind: fc.constant('open' as const),
      filename: fc.constantFrom('/a', '/b', '/missing/x'),
      pflags: fc.constantFrom(1, 2, 0x1a, 0x2a),
      attrs: fc.constant({}),
    }),
    fc.constant(openRoot),
    fc.record({ kind: fc.constant('close' as const), handle: handles }),
    fc.record({ kind: fc.constant('readdir' as const), handle: handles }),
    fc.record({
      kind: fc.constant('write' as const),
      handle: handles,
      offset: fc.constantFrom(0n, 2n),
      data: fc.constant([hex('6162')]),
    }),
    fc.record({
      kind: fc.constant('checkFileName' as const),
      filename: fc.constantFrom('/a', '/missing'),
      algorithms: fc.constantFrom('md5', 'none'),
      offset: fc.constant(0n),
      length: fc.constant(0n),
      blockSize: fc.constant(0),
    }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(requests, { maxLength: 20 }),
      fc.constantFrom('end', 'abandon', 'fail'),
      fc.nat(40),
      fc.scheduler(),
      async (sent, how, after, scheduler) => {
        const fs = new MemoryFileSystem()
        fs.addFile('/a', 'hello')
        const session = await MemorySession.start({ fs, limits: { maxHandles: 4 } })
        fs.hooks.before = ({ name }) => scheduler.schedule(Promise.resolve(), name)
        fs.hooks.after = ({ name }) => scheduler.schedule(Promise.resolve(), name)
        for (const request of sent) void session.client.request(request)
        for (let step = 0; step < after && scheduler.count() > 0; step++) await scheduler.waitOne()
        if (how === 'fail') session.send(hex('00000000'))
        await scheduler.waitFor(how === 'abandon' ? session.server.abandon() : session.server.end())
        expect(fs.opened.filter(({ ends }) => ends.length !== 1)).toEqual([])
        expect(session.server.openHandles).toBe(0)
        expect(session.reports).toEqual([])
      },
    ),
    { numRuns: 300 },
  )
})
