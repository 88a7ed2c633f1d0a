import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hex } from '../testing/hex.ts'
import { Writer } from './writer.ts'

test('writes one after the other', () => {
  const writer = new Writer()
  writer.byte(1)
  writer.uint32(2)
  writer.uint64(3n)
  writer.bytes(hex('0405'))
  writer.raw(hex('06'))
  writer.text('\xe9', 'latin1')
  writer.text('\xe9', 'utf8')
  expect(writer.finish()).toEqual(hex('01 00000002 0000000000000003 00000002 0405 06 00000001 e9 00000002 c3a9'))
})

test('length counts what was written', () => {
  const writer = new Writer(2)
  expect(writer.length).toBe(0)
  writer.uint32(1)
  expect(writer.length).toBe(4)
})

test('patchUint32 overwrites four bytes and moves nothing', () => {
  const writer = new Writer()
  writer.uint32(0)
  writer.byte(9)
  writer.patchUint32(0, 0xdeadbeef)
  expect(writer.finish()).toEqual(hex('deadbeef 09'))
})

test('grows from any capacity without losing a byte', () => {
  fc.assert(
    fc.property(fc.nat(8), fc.array(fc.uint8Array({ maxLength: 300 })), (capacity, parts) => {
      const writer = new Writer(capacity)
      for (const part of parts) writer.raw(part)
      expect(writer.finish()).toEqual(Buffer.concat(parts))
    }),
  )
})
