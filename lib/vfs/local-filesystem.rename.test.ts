import fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { FsError, virtualPath } from '../../protocol/filesystem.ts'
import { fsError } from './errno.ts'
import { systemError, watchedStorage } from './faulty-storage.test.support.ts'
import { makeNode, outcome, useSandbox } from './sandbox.test.support.ts'
import type { Tree } from './sandbox.test.support.ts'

const box = useSandbox()

const THINGS: Readonly<Record<string, (name: string) => Tree>> = {
  'a file': (name) => ({ [name]: `text of ${name}` }),
  'an empty directory': (name) => ({ [`${name}/`]: '' }),
  'a directory': (name) => ({ [`${name}/x`]: `text in ${name}` }),
  'a link': (name) => ({ [name]: { link: 'other' } }),
  'a dangling link': (name) => ({ [name]: { link: 'none' } }),
  'a link to outside': (name) => ({ [name]: { link: '../outside/secret' } }),
}
const PAIRS = Object.keys(THINGS).flatMap((from) => Object.keys(THINGS).map((to) => ({ from, to })))

function plant({ from, to }: { from: string; to?: string }): void {
  const tree = {
    other: 'text',
    'dir/': '',
    ...THINGS[from]?.('from'),
    ...(to === undefined ? {} : THINGS[to]?.('dir/to')),
  }
  for (const top of ['bob', 'twin']) {
    box.plant(Object.fromEntries(Object.entries(tree).map(([name, what]) => [`${top}/${name}`, what])))
  }
}

describe('without `replace`', () => {
  test.each(PAIRS)('$from never takes the place of $to', async (pair) => {
    plant(pair)
    const before = { home: box.state(), outside: box.state(box.outside) }
    const vfs = await box.open({ authorizeOverwrite: () => expect.unreachable('nothing is replaced') })
    expect(await outcome(vfs.rename(virtualPath('/from'), virtualPath('/dir/to'), { replace: false }))).toBe('exists')
    expect({ home: box.state(), outside: box.state(box.outside) }).toEqual(before)
  })

  test.each(Object.keys(THINGS))('%s moves to a free name of another directory as it is', async (from) => {
    plant({ from })
    const vfs = await box.open()
    await vfs.rename(virtualPath('/from'), virtualPath('/dir/to'), { replace: false })
    fs.renameSync(join(box.base, 'twin/from'), join(box.base, 'twin/dir/to'))
    expect(box.shape()).toEqual(box.shape(join(box.base, 'twin')))
  })

  test('a FIFO moves, too', async () => {
    makeNode(join(box.home, 'from'))
    const vfs = await box.open()
    await vfs.rename(virtualPath('/from'), virtualPath('/to'), { replace: false })
    expect(fs.lstatSync(box.host('/to')).isFIFO()).toBe(true)
    expect(box.names()).toEqual(['/to'])
  })

  test.each(['a file', 'a link', 'a dangling link', 'a link to outside'])(
    '%s does not take the place of what appears at the last moment',
    async (from) => {
      plant({ from })
      const vfs = await box.open({
        storage: watchedStorage((call) => {
          if (call === 'link' || call === 'rename') box.plantHome({ 'dir/to': 'of somebody else' })
        }),
      })
      const renaming = vfs.rename(virtualPath('/from'), virtualPath('/dir/to'), { replace: false })
      expect(await outcome(renaming)).toBe('exists')
      expect(box.text('/dir/to')).toBe('of somebody else')
      expect(box.names()).toContain('/from')
    },
  )

  test.each(['EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EMLINK'])('works where hard links do not: %s', async (code) => {
    box.plantHome({ from: 'text', taken: 'other' })
    const vfs = await box.open({
      storage: watchedStorage((call) => {
        if (call === 'link') throw systemError(code)
      }),
    })
    await vfs.rename(virtualPath('/from'), virtualPath('/to'), { replace: false })
    expect(await outcome(vfs.rename(virtualPath('/to'), virtualPath('/taken'), { replace: false }))).toBe('exists')
    expect(box.names()).toEqual(['/taken', '/to'])
    expect(box.text('/taken')).toBe('other')
  })

  test('a name that cannot be taken away stays the only one', async () => {
    box.plantHome({ from: 'text' })
    const before = box.state()
    let failed = false
    const vfs = await box.open({
      storage: watchedStorage((call) => {
        if (call !== 'unlink' || failed) return
        failed = true
        throw systemError('EACCES')
      }),
    })
    expect(await outcome(vfs.rename(virtualPath('/from'), virtualPath('/to'), { replace: false }))).toBe('permission')
    expect(box.state()).toEqual(before)
  })
})

