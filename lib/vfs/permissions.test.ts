import { describe, expect, test } from 'vitest'
import type { Attrs } from '../../protocol/sftp/attrs.ts'
import { FsError, virtualPath } from '../../protocol/filesystem.ts'
import type { FileSystem } from '../../protocol/filesystem.ts'
import { MemoryFileSystem } from '../../protocol/testing/memory-filesystem.ts'
import { PERMISSIONS } from '../accounts/user.ts'
import type { Permission } from '../accounts/user.ts'
import { AccountFileSystem } from './account-filesystem.ts'
import { Grants } from './grants.ts'
import { NEEDS, PermissionDenied, attrsNeed, demand, overwriteNeeds } from './permissions.ts'
import type { Need } from './permissions.ts'
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
      { permissions: new Grants(granted), ignoreSetstat: false },
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
})

test('attrsNeed is one permission an attribute', () => {
  const EVERYTHING: Attrs = { size: 0n, permissions: 0, owner: { uid: 0, gid: 0 }, times: { atime: 0, mtime: 0 } }
  expect(attrsNeed(A, {})).toEqual([{ at: A, words: [] }])
  expect(attrsNeed(A, { extended: [] })).toEqual([{ at: A, words: [] }])
  expect(attrsNeed(A, EVERYTHING)).toEqual([{ at: A, words: ['overwrite', 'chown', 'chmod', 'chtimes'] }])
})

describe('by place', () => {
  const grants = new Grants({
    '/': ['*'],
    '/in': ['list', 'upload', 'rename', 'delete', 'create_dirs'],
    '/out': ['list', 'download', 'rename', 'delete'],
    '/deep/er/est': [],
    '/hidden': [],
  })
  const judged = (operation: string, needs: readonly Need[]): string => {
    try {
      demand(grants, needs)
      return 'granted'
    } catch (error) {
      if (error instanceof PermissionDenied) return error.message.replace('Permission denied: ', '')
      throw new Error(operation, { cause: error })
    }
  }
  const path = virtualPath
  const READ = flags('read')
  const REPLACE = { replace: true }
  const lacks = (words: string): string => `this account lacks ${words} there`
  const STAYS = 'a directory with permissions of its own stays'
  const CASES: [string, readonly Need[], string][] = [
    ['open at the root', NEEDS.open(path('/f'), READ, {}), 'granted'],
    ['open where it is not granted', NEEDS.open(path('/in/f'), READ, {}), lacks('download')],
    ['open below', NEEDS.open(path('/out/a/b/f'), READ, {}), 'granted'],
    ['open beside a name that begins alike', NEEDS.open(path('/inn/f'), READ, {}), 'granted'],
    ['overwrite', overwriteNeeds(path('/in/f')), lacks('overwrite')],
    ['list', NEEDS.opendir(path('/hidden')), lacks('list')],
    ['list what holds it', NEEDS.opendir(path('/')), 'granted'],
    ['list between', NEEDS.opendir(path('/deep/er')), 'granted'],
    ['stat a directory that may be seen in its parent', NEEDS.stat(path('/hidden')), 'granted'],
    ['lstat it', NEEDS.lstat(path('/hidden')), 'granted'],
    ['stat below', NEEDS.stat(path('/hidden/f')), lacks('list')],
    ['statvfs', NEEDS.statvfs(path('/hidden')), lacks('list')],
    ['chmod', NEEDS.setstat(path('/in'), { permissions: 0 }), lacks('chmod')],
    ['mkdir', NEEDS.mkdir(path('/in/d'), {}), 'granted'],
    ['mkdir elsewhere', NEEDS.mkdir(path('/out/d'), {}), lacks('create_dirs')],
    ['remove', NEEDS.remove(path('/out/f')), 'granted'],
    ['rmdir', NEEDS.rmdir(path('/in/d')), 'granted'],
    ['rmdir of one with a list', NEEDS.rmdir(path('/in')), STAYS],
    ['rmdir of one that leads to a list', NEEDS.rmdir(path('/deep/er')), STAYS],
    ['rename within', NEEDS.rename(path('/in/a'), path('/in/b'), REPLACE), 'granted'],
    ['rename to where less is granted', NEEDS.rename(path('/a'), path('/in/a'), REPLACE), 'granted'],
    ['rename from where it is not granted', NEEDS.rename(path('/hidden/a'), path('/a'), REPLACE), lacks('rename')],
    ['rename to where it is not granted', NEEDS.rename(path('/a'), path('/hidden/a'), REPLACE), lacks('rename')],
    [
      'rename to where more is granted',
      NEEDS.rename(path('/in/a'), path('/out/a'), REPLACE),
      'this would grant download, which was not granted',
    ],
    [
      'rename to where all is granted',
      NEEDS.rename(path('/out/a'), path('/a'), REPLACE),
      'this would grant upload, overwrite, create_dirs, create_symlinks, chmod, chown, chtimes, which was not granted',
    ],
    ['rename of one with a list', NEEDS.rename(path('/in'), path('/b'), REPLACE), STAYS],
    ['rename of one that leads to a list', NEEDS.rename(path('/deep'), path('/b'), REPLACE), STAYS],
    ['rename onto one with a list', NEEDS.rename(path('/b'), path('/in'), REPLACE), STAYS],
    ['rename onto one that leads to a list', NEEDS.rename(path('/b'), path('/deep/er'), REPLACE), STAYS],
    ['hardlink within', NEEDS.hardlink(path('/a'), path('/b')), 'granted'],
    ['hardlink to where less is granted', NEEDS.hardlink(path('/a'), path('/in/a')), 'granted'],
    ['hardlink from where it may not be read', NEEDS.hardlink(path('/in/a'), path('/a')), lacks('download')],
    [
      'hardlink to where it could be changed',
      NEEDS.hardlink(path('/out/a'), path('/a')),
      'this would grant upload, overwrite, create_dirs, create_symlinks, chmod, chown, chtimes, which was not granted',
    ],
    ['symlink', NEEDS.symlink('/hidden/f', path('/l')), 'granted'],
    ['symlink elsewhere', NEEDS.symlink('/f', path('/in/l')), lacks('create_symlinks')],
  ]

  test.each(CASES)('%s', (operation, needs, expected) => {
    expect(judged(operation, needs)).toBe(expected)
  })
})
