import fs from 'node:fs'
import { describe, expect, test } from 'vitest'
import { FsError, virtualPath } from '../../protocol/filesystem.ts'
import type { OpenFile } from '../../protocol/filesystem.ts'
import { watchedStorage } from './faulty-storage.test.support.ts'
import type { LocalFileSystem, Uploads } from './local-filesystem.ts'
import { bytes, flags, get, isRoot, list, outcome, put, useSandbox } from './sandbox.test.support.ts'

const box = useSandbox()
const path = virtualPath

/** Begun and ended uploads must balance, or a crash would look for what is not there. */
let underWay = 0

function uploads(mode: Uploads['mode'], sync = false): { uploads: Uploads } {
  underWay = 0
  return {
    uploads: {
      mode,
      sync,
      instance: 'testtest',
      begin: async () => void underWay++,
      end: () => void underWay--,
    },
  }
}

const open = (vfs: LocalFileSystem, name: string, ...how: Parameters<typeof flags>): Promise<OpenFile> =>
  vfs.open(path(name), flags(...how), {})

const REPLACE = ['write', 'create', 'truncate'] as const

/** How an upload may end. */
const ENDS: Readonly<Record<string, (file: OpenFile) => Promise<unknown>>> = {
  'is closed': (file) => file.close(),
  'loses its client': (file) => file.abort(),
  'is closed after a failed write': async (file) => {
    await file.write([bytes('lost')], Number.MAX_SAFE_INTEGER).catch(() => undefined)
    await expect(file.close()).rejects.toThrow('Upload failed')
  },
}

/** What each kind of upload leaves: `old` is what was there, `new` what was written, null nothing. */
const LEFT: { what: string; before: string | null; how: readonly Parameters<typeof flags>[number][]; rows: object }[] =
  [
    {
      what: 'a new file',
      before: null,
      how: REPLACE,
      rows: {
        'is closed': ['new', 'new'],
        'loses its client': [null, 'new'],
        'is closed after a failed write': [null, 'new'],
      },
    },
    {
      what: 'a file that replaces another',
      before: 'old text',
      how: REPLACE,
      rows: {
        'is closed': ['new', 'new'],
        'loses its client': ['old text', 'old text'],
        'is closed after a failed write': ['old text', 'old text'],
      },
    },
    {
      what: 'an edit in place',
      before: 'old text',
      how: ['write', 'create'],
      rows: {
        'is closed': ['new text', 'new text'],
        'loses its client': ['old text', 'old text'],
        'is closed after a failed write': ['old text', 'old text'],
      },
    },
    {
      what: 'a resumed file',
      before: 'old',
      how: ['write', 'append'],
      rows: {
        'is closed': ['oldnew', 'oldnew'],
        'loses its client': ['old', 'oldnew'],
      },
    },
    {
      what: 'an exclusive file',
      before: null,
      how: ['write', 'create', 'exclusive'],
      rows: { 'is closed': ['new', 'new'], 'loses its client': [null, null] },
    },
  ]

const CASES = LEFT.flatMap(({ rows, ...upload }) =>
  Object.entries(rows as Record<string, [string | null, string | null]>).flatMap(([end, [atomic, resumable]]) => [
    { ...upload, end, mode: 1 as const, left: atomic },
    { ...upload, end, mode: 2 as const, left: resumable },
  ]),
)

test.each(CASES)('upload_mode $mode: $what that $end leaves $left', async ({ before, how, end, mode, left }) => {
  if (before !== null) box.plantHome({ f: before })
  const vfs = await box.open(uploads(mode))
  const file = await open(vfs, '/f', ...how)
  await file.write([bytes('new')], 0)
  // Until it is over, what was there is there, and nothing else shows.
  expect(await list(vfs, '/')).toEqual(before === null ? [] : ['f'])
  if (before !== null) expect(await get(vfs, '/f')).toBe(before)
  await ENDS[end]?.(file)
  expect(box.names()).toEqual(left === null ? [] : ['/f'])
  if (left !== null) expect(box.text('/f')).toBe(left)
  expect(underWay).toBe(0)
})

