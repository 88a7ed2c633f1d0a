import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { FsError, virtualPath } from '../../protocol/filesystem.ts'
import { Confinement } from './confinement.ts'
import type { Place } from './confinement.ts'
import { errnoOf, fsError } from './errno.ts'
import { watchedStorage } from './faulty-storage.test.support.ts'
import { bytes, openDescriptors, useSandbox } from './sandbox.test.support.ts'
import type { Tree } from './sandbox.test.support.ts'
import { nodeStorage } from './storage.ts'

const box = useSandbox()
const opened: Confinement[] = []

afterEach(() => {
  for (const confinement of opened.splice(0)) confinement.close()
})

async function open(home = box.home, storage = nodeStorage): Promise<Confinement> {
  const confinement = await Confinement.open(storage, home)
  opened.push(confinement)
  return confinement
}

/** The path found, or the kind of the error; the place must name the same file as that path of the home. */
async function found(finding: Promise<Place>, home = box.home): Promise<string> {
  let place: Place
  try {
    place = await finding
  } catch (error) {
    return fsError(error).kind
  }
  expect(inode(place.at)).toEqual(inode(home + place.path))
  expect(place.isRoot).toBe(place.path === '/')
  place.release()
  return place.path
}

function inode(path: string): string {
  try {
    const { dev, ino } = fs.lstatSync(bytes(path))
    return `${dev}:${ino}`
  } catch (error) {
    return String(errnoOf(error))
  }
}

interface Case {
  rule: string
  path: string
  tree?: Tree
  /** Of the name itself: a path or the kind of an error. */
  place: string
  /** With all links followed. */
  followed: string
}

const chain = (length: number): Tree =>
  Object.fromEntries(
    Array.from({ length }, (_, index) => [`l${index}`, { link: index === length - 1 ? 'f' : `l${index + 1}` }]),
  )

