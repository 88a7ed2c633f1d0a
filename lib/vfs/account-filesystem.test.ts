import { describe, expect, test } from 'vitest'
import { FsError, virtualPath } from '../../protocol/filesystem.ts'
import type { FileSystem, OpenFlags } from '../../protocol/filesystem.ts'
import type { Attrs } from '../../protocol/sftp/attrs.ts'
import { MemoryFileSystem } from '../../protocol/testing/memory-filesystem.ts'
import type { GrantedPermissions } from '../accounts/user.ts'
import { VirtualClock } from '../clock.test.support.ts'
import { SessionBandwidth } from '../transfers/session-bandwidth.ts'
import { createThrottle } from '../transfers/throttle.ts'
import { AccountFileSystem } from './account-filesystem.ts'
import type { AccountRules, FileEvent } from './account-filesystem.ts'
import { Grants } from './grants.ts'
import { bytes, flags, outcome, using } from './sandbox.test.support.ts'

interface Transfer {
  operation: 'upload' | 'download'
  path: string
  moved: number[]
  ends: (string | undefined)[]
  lengths: (number | undefined)[]
}

function account(
  rules: { permissions?: GrantedPermissions; ignoreSetstat?: boolean; bandwidth?: SessionBandwidth } = {},
  wantsLength = false,
) {
  const inner = new MemoryFileSystem()
  inner.addFile('/f', 'text')
  inner.addDirectory('/d')
  inner.addLink('/l', 'f')
  const events: FileEvent[] = []
  const transfers: Transfer[] = []
  const granted: AccountRules = {
    permissions: new Grants(rules.permissions ?? ['*']),
    ignoreSetstat: rules.ignoreSetstat ?? false,
    ...(rules.bandwidth === undefined ? {} : { bandwidth: rules.bandwidth }),
  }
  const fs = new AccountFileSystem(inner, granted, {
    done: (event) => events.push(event),
    transfer(operation, path) {
      const transfer: Transfer = { operation, path, moved: [], ends: [], lengths: [] }
      transfers.push(transfer)
      return {
        moved: (count) => transfer.moved.push(count),
        wantsLength,
        end(error, length) {
          transfer.ends.push(error)
          transfer.lengths.push(length)
        },
      }
    },
  })
  return { inner, fs, events, transfers }
}

const path = virtualPath
const F = path('/f')
const EVERYTHING: Attrs = {
  size: 2n,
  permissions: 0o600,
  owner: { uid: 5, gid: 6 },
  times: { atime: 7, mtime: 8 },
}
const ATTR_EVENTS: FileEvent[] = [
  { kind: 'Chmod', path: F, mode: 0o600 },
  { kind: 'Chown', path: F, uid: 5, gid: 6 },
  { kind: 'Chtimes', path: F, atime: 7, mtime: 8 },
]

describe('what happened is told once it did', () => {
  const TOLD: { name: string; call: string; run: (fs: FileSystem) => Promise<unknown>; events: FileEvent[] }[] = [
    {
      name: 'mkdir',
      call: 'mkdir',
      run: (fs) => fs.mkdir(path('/x'), {}),
      events: [{ kind: 'Mkdir', path: path('/x') }],
    },
    { name: 'rmdir', call: 'rmdir', run: (fs) => fs.rmdir(path('/d')), events: [{ kind: 'Rmdir', path: path('/d') }] },
    { name: 'remove', call: 'remove', run: (fs) => fs.remove(F), events: [{ kind: 'Remove', path: F }] },
    {
      name: 'rename',
      call: 'rename',
      run: (fs) => fs.rename(F, path('/g'), { replace: false }),
      events: [{ kind: 'Rename', path: F, target: path('/g') }],
    },
    {
      name: 'symlink',
      call: 'symlink',
      run: (fs) => fs.symlink('any text', path('/s')),
      events: [{ kind: 'Symlink', target: 'any text', link: path('/s') }],
    },
    { name: 'setstat', call: 'setstat', run: (fs) => fs.setstat(F, EVERYTHING), events: ATTR_EVENTS },
    { name: 'setstat of the size', call: 'setstat', run: (fs) => fs.setstat(F, { size: 1n }), events: [] },
    { name: 'lsetstat', call: 'lsetstat', run: (fs) => fs.lsetstat(F, EVERYTHING), events: ATTR_EVENTS },
    {
      name: 'setstat by handle',
      call: 'file.setstat',
      run: (fs) => using(fs.open(F, flags('write'), {}), (file) => file.setstat(EVERYTHING)),
      events: ATTR_EVENTS,
    },
    { name: 'stat', call: 'stat', run: (fs) => fs.stat(F), events: [] },
    { name: 'lstat', call: 'lstat', run: (fs) => fs.lstat(F), events: [] },
    { name: 'hardlink', call: 'hardlink', run: (fs) => fs.hardlink(F, path('/h')), events: [] },
    { name: 'readlink', call: 'readlink', run: (fs) => fs.readlink(path('/l')), events: [] },
    { name: 'realpath', call: 'realpath', run: (fs) => fs.realpath(path('/l')), events: [] },
    { name: 'statvfs', call: 'statvfs', run: (fs) => fs.statvfs(F), events: [] },
    { name: 'opendir', call: 'opendir', run: (fs) => fs.opendir(path('/d')), events: [] },
  ]

  test.each(TOLD)('$name', async ({ call, run, events: expected }) => {
    const { fs, inner, events } = account()
    inner.hooks.after = ({ name }) => expect(name === call ? events : []).toEqual([])
    await run(fs)
    expect(events).toEqual(expected)
  })

  test.each(TOLD)('$name: nothing when it failed', async ({ call, run }) => {
    const { fs, inner, events } = account()
    inner.hooks.fail(call as Parameters<typeof inner.hooks.fail>[0], new FsError('no-space', 'full'))
    expect(await outcome(run(fs))).toBe('no-space')
    expect(events).toEqual([])
  })
})

