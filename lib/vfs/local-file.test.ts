import { createHash } from 'node:crypto'
import fs from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HASH_ALGORITHMS, virtualPath } from '../../protocol/filesystem.ts'
import type { OpenFile, OpenFlags } from '../../protocol/filesystem.ts'
import { bytes, flags, outcome, useSandbox } from './sandbox.test.support.ts'

const box = useSandbox()
const READ_WRITE = flags('read', 'write', 'create')

async function using<T>(use: (file: OpenFile) => Promise<T>, how: OpenFlags = READ_WRITE): Promise<T> {
  const vfs = await box.open()
  const file = await vfs.open(virtualPath('/f'), how, {})
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

describe('reading', () => {
  test.each([
    { offset: 0, length: 4, text: '0123' },
    { offset: 3, length: 4, text: '3456' },
    { offset: 8, length: 4, text: '89' },
    { offset: 10, length: 4, text: '' },
    { offset: 1_000_000, length: 4, text: '' },
    { offset: Number.MAX_SAFE_INTEGER, length: 4, text: '' },
    { offset: 0, length: 0, text: '' },
    { offset: 0, length: 100, text: '0123456789' },
  ])('$length bytes from $offset: $text', async ({ offset, length, text }) => {
    box.plantHome({ f: '0123456789' })
    const target = Buffer.alloc(length, '.')
    const count = await using((file) => file.read([target], offset))
    expect(count).toBe(text.length)
    expect(target.toString('latin1')).toBe(text.padEnd(length, '.'))
  })
})

describe('writing', () => {
  test('puts chunks one after the other at the offset, and leaves a hole before it', async () => {
    await using((file) => file.write([bytes('ab'), bytes(''), bytes('c')], 3))
    expect(box.text('/f')).toBe('\0\0\0abc')
  })

  test.each([[[]], [[Buffer.alloc(0)]], [[Buffer.alloc(0), Buffer.alloc(0)]]])(
    'nothing writes nothing',
    async (chunks) => {
      box.plantHome({ f: 'text' })
      await using((file) => file.write(chunks, 100))
      expect(box.text('/f')).toBe('text')
    },
  )

  test('more chunks than the kernel takes at once all arrive', async () => {
    const chunks = Array.from({ length: 5000 }, (_, index) => bytes(String.fromCharCode(index % 256)))
    await using((file) => file.write(chunks, 0))
    expect(fs.readFileSync(box.host('/f'))).toEqual(Buffer.concat(chunks))
  })

  test('with `append` always lands at the end, whatever the offset and who else appends', async () => {
    box.plantHome({ f: 'text' })
    const vfs = await box.open()
    const [one, other] = [
      await vfs.open(virtualPath('/f'), flags('write', 'append'), {}),
      await vfs.open(virtualPath('/f'), flags('read', 'write', 'append'), {}),
    ]
    await one.write([bytes('1')], 0)
    await other.write([bytes('2'), bytes('3')], 100)
    await one.write([bytes('4')], 2)
    expect(box.text('/f')).toBe('text1234')
    const target = Buffer.alloc(4)
    expect(await other.read([target], 0), 'reading keeps its offsets').toBe(4)
    expect(target.toString()).toBe('text')
    await one.close()
    await other.close()
  })

  test('in any order and side by side ends as if one after the other', async () => {
    const write = fc.record({
      offset: fc.nat(300),
      chunks: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 8 }), async (writes) => {
        const expected = Buffer.alloc(1000)
        let end = 0
        await using(
          async (file) => {
            for (const { offset, chunks } of writes) {
              const data = Buffer.concat(chunks)
              data.copy(expected, offset)
              if (data.length > 0) end = Math.max(end, offset + data.length)
              await file.write(
                chunks.map((chunk) => Buffer.from(chunk)),
                offset,
              )
            }
          },
          flags('write', 'create', 'truncate'),
        )
        expect(fs.readFileSync(box.host('/f'))).toEqual(expected.subarray(0, end))
        box.closeAll()
      }),
      { numRuns: 50 },
    )
  })
})

describe('the hash', () => {
  const text = 'x'.repeat(600_000)

  test.each(HASH_ALGORITHMS)('%s of a range is that of its bytes', async (algorithm) => {
    box.plantHome({ f: text })
    const hash = (length: number): Buffer => createHash(algorithm).update('x'.repeat(length)).digest()
    await using(async (file) => {
      expect(await file.digest(algorithm, 0, text.length)).toEqual(hash(text.length))
      expect(await file.digest(algorithm, 5, 300_000)).toEqual(hash(300_000))
      expect(await file.digest(algorithm, 0, 0)).toEqual(hash(0))
    })
  })

  test('of a range that passes the end is that of what the file has', async () => {
    box.plantHome({ f: 'text' })
    await using(async (file) => {
      expect(await file.digest('md5', 2, 100)).toEqual(createHash('md5').update('xt').digest())
      expect(await file.digest('md5', 50, 100)).toEqual(createHash('md5').digest())
    })
  })
})

test('attributes are of the open file', async () => {
  box.plantHome({ f: 'text' })
  await using(async (file) => {
    await file.write([bytes('longer')], 0)
    expect(await file.stat()).toMatchObject({ size: 6n, permissions: fs.statSync(box.host('/f')).mode })
    await file.sync()
  })
})

test('what the access does not allow fails', async () => {
  box.plantHome({ f: 'text' })
  await using(async (file) => {
    expect(await outcome(file.write([bytes('x')], 0))).toBe('failure')
    expect(await outcome(file.setstat({ size: 0n }))).toBe('invalid')
  }, flags('read'))
  await using(async (file) => expect(await outcome(file.read([Buffer.alloc(1)], 0))).toBe('failure'), flags('write'))
  expect(box.text('/f')).toBe('text')
})
