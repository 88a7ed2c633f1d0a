import fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { virtualPath } from '../../protocol/filesystem.ts'
import type { Attrs } from '../../protocol/sftp/attrs.ts'
import type { LocalFileSystem } from './local-filesystem.ts'
import { watchedStorage } from './faulty-storage.test.support.ts'
import { flags, isRoot, outcome, tell, useSandbox, using } from './sandbox.test.support.ts'

const box = useSandbox()

/** Ids a test may give away: root any, others only their own. */
const OWNER = isRoot ? { uid: 1234, gid: 4321 } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
if (!isRoot) tell('other owners are not tried: only root can give a file away')

const CHANGES: { name: string; attrs: Attrs; shows: Attrs }[] = [
  { name: 'nothing', attrs: {}, shows: {} },
  { name: 'a mode', attrs: { permissions: 0o640 }, shows: { permissions: 0o100640 } },
  { name: 'a mode with type bits', attrs: { permissions: 0o040600 }, shows: { permissions: 0o100600 } },
  {
    name: '[19] a mode without setuid, setgid and sticky',
    attrs: { permissions: 0o7755 },
    shows: { permissions: 0o100755 },
  },
  {
    name: 'times',
    attrs: { times: { atime: 1, mtime: 0xffffffff } },
    shows: { times: { atime: 1, mtime: 0xffffffff } },
  },
  { name: 'the epoch', attrs: { times: { atime: 0, mtime: 0 } }, shows: { times: { atime: 0, mtime: 0 } } },
  { name: 'an owner', attrs: { owner: OWNER }, shows: { owner: OWNER } },
  {
    name: 'an owner of all ones, which is none',
    attrs: { owner: { uid: 0xffffffff, gid: 0xffffffff } },
    shows: { owner: { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 } },
  },
  { name: 'a smaller size', attrs: { size: 2n }, shows: { size: 2n } },
  { name: 'a larger size', attrs: { size: 5_000_000_000n }, shows: { size: 5_000_000_000n } },
  {
    name: 'everything at once',
    attrs: { size: 1n, owner: OWNER, permissions: 0o600, times: { atime: 7, mtime: 8 } },
    shows: { size: 1n, owner: OWNER, permissions: 0o100600, times: { atime: 7, mtime: 8 } },
  },
]

/** The ways to change a file's attributes. */
const WAYS: Record<string, (vfs: LocalFileSystem, attrs: Attrs) => Promise<void>> = {
  'by path': (vfs, attrs) => vfs.setstat(virtualPath('/f'), attrs),
  'by a link': (vfs, attrs) => vfs.setstat(virtualPath('/l'), attrs),
  'by handle': (vfs, attrs) => using(vfs.open(virtualPath('/f'), flags('write'), {}), (file) => file.setstat(attrs)),
}

describe.each(Object.entries(WAYS))('setstat %s', (_way, change) => {
  test.each(CHANGES)('sets $name', async ({ attrs, shows }) => {
    box.plantHome({ f: 'text', l: { link: 'f' } })
    const link = fs.lstatSync(box.host('/l'))
    const vfs = await box.open()
    await change(vfs, attrs)
    expect(await vfs.stat(virtualPath('/f'))).toMatchObject(shows)
    expect(await vfs.lstat(virtualPath('/f'))).toMatchObject(shows)
    expect(fs.lstatSync(box.host('/l'))).toMatchObject({ mode: link.mode, uid: link.uid, mtimeMs: link.mtimeMs })
  })

  test.each([0x20_0000_0000_0000n, 2n ** 63n, 2n ** 64n - 1n])('refuses the size %s', async (size) => {
    box.plantHome({ f: 'text', l: { link: 'f' } })
    const vfs = await box.open()
    expect(await outcome(change(vfs, { size }))).toBe('invalid')
    expect(box.text('/f')).toBe('text')
  })
})

