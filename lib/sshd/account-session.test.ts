import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, onTestFinished } from 'vitest'
import { virtualPath } from '../../protocol/filesystem.ts'
import type { FileSystem } from '../../protocol/filesystem.ts'
import type { NewUser } from '../accounts/user.ts'
import { VirtualClock } from '../clock.test.support.ts'
import { Connections } from '../connections/connections.ts'
import { sampleUser } from '../providers/contract.ts'
import { MemoryProvider } from '../providers/memory/memory.ts'
import { InFlight, forgetful } from '../transfers/in-flight.ts'
import { Ledger } from '../transfers/ledger.ts'
import { createThrottle } from '../transfers/throttle.ts'
import { inlineHasher } from '../hashing/hasher.ts'
import { flags, isRoot, outcome, put, tell, using } from '../vfs/sandbox.test.support.ts'
import { memoryStorage, nodeStorage } from '../vfs/storage.ts'
import { createOpenAccount, fileOwner } from './account-session.ts'
import { fullLog, temporaryDirectory } from './sshd.test.support.ts'

const SELF = { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 }
if (!isRoot) tell('accounts have no other owner than the server: nobody but root can give a file away')
const OWNER = isRoot ? { uid: 1234, gid: 4321 } : SELF

const umask = process.umask()
beforeAll(() => void process.umask(0o027))
afterAll(() => void process.umask(umask))

/** An account's first session; `at` is the host path of a virtual one. */
async function session(fields: Partial<NewUser> = {}, { setstatMode = 0, asRoot = true } = {}) {
  const home = path.join(temporaryDirectory(), 'homes', 'ada')
  const counters = { used_quota_size: 0, used_quota_files: 0, last_quota_update: 0, last_login: 0 }
  const user = { ...sampleUser('ada', { home_dir: home, permissions: ['*'], ...OWNER, ...fields }), id: 1, ...counters }
  const [clock, log, provider] = [new VirtualClock(), fullLog(), new MemoryProvider()]
  const inFlight = new InFlight(forgetful, { clock, log })
  const accounts = createOpenAccount({
    storage: nodeStorage,
    memoryStorage,
    log,
    inFlight,
    ledger: new Ledger({ provider, inFlight, clock, log }),
    counts: () => false,
    throttle: createThrottle(clock),
    hasher: inlineHasher,
    setstatMode,
    isRoot: asRoot,
  })
  await accounts.prepare(user)
  const connection = new Connections(clock).add({
    connectionId: 'c',
    username: 'ada',
    clientVersion: '',
    remoteAddress: '',
    protocol: 'SFTP',
    close: () => undefined,
  })
  const opened = await accounts.open(
    { username: user.username, current: user, subscribe: () => () => undefined },
    connection,
    'SFTP',
    { gone: new AbortController().signal, waiting: () => undefined, ending: () => false },
  )
  onTestFinished(() => opened.close())
  return { vfs: opened.fs, at: (name: string) => path.join(home, name), log }
}

function owned(host: string): { uid: number; gid: number } {
  const { uid, gid } = fs.lstatSync(host)
  return { uid, gid }
}

describe('ownership', () => {
  test('the home and what is made in it are the account’s, parents and what was there are not', async () => {
    const { vfs, at } = await session()
    fs.writeFileSync(at('there'), 'text')
    await put(vfs, '/file', 'text')
    await put(vfs, '/there', 'other')
    await vfs.mkdir(virtualPath('/dir'), {})
    await put(vfs, '/dir/file', 'text')
    await vfs.symlink('/there', virtualPath('/link'))
    await vfs.symlink('nowhere', virtualPath('/dangling'))
    await vfs.hardlink(virtualPath('/there'), virtualPath('/hard'))
    await vfs.rename(virtualPath('/there'), virtualPath('/moved'), { replace: false })
    await vfs.rename(virtualPath('/hard'), virtualPath('/dir/file'), { replace: true })
    for (const name of ['', 'file', 'dir', 'link', 'dangling']) expect([name, owned(at(name))]).toEqual([name, OWNER])
    for (const name of ['..', 'moved', 'dir/file']) expect([name, owned(at(name))]).toEqual([name, SELF])
  })

  test('what is made through a link is the account’s, the link and its directory stay whose they were', async () => {
    const { vfs, at } = await session()
    fs.mkdirSync(at('theirs'))
    fs.symlinkSync('theirs', at('to'))
    fs.symlinkSync('theirs/new', at('dangling'))
    await put(vfs, '/to/file', 'text')
    await put(vfs, '/dangling', 'text')
    await vfs.mkdir(virtualPath('/to/dir'), {})
    for (const name of ['theirs/file', 'theirs/new', 'theirs/dir']) expect(owned(at(name))).toEqual(OWNER)
    for (const name of ['theirs', 'to', 'dangling']) expect(owned(at(name))).toEqual(SELF)
  })

  test('a server that is not root owns everything itself', async () => {
    const { vfs, at } = await session({ uid: 1234, gid: 4321 }, { asRoot: false })
    await put(vfs, '/file', 'text')
    await vfs.mkdir(virtualPath('/dir'), {})
    for (const name of ['', 'file', 'dir']) expect(owned(at(name))).toEqual(SELF)
  })

  test.each([
    { ids: { uid: 0, gid: 0 }, owner: undefined },
    { ids: { uid: 1, gid: 65535 }, owner: { uid: 1, gid: 65535 } },
    { ids: { uid: 0, gid: 7 }, owner: { uid: -1, gid: 7 } },
    { ids: { uid: 7, gid: 0 }, owner: { uid: 7, gid: -1 } },
    // Rows of other tools may hold anything; none of it is an id.
    { ids: { uid: 65536, gid: -1 }, owner: undefined },
    { ids: { uid: -5, gid: 100_000 }, owner: undefined },
    { ids: { uid: 4294967296, gid: 7 }, owner: { uid: -1, gid: 7 } },
  ])('of an account with $ids', ({ ids, owner }) => {
    expect(fileOwner(ids)).toEqual(owner)
  })
})