const CASES: Case[] = [
  { rule: 'the root', path: '/', place: '/', followed: '/' },
  { rule: 'a file', path: '/f', place: '/f', followed: '/f' },
  { rule: 'a file in a directory', path: '/a/b/f', place: '/a/b/f', followed: '/a/b/f' },
  { rule: 'a missing file', path: '/a/none', place: '/a/none', followed: '/a/none' },
  { rule: 'a missing directory', path: '/none/f', place: 'not-found', followed: 'not-found' },
  { rule: 'a file taken for a directory', path: '/f/x', place: 'not-found', followed: 'not-found' },

  { rule: 'a relative link', tree: { l: { link: 'a/f' } }, path: '/l', place: '/l', followed: '/a/f' },
  {
    rule: 'an absolute link is from the root',
    tree: { l: { link: '/a/f' } },
    path: '/l',
    place: '/l',
    followed: '/a/f',
  },
  {
    rule: 'a relative link on the way',
    tree: { l: { link: 'a/b' } },
    path: '/l/f',
    place: '/a/b/f',
    followed: '/a/b/f',
  },
  {
    rule: 'an absolute link on the way',
    tree: { l: { link: '/a/b' } },
    path: '/l/f',
    place: '/a/b/f',
    followed: '/a/b/f',
  },
  {
    rule: 'a link on the way of which a part is missing',
    tree: { l: { link: '/a' } },
    path: '/l/x/f',
    place: 'not-found',
    followed: 'not-found',
  },
  {
    rule: 'a link to a file on the way',
    tree: { l: { link: 'f' } },
    path: '/l/x',
    place: 'not-found',
    followed: 'not-found',
  },
  { rule: 'a link with a slash behind', tree: { l: { link: '/a/' } }, path: '/l', place: '/l', followed: '/a' },
  {
    rule: 'a link with empty and dot components',
    tree: { l: { link: './/a/.//./f' } },
    path: '/l',
    place: '/l',
    followed: '/a/f',
  },

  {
    rule: 'a link to the inside by its host path',
    tree: { l: { link: '{home}/a/f' } },
    path: '/l',
    place: '/l',
    followed: '/a/f',
  },
  {
    rule: 'a link to a directory by its host path',
    tree: { l: { link: '{home}/a' } },
    path: '/l/f',
    place: '/a/f',
    followed: '/a/f',
  },
  {
    rule: 'a link to the home by its host path',
    tree: { l: { link: '{home}' } },
    path: '/l',
    place: '/l',
    followed: '/',
  },
  {
    rule: 'a link to the home with a slash behind',
    tree: { l: { link: '{home}/' } },
    path: '/l/f',
    place: '/f',
    followed: '/f',
  },
  {
    rule: 'a link by its host path that climbs out again',
    tree: { l: { link: '{home}/../outside' } },
    path: '/l/secret',
    place: 'not-found',
    followed: 'not-found',
  },
  {
    rule: 'a relative link that leaves and returns',
    tree: { l: { link: '../bob/f' } },
    path: '/l',
    place: '/l',
    followed: '/f',
  },
  {
    rule: 'a relative link that leaves and returns, deeper',
    tree: { 'a/l': { link: '../../bob/a/b' } },
    path: '/a/l/f',
    place: '/a/b/f',
    followed: '/a/b/f',
  },
  {
    rule: 'a relative link to the home from within',
    tree: { 'a/l': { link: '../../bob' } },
    path: '/a/l',
    place: '/a/l',
    followed: '/',
  },

  { rule: 'a dangling link', tree: { l: { link: 'a/none' } }, path: '/l', place: '/l', followed: '/a/none' },
  { rule: 'a dangling absolute link', tree: { l: { link: '/a/none' } }, path: '/l', place: '/l', followed: '/a/none' },
  {
    rule: 'a link into a missing directory',
    tree: { l: { link: 'none/f' } },
    path: '/l',
    place: '/l',
    followed: 'not-found',
  },
  {
    rule: 'a dangling link on the way',
    tree: { l: { link: 'none' } },
    path: '/l/f',
    place: 'not-found',
    followed: 'not-found',
  },

  { rule: 'a chain of links', tree: chain(3), path: '/l0', place: '/l0', followed: '/f' },
  { rule: 'a chain of 40 links', tree: chain(40), path: '/l0', place: '/l0', followed: '/f' },
  { rule: 'a chain of 41 links is too long', tree: chain(41), path: '/l0', place: '/l0', followed: 'not-found' },
  { rule: 'a link to itself', tree: { l: { link: 'l' } }, path: '/l', place: '/l', followed: 'not-found' },
  {
    rule: 'a link to itself on the way',
    tree: { l: { link: 'l' } },
    path: '/l/f',
    place: 'not-found',
    followed: 'not-found',
  },
  {
    rule: 'two links that mean each other',
    tree: { l: { link: 'm' }, m: { link: '/l' } },
    path: '/l',
    place: '/l',
    followed: 'not-found',
  },
  {
    rule: 'a link that leads through itself',
    tree: { l: { link: 'l/f' } },
    path: '/l',
    place: '/l',
    followed: 'not-found',
  },

  {
    rule: 'a link through `..`',
    tree: { 'a/b/l': { link: '../../f' } },
    path: '/a/b/l',
    place: '/a/b/l',
    followed: '/f',
  },
  { rule: '`..` within a link', tree: { l: { link: 'a/b/../f' } }, path: '/l', place: '/l', followed: '/a/f' },
  {
    rule: '`..` behind a link is of where that leads',
    tree: { d: { link: '/a/b' }, l: { link: 'd/../f' } },
    path: '/l',
    place: '/l',
    followed: '/a/f',
  },
  { rule: '`..` behind a file', tree: { l: { link: 'f/../a' } }, path: '/l', place: '/l', followed: 'not-found' },
  { rule: '`..` at the end', tree: { l: { link: 'a/b/..' } }, path: '/l', place: '/l', followed: '/a' },
  { rule: '`..` stops at the root', tree: { l: { link: '..' } }, path: '/l', place: '/l', followed: '/' },
  {
    rule: 'many `..` stop at the root',
    tree: { l: { link: '../../../../../a' } },
    path: '/l/f',
    place: '/a/f',
    followed: '/a/f',
  },
  {
    rule: '`..` of an absolute link stops at the root',
    tree: { l: { link: '/../../a/f' } },
    path: '/l',
    place: '/l',
    followed: '/a/f',
  },
  { rule: 'a link to `.`', tree: { 'a/l': { link: '.' } }, path: '/a/l/f', place: '/a/f', followed: '/a/f' },
  { rule: 'a link to the root', tree: { l: { link: '/' } }, path: '/l', place: '/l', followed: '/' },
  {
    rule: 'a link to the root on the way',
    tree: { l: { link: '/' } },
    path: '/l/a/f',
    place: '/a/f',
    followed: '/a/f',
  },

  {
    rule: '[2] a relative link to outside',
    tree: { l: { link: '../outside/secret' } },
    path: '/l',
    place: '/l',
    followed: 'not-found',
  },
  {
    rule: '[2] a relative link to outside on the way',
    tree: { l: { link: '../outside' } },
    path: '/l/secret',
    place: 'not-found',
    followed: 'not-found',
  },
  {
    rule: '[2] a deeper relative link to outside',
    tree: { 'a/b/l': { link: '../../../outside' } },
    path: '/a/b/l/secret',
    place: 'not-found',
    followed: 'not-found',
  },
  {
    rule: '[2] what a link to outside means inside',
    tree: { l: { link: '../outside' }, 'outside/secret': 'inside' },
    path: '/l/secret',
    place: '/outside/secret',
    followed: '/outside/secret',
  },
  {
    rule: '[2] an absolute link to outside',
    tree: { l: { link: '{base}/outside/secret' } },
    path: '/l',
    place: '/l',
    followed: 'not-found',
  },
  {
    rule: '[2] an absolute link to outside on the way',
    tree: { l: { link: '{base}/outside' } },
    path: '/l/secret',
    place: 'not-found',
    followed: 'not-found',
  },
  {
    rule: '[2] a dangling link to outside',
    tree: { l: { link: '../outside/new' } },
    path: '/l',
    place: '/l',
    followed: 'not-found',
  },
  {
    rule: '[2] a chain that ends outside',
    tree: { l: { link: 'm' }, m: { link: '../outside' } },
    path: '/l/secret',
    place: 'not-found',
    followed: 'not-found',
  },
  {
    rule: '[2] the system, by a link',
    tree: { l: { link: '/etc' } },
    path: '/l/passwd',
    place: 'not-found',
    followed: 'not-found',
  },
  {
    rule: "[2] the kernel's own links",
    tree: { l: { link: '/proc/self/root' } },
    path: '/l/etc',
    place: 'not-found',
    followed: 'not-found',
  },
  {
    rule: "[2] the kernel's own links, relative",
    tree: { l: { link: '../../../../../proc/self/cwd' } },
    path: '/l/x',
    place: 'not-found',
    followed: 'not-found',
  },

  {
    rule: '[1] a sibling whose name begins alike',
    tree: { l: { link: '../bobby' } },
    path: '/l/secret',
    place: 'not-found',
    followed: 'not-found',
  },
  {
    rule: '[1] such a sibling by its host path',
    tree: { l: { link: '{home}by/secret' } },
    path: '/l',
    place: '/l',
    followed: 'not-found',
  },

  // What lies outside must not change what is found inside: else its existence could be probed.
  {
    rule: '[13] a way through an existing outside',
    tree: { l: { link: '../outside/../bob/a' } },
    path: '/l/f',
    place: '/a/f',
    followed: '/a/f',
  },
  {
    rule: '[13] a way through a missing outside',
    tree: { l: { link: '../missing/../bob/a' } },
    path: '/l/f',
    place: '/a/f',
    followed: '/a/f',
  },
  {
    rule: '[13] an absolute way through an existing outside',
    tree: { l: { link: '{base}/outside/../bob/a' } },
    path: '/l/f',
    place: 'not-found',
    followed: 'not-found',
  },
  {
    rule: '[13] an absolute way through a missing outside',
    tree: { l: { link: '{base}/missing/../bob/a' } },
    path: '/l/f',
    place: 'not-found',
    followed: 'not-found',
  },
  {
    rule: '[13] a way back by a link outside',
    tree: { l: { link: '../back/a' } },
    path: '/l/f',
    place: 'not-found',
    followed: 'not-found',
  },

  ...['\xff\xfe', '\x01', 'a\nb', 'a b', '\\', ' ', '...', '-rf', '*', 'x (deleted)', 'n'.repeat(255)].flatMap(
    (name): Case[] => [
      {
        rule: 'any name',
        tree: { [`${name}/f`]: 'text' },
        path: `/${name}/f`,
        place: `/${name}/f`,
        followed: `/${name}/f`,
      },
      {
        rule: 'any name behind a link',
        tree: { [`${name}/f`]: 'text', l: { link: name } },
        path: '/l/f',
        place: `/${name}/f`,
        followed: `/${name}/f`,
      },
    ],
  ),
  { rule: 'a name that is too long', path: `/${'n'.repeat(256)}`, place: `/${'n'.repeat(256)}`, followed: 'invalid' },
  { rule: 'a name that is too long on the way', path: `/${'n'.repeat(256)}/f`, place: 'invalid', followed: 'invalid' },
]

