import { createHash, randomBytes } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { HASH_ALGORITHMS } from '../../protocol/filesystem.ts'
import { createHasher, inlineHasher } from './hasher.ts'
import type { Hasher } from './hasher.ts'

const threaded = createHasher()
afterAll(() => threaded.close())

describe.each<[string, Hasher]>([
  ['in a thread', threaded],
  ['inline', inlineHasher],
])('%s', (_, hasher) => {
  test.each(HASH_ALGORITHMS)('%s of nothing, and of pieces', async (algorithm) => {
    expect(await hasher.start(algorithm).digest()).toEqual(createHash(algorithm).digest())
    const pieces = [randomBytes(1), randomBytes(100_000), randomBytes(7), randomBytes(300_000)]
    const hash = hasher.start(algorithm)
    for (const piece of pieces) await hash.update(piece)
    expect(await hash.digest()).toEqual(createHash(algorithm).update(Buffer.concat(pieces)).digest())
  })

  test('a chunk may change as soon as it was handed over', async () => {
    const hash = hasher.start('md5')
    const chunk = Buffer.from('first')
    const first = hash.update(chunk)
    chunk.write('other')
    await first
    await hash.update(chunk)
    expect(await hash.digest()).toEqual(createHash('md5').update('firstother').digest())
  })

  test('several at once do not meet', async () => {
    const work = Array.from({ length: 20 }, async (__, index) => {
      const hash = hasher.start('sha256')
      for (let count = 0; count < 10; count++) await hash.update(Buffer.from(`${index} ${count}`))
      return hash.digest()
    })
    const all = Array.from({ length: 20 }, (__, index) => {
      const text = Array.from({ length: 10 }, (___, count) => `${index} ${count}`).join('')
      return createHash('sha256').update(text).digest()
    })
    expect(await Promise.all(work)).toEqual(all)
  })

  test('one that is not wanted any more is forgotten', async () => {
    const hash = hasher.start('md5')
    await hash.update(Buffer.from('x'))
    hash.discard()
    expect(await hasher.start('md5').digest()).toEqual(createHash('md5').digest())
  })
})

test('the event loop turns while a thread hashes', async () => {
  const hash = threaded.start('sha512')
  const chunk = randomBytes(64 * 1024 * 1024)
  const digest = hash.update(chunk).then(() => hash.digest())
  let turns = 0
  const turn = (): Promise<'turn'> => new Promise((resolve) => setImmediate(() => resolve('turn')))
  while ((await Promise.race([digest, turn()])) === 'turn') turns++
  expect(turns).toBeGreaterThan(10)
  expect(await digest).toEqual(createHash('sha512').update(chunk).digest())
})

test('after it is closed what is under way fails', async () => {
  const hasher = createHasher()
  const hash = hasher.start('md5')
  await hash.update(Buffer.from('x'))
  const digest = hash.digest()
  const [outcome] = await Promise.all([Promise.allSettled([digest]), hasher.close()])
  expect(outcome).toMatchObject([{ reason: { message: 'the hashes are stopped' } }])
  await expect(hash.update(Buffer.from('y'))).rejects.toThrow('the hashes are stopped')
})
