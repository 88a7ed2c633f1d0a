import { describe, expect, test } from 'vitest'
import { hex } from '../testing/hex.ts'
import { BadMessage } from '../wire/bad-message.ts'
import { BadRequest, decodeRequest, encodeRequest } from './codec.ts'
import { REQUESTS } from './packets.ts'
import type { Request } from './packets.ts'

const id = 42
const handle = hex('6831')

interface Vector {
  name: string
  wire: string
  request: Request
}

const VECTORS: Vector[] = [
  { name: 'init', wire: '01 00000003', request: { kind: 'init', id: 0, version: 3, extensions: [] } },
  {
    name: 'open to read',
    wire: '03 0000002a 00000004 2f666f6f 00000001 00000000',
    request: { kind: 'open', id, filename: '/foo', pflags: 1, attrs: {} },
  },
  {
    name: 'open to write a new file, with mode',
    wire: '03 0000002a 00000004 2f666f6f 0000001a 00000004 000001a4',
    request: { kind: 'open', id, filename: '/foo', pflags: 0x1a, attrs: { permissions: 0o644 } },
  },
  { name: 'close', wire: '04 0000002a 00000002 6831', request: { kind: 'close', id, handle } },
  {
    name: 'read',
    wire: '05 0000002a 00000002 6831 00000001 00000000 00008000',
    request: { kind: 'read', id, handle, offset: 4294967296n, len: 32768 },
  },
  {
    name: 'write',
    wire: '06 0000002a 00000002 6831 00000000 00000400 00000003 616263',
    request: { kind: 'write', id, handle, offset: 1024n, data: [hex('616263')] },
  },
  {
    name: 'write of nothing',
    wire: '06 0000002a 00000002 6831 00000000 00000000 00000000',
    request: { kind: 'write', id, handle, offset: 0n, data: [] },
  },
  { name: 'lstat', wire: '07 0000002a 00000004 2f666f6f', request: { kind: 'lstat', id, path: '/foo' } },
  { name: 'fstat', wire: '08 0000002a 00000002 6831', request: { kind: 'fstat', id, handle } },
  {
    name: 'setstat of size and times',
    wire: '09 0000002a 00000004 2f666f6f 00000009 00000000 00000010 5e0be100 5e0be101',
    request: {
      kind: 'setstat',
      id,
      path: '/foo',
      attrs: { size: 16n, times: { atime: 1577836800, mtime: 1577836801 } },
    },
  },
  {
    name: 'fsetstat of the owner',
    wire: '0a 0000002a 00000002 6831 00000002 000003e8 00000064',
    request: { kind: 'fsetstat', id, handle, attrs: { owner: { uid: 1000, gid: 100 } } },
  },
  { name: 'opendir', wire: '0b 0000002a 00000001 2f', request: { kind: 'opendir', id, path: '/' } },
  { name: 'readdir', wire: '0c 0000002a 00000002 6831', request: { kind: 'readdir', id, handle } },
  { name: 'remove', wire: '0d 0000002a 00000004 2f666f6f', request: { kind: 'remove', id, filename: '/foo' } },
  {
    name: 'mkdir with mode',
    wire: '0e 0000002a 00000004 2f666f6f 00000004 000001ed',
    request: { kind: 'mkdir', id, path: '/foo', attrs: { permissions: 0o755 } },
  },
  { name: 'rmdir', wire: '0f 0000002a 00000004 2f666f6f', request: { kind: 'rmdir', id, path: '/foo' } },
  { name: 'realpath', wire: '10 0000002a 00000001 2e', request: { kind: 'realpath', id, path: '.' } },
  { name: 'stat of an empty path', wire: '11 0000002a 00000000', request: { kind: 'stat', id, path: '' } },
  {
    name: 'rename, the old name first',
    wire: '12 0000002a 00000002 2f61 00000002 2f62',
    request: { kind: 'rename', id, oldpath: '/a', newpath: '/b' },
  },
  { name: 'readlink', wire: '13 0000002a 00000004 2f666f6f', request: { kind: 'readlink', id, path: '/foo' } },
  {
    name: 'symlink, the target first',
    wire: '14 0000002a 00000002 2f61 00000002 2f62',
    request: { kind: 'symlink', id, targetpath: '/a', linkpath: '/b' },
  },
  {
    name: 'posix-rename@openssh.com',
    wire: 'c8 0000002a 00000018 706f7369782d72656e616d65406f70656e7373682e636f6d 00000002 2f61 00000002 2f62',
    request: { kind: 'posixRename', id, oldpath: '/a', newpath: '/b' },
  },
  {
    name: 'statvfs@openssh.com',
    wire: 'c8 0000002a 00000013 73746174766673406f70656e7373682e636f6d 00000001 2f',
    request: { kind: 'statvfs', id, path: '/' },
  },
  {
    name: 'fstatvfs@openssh.com',
    wire: 'c8 0000002a 00000014 6673746174766673406f70656e7373682e636f6d 00000002 6831',
    request: { kind: 'fstatvfs', id, handle },
  },
  {
    name: 'hardlink@openssh.com',
    wire: 'c8 0000002a 00000014 686172646c696e6b406f70656e7373682e636f6d 00000002 2f61 00000002 2f62',
    request: { kind: 'hardlink', id, oldpath: '/a', newpath: '/b' },
  },
  {
    name: 'fsync@openssh.com',
    wire: 'c8 0000002a 00000011 6673796e63406f70656e7373682e636f6d 00000002 6831',
    request: { kind: 'fsync', id, handle },
  },
  {
    name: 'lsetstat@openssh.com',
    wire: 'c8 0000002a 00000014 6c73657473746174406f70656e7373682e636f6d 00000002 2f61 00000004 000001ff',
    request: { kind: 'lsetstat', id, path: '/a', attrs: { permissions: 0o777 } },
  },
  {
    name: 'limits@openssh.com',
    wire: 'c8 0000002a 00000012 6c696d697473406f70656e7373682e636f6d',
    request: { kind: 'limits', id },
  },
  {
    name: 'expand-path@openssh.com',
    wire: 'c8 0000002a 00000017 657870616e642d70617468406f70656e7373682e636f6d 00000002 7e2f',
    request: { kind: 'expandPath', id, path: '~/' },
  },
  {
    name: 'copy-data',
    wire: `c8 0000002a 00000009 636f70792d64617461
           00000002 6831 00000000 00000001 00000000 00000002 00000002 6832 00000000 00000003`,
    request: {
      kind: 'copyData',
      id,
      readHandle: handle,
      readOffset: 1n,
      length: 2n,
      writeHandle: hex('6832'),
      writeOffset: 3n,
    },
  },
  {
    name: 'home-directory',
    wire: 'c8 0000002a 0000000e 686f6d652d6469726563746f7279 00000003 75c3bc',
    request: { kind: 'homeDirectory', id, username: 'uü' },
  },
  {
    name: 'users-groups-by-id@openssh.com',
    wire: `c8 0000002a 0000001e 75736572732d67726f7570732d62792d6964406f70656e7373682e636f6d
           00000008 00000000 000003e8 00000004 00000064`,
    request: { kind: 'usersGroupsById', id, uids: hex('00000000 000003e8'), gids: hex('00000064') },
  },
  {
    name: 'check-file-name',
    wire: `c8 0000002a 0000000f 636865636b2d66696c652d6e616d65
           00000002 2f61 0000000a 6d64352c736861323536 00000000 00000001 00000000 00000002 00000100`,
    request: {
      kind: 'checkFileName',
      id,
      filename: '/a',
      algorithms: 'md5,sha256',
      offset: 1n,
      length: 2n,
      blockSize: 256,
    },
  },
  {
    name: 'check-file',
    wire: `c8 0000002a 0000000a 636865636b2d66696c65
           00000002 6831 00000003 6d6435 00000000 00000000 00000000 00000000 00000000`,
    request: { kind: 'checkFile', id, handle, algorithms: 'md5', offset: 0n, length: 0n, blockSize: 0 },
  },
  {
    name: 'check-file-handle',
    wire: `c8 0000002a 00000011 636865636b2d66696c652d68616e646c65
           00000002 6831 00000003 6d6435 00000000 00000000 00000000 00000000 00000000`,
    request: { kind: 'checkFileHandle', id, handle, algorithms: 'md5', offset: 0n, length: 0n, blockSize: 0 },
  },
  {
    name: 'space-available',
    wire: 'c8 0000002a 0000000f 73706163652d617661696c61626c65 00000001 2f',
    request: { kind: 'spaceAvailable', id, path: '/' },
  },
  {
    name: 'vendor-id',
    wire: `c8 0000002a 00000009 76656e646f722d6964
           00000004 41636d65 00000006 436c69656e74 00000003 312e30 00000000 00000007`,
    request: { kind: 'vendorId', id, vendor: 'Acme', product: 'Client', version: '1.0', build: 7n },
  },
]

