import fs from 'node:fs'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { FsError, virtualPath } from '../../protocol/filesystem.ts'
import type { FileSystem, VirtualPath } from '../../protocol/filesystem.ts'
import type { GrantedPermissions } from '../accounts/user.ts'
import { AccountFileSystem, placePolicy } from './account-filesystem.ts'
import type { AccountRules } from './account-filesystem.ts'
import { Grants } from './grants.ts'
import { flags, get, list, outcome, put, tell, useSandbox, using } from './sandbox.test.support.ts'

const box = useSandbox()
const path = virtualPath

async function account(permissions: GrantedPermissions): Promise<{ fs: FileSystem; rules: AccountRules }> {
  const rules: AccountRules = { permissions: new Grants(permissions), ignoreSetstat: false }
  const local = await box.open(placePolicy(rules))
  const observer = { done: () => undefined, transfer: () => ({ moved: () => undefined, end: () => undefined }) }
  return { fs: new AccountFileSystem(local, rules, observer), rules }
}

/** What a client learns: the kind of the error and its text, or that it was done. */
async function told(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'done'
  } catch (error) {
    if (error instanceof FsError) return `${error.kind}: ${error.message}`
    throw error
  }
}

const OPERATIONS: Record<string, (vfs: FileSystem, at: VirtualPath) => Promise<unknown>> = {
  'open to read': (vfs, at) => using(vfs.open(at, flags('read'), {}), async () => undefined),
  'open to write': (vfs, at) => using(vfs.open(at, flags('write'), {}), async () => undefined),
  'open to make': (vfs, at) => using(vfs.open(at, flags('write', 'create'), {}), async () => undefined),
  'open to make anew': (vfs, at) =>
    using(vfs.open(at, flags('write', 'create', 'exclusive'), {}), async () => undefined),
  'open to truncate': (vfs, at) => using(vfs.open(at, flags('write', 'create', 'truncate'), {}), async () => undefined),
  opendir: async (vfs, at) => (await vfs.opendir(at)).close(),
  stat: (vfs, at) => vfs.stat(at),
  lstat: (vfs, at) => vfs.lstat(at),
  'setstat of the mode': (vfs, at) => vfs.setstat(at, { permissions: 0o600 }),
  'setstat of the size': (vfs, at) => vfs.setstat(at, { size: 0n }),
  lsetstat: (vfs, at) => vfs.lsetstat(at, { times: { atime: 1, mtime: 1 } }),
  remove: (vfs, at) => vfs.remove(at),
  mkdir: (vfs, at) => vfs.mkdir(at, {}),
  rmdir: (vfs, at) => vfs.rmdir(at),
  'rename from': (vfs, at) => vfs.rename(at, path('/taken'), { replace: true }),
  'rename to': (vfs, at) => vfs.rename(path('/own'), at, { replace: true }),
  'rename to a free name': (vfs, at) => vfs.rename(path('/own'), at, { replace: false }),
  readlink: (vfs, at) => vfs.readlink(at),
  symlink: (vfs, at) => vfs.symlink('own', at),
  'hardlink from': (vfs, at) => vfs.hardlink(at, path('/taken')),
  'hardlink to': (vfs, at) => vfs.hardlink(path('/own'), at),
  statvfs: (vfs, at) => vfs.statvfs(at),
}

/** Those that look at the name itself: a link to a hidden place is in a directory that may be seen. */
const ON_THE_NAME = [
  'open to make anew',
  'lstat',
  'lsetstat',
  'remove',
  'mkdir',
  'rmdir',
  'rename from',
  'rename to',
  'rename to a free name',
  'readlink',
  'symlink',
  'hardlink from',
  'hardlink to',
]

