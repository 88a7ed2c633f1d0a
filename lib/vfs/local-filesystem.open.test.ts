import fs from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { FsError, virtualPath } from '../../protocol/filesystem.ts'
import type { OpenFlags } from '../../protocol/filesystem.ts'
import { fsError } from './errno.ts'
import { systemError, watchedStorage } from './faulty-storage.test.support.ts'
import type { LocalFileSystem } from './local-filesystem.ts'
import { bytes, flags, get, isRoot, makeNode, outcome, put, tell, useSandbox } from './sandbox.test.support.ts'

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND } = fs.constants
const box = useSandbox()

/** Every combination of flags that opens for something. */
const COMBINATIONS: OpenFlags[] = Array.from({ length: 64 }, (_, bits) => ({
  read: (bits & 1) !== 0,
  write: (bits & 2) !== 0,
  append: (bits & 4) !== 0,
  create: (bits & 8) !== 0,
  truncate: (bits & 16) !== 0,
  exclusive: (bits & 32) !== 0,
})).filter(({ read, write }) => read || write)

/** The same for open(2): O_EXCL needs O_CREAT; O_TRUNC without write access truncates on Linux all the same. */
function posixFlags({ read, write, append, create, truncate, exclusive }: OpenFlags): number {
  return (
    (read && write ? O_RDWR : write ? O_WRONLY : O_RDONLY) |
    (append ? O_APPEND : 0) |
    (create ? O_CREAT : 0) |
    (truncate ? O_TRUNC : 0) |
    (exclusive && create ? O_EXCL : 0)
  )
}

function named(combination: OpenFlags): string {
  return Object.entries(combination)
    .filter(([, set]) => set === true)
    .map(([name]) => name)
    .join(' ')
}

interface Opened {
  error?: string
  read?: string
  written?: boolean
  contents?: string
}

/** What the kernel does: reads all, then writes at offset 1. */
function kernelOpens(path: string, combination: OpenFlags): Opened {
  let fd: number
  try {
    fd = fs.openSync(path, posixFlags(combination))
  } catch (error) {
    return { error: fsError(error).kind }
  }
  const result: Opened = {}
  const target = Buffer.alloc(100)
  if (combination.read) result.read = target.toString('latin1', 0, fs.readSync(fd, target, 0, 100, 0))
  if (combination.write) result.written = fs.writeSync(fd, 'XY', combination.append ? null : 1) === 2
  fs.closeSync(fd)
  return { ...result, contents: fs.readFileSync(path, 'latin1') }
}

describe.each([
  { before: 'a file', contents: 'old text' },
  { before: 'an empty file', contents: '' },
  { before: 'nothing' },
])('open does to $before what POSIX says', ({ contents }) => {
  test.each(COMBINATIONS.map((combination) => ({ combination, name: named(combination) })))(
    '$name',
    async ({ combination }) => {
      if (contents !== undefined) box.plant({ 'bob/f': contents, twin: contents })
      const expected = kernelOpens(join(box.base, 'twin'), combination)
      const vfs = await box.open()
      const result: Opened = {}
      try {
        const file = await vfs.open(virtualPath('/f'), combination, {})
        expect(file.flags).toEqual(combination)
        const target = Buffer.alloc(100)
        if (combination.read) result.read = target.toString('latin1', 0, await file.read([target], 0))
        else expect(await outcome(file.read([target], 0))).toBe('failure')
        if (combination.write) result.written = (await outcome(file.write([bytes('X'), bytes('Y')], 1))) === 'done'
        else expect(await outcome(file.write([bytes('XY')], 1))).toBe('failure')
        await file.close()
        result.contents = box.text('/f')
      } catch (error) {
        result.error = fsError(error).kind
      }
      expect(result).toEqual(expected)
    },
  )
})