describe.each(VECTORS)('$name', ({ wire, request }) => {
  const whole = hex(wire)

  test('decodes', () => expect(decodeRequest(whole)).toEqual(request))

  test('encodes', () => expect(encodeRequest(request)).toEqual(whole))

  test('cut anywhere is refused', () => {
    for (let cut = 0; cut < whole.length; cut++) {
      expect(() => decodeRequest(whole.subarray(0, cut)), `cut at ${cut}`).toThrow(BadMessage)
    }
  })
})

// INIT has no request id, and what stands behind its version are extensions: both have tests of their own.
describe.each(VECTORS.filter(({ request }) => request.kind !== 'init'))('$name', ({ wire, request }) => {
  const whole = hex(wire)

  test('cut behind the request id is refused with that id', () => {
    for (let cut = 5; cut < whole.length; cut++) {
      expect(() => decodeRequest(whole.subarray(0, cut)), `cut at ${cut}`).toThrow(expect.objectContaining({ id }))
    }
  })

  test('bytes behind it are dropped', () => {
    expect(decodeRequest(Buffer.concat([whole, hex('00 ff 2a')]))).toEqual(request)
  })
})

test('every kind of request has a vector', () => {
  expect(new Set(VECTORS.map(({ request }) => request.kind))).toEqual(new Set(Object.keys(REQUESTS)))
})

