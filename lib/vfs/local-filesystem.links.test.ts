import fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { virtualPath } from '../../protocol/filesystem.ts'
import { get, outcome, useSandbox } from './sandbox.test.support.ts'

const box = useSandbox()

describe('symlink', () => {
  test.each([
    'f',
    '/f',
    'a/../f',
    './/f/',
    '../../outside',
    '/etc/passwd',
    '..',
    '/',
    '\xff\xfe\x01',
    ' ',
    'x'.repeat(4095),
  ])('stores the text as it is: %s', async (text) => {
    const vfs = await box.open()
    await vfs.symlink(text, virtualPath('/l'))
    expect(fs.readlinkSync(box.host('/l'), 'latin1')).toBe(text)
  })

  test('takes no name that is taken, not even by a dangling link', async () => {
    box.plantHome({ f: 'text', 'd/': '', l: { link: 'none' } })
    const before = box.state()
    const vfs = await box.open()
    for (const path of ['/f', '/d', '/l']) {
      expect(await outcome(vfs.symlink('x', virtualPath(path)))).toBe('exists')
    }
    expect(await outcome(vfs.symlink('x', virtualPath('/none/l')))).toBe('not-found')
    expect(box.state()).toEqual(before)
  })
})

describe('readlink', () => {
  test.each([
    { text: 'a/f', at: '/l', shown: 'a/f' },
    { text: '../f', at: '/a/l', shown: '../f' },
    { text: '/a/f', at: '/l', shown: '/a/f' },
    { text: '\xff/\x01', at: '/l', shown: '\xff/\x01' },
    { text: '{home}', at: '/l', shown: '/' },
    { text: '{home}/', at: '/l', shown: '/' },
    { text: '{home}/a/f', at: '/a/l', shown: '/a/f' },
    { text: '../bob/a/f', at: '/l', shown: '/a/f' },
    { text: '../../bob/a/f', at: '/a/l', shown: '/a/f' },
    { text: '../outside/secret', at: '/l', shown: '/outside/secret' },
    { text: '../../../../x', at: '/a/l', shown: '/x' },
  ])('[13] shows no path of the host: $text at $at', async ({ text, at, shown }) => {
    box.plantHome({ 'a/f': 'text', [at.slice(1)]: { link: text } })
    const vfs = await box.open()
    const seen = await vfs.readlink(virtualPath(at))
    expect(seen).toBe(shown)
    expect(seen).not.toContain(box.base)
  })

  test('[13] shows no path of the host where the home is named through a link', async () => {
    box.plant({ alias: { link: 'bob' }, 'bob/l': { link: '{base}/alias/x' } })
    const vfs = await box.open({ home: join(box.base, 'alias') })
    expect(await vfs.readlink(virtualPath('/l'))).toBe('/x')
  })

  test('what it shows leads where the link leads', async () => {
    box.plantHome({ 'a/f': 'text', 'a/l': { link: '../../bob/a/f' }, m: { link: 'a' } })
    const vfs = await box.open()
    const shown = await vfs.readlink(virtualPath('/m/l'))
    expect(await vfs.realpath(virtualPath(shown))).toBe(await vfs.realpath(virtualPath('/m/l')))
  })

  test('of anything else is invalid, of nothing not found', async () => {
    box.plantHome({ f: 'text', 'd/': '' })
    const vfs = await box.open()
    expect(await outcome(vfs.readlink(virtualPath('/f')))).toBe('invalid')
    expect(await outcome(vfs.readlink(virtualPath('/d')))).toBe('invalid')
    expect(await outcome(vfs.readlink(virtualPath('/')))).toBe('invalid')
    expect(await outcome(vfs.readlink(virtualPath('/none')))).toBe('not-found')
    expect(await outcome(vfs.readlink(virtualPath('/f/x')))).toBe('not-found')
  })
})

