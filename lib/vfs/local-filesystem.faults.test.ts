import fs from 'node:fs'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { virtualPath } from '../../protocol/filesystem.ts'
import type { LocalFileSystem } from './local-filesystem.ts'
import { FaultyStorage } from './faulty-storage.test.support.ts'
import type { StorageCall } from './faulty-storage.test.support.ts'
import {
  flags,
  get,
  isRoot,
  list,
  openDescriptors,
  outcome,
  put,
  tell,
  useSandbox,
  using,
} from './sandbox.test.support.ts'

const ERRNOS = ['EIO', 'ENOSPC', 'EDQUOT', 'EINTR', 'ESTALE', 'ENOENT', 'EPERM']

/** Where everything fails from some call on, the errno matters little: one that is the host's, one that is the client's. */
const LASTING_ERRNOS = ['EIO', 'ENOENT']

/** More calls than any operation makes. */
const MAX_CALLS = 100

const TREE = {
  f: 'text',
  g: 'other',
  'd/e/f': 'text',
  'empty/': '',
  lf: { link: 'd/e/f' },
  ld: { link: '/d/e' },
  dangling: { link: 'd/new' },
} as const

const path = virtualPath
const FILE = path('/f')
const ALL = { size: 2n, owner: { uid: -1, gid: -1 }, permissions: 0o600, times: { atime: 1, mtime: 2 } }

interface Operation {
  run(vfs: LocalFileSystem): Promise<unknown>
  /**
   * Calls whose failure comes when something is done already, which then stays: closing a file that was
   * written, the second of several attributes, the later part of what is written.
   */
  late?: StorageCall[]
}

/** [13] What a client is told names neither host paths nor errnos. */
async function told<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    expect(error instanceof Error ? error.message : '').not.toMatch(/\/|\bE[A-Z]{3}|injected/)
    throw error
  })
}

const OPERATIONS: Record<string, Operation> = {
  'open, read and close': { run: (vfs) => get(vfs, '/f') },
  'open, read and close through links': { run: (vfs) => get(vfs, '/ld/f') },
  'open a link': { run: (vfs) => get(vfs, '/lf') },
  'make a file': {
    run: (vfs) => using(vfs.open(path('/d/new'), flags('write', 'create', 'exclusive'), {}), async () => undefined),
    late: ['close'],
  },
  'make a file through a dangling link': {
    run: (vfs) => using(vfs.open(path('/dangling'), flags('write', 'create'), {}), async () => undefined),
    late: ['close'],
  },
  'truncate a file at its opening': {
    run: (vfs) => using(vfs.open(FILE, flags('write', 'truncate'), {}), async () => undefined),
    late: ['close'],
  },
  'make, write and close a file': { run: (vfs) => put(vfs, '/d/new', 'text'), late: ['write', 'close'] },
  'append to a file': {
    run: (vfs) => using(vfs.open(FILE, flags('write', 'append'), {}), (file) => file.write([Buffer.from('+')], 0)),
    late: ['close'],
  },
  'ask an open file': {
    run: (vfs) =>
      using(vfs.open(FILE, flags('read', 'write'), {}), async (file) => {
        await file.stat()
        await file.statvfs()
        await file.digest('sha256', 0, 4)
        await file.sync()
      }),
  },
  'change an open file': {
    run: (vfs) => using(vfs.open(FILE, flags('write'), {}), (file) => file.setstat(ALL)),
    late: ['ftruncate', 'fchown', 'fchmod', 'futimes', 'close'],
  },
  'abort an open file': {
    run: async (vfs) => (await vfs.open(FILE, flags('read'), {})).abort(),
  },
  list: { run: (vfs) => list(vfs, '/', 2) },
  'list through links': { run: (vfs) => list(vfs, '/ld', 2) },
  stat: { run: (vfs) => vfs.stat(FILE) },
  'stat a link': { run: (vfs) => vfs.stat(path('/lf')) },
  'stat the root': { run: (vfs) => vfs.stat(path('/')) },
  lstat: { run: (vfs) => vfs.lstat(path('/ld/f')) },
  setstat: { run: (vfs) => vfs.setstat(FILE, ALL), late: ['truncate', 'chown', 'chmod', 'utimes'] },
  'setstat through links': {
    run: (vfs) => vfs.setstat(path('/lf'), ALL),
    late: ['truncate', 'chown', 'chmod', 'utimes'],
  },
  'lsetstat of a link': {
    run: (vfs) => vfs.lsetstat(path('/lf'), { owner: ALL.owner, times: ALL.times }),
    late: ['lchown', 'lutimes'],
  },
  'lsetstat of a file': {
    run: (vfs) => vfs.lsetstat(FILE, { permissions: 0o600, times: ALL.times }),
    late: ['chmod', 'utimes'],
  },
  remove: { run: (vfs) => vfs.remove(path('/d/e/f')) },
  mkdir: { run: (vfs) => vfs.mkdir(path('/d/new'), {}) },
  'mkdir through links': { run: (vfs) => vfs.mkdir(path('/ld/new'), {}) },
  rmdir: { run: (vfs) => vfs.rmdir(path('/empty')) },
  realpath: { run: (vfs) => vfs.realpath(path('/ld/f')) },
  'rename a file': { run: (vfs) => vfs.rename(FILE, path('/d/new'), { replace: false }) },
  'rename a link': { run: (vfs) => vfs.rename(path('/lf'), path('/d/new'), { replace: false }) },
  'rename a directory': { run: (vfs) => vfs.rename(path('/d'), path('/empty/d'), { replace: false }) },
  'rename through links': { run: (vfs) => vfs.rename(path('/ld/f'), path('/new'), { replace: false }) },
  'rename over a file': { run: (vfs) => vfs.rename(FILE, path('/g'), { replace: true }) },
  'rename to a free name': { run: (vfs) => vfs.rename(FILE, path('/new'), { replace: true }) },
  readlink: { run: (vfs) => vfs.readlink(path('/ld')) },
  symlink: { run: (vfs) => vfs.symlink('f', path('/d/new')) },
  hardlink: { run: (vfs) => vfs.hardlink(FILE, path('/d/new')) },
  statvfs: { run: (vfs) => vfs.statvfs(path('/ld/f')) },
}