describe('init with extensions', () => {
  const whole = hex('01 00000003 00000007 6e65776c696e65 00000001 0a 00000001 78 00000000')
  const newline = { name: 'newline', data: hex('0a') }
  const x = { name: 'x', data: hex('') }

  test('decodes and encodes', () => {
    const request: Request = { kind: 'init', id: 0, version: 3, extensions: [newline, x] }
    expect(decodeRequest(whole)).toEqual(request)
    expect(encodeRequest(request)).toEqual(whole)
  })

  test('cut anywhere but between two pairs is refused', () => {
    const between = new Map([
      [5, []],
      [21, [newline]],
    ])
    for (let cut = 0; cut < whole.length; cut++) {
      const decode = (): unknown => decodeRequest(whole.subarray(0, cut))
      const extensions = between.get(cut)
      if (extensions === undefined) expect(decode, `cut at ${cut}`).toThrow(BadMessage)
      else expect(decode()).toEqual({ kind: 'init', id: 0, version: 3, extensions })
    }
  })

  test('cut, there is no request id to answer', () => {
    expect(() => decodeRequest(whole.subarray(0, 6))).toThrow(expect.not.objectContaining({ id: expect.anything() }))
  })
})

describe('what the table does not have is a value', () => {
  test.each([
    { name: 'a type of later drafts', wire: '15 0000002a 0000', unknown: { type: 21 } },
    { name: 'type 0', wire: '00 0000002a', unknown: { type: 0 } },
    { name: "a server's own type", wire: '65 0000002a 00000000', unknown: { type: 101 } },
    { name: 'VERSION', wire: '02 00000003', unknown: { id: 3, type: 2 } },
    {
      name: 'an extension',
      wire: 'c8 0000002a 00000013 6e6f2d73756368406578616d706c652e636f6d 01',
      unknown: { type: 200, extension: 'no-such@example.com' },
    },
    { name: 'an extension without a name', wire: 'c8 0000002a 00000000', unknown: { type: 200, extension: '' } },
  ])('$name', ({ wire, unknown }) => {
    expect(decodeRequest(hex(wire))).toEqual({ kind: 'unknown', id, ...unknown })
  })

  test('an extension whose name is cut is refused with its id', () => {
    expect(() => decodeRequest(hex('c8 0000002a 00000013 6e6f'))).toThrow(BadRequest)
    expect(() => decodeRequest(hex('c8 0000002a 00000013 6e6f'))).toThrow('extended-request: 17 bytes are missing')
  })
})

describe('a write whose data arrived in other chunks', () => {
  const whole = hex('06 0000002a 00000002 6831 00000000 00000400 00000003 616263')
  const headerBytes = whole.length - 3

  test('is the same write, wherever its data was cut', () => {
    for (let cut = headerBytes; cut <= whole.length; cut++) {
      for (let second = cut; second <= whole.length; second++) {
        const tail = [whole.subarray(cut, second), whole.subarray(second)]
        const request = decodeRequest(whole.subarray(0, cut), tail)
        expect(request).toMatchObject({ kind: 'write', id, handle, offset: 1024n })
        expect(Buffer.concat(request.kind === 'write' ? request.data : [])).toEqual(hex('616263'))
      }
    }
  })

  test('is refused when bytes are missing', () => {
    expect(() => decodeRequest(whole.subarray(0, headerBytes), [hex('61'), hex('62')])).toThrow(
      'data: 1 bytes are missing',
    )
  })

  test('is views of the chunks, no copies', () => {
    const head = Buffer.from(whole.subarray(0, headerBytes + 1))
    const tail = Buffer.from(whole.subarray(headerBytes + 1))
    const request = decodeRequest(head, [tail])
    const data = request.kind === 'write' ? request.data : []
    expect(data.map((part) => part.buffer)).toEqual([head.buffer, tail.buffer])
    expect(data.map((part) => part.byteOffset)).toEqual([head.byteOffset + headerBytes, tail.byteOffset])
  })
})
