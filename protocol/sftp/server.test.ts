import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { FsError } from '../filesystem.ts'
import type { FsErrorKind } from '../filesystem.ts'
import { hex } from '../testing/hex.ts'
import { MemoryFileSystem } from '../testing/memory-filesystem.ts'
import { MemorySession } from '../testing/session.ts'
import { frame } from './codec.ts'
import { SSH_FX, SSH_FXP } from './constants.ts'

/** INIT, then the packets given in hexadecimal, in one chunk: what came back, in order, and how it ended. */
async function converse(...packets: string[]): Promise<MemorySession> {
  const session = new MemorySession({ fs: new MemoryFileSystem() })
  session.send(Buffer.concat([INIT, ...packets.map((packet) => frame(hex(packet)))]))
  await turn()
  return session
}

const INIT = frame(hex('01 00000003'))
const REALPATH = '10 00000009 00000001 2e'
const SLOW_STAT = '11 00000001 00000001 2f'

describe('INIT', () => {
  test.each([0, 1, 2, 3, 4, 6, 0xffffffff])('of version %i is answered with version 3', async (version) => {
    const session = new MemorySession({ fs: new MemoryFileSystem() })
    const reply = await session.client.request({ kind: 'init', version, extensions: [] })
    expect(reply).toMatchObject({ kind: 'version', version: 3 })
  })

  test('VERSION announces what works, with its version', async () => {
    const session = new MemorySession({ fs: new MemoryFileSystem() })
    const reply = await session.client.init()
    const extensions = reply.kind === 'version' ? reply.extensions : []
    expect(extensions.map(({ name, data }) => [name, data.toString()])).toEqual([
      ['posix-rename@openssh.com', '1'],
      ['statvfs@openssh.com', '2'],
      ['fstatvfs@openssh.com', '2'],
      ['hardlink@openssh.com', '1'],
      ['fsync@openssh.com', '1'],
      ['lsetstat@openssh.com', '1'],
      ['limits@openssh.com', '1'],
      ['expand-path@openssh.com', '1'],
      ['copy-data', '1'],
      ['home-directory', '1'],
      ['users-groups-by-id@openssh.com', '1'],
      ['space-available', '1'],
      ['check-file', 'md5,sha1,sha256,sha384,sha512'],
    ])
  })

  test("the client's extensions are read and ignored", async () => {
    const session = new MemorySession({ fs: new MemoryFileSystem() })
    const extensions = [{ name: 'newline', data: hex('0a') }]
    expect(await session.client.request({ kind: 'init', version: 3, extensions })).toMatchObject({ kind: 'version' })
  })

  test('may come again', async () => {
    const session = await MemorySession.start({ fs: new MemoryFileSystem() })
    expect(await session.client.init()).toMatchObject({ kind: 'version', version: 3 })
    expect(session.failures).toEqual([])
  })

  test('VERSION is the first packet, whatever was sent behind INIT', async () => {
    const { client } = await converse('15 00000001', REALPATH)
    expect(client.received.map(({ kind }) => kind)).toEqual(['version', 'status', 'name'])
  })

  test.each([
    { name: 'a request', packet: REALPATH },
    { name: 'an unknown type', packet: '15 00000001' },
    { name: 'an extension', packet: 'c8 00000001 00000000' },
  ])('$name before INIT ends the session without a reply', async ({ packet }) => {
    const session = new MemorySession({ fs: new MemoryFileSystem() })
    session.send(Buffer.concat([frame(hex(packet)), INIT, frame(hex(REALPATH))]))
    await turn()
    expect(session.failures.map(({ message }) => message)).toEqual([expect.stringContaining('before INIT')])
    expect(session.client.received).toEqual([])
  })
})

describe('what the server does not know', () => {
  test.each([
    { name: 'a type', packet: '15 00000007 0102', message: 'Packet type 21 is not supported' },
    { name: "a server's type", packet: '65 00000007 00000000', message: 'Packet type 101 is not supported' },
    { name: 'an extension', packet: 'c8 00000007 00000001 78', message: 'This extension is not supported' },
  ])('$name gets OP_UNSUPPORTED, and the session goes on', async ({ packet, message }) => {
    const session = await converse(packet, REALPATH)
    expect(session.client.received.slice(1)).toEqual([
      { kind: 'status', id: 7, code: SSH_FX.OP_UNSUPPORTED, message, language: '' },
      expect.objectContaining({ kind: 'name', id: 9 }),
    ])
    expect(session.failures).toEqual([])
  })
})