test('the umask holds for the home, for files and for directories, and not for SETSTAT', async () => {
  const { vfs, at } = await session()
  const mode = (name: string): number => fs.statSync(at(name)).mode & 0o7777
  await put(vfs, '/file', 'text')
  await vfs.mkdir(virtualPath('/dir'), {})
  const asked = await vfs.open(virtualPath('/asked'), flags('write', 'create'), { permissions: 0o7777 })
  await asked.close()
  await vfs.mkdir(virtualPath('/askeddir'), { permissions: 0o7777 })
  expect(['..', '', 'file', 'dir', 'asked', 'askeddir'].map(mode)).toEqual([0o750, 0o750, 0o640, 0o750, 0o750, 0o750])
  await vfs.setstat(virtualPath('/file'), { permissions: 0o666 })
  expect(mode('file')).toBe(0o666)
})

describe('[19] setuid, setgid and sticky are never set for a client', () => {
  const WAYS: Record<string, (vfs: FileSystem, name: string) => Promise<void>> = {
    SETSTAT: (vfs, name) => vfs.setstat(virtualPath(name), { permissions: 0o7755 }),
    lsetstat: (vfs, name) => vfs.lsetstat(virtualPath(name), { permissions: 0o7755 }),
    FSETSTAT: (vfs) =>
      using(vfs.open(virtualPath('/file'), flags('read'), {}), (file) => file.setstat({ permissions: 0o7755 })),
  }
  test.each(Object.entries(WAYS))('%s', async (_way, change) => {
    const { vfs, at } = await session()
    await put(vfs, '/file', 'text')
    await vfs.mkdir(virtualPath('/dir'), {})
    for (const name of ['/file', '/dir']) await change(vfs, name)
    expect(fs.statSync(at('file')).mode & 0o7777).toBe(0o755)
    expect(fs.statSync(at('dir')).mode & 0o7000).toBe(0)
  })
})

describe('setstat_mode', () => {
  const ATTRS = { permissions: 0o600, owner: OWNER, times: { atime: 1, mtime: 2 } }

  test('0: what is asked for is done', async () => {
    const { vfs, at } = await session({ uid: 0, gid: 0 })
    await put(vfs, '/file', 'text')
    await vfs.setstat(virtualPath('/file'), ATTRS)
    const { mode, mtimeMs } = fs.statSync(at('file'))
    expect({ mode: mode & 0o7777, mtimeMs, ...owned(at('file')) }).toEqual({ mode: 0o600, mtimeMs: 2000, ...OWNER })
  })

  test('1: it succeeds for everybody, whatever it names, and changes nothing', async () => {
    const { vfs, at } = await session({ permissions: ['upload', 'download', 'list'] }, { setstatMode: 1 })
    await put(vfs, '/file', 'text')
    await vfs
      .mkdir(virtualPath('/dir'), {})
      .catch((error: unknown) => expect(error).toMatchObject({ kind: 'permission' }))
    const before = fs.lstatSync(at('file'))
    for (const name of ['/file', '/', '/missing', '/missing/below']) {
      await vfs.setstat(virtualPath(name), ATTRS)
      await vfs.lsetstat(virtualPath(name), ATTRS)
    }
    await using(vfs.open(virtualPath('/file'), flags('read'), {}), (file) => file.setstat(ATTRS))
    const { mode, uid, gid, mtimeMs, ctimeMs } = fs.lstatSync(at('file'))
    expect({ mode, uid, gid, mtimeMs, ctimeMs }).toEqual({
      mode: before.mode,
      uid: before.uid,
      gid: before.gid,
      mtimeMs: before.mtimeMs,
      ctimeMs: before.ctimeMs,
    })
    // A size is no attribute of that kind: it needs what it always needs.
    expect(await outcome(vfs.setstat(virtualPath('/file'), { size: 0n, ...ATTRS }))).toBe('permission')
    expect(fs.readFileSync(at('file'), 'utf8')).toBe('text')
  })

  test('1: who may overwrite sets the size, and nothing else', async () => {
    const { vfs, at } = await session({ permissions: ['upload', 'overwrite'] }, { setstatMode: 1 })
    await put(vfs, '/file', 'text')
    await vfs.setstat(virtualPath('/file'), { size: 2n, ...ATTRS })
    expect(fs.readFileSync(at('file'), 'utf8')).toBe('te')
    expect(fs.statSync(at('file')).mode & 0o7777).toBe(0o640)
    expect(fs.statSync(at('file')).mtimeMs).toBeGreaterThan(2000)
  })
})