describe('[3] a link into a directory without permissions', () => {
  const HIDDEN: GrantedPermissions = { '/': ['*'], '/hidden': [] }
  beforeEach(() => {
    box.plantHome({
      own: 'text',
      'pub/f': 'text',
      'hidden/f': 'CANARY',
      'hidden/dir/f': 'CANARY',
      'hidden/link': { link: 'f' },
      'hidden/hop': { link: '../pub/f' },
      dir: { link: 'hidden' },
      deep: { link: '/hidden/dir' },
      file: { link: 'hidden/f' },
      dangling: { link: 'hidden/none' },
      chain: { link: 'dir/f' },
      home: { link: '{home}/hidden' },
      hop: { link: 'hidden/hop' },
      through: { link: 'hidden/dir/../../pub/f' },
      past: { link: 'hidden/none/../../pub/f' },
      over: { link: 'hidden/f/../../pub/f' },
    })
  })

  const THROUGH = ['f', 'none', 'dir', 'link', 'dir/f', 'dir/none', 'none/none', 'f/none', 'link/none', 'hop'].flatMap(
    (name) => [`/dir/${name}`, `/home/${name}`],
  )

  test.each(Object.entries(OPERATIONS))('gives one answer to whatever is behind it: %s', async (_name, run) => {
    const before = box.state()
    const vfs = (await account(HIDDEN)).fs
    const direct = await told(run(vfs, path('/hidden/f')))
    expect(direct).toMatch(/^permission: Permission denied: this account lacks /)
    const answers = new Set<string>()
    for (const asked of [...THROUGH, '/deep/f', '/deep/none']) answers.add(await told(run(vfs, path(asked))))
    expect([...answers]).toEqual([direct])
    expect(box.state()).toEqual(before)
  })

  test.each(Object.entries(OPERATIONS).filter(([name]) => !ON_THE_NAME.includes(name)))(
    'is not followed: %s',
    async (name, run) => {
      const before = box.state()
      const vfs = (await account(HIDDEN)).fs
      for (const asked of ['/file', '/dangling', '/chain', '/hop', '/through', '/past', '/over']) {
        expect([asked, await told(run(vfs, path(asked)))]).toEqual([
          asked,
          expect.stringMatching(/^permission: Permission denied: this account lacks /),
        ])
      }
      // The directory itself is seen in the one that holds it.
      if (name !== 'stat') expect(await outcome(run(vfs, path('/dir')))).toBe('permission')
      expect(box.state()).toEqual(before)
    },
  )

  test('is a name like others where it is', async () => {
    const vfs = (await account(HIDDEN)).fs
    expect(await vfs.readlink(path('/file'))).toBe('hidden/f')
    await vfs.rename(path('/file'), path('/renamed'), { replace: false })
    await vfs.remove(path('/renamed'))
    expect(await list(vfs, '/')).not.toContain('renamed')
    expect(box.text('/hidden/f')).toBe('CANARY')
  })

  test('resolves to itself, and to where it may be told', async () => {
    const vfs = (await account(HIDDEN)).fs
    for (const asked of [...THROUGH, '/dir', '/file', '/dangling', '/through', '/past', '/hop']) {
      expect(await vfs.realpath(path(asked))).toBe(asked)
    }
    expect(await vfs.realpath(path('/pub/f'))).toBe('/pub/f')
  })

  test('made by the account tells it nothing either', async () => {
    const vfs = (await account(HIDDEN)).fs
    const answers = new Set<string>()
    for (const [n, guess] of ['dir', 'none', 'f', 'link', 'dir/f', 'dir/none'].entries()) {
      await vfs.symlink(`hidden/${guess}/../../pub/f`, path(`/probe${n}`))
      answers.add(await told(vfs.stat(path(`/probe${n}`))))
    }
    expect([...answers]).toEqual(['permission: Permission denied: this account lacks list there'])
  })
})