describe('a transfer', () => {
  const WAYS: { way: OpenFlags; operation: 'upload' | 'download' }[] = [
    { way: flags('read'), operation: 'download' },
    { way: flags('write'), operation: 'upload' },
    { way: flags('read', 'write'), operation: 'upload' },
    { way: flags('write', 'append', 'create'), operation: 'upload' },
  ]

  test.each(WAYS)('is an $operation', async ({ way, operation }) => {
    const { fs, transfers } = account()
    const file = await fs.open(F, way, {})
    expect(transfers).toMatchObject([{ operation, path: '/f', moved: [], ends: [] }])
    expect(file.flags).toEqual(way)
    await file.close()
    expect(transfers[0]?.ends).toEqual([undefined])
  })

  test('begins with an open that succeeded only', async () => {
    const { fs, inner, transfers } = account()
    expect(await outcome(fs.open(path('/none'), flags('read'), {}))).toBe('not-found')
    inner.hooks.fail('open', new FsError('failure', 'no'))
    expect(await outcome(fs.open(F, flags('read'), {}))).toBe('failure')
    expect(transfers).toEqual([])
  })

  test('counts what was read and written', async () => {
    const { fs, transfers } = account()
    const file = await fs.open(F, flags('read', 'write'), {})
    await file.read([Buffer.alloc(3)], 0)
    await file.read([Buffer.alloc(3)], 3)
    await file.read([Buffer.alloc(3)], 4)
    await file.write([bytes('ab'), bytes('cde')], 0)
    await file.write([], 0)
    await file.close()
    expect(transfers[0]?.moved).toEqual([3, 1, 0, 5, 0])
  })

  test.each(['close', 'abort'] as const)('ends exactly once, with %s', async (end) => {
    const { fs, inner, transfers } = account()
    const file = await fs.open(F, flags('read'), {})
    await file[end]()
    expect(transfers[0]?.ends).toEqual([
      end === 'close' ? undefined : 'the connection ended before the file was closed',
    ])
    expect(inner.opened).toEqual([{ path: '/f', ends: [end] }])
  })

  test.each([
    { call: 'file.read', end: 'close' },
    { call: 'file.read', end: 'abort' },
    { call: 'file.write', end: 'close' },
    { call: 'file.write', end: 'abort' },
  ] as const)('fails with its first failing $call, also when it ends with $end', async ({ call, end }) => {
    const { fs, inner, transfers } = account()
    const file = await fs.open(F, flags('read', 'write'), {})
    const use = (): Promise<unknown> =>
      call === 'file.read' ? file.read([Buffer.alloc(1)], 0) : file.write([bytes('x')], 0)
    inner.hooks.fail(call, new FsError('no-space', 'first'))
    expect(await outcome(use())).toBe('no-space')
    inner.hooks.fail(call, new FsError('failure', 'second'))
    expect(await outcome(use())).toBe('failure')
    await use()
    await file[end]()
    expect(transfers[0]?.ends).toEqual(['first'])
  })

  test('fails with a close that fails, and the client learns of it', async () => {
    const { fs, inner, transfers } = account()
    const file = await fs.open(F, flags('write'), {})
    inner.hooks.fail('file.close', new FsError('quota', 'over'))
    expect(await outcome(file.close())).toBe('quota')
    expect(transfers[0]?.ends).toEqual(['over'])
  })

  test('passes everything else on', async () => {
    const { fs, inner } = account()
    const file = await fs.open(F, flags('read', 'write'), {})
    expect((await file.stat()).size).toBe(4n)
    await file.sync()
    expect(await file.digest('md5', 0, 4)).toHaveLength(16)
    expect((await file.statvfs()).maxNameBytes).toBe(255n)
    await file.close()
    expect(inner.hooks.calls.map(({ name }) => name)).toEqual([
      'open',
      'file.stat',
      'file.sync',
      'file.digest',
      'file.statvfs',
      'file.close',
    ])
  })

  test('two handles of one file share their identity', async () => {
    const { fs } = account()
    const [one, other] = [await fs.open(F, flags('read'), {}), await fs.open(path('/l'), flags('write'), {})]
    expect(one.identity).toBe(other.identity)
  })
})

