import { describe, expect, test } from 'vitest'
import { hex } from '../testing/hex.ts'
import { BadMessage } from '../wire/bad-message.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { attrs } from './attrs.ts'
import type { Attrs } from './attrs.ts'

/** Each flag of §5 with its part of the value, in the order of the wire. */
const PARTS: { flag: number; wire: string; value: Attrs }[] = [
  { flag: 0x00000001, wire: '00000001 00000002', value: { size: 4294967298n } },
  { flag: 0x00000002, wire: '000003e8 00000064', value: { owner: { uid: 1000, gid: 100 } } },
  { flag: 0x00000004, wire: '000081a4', value: { permissions: 0o100644 } },
  { flag: 0x00000008, wire: '5e0be100 5e0be101', value: { times: { atime: 1577836800, mtime: 1577836801 } } },
  {
    flag: 0x80000000,
    wire: '00000002 00000003 61406d 00000002 00ff 00000000 00000000',
    value: {
      extended: [
        { type: 'a@m', data: hex('00ff') },
        { type: '', data: hex('') },
      ],
    },
  },
]

const COMBINATIONS = Array.from({ length: 2 ** PARTS.length }, (_, chosen) => {
  const parts = PARTS.filter((_part, index) => chosen & (1 << index))
  const flags = Buffer.alloc(4)
  flags.writeUInt32BE(parts.reduce((sum, { flag }) => sum + flag, 0))
  return {
    name: `flags ${flags.toString('hex')}`,
    wire: Buffer.concat([flags, hex(parts.map(({ wire }) => wire).join(''))]),
    value: Object.assign({}, ...parts.map((part) => part.value)) as Attrs,
  }
})

describe.each(COMBINATIONS)('$name', ({ wire, value }) => {
  test('decodes', () => expect(attrs.decode(new Reader(wire), 'attrs')).toEqual(value))

  test('encodes', () => {
    const writer = new Writer()
    attrs.encode(writer, value)
    expect(writer.finish()).toEqual(wire)
  })

  test('cut anywhere is refused', () => {
    for (let cut = 0; cut < wire.length; cut++) {
      expect(() => attrs.decode(new Reader(wire.subarray(0, cut)), 'attrs'), `cut at ${cut}`).toThrow(BadMessage)
    }
  })

  test('flag bits without a meaning in version 3 are ignored', () => {
    const odd = Buffer.from(wire)
    odd.writeUInt32BE((odd.readUInt32BE(0) | 0x7ffffff0) >>> 0)
    const reader = new Reader(odd)
    expect(attrs.decode(reader, 'attrs')).toEqual(value)
    expect(reader.remaining).toBe(0)
  })
})

test('the largest values survive', () => {
  const wire = hex('0000000f ffffffffffffffff ffffffff ffffffff ffffffff ffffffff ffffffff')
  const most = 0xffffffff
  expect(attrs.decode(new Reader(wire), 'attrs')).toEqual({
    size: 0xffffffffffffffffn,
    owner: { uid: most, gid: most },
    permissions: most,
    times: { atime: most, mtime: most },
  })
})

test('a count of extended pairs that lies is refused', () => {
  expect(() => attrs.decode(new Reader(hex('80000000 ffffffff 00000000 00000000')), 'attrs')).toThrow(BadMessage)
})

test('a missing field is named', () => {
  expect(() => attrs.decode(new Reader(hex('0000')), 'attrs')).toThrow('attrs.flags: 2 bytes are missing')
  expect(() => attrs.decode(new Reader(hex('00000001 00')), 'attrs')).toThrow('attrs.size: 7 bytes are missing')
  expect(() => attrs.decode(new Reader(hex('00000002 00000000')), 'attrs')).toThrow('gid: 4 bytes are missing')
})
