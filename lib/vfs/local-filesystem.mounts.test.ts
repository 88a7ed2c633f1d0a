import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FsError, virtualPath } from '../../protocol/filesystem.ts'
import { watchedStorage } from './faulty-storage.test.support.ts'
import { MODES, QuotaWorld } from './quota.test.support.ts'
import { bytes, flags, get, isRoot, makeNode, outcome, put, tell, useSandbox } from './sandbox.test.support.ts'

const box = useSandbox()
const path = virtualPath
const LARGE = 256 * 1024

let mounted: string[] = []

/** A file system in memory of its own at `path`. */
function mount(at: string, size: string): void {
  fs.mkdirSync(at, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'sftpgo-test', at])
  mounted.push(at)
}

function unmountAll(): void {
  for (const at of mounted.toReversed()) execFileSync('umount', [at])
  mounted = []
}

if (!isRoot)
  tell('local-filesystem.mounts: without root no file system can be mounted: full disks and moves are not tested')

describe.runIf(isRoot)('a real full disk', () => {
  beforeEach(() => mount(box.home, '1m'))
  afterEach(() => {
    box.closeAll()
    unmountAll()
  })

  test.each(MODES)(
    'upload_mode %i: the upload fails clearly, nothing is half published, space is free again',
    async (mode) => {
      const world = await new QuotaWorld(box).begin({ size: 100 * LARGE, files: 100 })
      const vfs = await world.session(mode)
      await put(vfs, '/old', 'kept')
      const file = await vfs.open(path('/new'), flags('write', 'create', 'truncate'), {})
      const writes = Array.from({ length: 6 }, (_, n) => outcome(file.write([Buffer.alloc(LARGE, 'x')], n * LARGE)))
      expect(await Promise.all(writes)).toContain('no-space')
      await expect(file.write([Buffer.alloc(LARGE)], 6 * LARGE)).rejects.toThrow('No space left on device')
      expect(await outcome(file.close())).toBe(mode === 0 ? 'done' : 'failure')
      // Straight to its name, or to go on with: what arrived is there. Else nothing is.
      expect(box.names()).toEqual(mode === 1 ? ['/old'] : ['/new', '/old'])
      expect(await get(vfs, '/old')).toBe('kept')
      expect(await world.stored()).toEqual(await world.onDisk())

      if (mode !== 1) await vfs.remove(path('/new'))
      await put(vfs, '/new', 'fits')
      expect(box.text('/new')).toBe('fits')
      expect(await world.stored()).toEqual({ size: 8, files: 2 })
      await world.end()
    },
  )

  test.each([1, 2] as const)('upload_mode %i: a file that could not be overwritten is as it was', async (mode) => {
    const world = await new QuotaWorld(box).begin({ size: 0, files: 100 })
    const vfs = await world.session(mode)
    await put(vfs, '/f', 'old text')
    const file = await vfs.open(path('/f'), flags('write', 'create', 'truncate'), {})
    expect(await outcome(file.write([Buffer.alloc(8 * LARGE)], 0))).toBe('no-space')
    expect(await outcome(file.close())).toBe('failure')
    expect([box.names(), box.text('/f')]).toEqual([['/f'], 'old text'])
    expect(await world.stored()).toEqual({ size: 8, files: 1 })
    await world.end()
  })
})