describe('through links', () => {
  test.each([
    { rule: 'a link to a file', target: 'a/f', opens: flags('read'), result: 'done' },
    { rule: 'an absolute link to a file', target: '/a/f', opens: flags('read'), result: 'done' },
    { rule: 'a dangling link', target: 'a/none', opens: flags('read'), result: 'not-found' },
    { rule: 'a dangling link', target: 'a/none', opens: flags('write'), result: 'not-found' },
    { rule: 'a dangling link, to create', target: 'a/none', opens: flags('write', 'create'), result: 'done' },
    { rule: 'a dangling absolute link, to create', target: '/a/none', opens: flags('write', 'create'), result: 'done' },
    { rule: 'a link into nowhere, to create', target: 'no/f', opens: flags('write', 'create'), result: 'not-found' },
    { rule: 'a link, exclusively', target: 'a/f', opens: flags('write', 'create', 'exclusive'), result: 'exists' },
    {
      rule: 'a dangling link, exclusively',
      target: 'a/none',
      opens: flags('write', 'create', 'exclusive'),
      result: 'exists',
    },
    { rule: 'a link to itself', target: 'l', opens: flags('write', 'create'), result: 'not-found' },
    { rule: 'a link to a directory', target: 'a', opens: flags('read'), result: 'failure' },
    { rule: 'a link to the root', target: '/', opens: flags('write', 'create'), result: 'failure' },
    ...[
      '../outside/secret',
      '{base}/outside/secret',
      '../outside/new',
      '{base}/outside/new',
      '../bobby/secret',
    ].flatMap((target) => [
      { rule: '[2] a link to outside', target, opens: flags('read'), result: 'not-found' },
      { rule: '[2] a link to outside', target, opens: flags('write'), result: 'not-found' },
      { rule: '[2] a link to outside', target, opens: flags('write', 'create'), result: 'not-found' },
      { rule: '[2] a link to outside', target, opens: flags('write', 'create', 'truncate'), result: 'not-found' },
      { rule: '[2] a link to outside', target, opens: flags('write', 'create', 'exclusive'), result: 'exists' },
    ]),
  ])('$rule -> $target: $result', async ({ target, opens, result }) => {
    box.plantHome({ 'a/f': 'text', l: { link: target } })
    const before = { outside: box.state(box.outside), bobby: box.state(join(box.base, 'bobby')), home: box.state() }
    const vfs = await box.open()
    const opening = vfs.open(virtualPath('/l'), opens, {}).then((file) => file.close())
    expect(await outcome(opening)).toBe(result)
    const creates = result === 'done' && target.endsWith('none')
    expect(fs.existsSync(box.host('/a/none'))).toBe(creates)
    if (!creates) expect(box.state()).toEqual(before.home)
    expect(box.state(box.outside)).toEqual(before.outside)
    expect(box.state(join(box.base, 'bobby'))).toEqual(before.bobby)
  })
})

