import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, expect, test } from 'vitest'
import { FsError, virtualPath } from '../../protocol/filesystem.ts'
import type { LocalFileSystem } from './local-filesystem.ts'
import { flags, get, isRoot, list, put, tell, useSandbox, using } from './sandbox.test.support.ts'

/**
 * Operations tried while the names they go through are swapped for links to the outside. The kernel's scheduler
 * is the adversary here, so the more of them the better: SFTPGO_ATTACK_ATTEMPTS=1000000 takes some minutes.
 */
const ATTEMPTS = Number(process.env['SFTPGO_ATTACK_ATTEMPTS'] ?? 8000)

/** Requests under way at once, as from several connections. */
const AT_ONCE = 8

/** What the outside holds; nothing of it may be seen. */
const CANARY = 'CANARY'

/**
 * Swaps `dir` for links to the outside and back, and `file` likewise, without a pause. Plain JavaScript: Node 20
 * starts no TypeScript in a worker. Every round makes four swaps a name.
 */
const FLIPPER = `
  const { workerData: { home, shared }, parentPort } = require('node:worker_threads')
  const { renameSync } = require('node:fs')
  const state = new Int32Array(shared)
  const move = (from, to) => { try { renameSync(home + from, home + to) } catch (error) {
    if (error.code !== 'ENOENT') throw error
  } }
  parentPort.postMessage('ready')
  while (Atomics.load(state, 0) === 0) {
    for (const name of ['/dir', '/file']) {
      for (const link of ['.relative', '.absolute']) {
        move(name, name + '.real')
        move(name + link, name)
        move(name, name + link)
        move(name + '.real', name)
        Atomics.add(state, 1, 4)
      }
    }
  }
`

const box = useSandbox()
let report = ''
afterAll(() => tell(report))

/** Each tries to do harm through a name that may just now lead outside. @returns what it could read. */
const ATTEMPTED: Record<string, (vfs: LocalFileSystem, n: number) => Promise<unknown>> = {
  'read through a directory': (vfs) => get(vfs, '/dir/secret'),
  'read a file': (vfs) => get(vfs, '/file'),
  'write through a directory': (vfs) => put(vfs, '/dir/secret', 'inside'),
  'write a file': (vfs) => put(vfs, '/file', 'inside'),
  'append to a file': (vfs) =>
    using(vfs.open(virtualPath('/file'), flags('write', 'append'), {}), (file) => file.write([Buffer.from('.')], 0)),
  'create through a directory': (vfs, n) => put(vfs, `/dir/new${n % 50}`, 'inside'),
  async 'create exclusively'(vfs, n) {
    const file = await vfs.open(virtualPath(`/dir/exclusive${n}`), flags('write', 'create', 'exclusive'), {})
    await file.close()
    await vfs.remove(virtualPath(`/dir/exclusive${n}`))
  },
  async 'make and remove a directory'(vfs, n) {
    await vfs.mkdir(virtualPath(`/dir/made${n}`), {})
    await vfs.rmdir(virtualPath(`/dir/made${n}`))
  },
  'make a file to be removed': (vfs) => put(vfs, '/dir/victim', 'inside'),
  'make a directory to be removed': (vfs) => vfs.mkdir(virtualPath('/dir/empty'), {}),
  'remove a directory': (vfs) => vfs.rmdir(virtualPath('/dir/empty')),
  'remove a file': (vfs) => vfs.remove(virtualPath('/dir/victim')),
  'rename away': (vfs) => vfs.rename(virtualPath('/dir/victim'), virtualPath('/taken'), { replace: true }),
  'rename over': (vfs) => vfs.rename(virtualPath('/taken'), virtualPath('/dir/secret'), { replace: true }),
  'rename into': (vfs) => vfs.rename(virtualPath('/taken'), virtualPath('/dir/moved'), { replace: false }),
  'rename within': (vfs) => vfs.rename(virtualPath('/dir/moved'), virtualPath('/dir/victim'), { replace: false }),
  'link a file to a name of its own': (vfs, n) => steal(vfs, '/dir/secret', `/stolen${n}`),
  // What is swapped may be a link by itself, which leads nowhere from inside.
  'link a name that is swapped': (vfs, n) => steal(vfs, '/file', `/swapped${n}`),
  'link into a directory': (vfs, n) => vfs.hardlink(virtualPath('/bait'), virtualPath(`/dir/hard${n % 50}`)),
  'symlink into a directory': (vfs, n) => vfs.symlink('/bait', virtualPath(`/dir/soft${n % 50}`)),
  'change through a directory': (vfs) =>
    vfs.setstat(virtualPath('/dir/secret'), { permissions: 0o777, size: 1n, times: { atime: 1, mtime: 1 } }),
  'change a file': (vfs) => vfs.setstat(virtualPath('/file'), { permissions: 0o777, times: { atime: 1, mtime: 1 } }),
  'change a directory': (vfs) => vfs.setstat(virtualPath('/dir'), { permissions: 0o777 }),
  'change a link': (vfs) => vfs.lsetstat(virtualPath('/file'), { times: { atime: 1, mtime: 1 } }),
  ...(isRoot
    ? { 'change an owner': (vfs) => vfs.setstat(virtualPath('/dir/secret'), { owner: { uid: 4242, gid: 4242 } }) }
    : {}),
  async 'hash a file'(vfs) {
    const hash = await using(vfs.open(virtualPath('/dir/secret'), flags('read'), {}), (file) =>
      file.digest('md5', 0, 99),
    )
    return hash.equals(createHash('md5').update(CANARY).digest()) ? `${CANARY} by its hash` : ''
  },
  async 'copy out of a directory'(vfs) {
    await put(vfs, '/copied', await get(vfs, '/dir/secret'))
    return get(vfs, '/copied')
  },
  'list a directory': (vfs) => list(vfs, '/dir'),
  'list below a directory': (vfs) => list(vfs, '/dir/below'),
  'look at a file': async (vfs) => (await vfs.stat(virtualPath('/dir/secret'))).owner,
  'look at a name': async (vfs) => (await vfs.lstat(virtualPath('/dir/secret'))).owner,
  'read a link': (vfs) => vfs.readlink(virtualPath('/dir/link')),
  async 'find a path'(vfs) {
    const found = await vfs.realpath(virtualPath('/dir/secret'))
    return found.startsWith('/dir') ? '' : `${CANARY} ${found}`
  },
  'ask for space': (vfs) => vfs.statvfs(virtualPath('/dir/secret')),
}

