import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isRoot, tell } from '../vfs/sandbox.test.support.ts'
import { makeHome } from './make-home.ts'
import { temporaryDirectory } from './sshd.test.support.ts'

const OWNER = isRoot ? { uid: 1234, gid: 4321 } : { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 }
if (!isRoot) tell('homes are given to the server itself only: nobody but root can give one away')

const umask = process.umask()
beforeAll(() => void process.umask(0o027))
afterAll(() => void process.umask(umask))

const factsOf = (at: string): { uid: number; gid: number; mode: number } => {
  const { uid, gid, mode } = statSync(at)
  return { uid, gid, mode: mode & 0o7777 }
}

test('a home is made with its parents, less the umask; only it is the account’s', async () => {
  const root = temporaryDirectory()
  const server = { uid: factsOf(root).uid, gid: factsOf(root).gid, mode: 0o750 }
  await makeHome(path.join(root, 'a', 'b', 'home'), OWNER)
  expect(factsOf(path.join(root, 'a'))).toEqual(server)
  expect(factsOf(path.join(root, 'a', 'b'))).toEqual(server)
  expect(factsOf(path.join(root, 'a', 'b', 'home'))).toEqual({ ...OWNER, mode: 0o750 })
})

test('a home that is there is left as it is, behind a link too', async () => {
  const root = temporaryDirectory()
  const home = path.join(root, 'home')
  mkdirSync(home)
  chmodSync(home, 0o711)
  symlinkSync('home', path.join(root, 'link'))
  const before = factsOf(home)
  await makeHome(home, { uid: 4242, gid: 4242 })
  await makeHome(path.join(root, 'link'), { uid: 4242, gid: 4242 })
  expect(factsOf(home)).toEqual(before)
})

test('without an owner it is the server’s', async () => {
  const home = path.join(temporaryDirectory(), 'home')
  await makeHome(home, undefined)
  expect(factsOf(home)).toEqual({ uid: process.getuid?.(), gid: process.getgid?.(), mode: 0o750 })
})

describe('half an owner', () => {
  test.each([
    { owner: { uid: OWNER.uid, gid: -1 }, gives: 'uid' },
    { owner: { uid: -1, gid: OWNER.gid }, gives: 'gid' },
  ] as const)('changes the $gives only', async ({ owner, gives }) => {
    const home = path.join(temporaryDirectory(), 'home')
    await makeHome(home, owner)
    const server = { uid: process.getuid?.(), gid: process.getgid?.() }
    expect(factsOf(home)).toMatchObject({ ...server, [gives]: OWNER[gives] })
  })
})

test('one that cannot be given away is not left behind', async () => {
  const home = path.join(temporaryDirectory(), 'home')
  await expect(makeHome(home, { uid: -2, gid: 0 })).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
  expect(existsSync(home)).toBe(false)
  expect(existsSync(path.dirname(home))).toBe(true)
})