describe('a path is found inside or not at all', () => {
  test.each(CASES)('$rule: $path', async ({ tree = {}, path, place, followed }) => {
    box.plant({ 'bob/f': 'root', 'bob/a/f': 'a', 'bob/a/b/f': 'b', back: { link: '{home}' } })
    box.plantHome(tree)
    const outside = box.state(box.outside)
    const confinement = await open()
    const before = openDescriptors()
    // The second time around, directories come from the cache.
    for (let round = 0; round < 2; round++) {
      expect(await found(confinement.place(virtualPath(path)))).toBe(place)
      expect(await found(confinement.followed(virtualPath(path)))).toBe(followed)
    }
    const kept = openDescriptors().length - before.length
    confinement.close()
    expect(kept).toBeLessThanOrEqual(1)
    expect(openDescriptors()).toHaveLength(before.length - 1)
    expect(box.state(box.outside)).toEqual(outside)
  })
})

test('a path as long as a path may be is found; a directory the kernel cannot name is refused', async () => {
  const name = 'd'.repeat(254)
  const depth = 16
  const parts: string[] = []
  let fd = fs.openSync(box.home, 'r')
  for (let level = 0; level < depth; level++) {
    fs.mkdirSync(`/proc/self/fd/${fd}/${name}`)
    const next = fs.openSync(`/proc/self/fd/${fd}/${name}`, 'r')
    fs.closeSync(fd)
    fd = next
    parts.push(name)
  }
  fs.closeSync(fd)
  const confinement = await open()
  const before = openDescriptors()
  const within = virtualPath(`/${parts.slice(0, 15).join('/')}/f`)
  expect(await found(confinement.place(within), box.home)).toBe(within)
  const beyond = virtualPath(`/${parts.join('/')}/f`)
  expect(await found(confinement.place(beyond))).toBe('invalid')
  expect(await found(confinement.followed(beyond))).toBe('invalid')
  expect(openDescriptors().length - before.length).toBeLessThanOrEqual(1)
  // Node's own removal works with whole paths, which are too long.
  fs.renameSync(join(box.home, ...parts.slice(0, 8)), join(box.base, 'half'))
})

