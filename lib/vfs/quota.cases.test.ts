import fs from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { virtualPath } from '../../protocol/filesystem.ts'
import type { OpenFlags } from '../../protocol/filesystem.ts'
import { MODES, QuotaWorld } from './quota.test.support.ts'
import type { LocalFileSystem } from './local-filesystem.ts'
import { bytes, flags, outcome, useSandbox } from './sandbox.test.support.ts'

const box = useSandbox()
const path = virtualPath

/** A home with three names of two files: 1,000 bytes and 10 bytes. */
const PLANTED = { size: 1010, files: 2 }
const LIMITS = { size: 3000, files: 4 }

function plant(): void {
  box.plantHome({ big: 'x'.repeat(1000), small: 'y'.repeat(10), 'd/': '', link: { link: 'big' } })
  fs.linkSync(box.host('/small'), box.host('/d/twin'))
}

interface Case {
  what: string
  run(vfs: LocalFileSystem, other: LocalFileSystem): Promise<unknown>
  /** Bytes and files afterwards, where nothing is refused; by upload_mode where they differ. */
  left: [number, number] | Record<0 | 1 | 2, [number, number]>
  refused?: boolean
}

async function write(
  vfs: LocalFileSystem,
  name: string,
  how: readonly (keyof OpenFlags)[],
  writes: readonly [offset: number, count: number][],
  end: 'close' | 'abort' = 'close',
): Promise<void> {
  const file = await vfs.open(path(name), flags('write', ...how), {})
  let failure: unknown
  for (const [offset, count] of writes) {
    await file.write([Buffer.alloc(count, 'z')], offset).catch((error: unknown) => {
      failure ??= error
    })
  }
  await file[end]().catch((error: unknown) => {
    failure ??= error
  })
  if (failure !== undefined) throw failure
}