const box = useSandbox()
let injected = 0
let survived = 0
afterAll(() => tell(`faults: ${injected} injected, ${survived} of them made no difference to what was asked`))

const owner = isRoot ? { uid: 1234, gid: 4321 } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }

/** The tree as it was planted; a test that changed nothing leaves it to the next. */
let planted: string | undefined
/** Descriptors before anything was opened. */
let baseline: string[] = []
beforeEach(() => {
  planted = undefined
  baseline = openDescriptors()
})

async function fresh(faulty: FaultyStorage): Promise<LocalFileSystem> {
  box.closeAll()
  if (planted === undefined || JSON.stringify(box.shape()) !== planted) {
    for (const name of fs.readdirSync(box.home)) fs.rmSync(box.host(`/${name}`), { recursive: true })
    box.plantHome(TREE)
    planted = JSON.stringify(box.shape())
  }
  faulty.disarm()
  return box.open({ storage: faulty.storage, owner })
}

test.each(Object.entries(OPERATIONS))('[13] %s: any call may fail', async (_name, { run, late = [] }) => {
  const faulty = new FaultyStorage()
  const vfs = await fresh(faulty)
  const before = box.shape()
  await run(vfs)
  const done = box.shape()

  for (const errno of ERRNOS) {
    for (let nth = 1; ; nth++) {
      expect(nth).toBeLessThan(MAX_CALLS)
      const tried = await fresh(faulty)
      faulty.arm(nth, errno)
      const result = await outcome(told(run(tried)))
      faulty.disarm()
      const { failed } = faulty
      const what = `${errno} of call ${nth}, ${failed ?? 'none'}`
      if (failed === undefined) {
        expect(result).toBe('done')
        break
      }
      injected++
      if (result === 'done') {
        survived++
        expect([what, box.shape()]).toEqual([what, done])
      } else if (!late.includes(failed)) {
        expect([what, box.shape()]).toEqual([what, before])
      }
      // The session goes on.
      expect([what, await get(tried, '/g')]).toEqual([what, box.text('/g')])
      tried.close()
      expect([what, openDescriptors()]).toEqual([what, baseline])
    }
  }
})

test.each(Object.entries(OPERATIONS))('%s: from any call on, all may fail', async (_name, { run }) => {
  const faulty = new FaultyStorage()
  for (const errno of LASTING_ERRNOS) {
    for (let nth = 1; ; nth++) {
      expect(nth).toBeLessThan(MAX_CALLS)
      const tried = await fresh(faulty)
      faulty.arm(nth, errno, true)
      const result = await outcome(run(tried))
      faulty.disarm()
      tried.close()
      expect(openDescriptors()).toEqual(baseline)
      if (faulty.failed === undefined) {
        expect(result).toBe('done')
        break
      }
      injected++
    }
  }
})

test('a home that cannot be opened leaves nothing open', async () => {
  const faulty = new FaultyStorage()
  for (const errno of ERRNOS) {
    faulty.arm(1, errno)
    expect(await outcome(box.open({ storage: faulty.storage }))).not.toBe('done')
    expect(openDescriptors()).toEqual(baseline)
  }
})

test('a failing close has closed, and abort tells nobody', async () => {
  const faulty = new FaultyStorage()
  const vfs = await fresh(faulty)
  const opened = openDescriptors().length
  const closed = await vfs.open(FILE, flags('read'), {})
  const aborted = await vfs.open(FILE, flags('read'), {})
  faulty.arm(1, 'EIO', true)
  expect(await outcome(closed.close())).toBe('failure')
  expect(await outcome(aborted.abort())).toBe('done')
  expect(openDescriptors()).toHaveLength(opened)
})