describe('a packet that is none ends the session', () => {
  const MALFORMED = [
    { name: 'attributes cut short', packet: '0e 00000007 00000002 2f61 00000004 0000', id: 7 },
    { name: 'a path longer than its packet', packet: '11 00000007 ffffffff 2f', id: 7 },
    { name: 'a write with less data than it says', packet: '06 00000007 00000000 0000000000000000 00000009 61', id: 7 },
    { name: 'an extension whose name is cut', packet: 'c8 00000007 0000', id: 7 },
    { name: 'a request without an id', packet: '11 0000', id: undefined },
    { name: 'a second INIT cut short', packet: '01 0000', id: undefined },
  ]

  test.each(MALFORMED)('$name: BAD_MESSAGE where an id is known, then the end', async ({ packet, id }) => {
    const { client, failures } = await converse(packet)
    const replies = client.received.slice(1)
    expect(replies).toMatchObject(id === undefined ? [] : [{ kind: 'status', id, code: SSH_FX.BAD_MESSAGE }])
    expect(failures).toHaveLength(1)
    expect(failures[0]?.message).toMatch(/bytes are missing$/)
  })

  test.each([
    { name: 'zero', bytes: '00000000' },
    { name: '256 KiB + 1', bytes: '00040001' },
    { name: '4 GiB', bytes: 'ffffffff' },
  ])('a length of $name: the end, without a reply', async ({ bytes }) => {
    const session = await converse()
    session.send(hex(bytes))
    await turn()
    expect(session.failures).toHaveLength(1)
    expect(session.client.received).toHaveLength(1)
  })

  test('earlier requests are answered first, and the end comes after their replies', async () => {
    const fs = new MemoryFileSystem()
    const held = fs.hooks.hold('stat')
    const session = await MemorySession.start({ fs })
    const [stat, limits] = [
      session.client.prepare({ kind: 'stat', path: '/' }),
      session.client.prepare({ kind: 'limits' }),
    ]
    session.send(Buffer.concat([stat.packet, limits.packet, hex('00000000')]))
    await turn()
    expect(session.failures).toEqual([])
    held.release()
    await Promise.all([stat.reply, limits.reply])
    expect(session.failures).toHaveLength(1)
    expect(session.repliesBeforeFailure).toBe(3)
  })

  test('the end does not overtake a reply that depends on nothing', async () => {
    const session = await MemorySession.start({ fs: new MemoryFileSystem() })
    const limits = session.client.prepare({ kind: 'limits' })
    session.send(Buffer.concat([limits.packet, hex('00000000')]))
    await limits.reply
    expect(session.failures).toHaveLength(1)
    expect(session.repliesBeforeFailure).toBe(2)
  })

  test('later bytes are ignored: in the same chunk, in a packet cut short, and in later chunks', async () => {
    const session = await converse('11 0000', REALPATH, '11 0000')
    session.send(frame(hex(REALPATH)))
    session.send(hex('00000000'))
    await turn()
    expect(session.client.received).toHaveLength(1)
    expect(session.failures).toHaveLength(1)
  })

  test('a refused packet and a refused length in one chunk are one failure', async () => {
    const session = await MemorySession.start({ fs: new MemoryFileSystem() })
    session.send(Buffer.concat([frame(hex('11 0000')), hex('00000000')]))
    await turn()
    expect(session.failures).toHaveLength(1)
  })
})