describe('the home itself', () => {
  test('may be a symbolic link, and links inside may name it by either path', async () => {
    box.plant({ 'bob/a/f': 'text', alias: { link: 'bob' } })
    box.plantHome({ real: { link: '{home}/a' }, named: { link: '{base}/alias/a' }, itself: { link: '{base}/alias' } })
    const confinement = await open(join(box.base, 'alias'))
    for (const path of ['/a/f', '/real/f', '/named/f', '/itself/a/f']) {
      expect(await found(confinement.place(virtualPath(path)))).toBe('/a/f')
      expect(await found(confinement.followed(virtualPath(path)))).toBe('/a/f')
    }
    expect(await found(confinement.followed(virtualPath('/itself')))).toBe('/')
    expect(confinement.linkTarget(join(box.base, 'alias', 'x'), '/')).toBe('/x')
  })

  test('may be named with slashes behind it', async () => {
    box.plantHome({ 'a/f': 'text', l: { link: '{home}/a' } })
    const confinement = await open(`${box.home}//`)
    expect(await found(confinement.place(virtualPath('/l/f')))).toBe('/a/f')
  })

  test('may be renamed while it is open', async () => {
    box.plantHome({ 'a/f': 'text', l: { link: '/a' }, up: { link: '../../a' } })
    const confinement = await open()
    expect(await found(confinement.place(virtualPath('/a/f')))).toBe('/a/f')
    const moved = join(box.base, 'robert')
    fs.renameSync(box.home, moved)
    box.plant({ 'bob/a/f': 'of somebody else' })
    for (const path of ['/a/f', '/l/f', '/up/f']) {
      expect(await found(confinement.place(virtualPath(path)), moved)).toBe('/a/f')
    }
  })

  test('that was removed holds nothing, even when another one takes its name', async () => {
    const confinement = await open()
    fs.rmdirSync(box.home)
    for (let round = 0; round < 2; round++) {
      expect(await found(confinement.place(virtualPath('/a/f')))).toBe('not-found')
      const place = await confinement.place(virtualPath('/new'))
      expect(() => fs.mkdirSync(place.at)).toThrow(expect.objectContaining({ code: 'ENOENT' }))
      place.release()
      box.plant({ 'bob/a/f': 'of somebody else' })
    }
  })

  test.each([
    { rule: 'missing', home: 'none', code: 'ENOENT' },
    { rule: 'a file', home: 'bobby/secret', code: 'ENOTDIR' },
  ])('cannot be $rule', async ({ home, code }) => {
    await expect(open(join(box.base, home))).rejects.toMatchObject({ code })
  })

  test("can be the host's root", async () => {
    box.plantHome({ 'a/f': 'text', l: { link: '{home}/a' } })
    const confinement = await open('/')
    expect(await found(confinement.place(virtualPath(`${box.home}/l/f`)), '')).toBe(`${box.home}/a/f`)
    expect(confinement.linkTarget('../../../x', '/a')).toBe('/x')
  })
})

