import fs from 'node:fs'
import { describe, expect, test } from 'vitest'
import { virtualPath } from '../../protocol/filesystem.ts'
import type { FsErrorKind } from '../../protocol/filesystem.ts'
import type { LocalFileSystem } from './local-filesystem.ts'
import { flags, list, outcome, useSandbox } from './sandbox.test.support.ts'

const box = useSandbox()

/** One of each. */
const TREE = {
  f: 'text',
  'd/x': 'text',
  'empty/': '',
  lf: { link: 'f' },
  ld: { link: '/d' },
  dangling: { link: 'none' },
} as const

type Operation = (vfs: LocalFileSystem, path: ReturnType<typeof virtualPath>) => Promise<unknown>
const OPERATIONS: Record<string, Operation> = {
  mkdir: (vfs, path) => vfs.mkdir(path, {}),
  rmdir: (vfs, path) => vfs.rmdir(path),
  remove: (vfs, path) => vfs.remove(path),
  opendir: (vfs, path) => vfs.opendir(path).then((directory) => directory.close()),
  stat: (vfs, path) => vfs.stat(path),
  lstat: (vfs, path) => vfs.lstat(path),
}

type Outcomes = Readonly<Record<string, FsErrorKind | 'done'>>
const EXPECTED: Readonly<Record<string, Outcomes>> = {
  mkdir: {
    '/new': 'done',
    '/d/new': 'done',
    '/ld/new': 'done',
    '/none/new': 'not-found',
    '/f/new': 'not-found',
    '/': 'exists',
    '/f': 'exists',
    '/d': 'exists',
    '/empty': 'exists',
    '/lf': 'exists',
    '/ld': 'exists',
    '/dangling': 'exists',
  },
  rmdir: {
    '/empty': 'done',
    '/d': 'failure',
    '/f': 'not-found',
    '/lf': 'not-found',
    '/ld': 'not-found',
    '/dangling': 'not-found',
    '/none': 'not-found',
    '/none/x': 'not-found',
    '/': 'permission',
  },
  remove: {
    '/f': 'done',
    '/d/x': 'done',
    '/ld/x': 'done',
    '/lf': 'done',
    '/ld': 'done',
    '/dangling': 'done',
    '/d': 'failure',
    '/empty': 'failure',
    '/none': 'not-found',
    '/none/x': 'not-found',
    '/f/x': 'not-found',
    '/': 'permission',
  },
  opendir: {
    '/': 'done',
    '/d': 'done',
    '/ld': 'done',
    '/empty': 'done',
    '/f': 'not-found',
    '/lf': 'not-found',
    '/dangling': 'not-found',
    '/none': 'not-found',
    '/f/x': 'not-found',
  },
  stat: {
    '/': 'done',
    '/f': 'done',
    '/d': 'done',
    '/lf': 'done',
    '/ld': 'done',
    '/ld/x': 'done',
    '/dangling': 'not-found',
    '/none': 'not-found',
    '/f/x': 'not-found',
    '/dangling/x': 'not-found',
  },
  lstat: {
    '/': 'done',
    '/f': 'done',
    '/d': 'done',
    '/lf': 'done',
    '/ld': 'done',
    '/ld/x': 'done',
    '/dangling': 'done',
    '/none': 'not-found',
    '/f/x': 'not-found',
    '/dangling/x': 'not-found',
  },
}
const ROWS = Object.entries(EXPECTED).flatMap(([operation, outcomes]) =>
  Object.entries(outcomes).map(([path, result]) => ({ operation, path, result })),
)

test.each(ROWS)('$operation $path: $result', async ({ operation, path, result }) => {
  box.plantHome(TREE)
  const before = box.state()
  const vfs = await box.open()
  expect(await outcome((OPERATIONS[operation] as Operation)(vfs, virtualPath(path)))).toBe(result)
  const changes = result === 'done' && ['mkdir', 'rmdir', 'remove'].includes(operation)
  if (changes) expect(box.names()).not.toEqual(Object.keys(before))
  else expect(box.state()).toEqual(before)
  // Never what a link names.
  if (path.startsWith('/l')) expect(box.text('/f')).toBe('text')
})

describe('mkdir', () => {
  test.each([
    { permissions: undefined, mode: 0o777 },
    { permissions: 0o750, mode: 0o750 },
    { permissions: 0o7700, mode: 0o700 },
  ])(
    '[19] makes a directory of mode $permissions without setuid, setgid, sticky and umask',
    async ({ permissions, mode }) => {
      const vfs = await box.open()
      await vfs.mkdir(virtualPath('/d'), permissions === undefined ? {} : { permissions })
      expect(fs.statSync(box.host('/d')).mode & 0o7777).toBe(mode & ~process.umask())
    },
  )
})