describe('what is no regular file is neither waited for nor opened', () => {
  const WAYS = [
    flags('read'),
    flags('write'),
    flags('read', 'write'),
    flags('write', 'create', 'truncate'),
    flags('write', 'append'),
  ]

  async function refusesEveryWay(path: string): Promise<void> {
    const vfs = await box.open()
    fs.symlinkSync(path.slice(1), box.host('/l'))
    for (const way of WAYS) {
      expect([named(way), await outcome(vfs.open(virtualPath(path), way, {}))]).toEqual([named(way), 'failure'])
      expect([named(way), await outcome(vfs.open(virtualPath('/l'), way, {}))]).toEqual([named(way), 'failure'])
    }
    expect(await outcome(vfs.open(virtualPath(path), flags('write', 'create', 'exclusive'), {}))).toBe('exists')
    // Everything that does not open it goes on working.
    expect(await outcome(vfs.stat(virtualPath(path)))).toBe('done')
    expect(await outcome(vfs.setstat(virtualPath(path), { permissions: 0o600, times: { atime: 1, mtime: 1 } }))).toBe(
      'done',
    )
    expect(await outcome(vfs.setstat(virtualPath(path), { size: 0n }))).toBe('failure')
    expect(await outcome(vfs.statvfs(virtualPath(path)))).toBe('done')
  }

  /** It can be looked at, moved, put in the place of a file, replaced by one, and removed. */
  async function goesLikeAFile(path: string): Promise<void> {
    const vfs = await box.open()
    const from = virtualPath(path)
    const moved = virtualPath('/moved')
    const file = virtualPath('/plain')
    const { permissions } = await vfs.lstat(from)
    await vfs.rename(from, moved, { replace: false })
    await put(vfs, '/plain', 'text')
    await vfs.rename(moved, file, { replace: true })
    expect((await vfs.lstat(file)).permissions).toBe(permissions)
    expect(await outcome(vfs.opendir(file))).toBe('not-found')
    expect(await outcome(vfs.readlink(file))).toBe('invalid')
    await put(vfs, '/other', 'text')
    await vfs.rename(virtualPath('/other'), file, { replace: true })
    await vfs.rename(file, from, { replace: false })
    expect(await get(vfs, path)).toBe('text')
    await vfs.remove(from)
    expect(box.names()).toEqual(['/l'])
  }

  test('a directory', async () => {
    box.plantHome({ 'd/': '' })
    await refusesEveryWay('/d')
  })

  test('a FIFO', async () => {
    makeNode(join(box.home, 'fifo'))
    await refusesEveryWay('/fifo')
    await goesLikeAFile('/fifo')
    makeNode(join(box.home, 'fifo'))
    const vfs = await box.open()
    await vfs.remove(virtualPath('/fifo'))
    expect(box.names()).toEqual(['/l'])
  })

  test('a socket', async () => {
    const server = createServer(() => expect.unreachable('nobody connects'))
    server.listen(join(box.home, 's'))
    await once(server, 'listening')
    await refusesEveryWay('/s')
    await goesLikeAFile('/s')
    server.close()
    await once(server, 'close')
  })

  test('a device', async () => {
    if (!isRoot) {
      tell('devices are not tried: only root can make one in a home')
      return
    }
    // /dev/zero would be read for ever, /dev/full refuses every write.
    for (const [name, minor] of [
      ['zero', '5'],
      ['full', '7'],
    ] as const) {
      makeNode(join(box.home, name), ['c', '1', minor])
      await refusesEveryWay(`/${name}`)
      await goesLikeAFile(`/${name}`)
      fs.rmSync(box.host('/l'))
    }
    makeNode(join(box.home, 'disk'), ['b', '7', '250'])
    await refusesEveryWay('/disk')
  })

  test.each([flags('read'), flags('write'), flags('read', 'write')])(
    'a FIFO that takes the place of a file just before it is opened',
    async (way) => {
      box.plantHome({ f: 'text' })
      let swapped = 0
      const vfs = await box.open({
        storage: watchedStorage((call, [path, mode]) => {
          if (call !== 'open' || !String(path).endsWith('/f') || (Number(mode) & O_CREAT) !== 0) return
          swapped++
          fs.rmSync(box.host('/f'))
          makeNode(join(box.home, 'f'))
        }),
      })
      expect(await outcome(vfs.open(virtualPath('/f'), way, {}))).toBe('failure')
      expect(swapped).toBe(1)
    },
  )
})

describe('an existing file is written only once that is authorized', () => {
  const WAYS = [
    flags('write'),
    flags('read', 'write'),
    flags('write', 'append'),
    flags('write', 'truncate'),
    flags('write', 'create', 'truncate'),
    flags('write', 'create'),
  ]

  test.each(WAYS.map((way) => ({ way, name: named(way) })))(
    '$name: refused, and nothing truncated',
    async ({ way }) => {
      box.plantHome({ f: 'text', l: { link: 'f' } })
      const before = box.state()
      const authorizeOverwrite = vi.fn<(path: string) => void>(() => {
        throw new FsError('permission', 'no')
      })
      const vfs = await box.open({ authorizeOverwrite })
      for (const path of ['/f', '/l']) {
        expect(await outcome(vfs.open(virtualPath(path), way, {}))).toBe('permission')
        expect(authorizeOverwrite).toHaveBeenLastCalledWith('/f')
      }
      expect(authorizeOverwrite).toHaveBeenCalledTimes(2)
      expect(box.state()).toEqual(before)
    },
  )

  test('while it is asked, the file is as it was', async () => {
    box.plantHome({ f: 'text' })
    const seen: string[] = []
    const vfs = await box.open({ authorizeOverwrite: () => void seen.push(box.text('/f')) })
    await put(vfs, '/f', 'new')
    expect(seen).toEqual(['text'])
    expect(box.text('/f')).toBe('new')
  })

  test('reading and making files asks nothing', async () => {
    box.plantHome({ f: 'text' })
    const vfs = await box.open({ authorizeOverwrite: () => expect.unreachable('nothing is overwritten') })
    expect(await get(vfs, '/f')).toBe('text')
    await put(vfs, '/new', 'text')
  })

  test('truncating asks, also where the file is opened to read', async () => {
    box.plantHome({ f: 'text' })
    const vfs = await box.open({
      authorizeOverwrite: () => {
        throw new FsError('permission', 'no')
      },
    })
    expect(await outcome(vfs.open(virtualPath('/f'), flags('read', 'truncate'), {}))).toBe('permission')
    expect(box.text('/f')).toBe('text')
  })
})