describe('a directory kept open is never used for a name it lost', () => {
  /** Home with /a/f, which was looked up, so that the directory is kept. */
  async function kept(): Promise<Confinement> {
    box.plantHome({ 'a/f': 'old' })
    const confinement = await open()
    expect(await found(confinement.place(virtualPath('/a/f')))).toBe('/a/f')
    expect(openDescriptors()).toContain(`${box.home}/a`)
    return confinement
  }

  test('renamed', async () => {
    const confinement = await kept()
    fs.renameSync(box.host('/a'), box.host('/b'))
    expect(await found(confinement.place(virtualPath('/a/f')))).toBe('not-found')
    expect(await found(confinement.place(virtualPath('/b/f')))).toBe('/b/f')
  })

  test('renamed, and another one in its place', async () => {
    const confinement = await kept()
    fs.renameSync(box.host('/a'), box.host('/b'))
    box.plantHome({ 'a/f': 'new' })
    expect(await found(confinement.place(virtualPath('/a/f')))).toBe('/a/f')
  })

  test('removed', async () => {
    const confinement = await kept()
    fs.rmSync(box.host('/a'), { recursive: true })
    expect(await found(confinement.place(virtualPath('/a/f')))).toBe('not-found')
  })

  test('removed and made again', async () => {
    const confinement = await kept()
    fs.rmSync(box.host('/a'), { recursive: true })
    box.plantHome({ 'a/f': 'new' })
    expect(await found(confinement.place(virtualPath('/a/f')))).toBe('/a/f')
  })

  test.each(['../outside', '{base}/outside', '../bobby'])('[2] replaced by a link to %s', async (target) => {
    const confinement = await kept()
    fs.renameSync(box.host('/a'), box.host('/b'))
    box.plantHome({ a: { link: target } })
    expect(await found(confinement.place(virtualPath('/a/secret')))).toBe('not-found')
  })

  test('replaced by a link to where it is now', async () => {
    const confinement = await kept()
    fs.renameSync(box.host('/a'), box.host('/b'))
    box.plantHome({ a: { link: 'b' } })
    expect(await found(confinement.place(virtualPath('/a/f')))).toBe('/b/f')
  })

  test('[2] moved out of the home', async () => {
    const confinement = await kept()
    fs.renameSync(box.host('/a'), join(box.outside, 'a'))
    expect(await found(confinement.place(virtualPath('/a/f')))).toBe('not-found')
    box.plantHome({ 'a/f': 'new' })
    expect(await found(confinement.place(virtualPath('/a/f')))).toBe('/a/f')
  })

  test('below one that is renamed', async () => {
    box.plantHome({ 'a/b/f': 'old' })
    const confinement = await open()
    expect(await found(confinement.place(virtualPath('/a/b/f')))).toBe('/a/b/f')
    fs.renameSync(box.host('/a'), box.host('/z'))
    box.plantHome({ 'a/b/f': 'new' })
    expect(await found(confinement.place(virtualPath('/a/b/f')))).toBe('/a/b/f')
  })

  test("whose name looks like the kernel's mark of a removed one", async () => {
    box.plantHome({ 'x (deleted)/f': 'old' })
    const confinement = await open()
    expect(await found(confinement.place(virtualPath('/x (deleted)/f')))).toBe('/x (deleted)/f')
    fs.renameSync(box.host('/x (deleted)'), box.host('/x'))
    fs.rmSync(box.host('/x'), { recursive: true })
    box.plantHome({ 'x (deleted)/f': 'new' })
    expect(await found(confinement.place(virtualPath('/x (deleted)/f')))).toBe('/x (deleted)/f')
  })
})

