import fs from 'node:fs'
import { describe, expect, test } from 'vitest'
import { virtualPath } from '../../protocol/filesystem.ts'
import { get, list, outcome, put, useSandbox } from './sandbox.test.support.ts'

const box = useSandbox()

/** Every byte a name can hold, alone and within a name. */
const EVERY_BYTE = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).filter(
  (byte) => byte !== '/',
)
const NAMES = [
  ...new Set([
    ...EVERY_BYTE.filter((byte) => byte !== '.'),
    ...EVERY_BYTE.map((byte) => `a${byte}b`),
    '...',
    '-rf',
    '$(id)',
    'caf\xc3\xa9',
    'caf\xe9',
    '\xed\xa0\x80',
    '\xf0\x9f\x98\x80',
    'n'.repeat(255),
    '\xff'.repeat(255),
  ]),
]

function onDisk(directory = '/'): string[] {
  return fs.readdirSync(box.host(directory), { encoding: 'latin1' }).toSorted()
}

test('a name of any bytes is made, listed, found, renamed and removed exactly', { timeout: 30_000 }, async () => {
  const vfs = await box.open()
  for (const name of NAMES) await put(vfs, `/${name}`, name)
  const sorted = NAMES.toSorted()
  expect(onDisk()).toEqual(sorted)
  expect(await list(vfs, '/')).toEqual(sorted)

  await vfs.mkdir(virtualPath('/moved'), {})
  for (const name of NAMES) {
    const path = virtualPath(`/${name}`)
    const size = BigInt(name.length)
    expect(await vfs.stat(path)).toMatchObject({ size })
    expect(await vfs.lstat(path)).toMatchObject({ size })
    expect(await vfs.realpath(path)).toBe(path)
    await vfs.rename(path, virtualPath(`/moved/${name}`), { replace: false })
  }
  expect(onDisk()).toEqual(['moved'])
  expect(onDisk('/moved')).toEqual(sorted)

  for (const name of NAMES) {
    expect(await get(vfs, `/moved/${name}`)).toBe(name)
    await vfs.remove(virtualPath(`/moved/${name}`))
  }
  expect(onDisk('/moved')).toEqual([])
})

test('so is a directory, and what is in it', { timeout: 30_000 }, async () => {
  const vfs = await box.open()
  for (const name of NAMES) {
    await vfs.mkdir(virtualPath(`/${name}`), {})
    await put(vfs, `/${name}/f`, name)
    expect(await get(vfs, `/${name}/f`)).toBe(name)
    expect(await list(vfs, `/${name}`)).toEqual(['f'])
  }
  expect(await list(vfs, '/')).toEqual(NAMES.toSorted())
  for (const name of NAMES) {
    await vfs.remove(virtualPath(`/${name}/f`))
    await vfs.rmdir(virtualPath(`/${name}`))
  }
  expect(onDisk()).toEqual([])
})

test('so is a link of that name to that name', { timeout: 30_000 }, async () => {
  box.plantHome({ 'target/': '' })
  const vfs = await box.open()
  for (const name of NAMES) {
    await vfs.symlink(`target/${name}`, virtualPath(`/${name}`))
    expect(await vfs.readlink(virtualPath(`/${name}`))).toBe(`target/${name}`)
    await put(vfs, `/${name}`, name)
  }
  expect(onDisk('/target')).toEqual(NAMES.toSorted())
})

describe('a name no disk can hold', () => {
  test('is refused by every operation', async () => {
    box.plantHome({ f: 'text' })
    const before = box.state()
    const vfs = await box.open()
    const path = virtualPath(`/${'n'.repeat(256)}`)
    const file = virtualPath('/f')
    const tried = [
      put(vfs, path, 'text'),
      vfs.stat(path),
      vfs.lstat(path),
      vfs.setstat(path, { permissions: 0 }),
      vfs.lsetstat(path, { times: { atime: 0, mtime: 0 } }),
      vfs.mkdir(path, {}),
      vfs.rmdir(path),
      vfs.remove(path),
      vfs.opendir(path),
      vfs.realpath(path),
      vfs.readlink(path),
      vfs.statvfs(path),
      vfs.symlink('f', path),
      vfs.hardlink(file, path),
      vfs.hardlink(path, file),
      vfs.rename(file, path, { replace: false }),
      vfs.rename(file, path, { replace: true }),
      vfs.rename(path, file, { replace: false }),
    ]
    expect(await Promise.all(tried.map(outcome))).toEqual(tried.map(() => 'invalid'))
    expect(box.state()).toEqual(before)
  })

  test('as the text of a link is refused, too', async () => {
    const vfs = await box.open()
    expect(await outcome(vfs.symlink('x'.repeat(5000), virtualPath('/l')))).toBe('invalid')
    expect(await outcome(vfs.symlink('', virtualPath('/l')))).toBe('not-found')
    expect(await outcome(vfs.symlink('a\0b', virtualPath('/l')))).toBe('failure')
    expect(box.names()).toEqual([])
  })
})