describe('with `replace`', () => {
  test.each(PAIRS)('$from over $to does what rename(2) does', async (pair) => {
    plant(pair)
    const twin = join(box.base, 'twin')
    let expected: string = 'done'
    try {
      fs.renameSync(join(twin, 'from'), join(twin, 'dir/to'))
    } catch (error) {
      expected = fsError(error).kind
    }
    const vfs = await box.open()
    expect(await outcome(vfs.rename(virtualPath('/from'), virtualPath('/dir/to'), { replace: true }))).toBe(expected)
    expect(box.shape()).toEqual(box.shape(twin))
    expect(fs.readFileSync(join(box.outside, 'secret'), 'utf8')).toBe('CANARY')
  })

  test.each(PAIRS)('$from over $to must be authorized', async (pair) => {
    plant(pair)
    const before = box.state()
    const authorizeOverwrite = vi.fn<(path: string) => void>(() => {
      throw new FsError('permission', 'no')
    })
    const vfs = await box.open({ authorizeOverwrite })
    const renaming = vfs.rename(virtualPath('/from'), virtualPath('/dir/to'), { replace: true })
    expect(await outcome(renaming)).toBe('permission')
    expect(authorizeOverwrite.mock.calls).toEqual([['/dir/to']])
    expect(box.state()).toEqual(before)
  })

  test.each(Object.keys(THINGS))('%s to a free name needs no authorization', async (from) => {
    plant({ from })
    const vfs = await box.open({ authorizeOverwrite: () => expect.unreachable('nothing is replaced') })
    await vfs.rename(virtualPath('/from'), virtualPath('/dir/to'), { replace: true })
    expect(box.names()).toContain('/dir/to')
    expect(box.names()).not.toContain('/from')
  })

  test('the name that is replaced is authorized where it really is, and as it was asked for', async () => {
    box.plantHome({ from: 'text', 'dir/to': 'text', l: { link: 'dir' } })
    const authorizeOverwrite = vi.fn<(path: string) => void>()
    const vfs = await box.open({ authorizeOverwrite })
    await vfs.rename(virtualPath('/from'), virtualPath('/l/to'), { replace: true })
    expect(authorizeOverwrite.mock.calls).toEqual([['/dir/to'], ['/l/to']])
  })
})

describe('either way', () => {
  test.each(Object.keys(THINGS))('%s to its own name stays as it is', async (from) => {
    plant({ from })
    const before = box.state()
    const vfs = await box.open()
    const path = virtualPath('/from')
    expect(await outcome(vfs.rename(path, path, { replace: false }))).toBe('exists')
    expect(await outcome(vfs.rename(path, path, { replace: true }))).toBe('done')
    expect(box.state()).toEqual(before)
  })

  test('two names of one file both stay', async () => {
    box.plantHome({ a: 'text' })
    fs.linkSync(box.host('/a'), box.host('/b'))
    const before = box.state()
    const vfs = await box.open()
    expect(await outcome(vfs.rename(virtualPath('/a'), virtualPath('/b'), { replace: false }))).toBe('exists')
    expect(await outcome(vfs.rename(virtualPath('/a'), virtualPath('/b'), { replace: true }))).toBe('done')
    expect(box.state()).toEqual(before)
  })

  test('a file with another name moves, and the other name stays', async () => {
    box.plantHome({ a: 'text' })
    fs.linkSync(box.host('/a'), box.host('/b'))
    const vfs = await box.open()
    await vfs.rename(virtualPath('/a'), virtualPath('/c'), { replace: false })
    expect(box.names()).toEqual(['/b', '/c'])
    expect(fs.statSync(box.host('/c'))).toMatchObject({ nlink: 2, ino: fs.statSync(box.host('/b')).ino })
  })

  test.each([true, false])('no directory moves into itself, replace: %s', async (replace) => {
    box.plantHome({ 'd/e/f': 'text', l: { link: 'd/e' } })
    const before = box.state()
    const vfs = await box.open()
    for (const to of ['/d/x', '/d/e/x', '/l/x']) {
      expect(await outcome(vfs.rename(virtualPath('/d'), virtualPath(to), { replace }))).toBe('invalid')
    }
    expect(await outcome(vfs.rename(virtualPath('/d/e/f'), virtualPath('/d'), { replace }))).not.toBe('done')
    expect(await outcome(vfs.rename(virtualPath('/d/e'), virtualPath('/d'), { replace }))).not.toBe('done')
    expect(box.state()).toEqual(before)
  })

  test.each([true, false])('what is missing is not found, replace: %s', async (replace) => {
    box.plantHome({ f: 'text' })
    const before = box.state()
    const vfs = await box.open()
    for (const [from, to] of [
      ['/none', '/x'],
      ['/none', '/f'],
      ['/none/x', '/x'],
      ['/f', '/none/x'],
      ['/f/x', '/x'],
      ['/f', '/f/x'],
    ] as const) {
      expect(await outcome(vfs.rename(virtualPath(from), virtualPath(to), { replace })), `${from} to ${to}`).toBe(
        'not-found',
      )
    }
    expect(box.state()).toEqual(before)
  })

  test('a directory moves with everything in it, and is found at once', async () => {
    box.plantHome({ 'd/e/f': 'text', 'to/': '' })
    const vfs = await box.open()
    await vfs.stat(virtualPath('/d/e/f'))
    await vfs.rename(virtualPath('/d'), virtualPath('/to/d'), { replace: false })
    expect(await outcome(vfs.stat(virtualPath('/d/e/f')))).toBe('not-found')
    expect(await vfs.stat(virtualPath('/to/d/e/f'))).toMatchObject({ size: 4n })
  })

  test('through links in the directory part both ways', async () => {
    box.plantHome({ 'a/f': 'text', 'b/': '', la: { link: '/a' }, lb: { link: 'b' } })
    const vfs = await box.open()
    await vfs.rename(virtualPath('/la/f'), virtualPath('/lb/g'), { replace: false })
    expect(box.text('/b/g')).toBe('text')
  })
})