describe('what is made', () => {
  const umask = process.umask()

  test.each([
    { permissions: undefined, mode: 0o666 },
    { permissions: 0o640, mode: 0o640 },
    { permissions: 0o100600, mode: 0o600 },
    { permissions: 0o7777, mode: 0o777 },
    { permissions: 0, mode: 0 },
  ])('[19] has the mode $permissions without setuid, setgid, sticky and umask', async ({ permissions, mode }) => {
    const vfs = await box.open()
    const attrs = permissions === undefined ? {} : { permissions }
    const file = await vfs.open(virtualPath('/f'), flags('write', 'create'), attrs)
    // A mode that forbids writing holds for the next one to open it.
    await file.write([bytes('text')], 0)
    await file.close()
    expect(fs.statSync(box.host('/f')).mode & 0o7777).toBe(mode & ~umask)
  })

  test('an existing file keeps its mode', async () => {
    box.plantHome({ f: 'text' })
    fs.chmodSync(box.host('/f'), 0o604)
    const vfs = await box.open()
    const file = await vfs.open(virtualPath('/f'), flags('write', 'create', 'truncate'), { permissions: 0o777 })
    await file.close()
    expect(fs.statSync(box.host('/f')).mode & 0o7777).toBe(0o604)
  })

  test('belongs to the account, and an existing file to whom it belonged', async () => {
    if (!isRoot) tell('only ids of this process can be given away: others are tried as root')
    const owner = isRoot ? { uid: 1234, gid: 4321 } : { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 }
    box.plantHome({ old: 'text' })
    const before = fs.statSync(box.host('/old'))
    const vfs = await box.open({ owner })
    await put(vfs, '/new', 'text')
    await put(vfs, '/old', 'other')
    await vfs.mkdir(virtualPath('/dir'), {})
    await vfs.symlink('old', virtualPath('/link'))
    for (const path of ['/new', '/dir', '/link']) expect(fs.lstatSync(box.host(path))).toMatchObject(owner)
    expect(fs.statSync(box.host('/old'))).toMatchObject({ uid: before.uid, gid: before.gid })
  })

  test.each([
    ['a directory', 'a file', (vfs: LocalFileSystem) => vfs.mkdir(virtualPath('/made'), {})],
    ['a directory', 'a link', (vfs: LocalFileSystem) => vfs.mkdir(virtualPath('/made'), {})],
    ['a link', 'a file', (vfs: LocalFileSystem) => vfs.symlink('victim', virtualPath('/made'))],
  ])('%s: is not what took its name meanwhile, %s', async (_made, takes, make) => {
    if (!isRoot) {
      tell('what takes a name in mid operation is not tried: only root can give it away')
      return
    }
    box.plantHome({ victim: 'text' })
    const before = fs.lstatSync(box.host('/victim'))
    let swapped = 0
    const vfs = await box.open({
      owner: { uid: 1234, gid: 4321 },
      storage: watchedStorage((call, [at]) => {
        if (call !== 'open' || !String(at).endsWith('/made')) return
        fs.rmSync(box.host('/made'), { recursive: true })
        if (takes === 'a link') fs.symlinkSync('victim', box.host('/made'))
        else fs.linkSync(box.host('/victim'), box.host('/made'))
        swapped++
      }),
    })
    await make(vfs)
    expect(swapped).toBe(1)
    for (const path of ['/victim', '/made']) expect(fs.lstatSync(box.host(path))).toMatchObject({ uid: before.uid })
  })

  test('half of an owner changes that half only', async () => {
    if (!isRoot) {
      tell('giving a file half an owner is not tried: only root can')
      return
    }
    const vfs = await box.open({ owner: { uid: -1, gid: 4321 } })
    await put(vfs, '/new', 'text')
    expect(fs.statSync(box.host('/new'))).toMatchObject({ uid: 0, gid: 4321 })
  })
})

