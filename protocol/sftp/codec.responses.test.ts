import { describe, expect, test } from 'vitest'
import { hex } from '../testing/hex.ts'
import { BadMessage } from '../wire/bad-message.ts'
import { DATA_HEADER_BYTES, decodeResponse, encodeFramedResponse, encodeResponse, writeDataHeader } from './codec.ts'
import { RESPONSES } from './packets.ts'
import type { Response } from './packets.ts'

const id = 42

interface Vector {
  name: string
  wire: string
  response: Response
  /** From here on every cut is a response too, because the last field has no length of its own. */
  endsAnywhereFrom?: number
}

const VECTORS: Vector[] = [
  {
    name: 'version',
    wire: '02 00000003',
    response: { kind: 'version', id: 0, version: 3, extensions: [] },
    endsAnywhereFrom: 5,
  },
  {
    name: 'status',
    wire: '65 0000002a 00000002 00000002 c39c 00000002 656e',
    response: { kind: 'status', id, code: 2, message: 'Ü', language: 'en' },
  },
  {
    name: 'status without a text',
    wire: '65 0000002a 00000000 00000000 00000000',
    response: { kind: 'status', id, code: 0, message: '', language: '' },
  },
  { name: 'handle', wire: '66 0000002a 00000002 6831', response: { kind: 'handle', id, handle: hex('6831') } },
  { name: 'data', wire: '67 0000002a 00000003 616263', response: { kind: 'data', id, data: [hex('616263')] } },
  { name: 'data of no bytes', wire: '67 0000002a 00000000', response: { kind: 'data', id, data: [] } },
  {
    name: 'name',
    wire: `68 0000002a 00000002
           00000001 61 0000000a 2d72772d722d2d722d2d 00000004 000081a4
           00000001 ff 00000000 00000000`,
    response: {
      kind: 'name',
      id,
      entries: [
        { filename: 'a', longname: '-rw-r--r--', attrs: { permissions: 0o100644 } },
        { filename: '\xff', longname: '', attrs: {} },
      ],
    },
  },
  { name: 'name of nothing', wire: '68 0000002a 00000000', response: { kind: 'name', id, entries: [] } },
  {
    name: 'attrs',
    wire: '69 0000002a 0000000f 00000000 00000010 000003e8 00000064 000081a4 5e0be100 5e0be101',
    response: {
      kind: 'attrs',
      id,
      attrs: {
        size: 16n,
        owner: { uid: 1000, gid: 100 },
        permissions: 0o100644,
        times: { atime: 1577836800, mtime: 1577836801 },
      },
    },
  },
  {
    name: 'statvfs@openssh.com',
    wire: `c9 0000002a 00000000 00001000 00000000 00000200 00000000 00000003 00000000 00000004
           00000000 00000005 00000000 00000006 00000000 00000007 00000000 00000008
           00000000 00000009 00000000 00000001 00000000 000000ff`,
    response: {
      kind: 'statvfsReply',
      id,
      blockSize: 4096n,
      fragmentSize: 512n,
      blocks: 3n,
      freeBlocks: 4n,
      availableBlocks: 5n,
      files: 6n,
      freeFiles: 7n,
      availableFiles: 8n,
      filesystemId: 9n,
      flags: 1n,
      maxNameBytes: 255n,
    },
  },
  {
    name: 'limits@openssh.com',
    wire: 'c9 0000002a 00000000 00040000 00000000 0003fc00 00000000 0003fc00 00000000 00000400',
    response: {
      kind: 'limitsReply',
      id,
      maxPacketLength: 262144n,
      maxReadLength: 261120n,
      maxWriteLength: 261120n,
      maxOpenHandles: 1024n,
    },
  },
  {
    name: 'users-groups-by-id@openssh.com',
    wire: 'c9 0000002a 00000008 00000004 75736572 00000004 00000000',
    response: { kind: 'usersGroupsReply', id, usernames: hex('00000004 75736572'), groupnames: hex('00000000') },
  },
  {
    name: 'check-file',
    wire: 'c9 0000002a 0000000a 636865636b2d66696c65 00000003 6d6435 00010203',
    response: { kind: 'checkFileReply', id, extension: 'check-file', algorithm: 'md5', hashes: hex('00010203') },
    endsAnywhereFrom: 26,
  },
  {
    name: 'space-available',
    wire: 'c9 0000002a 00000000 00000001 00000000 00000002 00000000 00000003 00000000 00000004 00001000',
    response: {
      kind: 'spaceAvailableReply',
      id,
      bytesOnDevice: 1n,
      unusedBytesOnDevice: 2n,
      bytesAvailableToUser: 3n,
      unusedBytesAvailableToUser: 4n,
      bytesPerAllocationUnit: 4096,
    },
  },
]