const CASES: Case[] = [
  { what: 'a new file', run: (vfs) => write(vfs, '/new', ['create'], [[0, 500]]), left: [1510, 3] },
  { what: 'an empty file', run: (vfs) => write(vfs, '/new', ['create'], []), left: [1010, 3] },
  {
    what: 'a new file, its client lost',
    run: (vfs) => write(vfs, '/new', ['create'], [[0, 500]], 'abort'),
    left: { 0: [1510, 3], 1: [1010, 2], 2: [1510, 3] },
  },
  { what: 'overwrite with less', run: (vfs) => write(vfs, '/big', ['truncate'], [[0, 100]]), left: [110, 2] },
  { what: 'overwrite with more', run: (vfs) => write(vfs, '/big', ['truncate'], [[0, 2990]]), left: [3000, 2] },
  {
    what: 'overwrite with as much as the whole quota, which only fits because the old file goes',
    run: (vfs) =>
      write(
        vfs,
        '/big',
        ['create', 'truncate'],
        [
          [0, 2000],
          [2000, 990],
        ],
      ),
    left: [3000, 2],
  },
  {
    what: 'overwrite, its client lost',
    run: (vfs) => write(vfs, '/big', ['truncate'], [[0, 100]], 'abort'),
    left: { 0: [110, 2], 1: [1010, 2], 2: [1010, 2] },
  },
  {
    what: 'append',
    run: (vfs) =>
      write(
        vfs,
        '/big',
        ['append'],
        [
          [0, 5],
          [0, 5],
        ],
      ),
    left: [1020, 2],
  },
  { what: 'resume at the end', run: (vfs) => write(vfs, '/big', [], [[1000, 500]]), left: [1510, 2] },
  {
    what: 'resume, its client lost',
    run: (vfs) => write(vfs, '/big', [], [[1000, 500]], 'abort'),
    left: { 0: [1510, 2], 1: [1010, 2], 2: [1510, 2] },
  },
  { what: 'edit in the middle', run: (vfs) => write(vfs, '/big', [], [[10, 500]]), left: [1010, 2] },
  {
    what: 'the same bytes twice',
    run: (vfs) =>
      write(
        vfs,
        '/new',
        ['create'],
        [
          [0, 100],
          [0, 100],
        ],
      ),
    left: [1110, 3],
  },
  { what: 'a sparse file', run: (vfs) => write(vfs, '/new', ['create'], [[1500, 1]]), left: [2511, 3] },
  {
    what: 'truncate shorter by name',
    run: (vfs) => vfs.setstat(path('/big'), { size: 1n }),
    left: [11, 2],
  },
  { what: 'truncate longer by name', run: (vfs) => vfs.setstat(path('/link'), { size: 2000n }), left: [2010, 2] },
  {
    what: 'truncate an open file',
    run: async (vfs) => {
      const file = await vfs.open(path('/new'), flags('write', 'create'), {})
      await file.setstat({ size: 1000n })
      await file.setstat({ size: 7n })
      await file.close()
    },
    left: [1017, 3],
  },
  {
    what: 'copy within the account',
    run: async (vfs) => {
      const source = await vfs.open(path('/big'), flags('read'), {})
      const buffer = Buffer.alloc(1000)
      await source.read([buffer], 0)
      await source.close()
      const copy = await vfs.open(path('/copy'), flags('write', 'create'), {})
      await copy.write([buffer], 0)
      await copy.close()
    },
    left: [2010, 3],
  },
  { what: 'a further name for a file', run: (vfs) => vfs.hardlink(path('/big'), path('/d/big')), left: [1010, 2] },
  { what: 'remove one of two names', run: (vfs) => vfs.remove(path('/small')), left: [1010, 2] },
  {
    what: 'remove both names',
    run: async (vfs) => {
      await vfs.remove(path('/small'))
      await vfs.remove(path('/d/twin'))
    },
    left: [1000, 1],
  },
  { what: 'remove a file', run: (vfs) => vfs.remove(path('/big')), left: [10, 1] },
  { what: 'remove a link', run: (vfs) => vfs.remove(path('/link')), left: [1010, 2] },
  { what: 'rename', run: (vfs) => vfs.rename(path('/big'), path('/d/big'), { replace: false }), left: [1010, 2] },
  {
    what: 'rename over a file',
    run: (vfs) => vfs.rename(path('/small'), path('/big'), { replace: true }),
    left: [10, 1],
  },
  {
    what: 'rename over another name of the same file',
    run: (vfs) => vfs.rename(path('/small'), path('/d/twin'), { replace: true }),
    left: [1010, 2],
  },
  {
    what: 'rename over one of two names',
    run: (vfs) => vfs.rename(path('/big'), path('/small'), { replace: true }),
    left: [1010, 2],
  },
  {
    what: 'remove a file that somebody else writes',
    run: async (vfs, other) => {
      const file = await vfs.open(path('/big'), flags('write'), {})
      await file.write([bytes('more')], 1000)
      await other.remove(path('/big'))
      await file.write([bytes('more')], 1004)
      await file.close()
    },
    left: { 0: [10, 1], 1: [1018, 2], 2: [1018, 2] },
  },
  {
    what: 'two uploads of one name',
    run: async (vfs, other) => {
      const one = await vfs.open(path('/new'), flags('write', 'create', 'truncate'), {})
      const two = await other.open(path('/new'), flags('write', 'create', 'truncate'), {})
      await one.write([Buffer.alloc(100)], 0)
      await two.write([Buffer.alloc(50)], 0)
      await one.close()
      await two.close()
    },
    left: { 0: [1110, 3], 1: [1060, 3], 2: [1060, 3] },
  },
  { what: 'directories and links', run: (vfs) => vfs.mkdir(path('/e'), {}), left: [1010, 2] },
  {
    what: 'a write that would pass the size',
    run: (vfs) =>
      write(
        vfs,
        '/new',
        ['create'],
        [
          [0, 1990],
          [1990, 1],
        ],
      ),
    left: { 0: [3000, 3], 1: [1010, 2], 2: [3000, 3] },
    refused: true,
  },
  {
    what: 'a file too many',
    run: async (vfs) => {
      await write(vfs, '/new1', ['create'], [])
      await write(vfs, '/new2', ['create'], [])
      await write(vfs, '/new3', ['create'], [])
    },
    left: [1010, 4],
    refused: true,
  },
  {
    what: 'overwrite at the limit of files',
    run: async (vfs) => {
      await write(vfs, '/new1', ['create'], [])
      await write(vfs, '/new2', ['create'], [])
      await write(vfs, '/new2', ['create', 'truncate'], [[0, 1]])
    },
    left: [1011, 4],
  },
  {
    what: 'truncate longer than the quota',
    run: (vfs) => vfs.setstat(path('/big'), { size: 3001n }),
    left: [1010, 2],
    refused: true,
  },
]

const rows: string[] = []

test.each(CASES.flatMap((one) => MODES.map((mode) => ({ ...one, mode }))))(
  'upload_mode $mode: $what',
  async ({ what, run, left, refused = false, mode }) => {
    plant()
    const world = await new QuotaWorld(box).begin(LIMITS)
    expect(await world.stored()).toEqual(PLANTED)
    const result = await outcome(run(await world.session(mode), await world.session(mode)))
    const [size, files] = Array.isArray(left) ? left : left[mode]
    expect([result, await world.stored(), await world.onDisk()]).toEqual([
      refused ? 'quota' : 'done',
      { size, files },
      { size, files },
    ])
    rows[CASES.findIndex((one) => one.what === what)] ??= row(what, left, refused)
    await world.end()
    expect([...world.inFlight]).toEqual([])
  },
)