describe('a name that changes while it is opened', () => {
  test('removed after it was found: it is made', async () => {
    box.plantHome({ f: 'text' })
    let removed = false
    const vfs = await box.open({
      storage: watchedStorage((call) => {
        if (call === 'lstat' && !removed) {
          removed = true
          fs.rmSync(box.host('/f'))
        }
      }),
    })
    await put(vfs, '/f', 'new')
    expect(removed).toBe(true)
    expect(box.text('/f')).toBe('new')
  })

  test('removed before it is opened: it is not found', async () => {
    box.plantHome({ f: 'text' })
    const vfs = await box.open({
      storage: watchedStorage((call, [path]) => {
        if (call === 'open' && String(path).endsWith('/f')) fs.rmSync(box.host('/f'), { force: true })
      }),
    })
    expect(await outcome(vfs.open(virtualPath('/f'), flags('read'), {}))).toBe('not-found')
  })

  test('[2] replaced by a link to outside before it is opened: it is not followed', async () => {
    box.plantHome({ f: 'text' })
    const vfs = await box.open({
      storage: watchedStorage((call, [path]) => {
        if (call !== 'open' || !String(path).endsWith('/f')) return
        fs.rmSync(box.host('/f'))
        fs.symlinkSync(join(box.outside, 'secret'), box.host('/f'))
      }),
    })
    expect(await outcome(vfs.open(virtualPath('/f'), flags('read', 'write', 'truncate'), {}))).toBe('not-found')
    expect(fs.readFileSync(join(box.outside, 'secret'), 'utf8')).toBe('CANARY')
  })

  test('again and again: it fails in the end', async () => {
    box.plantHome({ f: 'text' })
    const vfs = await box.open({
      storage: watchedStorage((call, [path, mode]) => {
        // There for whoever wants to make it, gone for whoever looks.
        if (call === 'open' && (Number(mode) & O_EXCL) !== 0) throw systemError('EEXIST')
        if (call === 'lstat' && String(path).endsWith('/f')) throw systemError('ENOENT')
      }),
    })
    expect(await outcome(vfs.open(virtualPath('/f'), flags('write', 'create'), {}))).toBe('failure')
  })
})

describe('open files', () => {
  test('two handles of one file share their identity, by whatever name', async () => {
    box.plantHome({ f: 'text', other: 'text', l: { link: 'f' } })
    fs.linkSync(box.host('/f'), box.host('/hard'))
    const vfs = await box.open()
    const other = await box.open()
    const files = await Promise.all([
      vfs.open(virtualPath('/f'), flags('read'), {}),
      vfs.open(virtualPath('/l'), flags('write'), {}),
      vfs.open(virtualPath('/hard'), flags('read'), {}),
      other.open(virtualPath('/f'), flags('read'), {}),
      vfs.open(virtualPath('/other'), flags('read'), {}),
    ])
    const [first, ...others] = files.map(({ identity }) => identity)
    expect(others.slice(0, 3)).toEqual([first, first, first])
    expect(others[3]).not.toBe(first)
    await Promise.all(files.map((file) => file.close()))
  })

  test('a file that is removed, or whose name is taken, stays what it is', async () => {
    box.plantHome({ f: 'text' })
    const vfs = await box.open()
    const file = await vfs.open(virtualPath('/f'), flags('read', 'write'), {})
    await vfs.remove(virtualPath('/f'))
    await put(vfs, '/f', 'new')
    const target = Buffer.alloc(10)
    await file.write([bytes('!')], 4)
    expect(target.toString('latin1', 0, await file.read([target], 0))).toBe('text!')
    expect(await file.stat()).toMatchObject({ size: 5n })
    await file.setstat({ size: 1n, permissions: 0o600 })
    await file.sync()
    await file.close()
    expect(box.text('/f')).toBe('new')
  })
})

test('a home that is missing, or no directory, is an FsError', async () => {
  expect(await outcome(box.open({ home: join(box.base, 'none') }))).toBe('not-found')
  expect(await outcome(box.open({ home: join(box.outside, 'secret') }))).toBe('not-found')
})

test('closed, it refuses everything', async () => {
  const vfs = await box.open()
  vfs.close()
  expect(await outcome(vfs.stat(virtualPath('/')))).toBe('failure')
  expect(await outcome(vfs.open(virtualPath('/f'), flags('write', 'create'), {}))).toBe('failure')
})