describe.runIf(isRoot)('a rename to another file system', () => {
  beforeEach(() => mount(join(box.home, 'other'), '1m'))
  afterEach(() => {
    box.closeAll()
    unmountAll()
  })

  const world = async (): Promise<QuotaWorld> => new QuotaWorld(box).begin({ size: 100_000, files: 100 })

  test('a file keeps contents, mode, owner and times', async () => {
    box.plantHome({ f: 'text' })
    fs.chmodSync(box.host('/f'), 0o640)
    fs.chownSync(box.host('/f'), 1234, 4321)
    fs.utimesSync(box.host('/f'), 1000, 2000)
    const books = await world()
    const vfs = await books.session(0)
    await vfs.rename(path('/f'), path('/other/g'), { replace: false })
    const { mode, uid, gid, atimeMs, mtimeMs } = fs.statSync(box.host('/other/g'))
    expect([mode & 0o7777, uid, gid, atimeMs, mtimeMs]).toEqual([0o640, 1234, 4321, 1_000_000, 2_000_000])
    expect([box.text('/other/g'), box.names()]).toEqual(['text', ['/other', '/other/g']])
    expect(await books.stored()).toEqual({ size: 4, files: 1 })
    await books.end()
  })

  test('a tree moves with its links, and what is in it', async () => {
    box.plantHome({ 'd/e/f': 'text', 'd/g': 'more', 'd/l': { link: 'e/f' }, 'd/out': { link: '/etc' }, 'd/empty/': '' })
    const books = await world()
    const before = box.shape(join(box.home, 'd'))
    const vfs = await books.session(0)
    await vfs.rename(path('/d'), path('/other/d'), { replace: false })
    expect(box.shape(join(box.home, 'other/d'))).toEqual(before)
    expect(fs.existsSync(box.host('/d'))).toBe(false)
    expect(await books.stored()).toEqual({ size: 8, files: 2 })
    await books.end()
  })

  test('a link moves as a link', async () => {
    box.plantHome({ l: { link: 'nowhere' } })
    const vfs = await box.open()
    await vfs.rename(path('/l'), path('/other/l'), { replace: false })
    expect(fs.readlinkSync(box.host('/other/l'))).toBe('nowhere')
    expect(box.names()).toEqual(['/other', '/other/l'])
  })

  test('what is there is replaced or stays, as was asked', async () => {
    box.plantHome({ f: 'new', 'other/f': 'old text' })
    const books = await world()
    const vfs = await books.session(0)
    expect(await outcome(vfs.rename(path('/f'), path('/other/f'), { replace: false }))).toBe('exists')
    expect([box.text('/f'), box.text('/other/f')]).toEqual(['new', 'old text'])
    expect(await books.stored()).toEqual({ size: 11, files: 2 })
    await vfs.rename(path('/f'), path('/other/f'), { replace: true })
    expect([box.text('/other/f'), box.names()]).toEqual(['new', ['/other', '/other/f']])
    expect(await books.stored()).toEqual({ size: 3, files: 1 })
    await books.end()
  })

  test('what may not be overwritten stays', async () => {
    box.plantHome({ f: 'new', 'other/f': 'old' })
    const vfs = await box.open({
      authorizeOverwrite() {
        throw new FsError('permission', 'no')
      },
    })
    expect(await outcome(vfs.rename(path('/f'), path('/other/f'), { replace: true }))).toBe('permission')
    expect([box.text('/f'), box.text('/other/f')]).toEqual(['new', 'old'])
  })

  test('a full disk leaves the source, and no trace at the other end', async () => {
    box.plantHome({ 'd/f': 'text', 'd/large': 'x'.repeat(2 * 1024 * 1024) })
    const books = await world()
    const vfs = await books.session(0)
    const before = box.shape()
    expect(await outcome(vfs.rename(path('/d'), path('/other/d'), { replace: false }))).toBe('no-space')
    expect(box.shape()).toEqual(before)
    expect(await books.stored()).toEqual(await books.onDisk())
    await books.end()
  })

  test('what can only be where it is does not move, and nothing with it', async () => {
    box.plantHome({ 'd/f': 'text' })
    makeNode(join(box.home, 'd/pipe'))
    const vfs = await box.open()
    await expect(vfs.rename(path('/d'), path('/other/d'), { replace: false })).rejects.toThrow('Only files')
    expect(box.names()).toEqual(['/d', '/d/f', '/d/pipe', '/other'])
  })

  test('a file that changes while it is copied stays where it is', async () => {
    box.plantHome({ f: 'text' })
    const storage = watchedStorage((call) => {
      if (call === 'copyFile') fs.appendFileSync(box.host('/f'), 'more')
    })
    const vfs = await box.open({ storage })
    await expect(vfs.rename(path('/f'), path('/other/f'), { replace: false })).rejects.toThrow('changes while')
    expect([box.text('/f'), box.names()]).toEqual(['textmore', ['/f', '/other']])
  })

  test('a file that is being written moves as it is, and its writer goes on with the one that was', async () => {
    const books = await world()
    const vfs = await books.session(0)
    const file = await vfs.open(path('/f'), flags('write', 'create'), {})
    await file.write([bytes('text')], 0)
    await vfs.rename(path('/f'), path('/other/f'), { replace: false })
    await file.write([bytes('more')], 4)
    await file.close()
    expect(box.text('/other/f')).toBe('text')
    expect(await books.stored()).toEqual({ size: 4, files: 1 })
    await books.end()
  })
})