describe('a request that fails', () => {
  const STATUSES: Record<FsErrorKind, keyof typeof SSH_FX> = {
    'not-found': 'NO_SUCH_FILE',
    permission: 'PERMISSION_DENIED',
    exists: 'FAILURE',
    quota: 'FAILURE',
    'no-space': 'FAILURE',
    unsupported: 'OP_UNSUPPORTED',
    invalid: 'BAD_MESSAGE',
    failure: 'FAILURE',
  }

  test.each(Object.entries(STATUSES))('%s becomes %s with its message, and is not reported', async (kind, status) => {
    const fs = new MemoryFileSystem()
    fs.hooks.fail('stat', new FsError(kind as FsErrorKind, 'Why it failed'))
    const session = await MemorySession.start({ fs })
    expect(await session.client.request({ kind: 'stat', path: '/' })).toEqual({
      kind: 'status',
      id: 1,
      code: SSH_FX[status],
      message: 'Why it failed',
      language: '',
    })
    expect(session.reports).toEqual([])
  })

  test('an FsError with a cause is reported, and the client learns nothing of the cause', async () => {
    const fs = new MemoryFileSystem()
    const error = new FsError('failure', 'Disk error', { cause: new Error('EIO /srv/real') })
    fs.hooks.fail('stat', error)
    const session = await MemorySession.start({ fs })
    expect(await session.client.request({ kind: 'stat', path: '/' })).toMatchObject({ message: 'Disk error' })
    expect(session.reports).toEqual([{ error, request: { kind: 'stat', id: 1, path: '/' } }])
  })

  test.each([
    { name: 'a request', call: 'stat', send: { kind: 'stat', path: '/a' } },
    { name: 'a read', call: 'file.read', send: { kind: 'read', handle: hex('00000000'), offset: 0n, len: 1 } },
    {
      name: 'a write',
      call: 'file.write',
      send: { kind: 'write', handle: hex('00000000'), offset: 0n, data: [hex('61')] },
    },
  ] as const)('$name that meets a bug gets FAILURE, Internal error; the bug is reported', async ({ call, send }) => {
    const fs = new MemoryFileSystem()
    fs.addFile('/a', 'abc')
    const session = await MemorySession.start({ fs })
    await session.client.request({ kind: 'open', filename: '/a', pflags: 3, attrs: {} })
    const bug = new TypeError('x is undefined at /srv/real')
    fs.hooks.fail(call, bug)
    expect(await session.client.request(send)).toMatchObject({
      kind: 'status',
      code: SSH_FX.FAILURE,
      message: 'Internal error',
    })
    expect(session.reports.map(({ error }) => error)).toEqual([bug])
    expect(await session.client.request({ kind: 'realpath', path: '' })).toMatchObject({ kind: 'name' })
  })

  test('a reply that cannot be encoded is a bug too', async () => {
    const fs = new MemoryFileSystem()
    fs.stat = () => Promise.resolve({ permissions: -1 })
    const session = await MemorySession.start({ fs })
    expect(await session.client.request({ kind: 'stat', path: '/' })).toMatchObject({ message: 'Internal error' })
    expect(session.reports).toHaveLength(1)
  })
})

test('any cutting of what a client sends gives the same replies', async () => {
  const packets = [
    INIT,
    ...[REALPATH, '15 00000007', SLOW_STAT, '11 00000002 00000002 2f78'].map((one) => frame(hex(one))),
  ]
  const bytes = Buffer.concat(packets)
  const whole = await converse(REALPATH, '15 00000007', SLOW_STAT, '11 00000002 00000002 2f78')
  for (let at = 1; at < bytes.length; at++) {
    const session = new MemorySession({ fs: new MemoryFileSystem() })
    session.send(bytes.subarray(0, at))
    session.send(bytes.subarray(at))
    await turn()
    expect(session.client.received, `cut at ${at}`).toEqual(whole.client.received)
  }
})

test('every packet counts as activity, also one that is refused', async () => {
  const session = await converse(REALPATH, '15 00000007', '11 0000')
  expect(session.packets).toBe(4)
})

test('no reply has an id that was not asked for', async () => {
  const session = await MemorySession.start({ fs: new MemoryFileSystem() })
  await Promise.all([
    session.client.raw(SSH_FXP.EXTENDED, hex('00000001 78')),
    session.client.request({ kind: 'stat', path: '/x' }),
    session.client.request({ kind: 'limits' }),
  ])
  expect(session.client.unexpected).toEqual([])
  expect(session.client.unanswered).toEqual([])
})