describe.each([1, 2] as const)('upload_mode %i', (mode) => {
  test('a file keeps its mode and owner when it is replaced', async () => {
    box.plantHome({ f: 'old' })
    fs.chmodSync(box.host('/f'), 0o640)
    if (isRoot) fs.chownSync(box.host('/f'), 1234, 4321)
    const vfs = await box.open(uploads(mode))
    await put(vfs, '/f', 'new')
    const { mode: bits, uid, gid } = fs.statSync(box.host('/f'))
    expect([bits & 0o777, uid, gid]).toEqual(isRoot ? [0o640, 1234, 4321] : [0o640, uid, gid])
  })

  test('through a link the file it means is replaced, and the link stays', async () => {
    box.plantHome({ 'd/f': 'old', l: { link: 'd/f' }, dangling: { link: 'd/new' } })
    const vfs = await box.open(uploads(mode))
    await put(vfs, '/l', 'new')
    await put(vfs, '/dangling', 'made')
    expect([box.text('/d/f'), box.text('/d/new')]).toEqual(['new', 'made'])
    expect(box.names()).toEqual(['/d', '/d/f', '/d/new', '/dangling', '/l'])
  })

  test('what may not be replaced is refused before anything happens, and once more at the end', async () => {
    box.plantHome({ f: 'old' })
    const authorizeOverwrite = (): never => {
      throw new FsError('permission', 'no overwriting')
    }
    const vfs = await box.open({ ...uploads(mode), authorizeOverwrite })
    expect(await outcome(open(vfs, '/f', ...REPLACE))).toBe('permission')
    const file = await open(vfs, '/g', ...REPLACE)
    box.plantHome({ g: 'somebody was faster' })
    expect(await outcome(file.close())).toBe('permission')
    expect([box.text('/f'), box.text('/g'), box.names()]).toEqual(['old', 'somebody was faster', ['/f', '/g']])
  })

  test('an exclusive upload never takes the place of what appeared meanwhile', async () => {
    const vfs = await box.open(uploads(mode))
    const file = await open(vfs, '/f', 'write', 'create', 'exclusive')
    box.plantHome({ f: 'other' })
    expect(await outcome(file.close())).toBe('exists')
    expect([box.text('/f'), box.names()]).toEqual(['other', ['/f']])
  })

  test.each([REPLACE, ['write', 'create', 'exclusive'] as const])(
    'what appears at the very last moment stays (%s)',
    async (...how) => {
      const storage = watchedStorage((call) => {
        if (call === 'link') box.plantHome({ f: 'other' })
      })
      const vfs = await box.open({ ...uploads(mode), storage })
      const file = await open(vfs, '/f', ...how)
      expect(await outcome(file.close())).toBe('exists')
      expect([box.text('/f'), box.names()]).toEqual(['other', ['/f']])
    },
  )

  test.each([
    ['a directory', () => box.plantHome({ 'f/': '' }), 'failure'],
    ['a missing directory', () => undefined, 'not-found'],
  ])('%s is no place for an upload', async (what, make, kind) => {
    make()
    const vfs = await box.open(uploads(mode))
    expect(await outcome(open(vfs, what === 'a directory' ? '/f' : '/none/f', ...REPLACE))).toBe(kind)
    expect(box.names()).toEqual(what === 'a directory' ? ['/f'] : [])
    expect(underWay).toBe(0)
  })

  test('a name of 255 bytes has a temporary name, too', async () => {
    const vfs = await box.open(uploads(mode))
    const long = `/${'n'.repeat(255)}`
    await put(vfs, long, 'text')
    expect(box.names()).toEqual([long])
  })

  test('the name of an upload under way is nobody’s to use', async () => {
    const vfs = await box.open(uploads(mode))
    const file = await open(vfs, '/f', ...REPLACE)
    const [temporary = ''] = box.names()
    expect(temporary).toMatch(/^\/\.sftpgo-upload\.testtest[0-9a-z]{12}\.f$/)
    box.plantHome({ other: 'text' })
    for (const use of [
      () => vfs.stat(path(temporary)),
      () => open(vfs, temporary, 'read'),
      () => open(vfs, temporary, ...REPLACE),
      () => vfs.remove(path(temporary)),
      () => vfs.rename(path(temporary), path('/mine'), { replace: false }),
      () => vfs.rename(path('/other'), path(temporary), { replace: true }),
      () => vfs.mkdir(path(temporary), {}),
      () => vfs.symlink('x', path(temporary)),
      () => vfs.hardlink(path('/other'), path(temporary)),
    ]) {
      expect(await outcome(use())).toBe('permission')
    }
    await file.close()
    expect(box.names()).toEqual(['/f', '/other'])
  })

  test('who makes a file may ask for it by the name that it will have, and nobody else', async () => {
    box.plantHome({ 'd/': '', l: { link: 'd/f' } })
    const [vfs, other] = [await box.open(uploads(mode)), await box.open(uploads(mode))]
    const file = await open(vfs, '/d/f', ...REPLACE)
    await file.write([bytes('four')], 0)
    expect((await vfs.lstat(path('/d/f'))).size).toBe(4n)
    expect((await vfs.stat(path('/l'))).size).toBe(4n)
    await vfs.setstat(path('/d/f'), { size: 2n, permissions: 0o600, times: { atime: 1, mtime: 2 } })
    expect(await vfs.stat(path('/d/f'))).toMatchObject({ size: 2n, times: { atime: 1, mtime: 2 } })
    expect(await outcome(other.stat(path('/d/f')))).toBe('not-found')
    expect(await outcome(vfs.stat(path('/d/g')))).toBe('not-found')
    await file.close()
    expect([box.text('/d/f'), fs.statSync(box.host('/d/f')).mode & 0o777]).toEqual(['fo', 0o600])
    fs.rmSync(box.host('/d/f'))
    expect(await outcome(vfs.stat(path('/d/f')))).toBe('not-found')
  })

  test.each(['close', 'abort'] as const)(
    'an upload that ended by %s without success is nobody’s to ask for',
    async (end) => {
      const storage = watchedStorage((call) => {
        if (call === 'link' || call === 'rename') throw Object.assign(new Error('injected'), { code: 'EIO' })
      })
      const vfs = await box.open({ ...uploads(mode), storage })
      const file = await open(vfs, '/f', ...REPLACE)
      expect(await outcome(vfs.lstat(path('/f')))).toBe('done')
      await outcome(file[end]())
      expect(await outcome(vfs.lstat(path('/f')))).toBe('not-found')
    },
  )

  test('an upload that cannot be published is taken away, and says so', async () => {
    box.plantHome({ 'd/': '' })
    let broken = false
    const storage = watchedStorage((call) => {
      if (broken && (call === 'rename' || call === 'link')) throw Object.assign(new Error('injected'), { code: 'EIO' })
    })
    const vfs = await box.open({ ...uploads(mode), storage })
    const file = await open(vfs, '/d/f', ...REPLACE)
    broken = true
    expect(await outcome(file.close())).toBe('failure')
    expect(box.names()).toEqual(['/d'])
    expect(underWay).toBe(0)
  })
})