describe('the root directory stays as it is', () => {
  const ROOT = virtualPath('/')
  const FILE = virtualPath('/f')
  const REFUSED: Record<string, { kind: FsErrorKind; work: (vfs: LocalFileSystem) => Promise<unknown> }> = {
    remove: { kind: 'permission', work: (vfs) => vfs.remove(ROOT) },
    rmdir: { kind: 'permission', work: (vfs) => vfs.rmdir(ROOT) },
    'rename away': { kind: 'permission', work: (vfs) => vfs.rename(ROOT, virtualPath('/x'), { replace: false }) },
    'rename over': { kind: 'permission', work: (vfs) => vfs.rename(FILE, ROOT, { replace: false }) },
    'rename away, replacing': { kind: 'permission', work: (vfs) => vfs.rename(ROOT, FILE, { replace: true }) },
    replace: { kind: 'permission', work: (vfs) => vfs.rename(virtualPath('/d'), ROOT, { replace: true }) },
    'rename to itself': { kind: 'permission', work: (vfs) => vfs.rename(ROOT, ROOT, { replace: true }) },
    symlink: { kind: 'permission', work: (vfs) => vfs.symlink('x', ROOT) },
    'hardlink from': { kind: 'permission', work: (vfs) => vfs.hardlink(ROOT, virtualPath('/x')) },
    'hardlink to': { kind: 'permission', work: (vfs) => vfs.hardlink(FILE, ROOT) },
    mkdir: { kind: 'exists', work: (vfs) => vfs.mkdir(ROOT, {}) },
    open: { kind: 'failure', work: (vfs) => vfs.open(ROOT, flags('read'), {}) },
    create: { kind: 'failure', work: (vfs) => vfs.open(ROOT, flags('write', 'create', 'truncate'), {}) },
  }

  test.each(Object.entries(REFUSED))('%s', async (_name, { kind, work }) => {
    box.plantHome({ f: 'text', 'd/': '' })
    const before = box.state()
    const vfs = await box.open()
    expect(await outcome(work(vfs))).toBe(kind)
    expect(box.state()).toEqual(before)
  })

  test('a link to it can be removed and renamed', async () => {
    box.plantHome({ l: { link: '/' }, m: { link: '/' } })
    const vfs = await box.open()
    await vfs.rename(virtualPath('/l'), virtualPath('/n'), { replace: false })
    await vfs.remove(virtualPath('/m'))
    expect(box.names()).toEqual(['/n'])
  })
})

describe('realpath', () => {
  test.each([
    ['/', '/'],
    ['/f', '/f'],
    ['/d/x', '/d/x'],
    ['/lf', '/f'],
    ['/ld', '/d'],
    ['/ld/x', '/d/x'],
    ['/ld/none', '/d/none'],
    ['/none', '/none'],
    ['/dangling', '/none'],
  ])('%s is %s', async (path, real) => {
    box.plantHome(TREE)
    const vfs = await box.open()
    expect(await vfs.realpath(virtualPath(path))).toBe(real)
  })

  test.each(['/none/x', '/f/x', '/dangling/x'])('%s is not found', async (path) => {
    box.plantHome(TREE)
    const vfs = await box.open()
    expect(await outcome(vfs.realpath(virtualPath(path)))).toBe('not-found')
  })
})

describe('opendir', () => {
  test('lists every entry, of itself and not of what it names', async () => {
    box.plantHome(TREE)
    const vfs = await box.open()
    const directory = await vfs.opendir(virtualPath('/'))
    const entries = (await directory.read(100)).toSorted((a, b) => (a.filename < b.filename ? -1 : 1))
    expect(await directory.read(100)).toEqual([])
    await directory.close()
    expect(entries.map(({ filename, attrs }) => [filename, (attrs.permissions ?? 0) & 0o170000])).toEqual([
      ['d', 0o040000],
      ['dangling', 0o120000],
      ['empty', 0o040000],
      ['f', 0o100000],
      ['ld', 0o120000],
      ['lf', 0o120000],
    ])
    expect(entries[0]?.links).toBe(2)
    expect(entries[3]?.attrs.size).toBe(4n)
  })

  test('goes on with the directory it opened, whatever takes its name', async () => {
    box.plantHome({ 'd/a': 'text', 'd/b': 'text' })
    const vfs = await box.open()
    const directory = await vfs.opendir(virtualPath('/d'))
    fs.renameSync(box.host('/d'), box.host('/e'))
    fs.symlinkSync(box.outside, box.host('/d'))
    expect((await directory.read(10)).map(({ filename }) => filename).toSorted()).toEqual(['a', 'b'])
    await directory.close()
    expect(await outcome(vfs.opendir(virtualPath('/d')))).toBe('not-found')
  })

  test('of an empty directory is an empty list', async () => {
    const vfs = await box.open()
    expect(await list(vfs, '/')).toEqual([])
  })
})