describe('setstat', () => {
  // As OpenSSH's server: what is possible is done, what is not is what the client learns.
  test('changes a directory, but has no size for it', async () => {
    box.plantHome({ 'd/': '' })
    const vfs = await box.open()
    await vfs.setstat(virtualPath('/d'), { permissions: 0o700, owner: OWNER, times: { atime: 1, mtime: 2 } })
    expect(fs.statSync(box.host('/d'))).toMatchObject({ mode: 0o040700, ...OWNER, mtimeMs: 2000 })
    expect(await outcome(vfs.setstat(virtualPath('/d'), { size: 0n, permissions: 0o755 }))).toBe('failure')
    expect(fs.statSync(box.host('/d')).mode).toBe(0o040755)
  })

  test('changes the root directory', async () => {
    const vfs = await box.open()
    await vfs.setstat(virtualPath('/'), { permissions: 0o711, times: { atime: 1, mtime: 2 } })
    expect(fs.statSync(box.home)).toMatchObject({ mode: 0o040711, mtimeMs: 2000 })
  })

  test('of what is missing is not found', async () => {
    box.plantHome({ l: { link: 'none' } })
    const vfs = await box.open()
    for (const path of ['/none', '/l', '/none/x']) {
      expect(await outcome(vfs.setstat(virtualPath(path), { permissions: 0o700 }))).toBe('not-found')
    }
    expect(box.names()).toEqual(['/l'])
  })

  // As OpenSSH's server has it.
  test('of nothing looks at nothing, not even whether the name exists', async () => {
    const vfs = await box.open()
    await vfs.setstat(virtualPath('/none'), {})
    await vfs.lsetstat(virtualPath('/none/x'), {})
    expect(box.names()).toEqual([])
  })

  test('acts on the file it found, whatever happens to its name meanwhile', async () => {
    box.plantHome({ f: 'text' })
    const outside = box.state(box.outside)
    const vfs = await box.open({
      storage: watchedStorage((call) => {
        if (call !== 'fstat') return
        fs.renameSync(box.host('/f'), box.host('/g'))
        fs.symlinkSync(join(box.outside, 'secret'), box.host('/f'))
      }),
    })
    await vfs.setstat(virtualPath('/f'), { size: 1n, permissions: 0o600, times: { atime: 1, mtime: 2 } })
    expect(box.text('/g')).toBe('t')
    expect(fs.statSync(box.host('/g')).mode & 0o777).toBe(0o600)
    expect(box.state(box.outside)).toEqual(outside)
  })
})

describe('lsetstat', () => {
  test('changes the link and nothing behind it', async () => {
    box.plantHome({ f: 'text', l: { link: 'f' } })
    const vfs = await box.open()
    const before = fs.statSync(box.host('/f'))
    await vfs.lsetstat(virtualPath('/l'), { owner: OWNER, times: { atime: 5, mtime: 6 } })
    expect(await vfs.lstat(virtualPath('/l'))).toMatchObject({ owner: OWNER, times: { mtime: 6 } })
    const { uid, gid, mtimeMs } = fs.statSync(box.host('/f'))
    expect({ uid, gid, mtimeMs }).toEqual({ uid: before.uid, gid: before.gid, mtimeMs: before.mtimeMs })
  })

  test('has neither mode nor size for a link', async () => {
    box.plantHome({ f: 'text', l: { link: 'f' } })
    const before = box.state()
    const vfs = await box.open()
    expect(await outcome(vfs.lsetstat(virtualPath('/l'), { permissions: 0o600, times: { atime: 1, mtime: 1 } }))).toBe(
      'failure',
    )
    expect(await outcome(vfs.lsetstat(virtualPath('/l'), { size: 0n }))).toBe('invalid')
    expect(box.state()).toEqual(before)
  })

  test('changes anything else as setstat does', async () => {
    box.plantHome({ f: 'text', 'd/': '' })
    const vfs = await box.open()
    for (const path of ['/f', '/d', '/']) {
      await vfs.lsetstat(virtualPath(path), { permissions: 0o700, owner: OWNER, times: { atime: 1, mtime: 2 } })
      expect(fs.statSync(box.host(path)).mode & 0o777).toBe(0o700)
      expect(fs.statSync(box.host(path))).toMatchObject({ ...OWNER, mtimeMs: 2000 })
    }
    expect(await outcome(vfs.lsetstat(virtualPath('/none'), { permissions: 0o700 }))).toBe('not-found')
  })

  test('does not follow a link that takes the place of a file meanwhile', async () => {
    box.plantHome({ f: 'text', victim: 'text' })
    const before = fs.statSync(box.host('/victim'))
    const vfs = await box.open({
      storage: watchedStorage((call, [path]) => {
        if (call !== 'open' || !String(path).endsWith('/f')) return
        fs.rmSync(box.host('/f'))
        fs.symlinkSync('victim', box.host('/f'))
      }),
    })
    expect(await outcome(vfs.lsetstat(virtualPath('/f'), { permissions: 0o777 }))).toBe('failure')
    expect(fs.statSync(box.host('/victim')).mode).toBe(before.mode)
  })
})

describe('statvfs', () => {
  test.each(['/', '/f', '/d', '/l'])('tells what the disk says of %s', async (path) => {
    box.plantHome({ f: 'text', 'd/': '', l: { link: '/d' } })
    const vfs = await box.open()
    const { bsize, blocks, files } = fs.statfsSync(box.home)
    const stats = await vfs.statvfs(virtualPath(path))
    expect(stats).toMatchObject({
      blockSize: BigInt(bsize),
      fragmentSize: BigInt(bsize),
      blocks: BigInt(blocks),
      files: BigInt(files),
      maxNameBytes: 255n,
    })
    expect(stats.availableBlocks).toBeLessThanOrEqual(stats.freeBlocks)
    expect(stats.freeBlocks).toBeLessThanOrEqual(stats.blocks)
    const file = path === '/f' ? await vfs.open(virtualPath(path), flags('read'), {}) : undefined
    expect((await file?.statvfs())?.blocks ?? stats.blocks).toBe(stats.blocks)
    await file?.close()
  })

  test('of what is missing is not found', async () => {
    const vfs = await box.open()
    expect(await outcome(vfs.statvfs(virtualPath('/none')))).toBe('not-found')
  })
})