describe('hardlink', () => {
  test('gives a file a second name', async () => {
    box.plantHome({ f: 'text', 'd/': '' })
    const vfs = await box.open()
    await vfs.hardlink(virtualPath('/f'), virtualPath('/d/g'))
    expect(fs.statSync(box.host('/d/g')).ino).toBe(fs.statSync(box.host('/f')).ino)
    expect(await vfs.stat(virtualPath('/f'))).toMatchObject({ size: 4n })
  })

  test.each(['../outside/secret', '{base}/outside/secret', 'f'])(
    '[2] of a link is the link, not what it names: %s',
    async (target) => {
      box.plantHome({ f: 'text', l: { link: target } })
      const vfs = await box.open()
      await vfs.hardlink(virtualPath('/l'), virtualPath('/m'))
      expect(fs.lstatSync(box.host('/m')).isSymbolicLink()).toBe(true)
      expect(fs.statSync(join(box.outside, 'secret')).nlink).toBe(1)
      expect(fs.statSync(box.host('/f')).nlink).toBe(1)
    },
  )

  test('takes no name that is taken, and links no directory', async () => {
    box.plantHome({ f: 'text', g: 'other', 'd/': '', l: { link: 'none' } })
    const before = box.state()
    const vfs = await box.open()
    for (const path of ['/f', '/g', '/d', '/l']) {
      expect(await outcome(vfs.hardlink(virtualPath('/f'), virtualPath(path)))).toBe('exists')
    }
    expect(await outcome(vfs.hardlink(virtualPath('/d'), virtualPath('/x')))).toBe('permission')
    expect(await outcome(vfs.hardlink(virtualPath('/none'), virtualPath('/x')))).toBe('not-found')
    expect(await outcome(vfs.hardlink(virtualPath('/f'), virtualPath('/none/x')))).toBe('not-found')
    expect(box.state()).toEqual(before)
  })
})

describe('links to outside', () => {
  const LINKS = ['../outside', '{base}/outside', '../bobby', '/etc', '/proc/self/root']

  test.each(LINKS)('[2] lead nowhere, in any operation: %s', async (target) => {
    box.plantHome({ f: 'text', 'd/': '', l: { link: target }, s: { link: `${target}/secret` } })
    const outside = [box.state(box.outside), box.state(join(box.base, 'bobby'))]
    const before = box.state()
    const vfs = await box.open()
    const [file, below, missing] = [virtualPath('/s'), virtualPath('/l/secret'), virtualPath('/l/new')]
    const tried = {
      stat: vfs.stat(file),
      statBelow: vfs.stat(below),
      lstatBelow: vfs.lstat(below),
      setstat: vfs.setstat(file, { permissions: 0o777 }),
      setstatBelow: vfs.setstat(below, { size: 0n }),
      lsetstatBelow: vfs.lsetstat(below, { permissions: 0o777 }),
      opendir: vfs.opendir(virtualPath('/l')),
      opendirBelow: vfs.opendir(virtualPath('/l/dir')),
      remove: vfs.remove(below),
      rmdir: vfs.rmdir(virtualPath('/l/dir')),
      mkdir: vfs.mkdir(missing, {}),
      realpath: vfs.realpath(below),
      readlink: vfs.readlink(below),
      symlink: vfs.symlink('x', missing),
      hardlinkFrom: vfs.hardlink(below, virtualPath('/stolen')),
      hardlinkTo: vfs.hardlink(virtualPath('/f'), missing),
      renameFrom: vfs.rename(below, virtualPath('/stolen'), { replace: true }),
      renameTo: vfs.rename(virtualPath('/f'), missing, { replace: true }),
      renameOver: vfs.rename(virtualPath('/f'), below, { replace: true }),
      statvfs: vfs.statvfs(file),
    }
    const outcomes = Object.entries(tried).map(async ([name, work]) => [name, await outcome(work)])
    const refused = Object.keys(tried).map((name) => [name, 'not-found'])
    expect(await Promise.all(outcomes)).toEqual(refused)
    expect(box.state()).toEqual(before)
    expect([box.state(box.outside), box.state(join(box.base, 'bobby'))]).toEqual(outside)
  })

  test.each(LINKS)('can be looked at, moved and removed themselves: %s', async (target) => {
    box.plantHome({ l: { link: target } })
    const vfs = await box.open()
    expect((await vfs.lstat(virtualPath('/l'))).permissions).toBe(0o120777)
    await vfs.lsetstat(virtualPath('/l'), { times: { atime: 5, mtime: 6 } })
    await vfs.rename(virtualPath('/l'), virtualPath('/m'), { replace: false })
    expect(await outcome(vfs.rmdir(virtualPath('/m')))).toBe('not-found')
    await vfs.remove(virtualPath('/m'))
    expect(box.names()).toEqual([])
  })
})

test('a link an administrator made to the inside works for every operation', async () => {
  box.plantHome({ 'a/f': 'text', l: { link: '{home}/a' }, r: { link: '../bob/a' } })
  const vfs = await box.open()
  for (const link of ['/l', '/r']) {
    expect(await get(vfs, `${link}/f`)).toBe('text')
    expect(await vfs.realpath(virtualPath(link))).toBe('/a')
    await vfs.mkdir(virtualPath(`${link}/d`), {})
    await vfs.rmdir(virtualPath('/a/d'))
    await vfs.rename(virtualPath(`${link}/f`), virtualPath(`${link}/g`), { replace: false })
    await vfs.rename(virtualPath('/a/g'), virtualPath('/a/f'), { replace: false })
  }
})