describe('both paths count', () => {
  beforeEach(() =>
    box.plantHome({ 'ro/f': 'text', 'rw/f': 'text', 'rw/ro': { link: '/ro' }, 'ro/rw': { link: '/rw' } }),
  )
  const LISTS: GrantedPermissions = { '/': [], '/ro': ['list', 'download'], '/rw': ['*'] }

  test('what is permitted at both is done', async () => {
    const vfs = (await account(LISTS)).fs
    expect(await get(vfs, '/rw/ro/f')).toBe('text')
    expect(await list(vfs, '/rw/ro')).toEqual(['f', 'rw'])
    expect(await vfs.realpath(path('/rw/ro/f'))).toBe('/ro/f')
    expect(await get(vfs, '/ro/rw/f')).toBe('text')
  })

  test.each(['/rw/ro/f', '/ro/rw/f', '/rw/ro/new', '/ro/rw/new', '/ro/f'])('no writing at %s', async (at) => {
    const before = box.state()
    const vfs = (await account(LISTS)).fs
    for (const name of [
      'open to write',
      'open to make',
      'open to truncate',
      'setstat of the mode',
      'setstat of the size',
    ]) {
      expect([name, await outcome(OPERATIONS[name]?.(vfs, path(at)) ?? Promise.resolve())]).toEqual([
        name,
        'permission',
      ])
    }
    for (const name of ['remove', 'mkdir', 'rmdir', 'symlink', 'lsetstat']) {
      expect([name, await outcome(OPERATIONS[name]?.(vfs, path(at)) ?? Promise.resolve())]).toEqual([
        name,
        'permission',
      ])
    }
    expect(box.state()).toEqual(before)
  })

  test('a file that was opened through a link is changed by who may change it where it is', async () => {
    const vfs = (await account(LISTS)).fs
    const before = box.state()
    await using(vfs.open(path('/rw/ro/f'), flags('read'), {}), async (file) => {
      expect(await outcome(file.setstat({ permissions: 0o600 }))).toBe('permission')
      expect(await outcome(file.setstat({ times: { atime: 1, mtime: 1 } }))).toBe('permission')
    })
    expect(box.state()).toEqual(before)
  })

  test('a directory can be used where nothing is granted above it', async () => {
    const vfs = (await account({ '/': [], '/ro': ['list', 'download'] })).fs
    expect((await vfs.stat(path('/ro'))).permissions).toBeDefined()
    expect(await vfs.realpath(path('/ro'))).toBe('/ro')
    expect(await list(vfs, '/ro')).toEqual(['f', 'rw'])
    expect(await get(vfs, '/ro/f')).toBe('text')
    for (const asked of ['/', '/rw', '/none', '/rw/f']) expect(await outcome(vfs.stat(path(asked)))).toBe('permission')
    // A path below it fails as it would anywhere.
    expect(await outcome(vfs.stat(path('/ro/none/x')))).toBe('not-found')
  })

  test('what a path itself names on its way is not judged: only where it ends', async () => {
    box.plantHome({ 'c/b/f': 'text', a: { link: 'c' } })
    const vfs = (await account({ '/': [], '/a/b': ['*'], '/c': ['*'], '/x/y': ['*'] })).fs
    expect(await get(vfs, '/a/b/f')).toBe('text')
    expect(await outcome(get(vfs, '/a/f'))).toBe('permission')
    expect(await outcome(get(vfs, '/x/y/f'))).toBe('not-found')
  })

  test('overwriting needs to be granted where the file is', async () => {
    box.plantHome({ 'add/old': 'text', old: { link: 'add/old' }, new: { link: 'add/new' } })
    const vfs = (await account({ '/': ['*'], '/add': ['list', 'upload'] })).fs
    expect(await outcome(put(vfs, '/old', 'other'))).toBe('permission')
    await put(vfs, '/new', 'other')
    expect([box.text('/add/old'), box.text('/add/new')]).toEqual(['text', 'other'])
  })

  test('and where it was asked for', async () => {
    box.plantHome({ 'add/old': { link: '/rw/f' } })
    const vfs = (await account({ '/': [], '/rw': ['*'], '/add': ['list', 'upload'] })).fs
    expect(await outcome(put(vfs, '/add/old', 'other'))).toBe('permission')
    expect(box.text('/rw/f')).toBe('text')
  })
})

