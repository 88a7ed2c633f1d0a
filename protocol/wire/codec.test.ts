import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hex } from '../testing/hex.ts'
import { BadMessage } from './bad-message.ts'
import { byte, bytes, counted, name, payload, rest, struct, text, uint32, uint64, untilEnd } from './codec.ts'
import type { Codec } from './codec.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

interface Vector {
  title: string
  codec: Codec<unknown>
  wire: string
  value: unknown
}

const point = struct({ x: uint32, y: byte })

const VECTORS: Vector[] = [
  { title: 'byte', codec: byte, wire: '7f', value: 0x7f },
  { title: 'the largest byte', codec: byte, wire: 'ff', value: 255 },
  { title: 'uint32, most significant byte first', codec: uint32, wire: '29b7f4aa', value: 699921578 },
  { title: 'the largest uint32', codec: uint32, wire: 'ffffffff', value: 4294967295 },
  { title: 'uint64, most significant byte first', codec: uint64, wire: '00000001 00000002', value: 4294967298n },
  { title: 'the largest uint64', codec: uint64, wire: 'ffffffff ffffffff', value: 18446744073709551615n },
  { title: 'bytes', codec: bytes, wire: '00000003 00ff80', value: hex('00ff80') },
  { title: 'no bytes', codec: bytes, wire: '00000000', value: hex('') },
  { title: 'payload', codec: payload, wire: '00000002 6162', value: [hex('6162')] },
  { title: 'an empty payload', codec: payload, wire: '00000000', value: [] },
  { title: 'a name, one character a byte', codec: name, wire: '00000003 61ffc3', value: 'a\xff\xc3' },
  { title: 'text, UTF-8', codec: text, wire: '00000005 c3a9e282ac', value: 'é€' },
  { title: 'a counted list', codec: counted(byte), wire: '00000002 0102', value: [1, 2] },
  { title: 'an empty counted list', codec: counted(byte), wire: '00000000', value: [] },
  { title: 'a struct, in the order of its keys', codec: point, wire: '00000005 06', value: { x: 5, y: 6 } },
  {
    title: 'a list of structs',
    codec: counted(point),
    wire: '00000002 00000001 02 00000003 04',
    value: [
      { x: 1, y: 2 },
      { x: 3, y: 4 },
    ],
  },
]

/** Codecs that have no end of their own: every cut of them is a value too. */
const TO_THE_END: Vector[] = [
  { title: 'the rest of a packet', codec: rest, wire: '000102', value: hex('000102') },
  { title: 'nothing left', codec: rest, wire: '', value: hex('') },
  { title: 'items up to the end', codec: untilEnd(byte), wire: '010203', value: [1, 2, 3] },
  { title: 'no item before the end', codec: untilEnd(byte), wire: '', value: [] },
]

describe.each([...VECTORS, ...TO_THE_END])('$title', ({ codec, wire, value }) => {
  test('decodes', () => {
    const reader = new Reader(hex(wire))
    expect(codec.decode(reader, 'field')).toEqual(value)
    expect(reader.remaining).toBe(0)
  })

  test('encodes', () => expect(encoded(codec, value)).toEqual(hex(wire)))
})

describe.each(VECTORS)('$title', ({ codec, wire, value }) => {
  test('cut anywhere is refused, by the name of a field', () => {
    const whole = hex(wire)
    for (let cut = 0; cut < whole.length; cut++) {
      const decode = (): unknown => codec.decode(new Reader(whole.subarray(0, cut)), 'field')
      expect(decode, `cut at ${cut}`).toThrow(BadMessage)
      expect(decode, `cut at ${cut}`).toThrow(/^(field(\[\d+\])?|x|y): \d+ bytes are missing$/)
    }
  })

  test('leaves what follows it', () => {
    const reader = new Reader(Buffer.concat([hex(wire), hex('dead')]))
    expect(codec.decode(reader, 'field')).toEqual(value)
    expect(reader.rest()).toEqual(hex('dead'))
  })
})

test('a struct names its own field in an error', () => {
  expect(() => point.decode(new Reader(hex('00000001')), 'point')).toThrow('y: 1 bytes are missing')
})

test('a list names the item in an error', () => {
  expect(() => counted(byte).decode(new Reader(hex('00000003 0102')), 'list')).toThrow('list[2]: 1 bytes are missing')
  expect(() => untilEnd(uint32).decode(new Reader(hex('00000001 00')), 'list')).toThrow('list[1]: 3 bytes are missing')
})

test('a count or a length that lies is refused before memory is taken for it', () => {
  expect(() => counted(uint32).decode(new Reader(hex('ffffffff 00000001')), 'list')).toThrow(BadMessage)
  expect(() => bytes.decode(new Reader(hex('ffffffff 00')), 'field')).toThrow('field: 4294967294 bytes are missing')
  expect(() => payload.decode(new Reader(hex('ffffffff 00')), 'field')).toThrow('field: 4294967294 bytes are missing')
})

test('bytes that are no UTF-8 become replacement characters in text, and stay in a name', () => {
  expect(text.decode(new Reader(hex('00000001 ff')), 'field')).toBe('\ufffd')
  expect(name.decode(new Reader(hex('00000001 ff')), 'field')).toBe('\xff')
})

describe('whatever is encoded decodes to itself', () => {
  const buffer = fc.uint8Array({ maxLength: 600 }).map((value) => Buffer.from(value))
  const latin1 = buffer.map((value) => value.toString('latin1'))
  const rows: { title: string; codec: Codec<unknown>; values: fc.Arbitrary<unknown> }[] = [
    { title: 'byte', codec: byte, values: fc.nat(255) },
    { title: 'uint32', codec: uint32, values: fc.nat(0xffffffff) },
    { title: 'uint64', codec: uint64, values: fc.bigInt(0n, 0xffffffffffffffffn) },
    { title: 'bytes', codec: bytes, values: buffer },
    { title: 'name', codec: name, values: latin1 },
    { title: 'text', codec: text, values: fc.string({ unit: 'binary' }) },
    { title: 'rest', codec: rest, values: buffer },
    { title: 'counted', codec: counted(name), values: fc.array(latin1) },
    { title: 'untilEnd', codec: untilEnd(bytes), values: fc.array(buffer) },
    {
      title: 'struct',
      codec: struct({ a: uint64, b: name, c: counted(point) }),
      values: fc.record({
        a: fc.bigInt(0n, 0xffffffffffffffffn),
        b: latin1,
        c: fc.array(fc.record({ x: fc.nat(0xffffffff), y: fc.nat(255) })),
      }),
    },
  ]
  test.each(rows)('$title', ({ codec, values }) => {
    fc.assert(
      fc.property(values, (value) => {
        expect(codec.decode(new Reader(encoded(codec, value)), 'field')).toEqual(value)
      }),
    )
  })

  test('payload, whatever chunks it is handed over in', () => {
    fc.assert(
      fc.property(fc.array(buffer), (chunks) => {
        const decoded = payload.decode(new Reader(encoded(payload, chunks)), 'field')
        expect(Buffer.concat(decoded)).toEqual(Buffer.concat(chunks))
      }),
    )
  })
})

function encoded<T>(codec: Codec<T>, value: T): Buffer {
  const writer = new Writer(1)
  codec.encode(writer, value)
  return writer.finish()
}