test('[2] nothing outside is touched or read while names are swapped for links to it', { timeout: 0 }, async () => {
  box.plant({
    [`outside/${CANARY}-name`]: CANARY,
    'outside/victim': CANARY,
    'outside/below/CANARY-below': CANARY,
    'outside/empty/': '',
    'outside/link': { link: CANARY },
    'bob/dir/secret': 'inside',
    'bob/dir/victim': 'inside',
    'bob/dir/below/f': 'inside',
    'bob/dir/link': { link: 'secret' },
    'bob/dir.relative': { link: '../outside' },
    'bob/dir.absolute': { link: '{base}/outside' },
    'bob/file': 'inside',
    'bob/file.relative': { link: '../outside/secret' },
    'bob/file.absolute': { link: '{base}/outside/secret' },
    'bob/bait': 'inside',
  })
  // A canary is told by its owner, too.
  if (isRoot) fs.chownSync(join(box.outside, 'secret'), 777_777, 777_777)
  const before = {
    outside: box.state(box.outside),
    bobby: box.state(join(box.base, 'bobby')),
    base: fs.readdirSync(box.base),
  }

  const shared = new SharedArrayBuffer(8)
  const counters = new Int32Array(shared)
  const worker = new Worker(FLIPPER, { eval: true, workerData: { home: box.home, shared } })
  const ended = new Promise<number>((resolve, reject) => worker.once('exit', resolve).once('error', reject))
  await new Promise((resolve) => worker.once('message', resolve))

  const sessions = [await box.open(), await box.open()]
  const names = Object.keys(ATTEMPTED)
  const done = new Map(names.map((name) => [name, 0]))
  const refused = new Map<string, number>()
  let started = 0
  const attack = async (): Promise<void> => {
    while (started < ATTEMPTS) {
      const n = started++
      const name = names[n % names.length] as string
      const session = sessions[(n + Math.trunc(n / names.length)) % 2] as LocalFileSystem
      try {
        const seen = await (ATTEMPTED[name] as (typeof ATTEMPTED)[string])(session, n)
        expect(`${name}: ${JSON.stringify(seen, plain)}`).not.toMatch(/CANARY|777777/)
        done.set(name, (done.get(name) ?? 0) + 1)
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        refused.set(error.kind, (refused.get(error.kind) ?? 0) + 1)
      }
    }
  }
  const startedAt = performance.now()
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, attack))
  } finally {
    Atomics.store(counters, 0, 1)
    await ended
  }
  const took = performance.now() - startedAt
  const flips = counters[1] ?? 0

  const after = {
    outside: box.state(box.outside),
    bobby: box.state(join(box.base, 'bobby')),
    base: fs.readdirSync(box.base),
  }
  expect(after).toEqual(before)
  const succeeded = [...done.values()].reduce((total, count) => total + count, 0)
  const kinds = [...refused].map(([kind, count]) => `${count} ${kind}`).join(', ')
  report =
    `attack on the confinement: ${ATTEMPTS} attempts against ${flips} flips in ${(took / 1000).toFixed(1)} s, ` +
    `${succeeded} succeeded inside, refused: ${kinds}; escapes: 0`
  // An attack that never met a flip, or never got anywhere, proves nothing.
  expect(flips).toBeGreaterThan(100)
  expect(succeeded).toBeGreaterThan(ATTEMPTS / 20)
  expect(refused.get('not-found')).toBeGreaterThan(0)
  expect([...done].filter(([, count]) => count === 0).map(([name]) => name)).toEqual([])
})

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

async function steal(vfs: LocalFileSystem, from: string, to: string): Promise<string> {
  await vfs.hardlink(virtualPath(from), virtualPath(to))
  try {
    return await get(vfs, to)
  } finally {
    await vfs.remove(virtualPath(to))
  }
}