describe('what is where stays judged by its list', () => {
  beforeEach(() =>
    box.plantHome({
      'a/b/c/f': 'CANARY',
      'a/x': 'text',
      'in/f': 'CANARY',
      'in/d/f': 'CANARY',
      'out/': '',
      l: { link: 'a' },
      lb: { link: 'a/b' },
      li: { link: 'in' },
      lo: { link: 'out' },
    }),
  )
  const LISTS: GrantedPermissions = {
    '/': ['*'],
    '/a/b/c': [],
    '/in': ['list', 'upload', 'rename', 'delete', 'create_dirs'],
    '/out': ['list', 'download', 'rename'],
    '/free': ['*'],
  }

  test.each([
    ['a directory that leads to a list', '/a', '/moved'],
    ['one just above', '/a/b', '/moved'],
    ['one just above, through a link', '/l/b', '/moved'],
    ['one with a list', '/in', '/moved'],
    ['what would replace one with a list', '/a/x', '/out'],
    ['what would take a name with a list', '/a/x', '/free'],
    ['a file to where it could be read', '/in/f', '/moved'],
    ['a directory to where its files could be read', '/in/d', '/moved'],
    ['a file to where it could be read, both through links', '/li/f', '/l/f'],
    ['a file to where it could be read and not more', '/in/f', '/out/f'],
  ])('not moved: %s', async (_what, from, to) => {
    const before = box.state()
    const vfs = (await account(LISTS)).fs
    for (const replace of [false, true]) {
      expect(await outcome(vfs.rename(path(from), path(to), { replace }))).toBe('permission')
    }
    expect(box.state()).toEqual(before)
  })

  test.each([
    ['which may not be read', '/in/f', '/moved'],
    ['which may not be read, through links', '/li/f', '/l/f'],
    ['which could be changed by its new name', '/out/f', '/moved'],
    ['which could be changed by its new name, through links', '/lo/f', '/l/f'],
  ])('no further name for a file %s', async (_what, from, to) => {
    box.plantHome({ 'out/f': 'text' })
    const before = box.state()
    const vfs = (await account(LISTS)).fs
    expect(await outcome(vfs.hardlink(path(from), path(to)))).toBe('permission')
    expect(box.state()).toEqual(before)
  })

  test.each(['/a', '/a/b', '/l/b', '/in', '/out', '/lb/c'])('not removed: %s', async (at) => {
    fs.rmSync(box.host('/a/b/c/f'))
    const before = box.state()
    const vfs = (await account(LISTS)).fs
    expect(await outcome(vfs.rmdir(path(at)))).toBe('permission')
    expect(box.state()).toEqual(before)
  })

  test('within one list, and to where no more is granted, names move', async () => {
    const vfs = (await account(LISTS)).fs
    await vfs.rename(path('/in/f'), path('/in/d/g'), { replace: false })
    await vfs.rename(path('/in/d'), path('/in/e'), { replace: false })
    await vfs.rename(path('/a/x'), path('/a/b/y'), { replace: false })
    await vfs.rename(path('/l/b/y'), path('/li/y'), { replace: false })
    await vfs.rmdir(path('/in/e')).catch((error: unknown) => expect(error).toMatchObject({ kind: 'failure' }))
    expect(box.names()).toEqual(expect.arrayContaining(['/in/e/g', '/in/y']))
    expect(box.text('/in/e/g')).toBe('CANARY')
  })

  test('a link of another name moves, whatever it leads to', async () => {
    const vfs = (await account(LISTS)).fs
    await vfs.rename(path('/l'), path('/l2'), { replace: false })
    await vfs.remove(path('/l2'))
    expect(box.text('/a/b/c/f')).toBe('CANARY')
  })
})

test('[3] whatever leads where: only what is granted at both ends is read', async () => {
  const names = ['a', 'b', 'c'] as const
  const directories = names.flatMap((one) => [`/${one}`, ...names.map((other) => `/${one}/${other}`)])
  const target = fc
    .array(fc.constantFrom('a', 'b', 'c', 'f', 'l', '..', '.'), { minLength: 1, maxLength: 4 })
    .chain((parts) => fc.constantFrom('', '/').map((start) => start + parts.join('/')))
  const links = fc.array(target, { minLength: directories.length, maxLength: directories.length })
  const lists = fc.dictionary(fc.constantFrom(...directories), fc.constantFrom<'download'[]>([], ['download']))
  const asked = fc.array(fc.constantFrom('a', 'b', 'c', 'l', 'f'), { minLength: 1, maxLength: 4 })
  let read = 0
  await fc.assert(
    fc.asyncProperty(links, lists, fc.array(asked, { minLength: 20, maxLength: 20 }), async (texts, granted, paths) => {
      // Each directory has a file that says where it is, and a link.
      box.plantHome(Object.fromEntries(directories.map((at) => [`${at.slice(1)}/f`, `${at}/f`])))
      for (const [n, at] of directories.entries()) fs.symlinkSync(texts[n] ?? '.', box.host(`${at}/l`))
      const permissions: GrantedPermissions = { '/': ['download'], ...granted }
      const grants = new Grants(permissions)
      const vfs = (await account(permissions)).fs
      for (const parts of paths) {
        const wanted = path(parts.join('/'))
        const text = await get(vfs, wanted).catch((error: unknown) => {
          if (!(error instanceof FsError)) throw error
        })
        if (text === undefined) continue
        read++
        expect([...grants.at(wanted), ...grants.at(path(text))]).toEqual(['download', 'download'])
      }
      box.closeAll()
      for (const name of fs.readdirSync(box.home)) fs.rmSync(box.host(`/${name}`), { recursive: true })
    }),
    { numRuns: 60 },
  )
  expect(read).toBeGreaterThan(10)
})