describe('bandwidth', () => {
  /** An account with 1000 bytes/s in both directions, of which the first 100 are there at once. */
  function limited() {
    const clock = new VirtualClock()
    const gone = new AbortController()
    const limits = { upload: 1000, download: 1000 }
    const bandwidth = new SessionBandwidth({
      username: 'alice',
      limit: (direction) => limits[direction],
      throttle: createThrottle(clock),
      gone: gone.signal,
      waiting: () => undefined,
    })
    const pass = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 10) {
        clock.advance(10)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    return { ...account({ bandwidth }), gone, limits, pass }
  }

  test('what was read is given to the client when it is paid for, and only that is paid for', async () => {
    const { fs, inner, transfers, pass } = limited()
    inner.addFile('/big', 'x'.repeat(600))
    const file = await fs.open(path('/big'), flags('read'), {})
    expect(file.sliceBytes?.('read')).toBe(50)
    let count: number | undefined
    void file.read([Buffer.alloc(10_000)], 0).then((read) => (count = read))
    await pass(480)
    expect({ count, moved: transfers[0]?.moved }).toEqual({ count: undefined, moved: [] })
    await pass(40)
    expect({ count, moved: transfers[0]?.moved }).toEqual({ count: 600, moved: [600] })
  })

  test('what is written is on the disk when it is paid for, not before', async () => {
    const { fs, inner, transfers, pass } = limited()
    const file = await fs.open(F, flags('write'), {})
    void file.write([bytes('y'.repeat(300)), bytes('z'.repeat(300))], 0)
    await pass(480)
    expect(inner.contents('/f')).toBe('text')
    await pass(40)
    expect(inner.contents('/f')).toBe('y'.repeat(300) + 'z'.repeat(300))
    expect(transfers[0]?.moved).toEqual([600])
  })

  test('a limit of 0 is none', async () => {
    const { fs, inner, limits } = limited()
    Object.assign(limits, { upload: 0, download: 0 })
    const file = await fs.open(F, flags('read', 'write'), {})
    expect([file.sliceBytes?.('read'), file.sliceBytes?.('write')]).toEqual([undefined, undefined])
    await file.write([Buffer.alloc(100_000, 'x')], 0)
    expect(await file.read([Buffer.alloc(100_000)], 0)).toBe(100_000)
    expect(inner.contents('/f')).toHaveLength(100_000)
  })

  test('a client that leaves while it waits ends at once, and what was not paid for stays out', async () => {
    const { fs, inner, transfers, gone } = limited()
    inner.addFile('/big', 'x'.repeat(100_000))
    const [upload, download] = [await fs.open(F, flags('write'), {}), await fs.open(path('/big'), flags('read'), {})]
    const waits = [upload.write([Buffer.alloc(100_000)], 0), download.read([Buffer.alloc(100_000)], 0)]
    const outcomes = Promise.all(waits.map(outcome))
    gone.abort(new FsError('failure', 'the connection ended'))
    expect(await outcomes).toEqual(['failure', 'failure'])
    // Also where the client had closed it already: an upload that lacks a part is not complete.
    await upload.close()
    await download.abort()
    expect(inner.contents('/f')).toBe('text')
    expect(transfers.map(({ moved, ends }) => ({ moved, ends }))).toEqual([
      { moved: [], ends: ['the connection ended'] },
      { moved: [], ends: ['the connection ended'] },
    ])
  })
})