test('[2] a directory moved out of the home during the walk is refused', async () => {
  box.plantHome({ 'a/b/f': 'text', l: { link: 'a' } })
  let moved = false
  const storage = watchedStorage((call, [path]) => {
    if (call !== 'open' || !String(path).endsWith('/b')) return
    moved = true
    fs.renameSync(box.host('/a'), join(box.outside, 'a'))
  })
  const confinement = await open(box.home, storage)
  expect(await found(confinement.place(virtualPath('/l/b/f')))).toBe('not-found')
  expect(moved).toBe(true)
})

test('[2] a directory that becomes a link to outside during the walk is not followed', async () => {
  box.plantHome({ 'a/b/secret': 'inside', l: { link: 'a' } })
  let swapped = false
  const storage = watchedStorage((call, [path]) => {
    expect(swapped).toBe(false)
    if (call !== 'open' || !/fd\/\d+\/b$/.test(String(path))) return
    swapped = true
    fs.renameSync(box.host('/a/b'), box.host('/a/c'))
    fs.symlinkSync(box.outside, box.host('/a/b'))
  })
  const confinement = await open(box.home, storage)
  expect(await found(confinement.followed(virtualPath('/l/b/secret')))).toBe('not-found')
  expect(swapped).toBe(true)
})

test('[2] a directory moved out of the home just after it was entered is refused', async () => {
  box.plantHome({ 'a/b/f': 'text', l: { link: 'a' } })
  const confinement = await open(
    box.home,
    watchedStorage((call, [path]) => {
      // Entered through its descriptor: looking for the link `f` is the next thing that happens in it.
      if (call === 'readlink' && String(path).endsWith('/f')) {
        fs.renameSync(box.host('/a/b'), join(box.outside, 'b'))
      }
    }),
  )
  expect(await found(confinement.followed(virtualPath('/l/b/f')))).toBe('permission')
})

test('[2] `..` of a directory that was moved out of the home is refused', async () => {
  box.plantHome({ 'a/b/f': 'text', l: { link: 'a/b/../../f' } })
  const confinement = await open(
    box.home,
    watchedStorage((call, [path]) => {
      if (call === 'open' && String(path).endsWith('/..') && fs.existsSync(box.host('/a/b'))) {
        fs.renameSync(box.host('/a/b'), join(box.outside, 'b'))
      }
    }),
  )
  expect(await found(confinement.followed(virtualPath('/l')))).toBe('permission')
})

