import fs from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { bytes, useSandbox } from './sandbox.test.support.ts'
import { nodeStorage } from './storage.ts'

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

test('paths and names are bytes', async () => {
  const name = 'caf\xe9 \xff\x01'
  const path = join(box.home, name)
  await nodeStorage.mkdir(path, 0o700)
  await nodeStorage.symlink(name, `${path}/l\xff`)
  expect(fs.readdirSync(box.home, 'latin1')).toEqual([name])
  expect(await nodeStorage.readlink(`${path}/l\xff`)).toBe(name)
  expect(nodeStorage.readlinkSync(`${path}/l\xff`)).toBe(name)
  const directory = await nodeStorage.opendir(path)
  expect(await directory.read()).toBe('l\xff')
  expect(await directory.read()).toBeNull()
  await directory.close()
  await nodeStorage.rename(`${path}/l\xff`, `${path}/m\xfe`)
  await nodeStorage.unlink(`${path}/m\xfe`)
  await nodeStorage.rmdir(path)
})

test('what fails rejects with the name of the errno, and never throws at once', async () => {
  const none = join(box.home, 'none')
  const failing = [
    nodeStorage.open(none, 0),
    nodeStorage.lstat(none),
    nodeStorage.truncate(none, 0),
    nodeStorage.chmod(none, 0),
    nodeStorage.chown(none, -1, -1),
    nodeStorage.lchown(none, -1, -1),
    nodeStorage.utimes(none, 0, 0),
    nodeStorage.lutimes(none, 0, 0),
    nodeStorage.rmdir(none),
    nodeStorage.unlink(none),
    nodeStorage.rename(none, none),
    nodeStorage.link(none, none),
    nodeStorage.symlink('', none),
    nodeStorage.readlink(none),
    nodeStorage.opendir(none),
    nodeStorage.statfs(none),
    nodeStorage.mkdir(`${none}/x`, 0o700),
  ]
  const codes = failing.map((work) =>
    work.then(
      () => 'done',
      (error: NodeJS.ErrnoException) => error.code,
    ),
  )
  expect(await Promise.all(codes)).toEqual(failing.map(() => 'ENOENT'))
})
