import fs from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { bytes, useSandbox } from './sandbox.test.support.ts'
import { memoryStorage, nodeStorage } from './storage.ts'

const box = useSandbox()
afterEach(() => vi.restoreAllMocks())

const { O_RDWR, O_CREAT, O_APPEND } = fs.constants

type Done = (error: NodeJS.ErrnoException | null, count?: number) => void

/** Lets the kernel take and give only as many bytes a call as `sizes` say, in turn. @returns the calls made. */
function shortened(sizes: readonly number[]): { calls: number } {
  const seen = { calls: 0 }
  const next = (): number => sizes[seen.calls++ % sizes.length] as number
  const { read, write } = fs
  vi.spyOn(fs, 'read').mockImplementation(((
    fd: number,
    target: Buffer,
    start: number,
    length: number,
    at: number,
    done: Done,
  ) => read(fd, target, start, Math.min(length, next()), at, done)) as typeof fs.read)
  vi.spyOn(fs, 'write').mockImplementation(((
    fd: number,
    chunk: Buffer,
    start: number,
    length: number,
    at: number | null,
    done: Done,
  ) => write(fd, chunk, start, Math.min(length, next()), at, done)) as unknown as typeof fs.write)
  vi.spyOn(fs, 'writev').mockImplementation(((fd: number, chunks: Buffer[], at: number | null, done: Done) => {
    const all = Buffer.concat(chunks)
    write(fd, all, 0, Math.min(all.length, next()), at, done)
  }) as unknown as typeof fs.writev)
  return seen
}

async function using<T>(flags: number, use: (fd: number) => Promise<T>): Promise<T> {
  const fd = await nodeStorage.open(join(box.home, 'f'), flags)
  try {
    return await use(fd)
  } finally {
    await nodeStorage.close(fd)
  }
}

const SIZES = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
const CHUNKS = fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 8 })
const buffers = (chunks: readonly Uint8Array[]): Buffer[] => chunks.map((chunk) => Buffer.from(chunk))

describe('a disk that takes only a part', () => {
  test('is asked again for the rest, at its place', async () => {
    await fc.assert(
      fc.asyncProperty(SIZES, CHUNKS, fc.nat(20), async (sizes, chunks, position) => {
        fs.rmSync(join(box.home, 'f'), { force: true })
        shortened(sizes)
        await using(O_RDWR | O_CREAT, (fd) => nodeStorage.write(fd, buffers(chunks), position))
        vi.restoreAllMocks()
        const data = Buffer.concat(chunks)
        const expected = data.length === 0 ? data : Buffer.concat([Buffer.alloc(position), data])
        expect(fs.readFileSync(join(box.home, 'f'))).toEqual(expected)
      }),
      { numRuns: 100 },
    )
  })

  test('is asked again for the rest, at the end of a file that is appended to', async () => {
    await fc.assert(
      fc.asyncProperty(SIZES, CHUNKS, async (sizes, chunks) => {
        fs.writeFileSync(join(box.home, 'f'), 'before')
        shortened(sizes)
        await using(O_RDWR | O_APPEND, (fd) => nodeStorage.write(fd, buffers(chunks), null))
        vi.restoreAllMocks()
        expect(fs.readFileSync(join(box.home, 'f'))).toEqual(Buffer.concat([bytes('before'), ...chunks]))
      }),
      { numRuns: 50 },
    )
  })

  test('does not change the chunks of the caller', async () => {
    const chunks = [bytes('abc'), bytes('def')]
    const given = [...chunks]
    shortened([2])
    await using(O_RDWR | O_CREAT, (fd) => nodeStorage.write(fd, given, 0))
    expect(given).toEqual(chunks)
    expect(given.map(String)).toEqual(['abc', 'def'])
  })

  test('that takes nothing and says no error fails instead of being asked for ever', async () => {
    vi.spyOn(fs, 'write').mockImplementation((...args: unknown[]) => (args.at(-1) as Done)(null, 0))
    await using(O_RDWR | O_CREAT, (fd) =>
      expect(nodeStorage.write(fd, [bytes('abc')], 0)).rejects.toMatchObject({ code: 'EIO' }),
    )
  })

  test('whose error comes in between fails, and the part stays', async () => {
    const { write } = fs
    let calls = 0
    vi.spyOn(fs, 'write').mockImplementation(((
      fd: number,
      chunk: Buffer,
      start: number,
      _length: number,
      at: number,
      done: Done,
    ) =>
      calls++ === 0
        ? write(fd, chunk, start, 2, at, done)
        : done(Object.assign(new Error('full'), { code: 'ENOSPC' }))) as typeof fs.write)
    await using(O_RDWR | O_CREAT, (fd) =>
      expect(nodeStorage.write(fd, [bytes('abc')], 0)).rejects.toMatchObject({ code: 'ENOSPC' }),
    )
    expect(box.text('/f')).toBe('ab')
  })
})

describe('a disk that gives only a part', () => {
  test('is asked again until the target is full or the file ends', async () => {
    const text = '0123456789'
    box.plantHome({ f: text })
    await fc.assert(
      fc.asyncProperty(SIZES, fc.nat(14), fc.nat(14), async (sizes, position, length) => {
        shortened(sizes)
        const target = Buffer.alloc(length, '.')
        const count = await using(O_RDWR, (fd) => nodeStorage.read(fd, [target], position))
        vi.restoreAllMocks()
        const expected = text.slice(position, position + length)
        expect(count).toBe(expected.length)
        expect(target.toString()).toBe(expected.padEnd(length, '.'))
      }),
      { numRuns: 100 },
    )
  })

  test('is asked no more than it takes', async () => {
    box.plantHome({ f: '0123456789' })
    const seen = shortened([100])
    await using(O_RDWR, (fd) => nodeStorage.read(fd, [Buffer.alloc(10)], 0))
    expect(seen.calls).toBe(1)
  })
})