test('permissions by directory hold in a session', async () => {
  const { vfs, at } = await session({ permissions: { '/': ['*'], '/ro': ['list', 'download'] } })
  fs.mkdirSync(at('ro'))
  fs.writeFileSync(at('ro/file'), 'text')
  fs.symlinkSync('ro/file', at('link'))
  await put(vfs, '/file', 'text')
  expect(await outcome(put(vfs, '/ro/file', 'other'))).toBe('permission')
  expect(await outcome(put(vfs, '/link', 'other'))).toBe('permission')
  expect(await outcome(vfs.rename(virtualPath('/ro'), virtualPath('/rw'), { replace: false }))).toBe('permission')
  expect(fs.readFileSync(at('ro/file'), 'utf8')).toBe('text')
})

describe('what was refused or failed has its record, with the keys of what succeeds and the reason', () => {
  const ATTEMPTS: { sender: string; more?: object; run: (vfs: FileSystem) => Promise<unknown> }[] = [
    { sender: 'Upload', run: (vfs) => vfs.open(virtualPath('/f'), flags('write', 'create'), {}) },
    { sender: 'Download', run: (vfs) => vfs.open(virtualPath('/f'), flags('read'), {}) },
    { sender: 'Mkdir', run: (vfs) => vfs.mkdir(virtualPath('/f'), {}) },
    { sender: 'Rmdir', run: (vfs) => vfs.rmdir(virtualPath('/f')) },
    { sender: 'Remove', run: (vfs) => vfs.remove(virtualPath('/f')) },
    {
      sender: 'Rename',
      more: { targetPath: '/g' },
      run: (vfs) => vfs.rename(virtualPath('/f'), virtualPath('/g'), { replace: false }),
    },
    {
      sender: 'Symlink',
      more: { targetPath: '/g' },
      run: (vfs) => vfs.symlink('f', virtualPath('/g')),
    },
    {
      sender: 'Chmod',
      more: { filemode: '-rw-------' },
      run: (vfs) => vfs.setstat(virtualPath('/f'), { permissions: 0o600 }),
    },
    {
      sender: 'Chown',
      more: { uid: 7, gid: 8 },
      run: (vfs) => vfs.setstat(virtualPath('/f'), { owner: { uid: 7, gid: 8 } }),
    },
    {
      sender: 'Chtimes',
      more: { accessTimeMs: 1000, modificationTimeMs: 2000 },
      run: (vfs) => vfs.setstat(virtualPath('/f'), { times: { atime: 1, mtime: 2 } }),
    },
  ]
  const TRANSFERS = new Set(['Upload', 'Download'])

  test.each(ATTEMPTS)('$sender', async ({ sender, more = {}, run }) => {
    const denied = await session({ permissions: ['list'] })
    fs.writeFileSync(denied.at('f'), '')
    await expect(run(denied.vfs)).rejects.toThrow('Permission denied')
    const hostPaths = 'targetPath' in more ? { targetPath: denied.at('g') } : {}
    expect([...denied.log.commands, ...denied.log.transfers]).toEqual([
      {
        sender,
        username: 'ada',
        filePath: denied.at('f'),
        connectionId: 'c',
        protocol: 'SFTP',
        error: expect.stringMatching(/^Permission denied: /),
        ...(TRANSFERS.has(sender) ? { elapsedMs: 0, sizeBytes: 0 } : {}),
        ...more,
        ...hostPaths,
      },
    ])
  })

  test('with what the system said', async () => {
    const { vfs, at, log } = await session()
    fs.mkdirSync(at('d'))
    fs.writeFileSync(at('d/f'), '')
    await expect(vfs.rmdir(virtualPath('/d'))).rejects.toThrow(/not empty/i)
    await expect(vfs.open(virtualPath('/none'), flags('read'), {})).rejects.toThrow('No such file')
    expect(log.commands).toMatchObject([{ sender: 'Rmdir', error: expect.stringMatching(/ENOTEMPTY|not empty/i) }])
    expect(log.transfers).toMatchObject([{ sender: 'Download', error: expect.stringMatching(/ENOENT|No such file/) }])
  })

  test('what only looks is told where it was denied, not where there was nothing', async () => {
    const { vfs, log } = await session({ permissions: ['upload'] })
    await expect(vfs.opendir(virtualPath('/'))).rejects.toThrow('Permission denied')
    expect(log.lines).toEqual([expect.stringMatching(/^warn opendir of ".*" by "ada" failed Permission denied: /)])
    const other = await session()
    await expect(other.vfs.stat(virtualPath('/none'))).rejects.toThrow('No such file')
    expect(other.log.lines).toEqual([])
  })
})
