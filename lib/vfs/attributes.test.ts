import fs from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Attrs } from '../../protocol/sftp/attrs.ts'
import { applyAttrs, attrsOf } from './attributes.ts'
import type { AttributeCalls } from './attributes.ts'
import { systemError } from './faulty-storage.test.support.ts'
import { useSandbox } from './sandbox.test.support.ts'

const box = useSandbox()

describe('attrsOf', () => {
  test('shows size, owner, mode with its type, and whole seconds', () => {
    box.plantHome({ f: 'text' })
    fs.chmodSync(box.host('/f'), 0o4751)
    fs.utimesSync(box.host('/f'), 1.9, 1_700_000_000.999)
    const stats = fs.statSync(box.host('/f'))
    expect(attrsOf(stats)).toEqual({
      size: 4n,
      owner: { uid: stats.uid, gid: stats.gid },
      permissions: 0o104751,
      times: { atime: 1, mtime: 1_700_000_000 },
    })
  })

  test.each([
    { seconds: -1, shown: 0 },
    { seconds: -1e9, shown: 0 },
    { seconds: 0, shown: 0 },
    { seconds: 0xffffffff, shown: 0xffffffff },
    { seconds: 0x1_0000_0000, shown: 0xffffffff },
    { seconds: 1e11, shown: 0xffffffff },
  ])('shows the time $seconds, as near as 32 bits come, as $shown', ({ seconds, shown }) => {
    const stats = Object.assign(fs.statSync(box.home), { atimeMs: seconds * 1000, mtimeMs: seconds * 1000 })
    expect(attrsOf(stats).times).toEqual({ atime: shown, mtime: shown })
  })

  test('shows sizes beyond 32 bits', () => {
    expect(attrsOf(Object.assign(fs.statSync(box.home), { size: 2 ** 45 })).size).toBe(2n ** 45n)
  })
})

describe('applyAttrs', () => {
  const ALL: Attrs = { size: 5n, owner: { uid: 1, gid: 2 }, permissions: 0o107644, times: { atime: 3, mtime: 4 } }

  function recorded(failing: Record<string, string> = {}): { calls: AttributeCalls; made: string[] } {
    const made: string[] = []
    const record = async (call: string, ...args: number[]): Promise<void> => {
      made.push(`${call} ${args.join(' ')}`)
      if (failing[call] !== undefined) throw systemError(failing[call])
    }
    const calls: AttributeCalls = {
      truncate: (size) => record('truncate', size),
      chown: (uid, gid) => record('chown', uid, gid),
      chmod: (mode) => record('chmod', mode),
      utimes: (atime, mtime) => record('utimes', atime, mtime),
    }
    return { calls, made }
  }

  test('makes each call, in an order in which none undoes another, [19] without setuid, setgid and sticky', async () => {
    const { calls, made } = recorded()
    await applyAttrs(ALL, calls)
    expect(made).toEqual(['truncate 5', 'chown 1 2', `chmod ${String(0o644)}`, 'utimes 3 4'])
  })

  test.each(['size', 'owner', 'permissions', 'times'] as const)('makes one call for %s alone', async (name) => {
    const { calls, made } = recorded()
    await applyAttrs({ [name]: ALL[name] }, calls)
    expect(made).toHaveLength(1)
  })

  test('makes no call for nothing, nor for what is unknown', async () => {
    const { calls, made } = recorded()
    await applyAttrs({}, calls)
    await applyAttrs({ extended: [{ type: 'acl', data: Buffer.alloc(3) }] }, calls)
    expect(made).toEqual([])
  })

  test('goes on after a failure, and throws the last one', async () => {
    const { calls, made } = recorded({ truncate: 'EFBIG', chown: 'EPERM' })
    await expect(applyAttrs(ALL, calls)).rejects.toMatchObject({ code: 'EPERM' })
    expect(made).toHaveLength(4)
  })

  test('leaves out what cannot be changed there', async () => {
    const { calls, made } = recorded()
    await applyAttrs(ALL, { chown: calls.chown, utimes: calls.utimes })
    expect(made).toEqual(['chown 1 2', 'utimes 3 4'])
  })

  test.each([2n ** 53n, 2n ** 64n - 1n])('refuses the size %s without a call, and applies the rest', async (size) => {
    const { calls, made } = recorded()
    await expect(applyAttrs({ ...ALL, size }, calls)).rejects.toMatchObject({ name: 'FsError', kind: 'invalid' })
    expect(made).toHaveLength(3)
  })
})
