import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hex } from '../testing/hex.ts'
import { BadMessage } from './bad-message.ts'
import { Reader } from './reader.ts'

test('remaining counts the bytes of the head that are left', () => {
  const reader = new Reader(hex('01 00000002 0003'), [hex('04')])
  expect(reader.remaining).toBe(7)
  reader.byte('a')
  expect(reader.remaining).toBe(6)
  reader.uint32('b')
  reader.rest()
  expect(reader.remaining).toBe(0)
})

test('bytes and rest are views of the packet', () => {
  const packet = hex('00000002 aabb cc')
  const reader = new Reader(packet)
  const [value, left] = [reader.bytes('value'), reader.rest()]
  packet.fill(0)
  expect(value).toEqual(hex('0000'))
  expect(left).toEqual(hex('00'))
})

test('a refused field leaves the reader where it was', () => {
  const reader = new Reader(hex('0102'))
  expect(() => reader.uint32('wide')).toThrow('wide: 2 bytes are missing')
  expect(reader.byte('narrow')).toBe(1)
})

test('payload is the same bytes however its packet was cut behind the length', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.array(fc.nat(64)), fc.uint8Array({ maxLength: 4 }), (data, cuts, behind) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(data.length)
      const chunks = cutAt(Buffer.concat([data, behind]), cuts)
      const head = Buffer.concat([length, chunks[0] ?? Buffer.alloc(0)])
      const parts = new Reader(head, chunks.slice(1)).payload('data')
      expect(Buffer.concat(parts)).toEqual(Buffer.from(data))
      expect(parts.every((part) => part.length > 0)).toBe(true)
    }),
  )
})

test('payload copies nothing', () => {
  const [head, tail] = [hex('00000004 aabb'), hex('ccdd')]
  const parts = new Reader(head, [tail]).payload('data')
  head.fill(0)
  tail.fill(0)
  expect(Buffer.concat(parts)).toEqual(hex('00000000'))
})

test('payload that ends before its length says so is refused, in every chunk', () => {
  const whole = hex('00000006 a1a2 b1b2 c1c2')
  for (let cut = 0; cut < whole.length; cut++) {
    const chunks = [whole.subarray(0, 6), whole.subarray(6, 8), whole.subarray(8)]
    let left = cut
    const [head, ...tail] = chunks.map((chunk) => {
      const part = chunk.subarray(0, Math.max(left, 0))
      left -= chunk.length
      return part
    })
    expect(() => new Reader(head as Buffer, tail).payload('data'), `cut at ${cut}`).toThrow(BadMessage)
  }
})

function cutAt(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  let start = 0
  for (const size of sizes) {
    chunks.push(bytes.subarray(start, start + size))
    start += size
  }
  return [...chunks, bytes.subarray(start)]
}