test('[14] a change of what is granted holds from the next operation on', async () => {
  box.plantHome({ f: 'text', 'd/f': 'text', l: { link: 'd/f' } })
  const { fs: vfs, rules } = await account(['*'])
  expect(await get(vfs, '/l')).toBe('text')
  rules.permissions = new Grants({ '/': ['*'], '/d': [] })
  expect(await outcome(get(vfs, '/l'))).toBe('permission')
  expect(await get(vfs, '/f')).toBe('text')
  rules.permissions = new Grants(['list'])
  expect(await outcome(get(vfs, '/f'))).toBe('permission')
  expect(await list(vfs, '/d')).toEqual(['f'])
})

/** Turns `dir` and `file` to and fro between what may be seen and what may not. Node 20 starts no TypeScript in a worker. */
const FLIPPER = `
  const { workerData: { home, shared }, parentPort } = require('node:worker_threads')
  const { renameSync, symlinkSync } = require('node:fs')
  const state = new Int32Array(shared)
  const links = { dir: ['pub', 'hidden'], file: ['pub/f', 'hidden/f'] }
  parentPort.postMessage('ready')
  while (Atomics.load(state, 0) === 0) {
    for (const [name, targets] of Object.entries(links)) {
      for (const target of targets) {
        symlinkSync(target, home + '/.' + name)
        renameSync(home + '/.' + name, home + '/' + name)
        Atomics.add(state, 1, 1)
      }
    }
  }
`

describe('[2][3] while links are flipped between a directory with permissions and one without', () => {
  const ATTEMPTS = Number(process.env['SFTPGO_ATTACK_ATTEMPTS'] ?? 8000)
  let report = ''
  afterAll(() => tell(report))

  test('nothing is read, found or changed in the latter', async () => {
    box.plantHome({
      'pub/f': 'text',
      'hidden/f': 'CANARY',
      'hidden/only-here': 'CANARY',
      dir: { link: 'pub' },
      file: { link: 'pub/f' },
    })
    const hidden = (): Record<string, string> => box.state(`${box.home}/hidden`)
    const before = hidden()
    const vfs = (await account({ '/': ['*'], '/hidden': [] })).fs
    const tries: ((n: number) => Promise<unknown>)[] = [
      () => get(vfs, '/dir/f'),
      () => get(vfs, '/file'),
      () => put(vfs, '/dir/f', 'text'),
      () => put(vfs, '/file', 'text'),
      (n) => put(vfs, `/dir/new${n % 20}`, 'text'),
      (n) => vfs.mkdir(path(`/dir/made${n % 20}`), {}),
      (n) => vfs.rmdir(path(`/dir/made${n % 20}`)),
      (n) => vfs.symlink('f', path(`/dir/link${n % 20}`)),
      (n) => vfs.remove(path(`/dir/link${n % 20}`)),
      () => vfs.remove(path('/dir/only-here')),
      () => vfs.rename(path('/dir/only-here'), path('/pub/stolen'), { replace: false }),
      () => vfs.hardlink(path('/dir/only-here'), path('/pub/linked')),
      () => vfs.setstat(path('/file'), { permissions: 0o600 }),
      () => vfs.setstat(path('/dir/only-here'), { size: 0n }),
      async () => list(vfs, '/dir'),
      async () => (await outcome(vfs.stat(path('/dir/only-here')))) === 'done' && 'only-here',
    ]
    const shared = new SharedArrayBuffer(8)
    const state = new Int32Array(shared)
    const worker = new Worker(FLIPPER, { eval: true, workerData: { home: box.home, shared } })
    const over = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))
    await new Promise((resolve) => worker.once('message', resolve))
    let [done, refused] = [0, 0]
    const seen: unknown[] = []
    const attempt = async (n: number): Promise<void> => {
      try {
        seen.push(await tries[n % tries.length]?.(n))
        done++
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        if (error.message.includes('lacks')) refused++
      }
    }
    try {
      for (let n = 0; n < ATTEMPTS; n += 8) {
        await Promise.all(Array.from({ length: 8 }, (_, more) => attempt(n + more)))
      }
    } finally {
      Atomics.store(state, 0, 1)
      await over
    }
    expect(JSON.stringify(seen)).not.toMatch(/CANARY|only-here/)
    expect(hidden()).toEqual(before)
    // Both sides of the coin came up.
    expect(Math.min(done, refused)).toBeGreaterThan(ATTEMPTS / 100)
    report = `${ATTEMPTS} attempts, ${done} done, ${refused} refused, ${state[1]} flips, nothing hidden was touched`
  }, 120_000)
})
