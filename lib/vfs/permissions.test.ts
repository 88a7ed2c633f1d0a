import { describe, expect, test } from 'vitest'
import { FsError, virtualPath } from '../../protocol/filesystem.ts'
import type { FileSystem } from '../../protocol/filesystem.ts'
import { MemoryFileSystem } from '../../protocol/testing/memory-filesystem.ts'
import { PERMISSIONS } from '../accounts/user.ts'
import type { Permission } from '../accounts/user.ts'
import { AccountFileSystem } from './account-filesystem.ts'
import { NEEDS, allows, attrsNeed, demand } from './permissions.ts'
import { flags } from './sandbox.test.support.ts'

const A = virtualPath('/a')
const B = virtualPath('/b')
const D = virtualPath('/d')
const L = virtualPath('/l')
const OWNER = { uid: 1, gid: 2 }
const TIMES = { atime: 1, mtime: 2 }

interface Row {
  operation: string
  needs: Permission[]
  run(fs: FileSystem): Promise<unknown>
}

const open =
  (...names: Parameters<typeof flags>) =>
  async (fs: FileSystem): Promise<void> => {
    const file = await fs.open(names.includes('exclusive') ? B : A, flags(...names), {})
    await file.close()
  }

/** Every operation, with what it must need: written down here once more, so that no row changes by accident. */
const TABLE: Row[] = [
  { operation: 'open to read', needs: ['download'], run: open('read') },
  { operation: 'open to write', needs: ['upload'], run: open('write') },
  { operation: 'open to append', needs: ['upload'], run: open('write', 'append') },
  { operation: 'open to read and write', needs: ['download', 'upload'], run: open('read', 'write') },
  { operation: 'open to make', needs: ['upload'], run: open('write', 'create', 'exclusive') },
  { operation: 'open to truncate', needs: ['upload'], run: open('write', 'create', 'truncate') },
  { operation: 'open to read, making it', needs: ['download', 'upload'], run: open('read', 'create', 'exclusive') },
  { operation: 'open to read, truncating it', needs: ['download', 'upload'], run: open('read', 'truncate') },
  { operation: 'opendir', needs: ['list'], run: async (fs) => (await fs.opendir(D)).close() },
  { operation: 'stat', needs: ['list'], run: (fs) => fs.stat(A) },
  { operation: 'lstat', needs: ['list'], run: (fs) => fs.lstat(A) },
  { operation: 'setstat of nothing', needs: [], run: (fs) => fs.setstat(A, {}) },
  { operation: 'setstat of size', needs: ['overwrite'], run: (fs) => fs.setstat(A, { size: 1n }) },
  { operation: 'setstat of mode', needs: ['chmod'], run: (fs) => fs.setstat(A, { permissions: 0o600 }) },
  { operation: 'setstat of owner', needs: ['chown'], run: (fs) => fs.setstat(A, { owner: OWNER }) },
  { operation: 'setstat of times', needs: ['chtimes'], run: (fs) => fs.setstat(A, { times: TIMES }) },
  {
    operation: 'setstat of everything',
    needs: ['overwrite', 'chown', 'chmod', 'chtimes'],
    run: (fs) => fs.setstat(A, { size: 1n, permissions: 0o600, owner: OWNER, times: TIMES }),
  },
  { operation: 'lsetstat of mode', needs: ['chmod'], run: (fs) => fs.lsetstat(A, { permissions: 0o600 }) },
  {
    operation: 'lsetstat of owner and times',
    needs: ['chown', 'chtimes'],
    run: (fs) => fs.lsetstat(L, { owner: OWNER, times: TIMES }),
  },
  { operation: 'remove', needs: ['delete'], run: (fs) => fs.remove(A) },
  { operation: 'mkdir', needs: ['create_dirs'], run: (fs) => fs.mkdir(B, {}) },
  { operation: 'rmdir', needs: ['delete'], run: (fs) => fs.rmdir(D) },
  { operation: 'rename', needs: ['rename'], run: (fs) => fs.rename(A, B, { replace: false }) },
  { operation: 'rename, replacing', needs: ['rename'], run: (fs) => fs.rename(A, B, { replace: true }) },
  { operation: 'readlink', needs: ['list'], run: (fs) => fs.readlink(L) },
  { operation: 'symlink', needs: ['create_symlinks'], run: (fs) => fs.symlink('a', B) },
  { operation: 'hardlink', needs: ['download', 'upload'], run: (fs) => fs.hardlink(A, B) },
  { operation: 'statvfs', needs: ['list'], run: (fs) => fs.statvfs(A) },
]

const WORDS = PERMISSIONS.filter((permission) => permission !== '*')
const GRANTS: { name: string; granted: Permission[] }[] = [
  { name: 'nothing', granted: [] },
  { name: '*', granted: ['*'] },
  { name: '* and one', granted: ['*', 'list'] },
  { name: 'every word', granted: WORDS },
  ...WORDS.map((only) => ({ name: `only ${only}`, granted: [only] })),
  ...WORDS.map((without) => ({ name: `all but ${without}`, granted: WORDS.filter((word) => word !== without) })),
]

describe.each(TABLE)('[19] $operation needs $needs', ({ needs, run }) => {
  test.each(GRANTS)('granted $name', async ({ granted }) => {
    const inner = new MemoryFileSystem()
    inner.addFile('/a', 'text')
    inner.addDirectory('/d')
    inner.addLink('/l', 'a')
    const before = inner.tree()
    const events: unknown[] = []
    const fs = new AccountFileSystem(
      inner,
      { permissions: new Set(granted), ignoreSetstat: false },
      { done: (event) => events.push(event), transfer: () => ({ moved: () => undefined, end: () => undefined }) },
    )
    const missing = granted.includes('*') ? [] : needs.filter((need) => !granted.includes(need))
    if (missing.length === 0) {
      await run(fs)
      expect(inner.hooks.calls.length).toBeGreaterThan(0)
      return
    }
    const refusal = await run(fs).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(refusal).toBeInstanceOf(FsError)
    expect(refusal).toMatchObject({
      kind: 'permission',
      message: `Permission denied: this account lacks ${missing.join(', ')}`,
    })
    // Refused before anything happened, and before anything could be found out.
    expect(inner.hooks.calls).toEqual([])
    expect(inner.tree()).toEqual(before)
    expect(events).toEqual([])
  })
})

test('the table above names every operation of the port but realpath, which is answered to everybody', () => {
  const tried = new Set(TABLE.map(({ operation }) => operation.split(/[ ,]/)[0]))
  expect(Object.keys(NEEDS).filter((operation) => !tried.has(operation))).toEqual(['realpath'])
  expect(NEEDS.realpath(A)).toEqual([])
})

test('attrsNeed is one permission an attribute', () => {
  expect(attrsNeed({})).toEqual([])
  expect(attrsNeed({ extended: [] })).toEqual([])
  expect(
    new Set(attrsNeed({ size: 0n, permissions: 0, owner: { uid: 0, gid: 0 }, times: { atime: 0, mtime: 0 } })),
  ).toEqual(new Set(['overwrite', 'chmod', 'chown', 'chtimes']))
})

test('allows and demand agree', () => {
  for (const { granted } of GRANTS) {
    for (const { needs } of TABLE) {
      const set = new Set(granted)
      if (allows(set, needs)) expect(() => demand(set, needs)).not.toThrow()
      else expect(() => demand(set, needs)).toThrow(FsError)
    }
  }
})