test('the length of a file that was closed is told where it is wanted, and none where it is not', async () => {
  for (const wanted of [true, false]) {
    const { fs, transfers } = account({}, wanted)
    const file = await fs.open(F, flags('write'), {})
    await file.write([bytes('longer')], 3)
    await file.close()
    const aborted = await fs.open(F, flags('write'), {})
    await aborted.abort()
    expect(transfers.map(({ ends, lengths }) => ({ ends, lengths }))).toEqual([
      { ends: [undefined], lengths: [wanted ? 9 : undefined] },
      { ends: [expect.stringContaining('ended before')], lengths: [undefined] },
    ])
  }
})

describe('setstat by handle', () => {
  test.each([
    { attrs: { permissions: 0o600 }, needs: 'chmod' },
    { attrs: { owner: { uid: 1, gid: 1 } }, needs: 'chown' },
    { attrs: { times: { atime: 1, mtime: 1 } }, needs: 'chtimes' },
  ] as const)('needs $needs', async ({ attrs, needs }) => {
    for (const [permissions, result] of [
      [['upload', 'download', 'overwrite'], 'permission'],
      [['upload', 'download', needs], 'done'],
    ] as const) {
      const { fs, events } = account({ permissions: [...permissions] })
      for (const way of [flags('read'), flags('write')]) {
        const file = await fs.open(F, way, {})
        expect(await outcome(file.setstat(attrs))).toBe(result)
      }
      expect(events).toHaveLength(result === 'done' ? 2 : 0)
    }
  })

  test('sets the size of a file that is open to write, and of no other, for those who may overwrite', async () => {
    const { fs, inner } = account({ permissions: ['upload', 'download'] })
    for (const way of [flags('write'), flags('read')]) {
      const file = await fs.open(F, way, {})
      expect(await outcome(file.setstat({ size: 0n }))).toBe('permission')
    }
    expect(inner.contents('/f')).toBe('text')
    const overwriting = account({ permissions: ['upload', 'overwrite'] })
    const written = await overwriting.fs.open(F, flags('write'), {})
    await written.setstat({ size: 1n })
    expect(overwriting.inner.contents('/f')).toBe('t')
    const all = account()
    const file = await all.fs.open(F, flags('read'), {})
    expect(await outcome(file.setstat({ size: 0n }))).toBe('invalid')
    expect(all.inner.contents('/f')).toBe('text')
  })
})

describe('setstat_mode 1', () => {
  const WAYS: Record<string, (fs: FileSystem, attrs: Attrs) => Promise<void>> = {
    setstat: (fs, attrs) => fs.setstat(F, attrs),
    lsetstat: (fs, attrs) => fs.lsetstat(F, attrs),
    fsetstat: (fs, attrs) => using(fs.open(F, flags('write'), {}), (file) => file.setstat(attrs)),
  }

  test.each(Object.entries(WAYS))(
    '%s accepts owner, mode and times from anybody, and leaves them',
    async (_name, change) => {
      const { fs, inner, events } = account({ permissions: ['upload'], ignoreSetstat: true })
      const before = inner.tree()
      await change(fs, { permissions: 0o600, owner: { uid: 5, gid: 6 }, times: { atime: 7, mtime: 8 } })
      expect(inner.tree()).toEqual(before)
      expect(events).toEqual([])
    },
  )

  test.each(Object.entries(WAYS))('%s still sets the size, for those who may', async (_name, change) => {
    const { fs, inner } = account({ permissions: ['upload', 'overwrite'], ignoreSetstat: true })
    await change(fs, EVERYTHING)
    expect(inner.contents('/f')).toBe('te')
  })

  test('the size by path still needs its permission', async () => {
    const { fs, inner } = account({ permissions: ['upload'], ignoreSetstat: true })
    expect(await outcome(fs.setstat(F, { size: 0n }))).toBe('permission')
    expect(inner.contents('/f')).toBe('text')
  })
})

describe('[13] realpath', () => {
  test('resolves links for those who may list', async () => {
    const { fs } = account({ permissions: ['list'] })
    expect(await fs.realpath(path('/l'))).toBe('/f')
    expect(await outcome(fs.realpath(path('/none/x')))).toBe('not-found')
  })

  test('tells others nothing: what exists and what does not get the same answer', async () => {
    const { fs, inner } = account({ permissions: ['download', 'upload', 'delete', 'rename'] })
    for (const asked of ['/', '/l', '/f', '/none', '/none/x', '/f/x', '/d/../l']) {
      expect(await fs.realpath(path(asked))).toBe(path(asked))
    }
    expect(inner.hooks.calls).toEqual([])
  })
})