describe.each([
  ['through the thread pool', nodeStorage],
  ['there and then', memoryStorage],
])('%s', (_how, storage) => {
  test('paths and names are bytes', async () => {
    const name = 'caf\xe9 \xff\x01'
    const path = join(box.home, name)
    await storage.mkdir(path, 0o700)
    await storage.symlink(name, `${path}/l\xff`)
    expect(fs.readdirSync(box.home, 'latin1')).toEqual([name])
    expect(await storage.readlink(`${path}/l\xff`)).toBe(name)
    expect(storage.readlinkSync(`${path}/l\xff`)).toBe(name)
    const directory = await storage.opendir(path)
    expect(await directory.read(1)).toEqual(['l\xff'])
    expect(await directory.read(1)).toEqual([])
    await directory.close()
    await storage.rename(`${path}/l\xff`, `${path}/m\xfe`)
    await storage.unlink(`${path}/m\xfe`)
    await storage.rmdir(path)
  })

  test('what fails rejects with the name of the errno, and never throws at once', async () => {
    const none = join(box.home, 'none')
    const failing = [
      storage.open(none, 0),
      storage.lstat(none),
      storage.truncate(none, 0),
      storage.chmod(none, 0),
      storage.chown(none, -1, -1),
      storage.lchown(none, -1, -1),
      storage.utimes(none, 0, 0),
      storage.lutimes(none, 0, 0),
      storage.rmdir(none),
      storage.unlink(none),
      storage.rename(none, none),
      storage.link(none, none),
      storage.symlink('', none),
      storage.readlink(none),
      storage.opendir(none),
      storage.statfs(none),
      storage.mkdir(`${none}/x`, 0o700),
    ]
    const codes = failing.map((work) =>
      work.then(
        () => 'done',
        (error: NodeJS.ErrnoException) => error.code,
      ),
    )
    expect(await Promise.all(codes)).toEqual(failing.map(() => 'ENOENT'))
  })

  test('what the disk is asked for it does', async () => {
    const file = join(box.home, 'f')
    const fd = await storage.open(file, O_RDWR | O_CREAT, 0o600)
    await storage.write(fd, [bytes('hello '), bytes('world')], 2)
    await storage.ftruncate(fd, 7)
    await storage.fchmod(fd, 0o640)
    await storage.fchown(fd, -1, -1)
    await storage.futimes(fd, 1, 2)
    expect(await storage.fstat(fd)).toMatchObject({ size: 7, atimeMs: 1000, mtimeMs: 2000 })
    await storage.link(file, `${file}2`)
    await storage.rename(file, `${file}3`)
    expect(await storage.lstat(`${file}2`)).toMatchObject({ nlink: 2, mode: 0o100640 })
    await storage.close(fd)
    expect(fs.readdirSync(box.home).toSorted()).toEqual(['f2', 'f3'])
    expect(box.text('/f2')).toBe('\0\0hello')
  })

  test('calls on a descriptor that is none are refused', async () => {
    const none = 1_000_000
    const failing = [storage.close(none), storage.fstat(none), storage.ftruncate(none, 0), storage.fchmod(none, 0)]
    const codes = failing.map((work) =>
      work.then(
        () => 'done',
        (error: NodeJS.ErrnoException) => error.code,
      ),
    )
    expect(await Promise.all(codes)).toEqual(failing.map(() => 'EBADF'))
  })
})

describe('a file in memory so large that freeing it takes its time', () => {
  // Claimed, not written: only the count of blocks is looked at.
  const large = (): void => {
    const { lstatSync, fstatSync } = fs
    const grown = (stats: fs.Stats): fs.Stats => Object.assign(stats, { blocks: 1024 * 1024 })
    vi.spyOn(fs, 'lstatSync').mockImplementation(((path: Buffer) => grown(lstatSync(path))) as typeof fs.lstatSync)
    vi.spyOn(fs, 'fstatSync').mockImplementation((fd: number) => grown(fstatSync(fd)))
  }
  const at = (name: string): string => join(box.home, name)
  const CASES: {
    name: string
    pooled: 'unlinkSync' | 'renameSync' | 'ftruncateSync' | 'closeSync'
    act(): Promise<void>
  }[] = [
    { name: 'is removed', pooled: 'unlinkSync', act: () => memoryStorage.unlink(at('f')) },
    { name: 'is replaced', pooled: 'renameSync', act: () => memoryStorage.rename(at('f'), at('g')) },
    {
      name: 'is emptied',
      pooled: 'ftruncateSync',
      act: async () => {
        const fd = await memoryStorage.open(at('f'), O_RDWR)
        await memoryStorage.ftruncate(fd, 0)
        fs.closeSync(fd)
      },
    },
    {
      name: 'is closed after its last name went',
      pooled: 'closeSync',
      act: async () => {
        const fd = await memoryStorage.open(at('f'), O_RDWR)
        fs.unlinkSync(at('f'))
        await memoryStorage.close(fd)
      },
    },
  ]
  test.each(CASES)('$name by the thread pool', async ({ pooled, act }) => {
    box.plantHome({ f: 'text', g: 'text' })
    large()
    const there = vi.spyOn(fs, pooled)
    await act()
    expect(there).not.toHaveBeenCalled()
    vi.restoreAllMocks()
    expect(fs.existsSync(at('f')) && box.text('/f')).toBe(pooled === 'ftruncateSync' ? '' : false)
  })
})
