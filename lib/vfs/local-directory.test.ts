import fs from 'node:fs'
import { describe, expect, test } from 'vitest'
import { virtualPath } from '../../protocol/filesystem.ts'
import { systemError, watchedStorage } from './faulty-storage.test.support.ts'
import { list, openDescriptors, outcome, useSandbox } from './sandbox.test.support.ts'

const box = useSandbox()

function plantMany(count: number): string[] {
  const names = Array.from({ length: count }, (_, index) => `n${index}`)
  for (const name of names) fs.writeFileSync(box.host(`/${name}`), name)
  return names.toSorted()
}

test.each([1, 7, 255, 256, 257, 1000])('every entry comes once, %i at most at a time', async (max) => {
  const names = plantMany(300)
  const vfs = await box.open()
  const directory = await vfs.opendir(virtualPath('/'))
  const seen: string[] = []
  for (;;) {
    const entries = await directory.read(max)
    if (entries.length === 0) break
    expect(entries.length).toBeLessThanOrEqual(max)
    for (const { filename, attrs } of entries) {
      seen.push(filename)
      expect(attrs.size).toBe(BigInt(filename.length))
    }
  }
  expect(await directory.read(max), 'the end stays the end').toEqual([])
  await directory.close()
  expect(seen.toSorted()).toEqual(names)
})

describe('entries that vanish while they are listed', () => {
  test('are left out', async () => {
    plantMany(10)
    const vfs = await box.open({
      storage: watchedStorage((call, [path]) => {
        if (call === 'lstat' && /n[3-6]$/.test(String(path))) fs.rmSync(box.host(`/n${String(path).at(-1)}`))
      }),
    })
    expect(await list(vfs, '/', 4)).toEqual(['n0', 'n1', 'n2', 'n7', 'n8', 'n9'])
  })

  test('make no early end, also when a whole batch is gone', async () => {
    plantMany(20)
    let gone = 0
    const vfs = await box.open({
      storage: watchedStorage((call, [path]) => {
        if (call === 'lstat' && /\/n\d+$/.test(String(path)) && gone++ < 12) throw systemError('ENOENT')
      }),
    })
    const directory = await vfs.opendir(virtualPath('/'))
    expect(await directory.read(4)).toHaveLength(4)
    expect(await directory.read(4)).toHaveLength(4)
    expect(await directory.read(4)).toEqual([])
    await directory.close()
  })

  test('all of them: the list is empty', async () => {
    plantMany(10)
    const vfs = await box.open({
      storage: watchedStorage((call, [path]) => {
        if (call === 'lstat' && /\/n\d+$/.test(String(path))) throw systemError('ENOENT')
      }),
    })
    expect(await list(vfs, '/', 4)).toEqual([])
  })

  test('with their directory: the list ends', async () => {
    box.plantHome({ 'd/a': 'text', 'd/b': 'text' })
    const vfs = await box.open()
    const directory = await vfs.opendir(virtualPath('/d'))
    fs.rmSync(box.host('/d'), { recursive: true })
    expect(await directory.read(10)).toEqual([])
    await directory.close()
  })
})

test('an entry that cannot be looked at fails the read, once every other one was looked at', async () => {
  plantMany(8)
  let looking = 0
  const vfs = await box.open({
    storage: watchedStorage(async (call, [path]) => {
      if (call !== 'lstat' || !/\/n\d$/.test(String(path))) return
      if (String(path).endsWith('n0')) throw systemError('EIO')
      looking++
      await new Promise((resolve) => setImmediate(resolve))
      looking--
    }),
  })
  const directory = await vfs.opendir(virtualPath('/'))
  expect(await outcome(directory.read(100))).toBe('failure')
  expect(looking).toBe(0)
  await directory.close()
})

test('close never throws, and closes everything', async () => {
  plantMany(3)
  const vfs = await box.open({
    storage: watchedStorage((call) => {
      if (call === 'directory.close') throw systemError('EIO')
    }),
  })
  const before = openDescriptors()
  const directory = await vfs.opendir(virtualPath('/'))
  await directory.read(1)
  await directory.close()
  expect(openDescriptors()).toEqual(before)
})