describe('fsync close', () => {
  test.each([
    { mode: 0 as const, name: '/new', calls: ['fsync file', 'fsync directory'] },
    { mode: 0 as const, name: '/old', calls: ['fsync file'] },
    { mode: 1 as const, name: '/new', calls: ['fsync file', 'its name', 'fsync directory'] },
    { mode: 1 as const, name: '/old', calls: ['fsync file', 'its name', 'fsync directory'] },
    { mode: 2 as const, name: '/old', calls: ['fsync file', 'its name', 'fsync directory'] },
  ])('upload_mode $mode: $name is on stable storage before its CLOSE is answered', async ({ mode, name, calls }) => {
    box.plantHome({ old: 'text' })
    const seen: string[] = []
    const storage = watchedStorage((call, [fd]) => {
      if (call === 'rename' || call === 'link') seen.push('its name')
      if (call === 'fsync') seen.push(`fsync ${fs.fstatSync(fd as number).isDirectory() ? 'directory' : 'file'}`)
    })
    const vfs = await box.open({ ...uploads(mode, true), storage })
    await put(vfs, name, 'new')
    expect(seen).toEqual(calls)
  })

  test.each([0, 1, 2] as const)('upload_mode %i: a failing fsync fails the CLOSE', async (mode) => {
    const storage = watchedStorage((call) => {
      if (call === 'fsync') throw Object.assign(new Error('injected'), { code: 'EIO' })
    })
    const vfs = await box.open({ ...uploads(mode, true), storage })
    const file = await open(vfs, '/f', ...REPLACE)
    expect(await outcome(file.close())).toBe('failure')
  })

  test('files that were only read are not synced', async () => {
    box.plantHome({ f: 'text' })
    const storage = watchedStorage((call) => expect(call).not.toBe('fsync'))
    const vfs = await box.open({ ...uploads(0, true), storage })
    expect(await get(vfs, '/f')).toBe('text')
  })
})