test('a place stays in its directory whatever happens to the names above', async () => {
  box.plantHome({ 'a/f': 'mine' })
  const confinement = await open()
  const place = await confinement.place(virtualPath('/a/f'))
  fs.renameSync(box.host('/a'), box.host('/b'))
  box.plantHome({ a: { link: '../outside' } })
  expect(fs.readFileSync(place.at, 'utf8')).toBe('mine')
  place.release()
})

describe('descriptors', () => {
  test('a place is released once, however often it is asked', async () => {
    box.plantHome({ 'a/f': 'text' })
    const confinement = await open()
    const first = await confinement.place(virtualPath('/a/f'))
    const second = await confinement.place(virtualPath('/a/f'))
    for (let times = 0; times < 3; times++) first.release()
    expect(fs.readFileSync(second.at, 'utf8')).toBe('text')
    second.release()
    expect(fs.readFileSync(second.at, 'utf8'), 'still kept for the next request').toBe('text')
  })

  test('few directories are kept, and those in use outlive it', async () => {
    const count = 30
    for (let index = 0; index < count; index++) box.plantHome({ [`d${index}/f`]: `text ${index}` })
    const confinement = await open()
    const before = openDescriptors().length
    const places: Place[] = []
    for (let index = 0; index < count; index++) places.push(await confinement.place(virtualPath(`/d${index}/f`)))
    for (const [index, place] of places.entries()) expect(fs.readFileSync(place.at, 'utf8')).toBe(`text ${index}`)
    for (const place of places) place.release()
    expect(openDescriptors().length - before).toBe(8)
    expect(await found(confinement.place(virtualPath('/d29/f')))).toBe('/d29/f')
    expect(openDescriptors().length - before).toBe(8)
    confinement.close()
    expect(openDescriptors().length - before).toBe(-1)
  })

  test('one directory asked for by many at once is kept once', async () => {
    box.plantHome({ 'a/f': 'text' })
    const confinement = await open()
    const before = openDescriptors().length
    const places = await Promise.all(Array.from({ length: 50 }, () => confinement.place(virtualPath('/a/f'))))
    for (const place of places) place.release()
    expect(openDescriptors().length - before).toBe(1)
  })

  test('closed while a walk is under way: it ends as it would have, and nothing stays open', async () => {
    box.plantHome({ 'a/b/f': 'text', l: { link: 'a' } })
    const before = openDescriptors()
    const confinement = await open()
    const walks = ['/a/b/f', '/l/b/f', '/f'].map((path) => confinement.place(virtualPath(path)))
    confinement.close()
    confinement.close()
    for (const place of await Promise.all(walks)) {
      expect(fs.existsSync(place.at)).toBe(place.path !== '/f')
      place.release()
    }
    expect(openDescriptors()).toEqual(before)
    await expect(confinement.place(virtualPath('/'))).rejects.toThrow(FsError)
    await expect(confinement.followed(virtualPath('/'))).rejects.toThrow(FsError)
  })
})

describe('what a link means to the account', () => {
  test.each([
    { text: 'a/b', directory: '/', means: 'a/b' },
    { text: '../b', directory: '/a', means: '../b' },
    { text: '../b', directory: '/', means: '/b' },
    { text: '../../b', directory: '/a', means: '/b' },
    { text: 'x/../../b', directory: '/', means: '/b' },
    { text: '..', directory: '/', means: '/' },
    { text: '/etc/passwd', directory: '/a', means: '/etc/passwd' },
    { text: '{home}', directory: '/', means: '/' },
    { text: '{home}/', directory: '/', means: '/' },
    { text: '{home}/a/b', directory: '/', means: '/a/b' },
    { text: '{home}by/x', directory: '/', means: '{home}by/x' },
    { text: '../bob/a', directory: '/', means: '/a' },
    { text: '../../bob', directory: '/a', means: '/' },
    { text: '../bobby/secret', directory: '/', means: '/bobby/secret' },
  ])('$text in $directory', async ({ text, directory, means }) => {
    const confinement = await open()
    expect(confinement.linkTarget(box.expand(text), directory)).toBe(box.expand(means))
  })
})