describe.each(VECTORS)('$name', ({ wire, response, endsAnywhereFrom }) => {
  const whole = hex(wire)

  test('decodes', () => expect(decodeResponse(whole, response.kind)).toEqual(response))

  test('encodes', () => expect(encodeResponse(response)).toEqual(whole))

  test('encodes with its length in front', () => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(whole.length)
    expect(encodeFramedResponse(response.id, response)).toEqual(Buffer.concat([length, whole]))
  })

  test('cut anywhere is refused', () => {
    for (let cut = 0; cut < (endsAnywhereFrom ?? whole.length); cut++) {
      expect(() => decodeResponse(whole.subarray(0, cut), response.kind), `cut at ${cut}`).toThrow(BadMessage)
    }
    for (let cut = endsAnywhereFrom ?? whole.length; cut <= whole.length; cut++) {
      expect(decodeResponse(whole.subarray(0, cut), response.kind), `cut at ${cut}`).toMatchObject({ id: response.id })
    }
  })
})

// Behind a last field without a length of its own, more bytes are more of it.
test.each(VECTORS.filter(({ endsAnywhereFrom }) => endsAnywhereFrom === undefined))(
  '$name: bytes behind it are dropped',
  ({ wire, response }) => {
    expect(decodeResponse(Buffer.concat([hex(wire), hex('00 ff 2a')]), response.kind)).toEqual(response)
  },
)

test('every kind of response has a vector', () => {
  expect(new Set(VECTORS.map(({ response }) => response.kind))).toEqual(new Set(Object.keys(RESPONSES)))
})

test('version carries extension pairs up to its end', () => {
  const wire = hex('02 00000003 00000007 6e65776c696e65 00000001 0a')
  const response: Response = { kind: 'version', id: 0, version: 3, extensions: [{ name: 'newline', data: hex('0a') }] }
  expect(decodeResponse(wire)).toEqual(response)
  expect(encodeResponse(response)).toEqual(wire)
  expect(() => decodeResponse(wire.subarray(0, -1))).toThrow(BadMessage)
})

test('data may be handed over in chunks', () => {
  const response: Response = { kind: 'data', id, data: [hex('61'), hex(''), hex('6263')] }
  expect(encodeResponse(response)).toEqual(hex('67 0000002a 00000003 616263'))
})

test('an extended reply is refused when nobody says what it holds', () => {
  const wire = hex('c9 0000002a 00000000 00000000 00000000 00000000')
  expect(() => decodeResponse(wire)).toThrow('type: 201 is no response')
  expect(() => decodeResponse(wire, 'status')).toThrow('type: 201 is no response')
})

test('what is no response is refused', () => {
  expect(() => decodeResponse(hex('03 0000002a'))).toThrow('type: 3 is no response')
  expect(() => decodeResponse(hex(''))).toThrow('type: 1 bytes are missing')
})

test.each([0, 1, 255, 65536])('the header written in front of %i bytes is that of the DATA packet', (length) => {
  const data = Buffer.alloc(length, 0xab)
  const target = Buffer.concat([Buffer.alloc(DATA_HEADER_BYTES), data])
  writeDataHeader(target, 0xfffffffe, length)
  expect(target.equals(encodeFramedResponse(0xfffffffe, { kind: 'data', data: [data] }))).toBe(true)
})