function row(what: string, left: Case['left'], refused: boolean): string {
  const shown = ([size, files]: [number, number]): string => `${size} bytes, ${files} files`
  const cells = Array.isArray(left) ? MODES.map(() => shown(left)) : MODES.map((mode) => shown(left[mode]))
  return `| ${[refused ? `${what} (refused)` : what, ...cells].join(' | ')} |`
}

const DOCUMENT = new URL('QUOTA.md', import.meta.url)

/** Runs after the cases. */
test('the document shows what was seen (UPDATE_DOCS=1 writes it anew)', async () => {
  expect(Object.keys(rows)).toHaveLength(CASES.length)
  const text = [
    '# What counts against a quota',
    '',
    'A home with a file of 1,000 bytes, and one of 10 bytes that has two names; the quota is 3,000 bytes and 4 files.',
    'What is stored afterwards, by `upload_mode`; a scan of the disk says the same each time. Made by the tests.',
    '',
    '| what happens | 0: straight to its name | 1: when complete | 2: resumable |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(DOCUMENT, text)
  expect(unpadded(await readFile(DOCUMENT, 'utf8'))).toBe(unpadded(text))
})

/** Without what the formatter adds to tables. */
function unpadded(text: string): string {
  return text.replace(/ *\| */g, '|').replace(/-+/g, '-')
}

test('50 uploads at once never end above the quota', async () => {
  const world = await new QuotaWorld(box).begin({ size: 10_000, files: 20 })
  for (const mode of MODES) {
    const sessions = [await world.session(mode), await world.session(mode), await world.session(mode)]
    const results = await Promise.all(
      Array.from({ length: 50 }, async (_, n) => {
        const vfs = sessions[n % 3] as LocalFileSystem
        return outcome(
          write(
            vfs,
            `/${mode}-${n}`,
            ['create'],
            [
              [0, 300],
              [300, 300],
              [600, 300],
            ],
          ),
        )
      }),
    )
    expect(results.filter((result) => result === 'quota').length).toBeGreaterThan(0)
    const use = await world.stored()
    expect(use).toEqual(await world.onDisk())
    expect(use.size).toBeLessThanOrEqual(10_000)
    expect(use.files).toBeLessThanOrEqual(20)
  }
  await world.end()
})

test('uploads over one file at once end as that one file', async () => {
  const world = await new QuotaWorld(box).begin({ size: 1000, files: 1 })
  box.plantHome({ f: 'x'.repeat(900) })
  await world.provider.resetUse('bob', await world.onDisk(), 0)
  const vfs = await world.session(1)
  const how = ['create', 'truncate'] as const
  const results = await Promise.all(Array.from({ length: 20 }, () => outcome(write(vfs, '/f', how, [[0, 900]]))))
  expect(results).toEqual(Array(20).fill('done'))
  expect(await world.stored()).toEqual({ size: 900, files: 1 })
  await world.end()
})

test('where nothing is counted nothing is stored', async () => {
  const world = await new QuotaWorld(box).begin()
  world.limits = undefined
  const vfs = await world.session(0)
  await write(vfs, '/f', ['create'], [[0, 100]])
  await vfs.setstat(path('/f'), { size: 5n })
  await vfs.remove(path('/f'))
  await write(vfs, '/g', ['create'], [[0, 100]])
  expect(await world.stored()).toEqual({ size: 0, files: 0 })
  await world.end()
})

test('a quota that is lowered below what is used refuses growth and nothing else', async () => {
  box.plantHome({ f: 'x'.repeat(100) })
  const world = await new QuotaWorld(box).begin({ size: 50, files: 1 })
  const vfs = await world.session(0)
  expect(await outcome(write(vfs, '/f', [], [[0, 100]]))).toBe('done')
  expect(await outcome(write(vfs, '/f', [], [[100, 1]]))).toBe('quota')
  expect(await outcome(vfs.setstat(path('/f'), { size: 60n }))).toBe('done')
  expect(await outcome(vfs.rename(path('/f'), path('/g'), { replace: false }))).toBe('done')
  expect(await outcome(vfs.remove(path('/g')))).toBe('done')
  expect(await world.stored()).toEqual({ size: 0, files: 0 })
  await world.end()
})
