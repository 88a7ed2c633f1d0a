import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Client, ClientChannel } from 'ssh2'
import { beforeEach, describe, expect, test } from 'vitest'
import { encodeRequest, frame } from '../../protocol/sftp/codec.ts'
import { SSH_FX } from '../../protocol/sftp/constants.ts'
import type { Request, Response } from '../../protocol/sftp/packets.ts'
import type { SftpClient } from '../../protocol/testing/client.ts'
import { nodeStorage } from '../vfs/storage.ts'
import { GOODBYE_MS, MAX_CHANNELS, MAX_UNREAD_BYTES, MIN_CHANNEL_PACKET_BYTES } from './peer.ts'
import type { TestServer } from './sshd.test.support.ts'
import {
  PFLAGS,
  UPLOAD,
  closed,
  connect,
  deferred,
  eventually,
  isExchangingKeys,
  offerChannels,
  onMessages,
  openDescriptors,
  openFile,
  openSftp,
  rawProtocol,
  sendRaw,
  serverSockets,
  socketOf,
  sftpOn,
  startSshd,
  subsystem,
  vanish,
  watchForUnhandled,
} from './sshd.test.support.ts'

beforeEach(watchForUnhandled)

const MIB = 1024 * 1024
const CHUNK_BYTES = 32 * 1024

/** It still serves: proof that what a test did to its neighbour stayed there. */
async function expectAlive(sftp: SftpClient): Promise<void> {
  expect(await sftp.request({ kind: 'realpath', path: '.' })).toMatchObject({ kind: 'name' })
}

/** Alice's home with a file of that size in it; its contents are not written anywhere. */
function withFile(server: TestServer, name: string, bytes: number): string {
  mkdirSync(server.home, { recursive: true })
  const file = path.join(server.home, name)
  writeFileSync(file, '')
  truncateSync(file, bytes)
  return file
}

/** A storage whose writes stand still until the test lets them go on. */
function heldWrites() {
  const entered = deferred()
  const released = deferred()
  return {
    entered: entered.promise,
    release: released.resolve,
    storage: {
      ...nodeStorage,
      async write(...args: Parameters<typeof nodeStorage.write>): Promise<void> {
        entered.resolve()
        await released.promise
        return nodeStorage.write(...args)
      },
    },
  }
}

async function expectOver(server: TestServer, descriptors: number): Promise<void> {
  await eventually(() => {
    expect(server.connections.size).toBe(0)
    expect(openDescriptors()).toBe(descriptors)
  })
}

describe('requests that have nothing to do with SFTP are refused', () => {
  type Done = (error: unknown) => void
  const failure = (run: (done: Done) => unknown): Promise<unknown> => new Promise((resolve) => run(resolve))

  test.each<[string, (client: Client, done: Done) => unknown]>([
    ['a shell', (client, done) => client.shell(false, done)],
    ['a terminal', (client, done) => client.shell(done)],
    ['a command', (client, done) => client.exec('id', done)],
    ['a command with an environment', (client, done) => client.exec('id', { env: { LD_PRELOAD: 'x' } }, done)],
    ['another subsystem', (client, done) => client.subsys('netconf', done)],
    ['a subsystem without a name', (client, done) => client.subsys('', done)],
    ['forwarding from here', (client, done) => client.forwardOut('127.0.0.1', 1, '127.0.0.1', 22, done)],
    ['forwarding from there', (client, done) => client.forwardIn('127.0.0.1', 0, done)],
    ['forwarding from here to a socket', (client, done) => client.openssh_forwardOutStreamLocal('/run/x', done)],
    ['forwarding from a socket there', (client, done) => client.openssh_forwardInStreamLocal('/tmp/x', done)],
  ])('%s', async (_, ask) => {
    const server = await startSshd()
    const client = await connect(server)
    expect(await failure((done) => ask(client, done))).toBeInstanceOf(Error)
    await expectAlive((await openSftp(client)).sftp)
  })

  test('security 6: a subsystem request without a payload ends that connection alone', async () => {
    const server = await startSshd()
    const other = await openSftp(await connect(server))
    const client = await connect(server)
    rawProtocol(client).session(0, MIB, CHUNK_BYTES)
    const type = Buffer.from('subsystem')
    const header = Buffer.alloc(9)
    header[0] = 98
    header.writeUInt32BE(type.length, 5)
    sendRaw(client, Buffer.concat([header, type, Buffer.from([1])]))
    await closed(client)
    await expectAlive(other.sftp)
  })

  test('security 6: a second subsystem request on a session changes nothing', async () => {
    const server = await startSshd()
    const client = await connect(server)
    const { channel, sftp } = await openSftp(client)
    const { id } = (channel as unknown as { outgoing: { id: number } }).outgoing
    rawProtocol(client).subsystem(id, 'sftp', true)
    rawProtocol(client).subsystem(id, 'sftp', false)
    await expectAlive(sftp)
    expect(server.connections.size).toBe(1)
  })

  test('security 6: a subsystem request behind the end of the session starts nothing', async () => {
    const server = await startSshd()
    const client = await connect(server)
    const protocol = rawProtocol(client)
    const opened = new Promise<ClientChannel>((resolve) => {
      const { _chanMgr: channels } = client as unknown as { _chanMgr: { add(opened: unknown): number } }
      const id = channels.add(
        Object.assign((_: unknown, channel: ClientChannel) => resolve(channel), { type: 'session' }),
      )
      protocol.session(id, MIB, CHUNK_BYTES)
    })
    const { id } = ((await opened) as unknown as { outgoing: { id: number } }).outgoing
    protocol.channelEOF(id)
    protocol.subsystem(id, 'sftp', true)
    await expectAlive((await openSftp(client)).sftp)
    expect(server.connections.size).toBe(1)
  })
})

describe('channels', () => {
  test('several of one connection are independent, and listed one by one', async () => {
    const server = await startSshd()
    const client = await connect(server)
    const [one, two] = [await openSftp(client), await openSftp(client)]
    expect(server.connections.list().map(({ connectionId }) => connectionId)).toHaveLength(2)
    const handle = await openFile(one.sftp, '/file', UPLOAD)
    // A handle is its own channel's.
    expect(await two.sftp.request({ kind: 'fstat', handle })).toMatchObject({ code: SSH_FX.FAILURE })
    one.channel.end()
    expect(await one.exit).toBe(0)
    await eventually(() => expect(server.connections.size).toBe(1))
    await expectAlive(two.sftp)
  })

  test('security 7: are limited, with or without a subsystem; each that closes makes room for one', async () => {
    const server = await startSshd()
    const client = await connect(server)
    const used = await openSftp(client)
    const opened: number[] = []
    const refused: number[] = []
    const protocol = rawProtocol(client)
    const answered = deferred()
    const note = (list: number[], id: number): void => {
      list.push(id)
      if (opened.length + refused.length === MAX_CHANNELS + 4) answered.resolve()
    }
    onMessages(client, {
      CHANNEL_OPEN_CONFIRMATION: (_: unknown, { sender }: { sender: number }) => note(opened, sender),
      CHANNEL_OPEN_FAILURE: (_: unknown, recipient: number) => note(refused, recipient),
    })
    for (let id = 100; id < 100 + MAX_CHANNELS + 4; id++) protocol.session(id, MIB, CHUNK_BYTES)
    await answered.promise
    expect(opened).toHaveLength(MAX_CHANNELS - 1)
    expect(refused).toHaveLength(5)
    await expectAlive(used.sftp)

    const closing = deferred()
    onMessages(client, { CHANNEL_CLOSE: () => closing.resolve() })
    protocol.channelClose(opened[0] as number)
    // What the transport would not have answered.
    await closing.promise
    const again = new Promise<number[]>((resolve) => {
      const outcomes: number[] = []
      const outcome = (code: number) => (): void => {
        if (outcomes.push(code) === 2) resolve(outcomes)
      }
      onMessages(client, {
        CHANNEL_OPEN_CONFIRMATION: outcome(1),
        CHANNEL_OPEN_FAILURE: outcome(0),
      })
    })
    protocol.session(200, MIB, CHUNK_BYTES)
    protocol.session(201, MIB, CHUNK_BYTES)
    expect(await again).toEqual([1, 0])
  })

  test('can be opened one after the other without end', async () => {
    const server = await startSshd()
    const client = await connect(server)
    for (let round = 0; round < 3 * MAX_CHANNELS; round++) {
      const { channel, exit, over } = await openSftp(client)
      channel.end()
      expect(await exit).toBe(0)
      await over
    }
    await eventually(() => expect(server.connections.size).toBe(0))
  })

  test.each([0, 1, MIN_CHANNEL_PACKET_BYTES - 1])(
    'security 7: that take packets of %d bytes are refused, others of the connection are not',
    async (packetSize) => {
      const server = await startSshd()
      const client = await connect(server)
      const other = await openSftp(client)
      offerChannels(client, { window: MIB, packetSize })
      await expect(subsystem(client, 'sftp')).rejects.toThrow(/Unable to start subsystem/)
      expect(server.log.lines).toContain(`warn the client takes packets of ${packetSize} bytes only: channel refused`)
      await expectAlive(other.sftp)
    },
  )

  test('with the smallest packets work', async () => {
    const server = await startSshd()
    const client = await connect(server)
    offerChannels(client, { window: MIB, packetSize: MIN_CHANNEL_PACKET_BYTES })
    withFile(server, 'file', 100_000)
    const { sftp } = await openSftp(client)
    const handle = await openFile(sftp, '/file', PFLAGS.read)
    const reply = await sftp.request({ kind: 'read', handle, offset: 0n, len: 50_000 })
    expect(reply.kind === 'data' && Buffer.concat(reply.data).length).toBe(50_000)
  })
})

describe('idle connections', () => {
  const MINUTE = 60_000

  test('are closed to the minute, with or without a channel', async () => {
    const server = await startSshd({ config: { idle_timeout: 15 } })
    const clients = [await connect(server), await connect(server)]
    await openSftp(clients[1] as Client)
    const ends = clients.map(closed)
    server.clock.advance(15 * MINUTE - 1)
    expect(server.log.lines.join()).not.toContain('idle')
    server.clock.advance(1)
    await Promise.all(ends)
    expect(server.log.lines.filter((line) => line === 'info idle for 15 minutes: disconnected')).toHaveLength(2)
    expect(server.log.failedLogins).toEqual([])
    await eventually(() => expect(server.connections.size).toBe(0))
  })

  test('reliability 14: any request postpones it', async () => {
    const server = await startSshd({ config: { idle_timeout: 1 } })
    const { sftp } = await openSftp(await connect(server))
    for (let minute = 0; minute < 5; minute++) {
      server.clock.advance(MINUTE - 1)
      await expectAlive(sftp)
    }
    expect(server.connections.list()).toMatchObject([{ lastActivityMs: server.clock.now() }])
    server.clock.advance(MINUTE)
    await eventually(() => expect(server.connections.size).toBe(0))
  })

  test('reliability 14: a slow upload is not idle while the bytes of one packet come in', async () => {
    const server = await startSshd({ config: { idle_timeout: 1 } })
    const client = await connect(server)
    const { channel, sftp } = await openSftp(client)
    const handle = await openFile(sftp, '/slow', UPLOAD)
    const { packet, reply } = sftp.prepare({ kind: 'write', handle, offset: 0n, data: [Buffer.alloc(200)] })
    const probe = (await openSftp(client)).sftp
    server.clock.advance(MINUTE - 1)
    for (let at = 0; at < packet.length; at += 50) {
      channel.write(packet.subarray(at, at + 50))
      const before = server.clock.now()
      await eventually(() => expect(server.connections.list()[0]?.lastActivityMs).toBe(before))
      server.clock.advance(MINUTE - 1)
    }
    expect(await reply).toMatchObject({ code: SSH_FX.OK })
    await expectAlive(probe)
  })

  test('reliability 14: a slow download is not idle while its replies are taken', async () => {
    const server = await startSshd({ config: { idle_timeout: 1 } })
    const client = await connect(server)
    offerChannels(client, { window: 2 * CHUNK_BYTES, packetSize: CHUNK_BYTES })
    withFile(server, 'file', MIB)
    const { channel, sftp } = await openSftp(client)
    const handle = await openFile(sftp, '/file', PFLAGS.read)
    for (let index = 0; index < 8; index++) {
      void sftp.request({ kind: 'read', handle, offset: BigInt(index), len: CHUNK_BYTES })
    }
    const arrived = (): number => sftp.received.filter(({ kind }) => kind === 'data').length
    await eventually(() => expect(arrived()).toBe(1))
    const { outgoing } = channel as unknown as { outgoing: { id: number } }
    const protocol = rawProtocol(client) as unknown as { channelWindowAdjust(id: number, bytes: number): void }
    for (let taken = 2; taken < 8; taken++) {
      server.clock.advance(MINUTE - 1)
      // The client makes room for one more.
      protocol.channelWindowAdjust(outgoing.id, CHUNK_BYTES + 64)
      await eventually(() => expect(arrived()).toBe(taken))
      await eventually(() => expect(server.connections.list()[0]?.lastActivityMs).toBe(server.clock.now()))
    }
  })

  test('stay when the timeout is 0', async () => {
    const server = await startSshd({ config: { idle_timeout: 0 } })
    const { sftp } = await openSftp(await connect(server))
    server.clock.advance(365 * 24 * 60 * MINUTE)
    await expectAlive(sftp)
  })
})

describe('garbage inside an SFTP channel', () => {
  const uint32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
  }
  const packet = (type: number, ...fields: Buffer[]): Buffer => frame(Buffer.concat([Buffer.from([type]), ...fields]))
  const string = (text: string): Buffer => Buffer.concat([uint32(text.length), Buffer.from(text)])

  test.each([
    ['zero length', uint32(0)],
    ['4 GiB length', uint32(0xffffffff)],
    ['a length just over the limit', uint32(256 * 1024 + 1)],
    ['SETSTAT whose attributes are cut', packet(9, uint32(7), string('/x'), uint32(0x0f))],
    ['OPEN that ends in its name', packet(3, uint32(7), uint32(1000), Buffer.from('/x'))],
    ['a packet of one byte', packet(3)],
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['noise', Buffer.alloc(1000, 0xa5)],
  ])('security 6: %s ends that channel, and nothing else', async (_, garbage) => {
    const server = await startSshd()
    const client = await connect(server)
    const [bad, neighbour, stranger] = [
      await openSftp(client),
      await openSftp(client),
      await openSftp(await connect(server)),
    ]
    await openFile(bad.sftp, '/half', UPLOAD)
    bad.channel.write(garbage)
    expect(await bad.exit).toBe(1)
    await eventually(() => expect(server.connections.size).toBe(2))
    expect(server.log.lines).toContainEqual(expect.stringMatching(/^warn the client broke the SFTP protocol /))
    expect(server.log.transfers).toMatchObject([{ sender: 'Upload', error: expect.any(String) }])
    await expectAlive(neighbour.sftp)
    await expectAlive(stranger.sftp)
    await expectAlive((await openSftp(client)).sftp)
  })

  test('security 6: an unknown type is answered, and the channel goes on', async () => {
    const server = await startSshd()
    const { sftp } = await openSftp(await connect(server))
    expect(await sftp.raw(99, Buffer.from('whatever'))).toMatchObject({ code: SSH_FX.OP_UNSUPPORTED })
    await expectAlive(sftp)
  })

  test('security 9: a request before INIT ends the channel', async () => {
    const server = await startSshd()
    const session = sftpOn(await subsystem(await connect(server), 'sftp'))
    session.channel.write(frame(encodeRequest({ kind: 'mkdir', id: 1, path: '/early', attrs: {} })))
    expect(await session.exit).toBe(1)
    expect(session.sftp.received).toEqual([])
  })
})

describe('reliability 1: a client that vanishes', () => {
  const data = [Buffer.alloc(CHUNK_BYTES, 'x')]
  const write = (sftp: SftpClient, handle: Buffer, offset = 0n): Promise<Response> =>
    sftp.request({ kind: 'write', handle, offset, data })

  test.each<[string, (sftp: SftpClient, channel: ClientChannel, handle: Buffer) => Promise<unknown>]>([
    ['right after OPEN', () => Promise.resolve()],
    [
      'in the middle of a WRITE',
      async (sftp, channel, handle) => {
        const { packet } = sftp.prepare({ kind: 'write', handle, offset: 0n, data })
        await new Promise((resolve) => channel.write(packet.subarray(0, packet.length / 2), resolve))
      },
    ],
    [
      'with WRITEs under way',
      async (sftp, _, handle) => {
        const writes = Array.from({ length: 64 }, (__, index) => write(sftp, handle, BigInt(index * CHUNK_BYTES)))
        await writes[0]
      },
    ],
    ['after its last WRITE was answered', (sftp, _, handle) => write(sftp, handle)],
  ])('in mid upload, %s: the file is closed, the upload failed', async (_, act) => {
    const server = await startSshd()
    const descriptors = openDescriptors()
    const client = await connect(server)
    const { channel, sftp } = await openSftp(client)
    await act(sftp, channel, await openFile(sftp, '/upload', UPLOAD))
    expect(server.connections.list()).toMatchObject([{ transfers: [{ operationType: 'upload', path: '/upload' }] }])
    vanish(client)
    await expectOver(server, descriptors)
    expect(server.log.transfers).toMatchObject([
      {
        sender: 'Upload',
        username: 'alice',
        filePath: path.join(server.home, 'upload'),
        protocol: 'SFTP',
        error: 'the connection ended before the file was closed',
      },
    ])
  })

  test('while the disk writes: its files are closed when the disk is done', async () => {
    const held = heldWrites()
    const server = await startSshd({ storage: held.storage })
    const descriptors = openDescriptors()
    const client = await connect(server)
    const { sftp } = await openSftp(client)
    const handle = await openFile(sftp, '/upload', UPLOAD)
    void write(sftp, handle)
    await held.entered
    vanish(client)
    await eventually(() => expect(serverSockets(server)).toEqual([]))
    expect(server.connections.size).toBe(1)
    held.release()
    await expectOver(server, descriptors)
    expect(server.log.transfers).toMatchObject([{ sizeBytes: CHUNK_BYTES, error: expect.any(String) }])
  })

  test.each<[string, number]>([
    ['right after OPEN', 0],
    ['with a READ under way', 1],
    ['with many READs under way', 500],
  ])('in mid download, %s: the file is closed, the download failed', async (_, reads) => {
    const server = await startSshd()
    withFile(server, 'file', 256 * MIB)
    const descriptors = openDescriptors()
    const client = await connect(server)
    const { sftp } = await openSftp(client)
    const handle = await openFile(sftp, '/file', PFLAGS.read)
    const replies = Array.from({ length: reads }, (__, index) =>
      sftp.request({ kind: 'read', handle, offset: BigInt(index * CHUNK_BYTES), len: CHUNK_BYTES }),
    )
    await replies[0]
    vanish(client)
    await expectOver(server, descriptors)
    expect(server.log.transfers).toMatchObject([{ sender: 'Download', error: expect.any(String) }])
  })

  test('while its files are being opened', async () => {
    const entered = deferred()
    const released = deferred()
    const server = await startSshd({
      storage: {
        ...nodeStorage,
        async open(...args) {
          entered.resolve()
          await released.promise
          return nodeStorage.open(...args)
        },
      },
    })
    const descriptors = openDescriptors()
    const client = await connect(server)
    // More replies than fit the window: they could never leave.
    offerChannels(client, { window: 16, packetSize: CHUNK_BYTES })
    const { channel } = sftpOn(await subsystem(client, 'sftp'))
    const requests: Request[] = [
      { kind: 'init', id: 0, version: 3, extensions: [] },
      ...Array.from({ length: 20 }, (_, id): Request => ({ kind: 'realpath', id, path: '/' })),
    ]
    channel.write(Buffer.concat(requests.map((request) => frame(encodeRequest(request)))))
    await entered.promise
    vanish(client)
    await eventually(() => expect(serverSockets(server)).toEqual([]))
    released.resolve()
    await expectOver(server, descriptors)
  })

  test('at every byte of an upload: only one whose CLOSE arrived is a success', async () => {
    const server = await startSshd()
    const client = await connect(server)
    const descriptors = openDescriptors()
    const handle = Buffer.alloc(4)
    const packets = (
      [
        { kind: 'init', id: 0, version: 3, extensions: [] },
        { kind: 'open', id: 1, filename: '/file', pflags: UPLOAD, attrs: {} },
        { kind: 'write', id: 2, handle, offset: 0n, data: [Buffer.from('hello')] },
        { kind: 'close', id: 3, handle },
      ] satisfies Request[]
    ).map((request) => frame(encodeRequest(request)))
    const stream = Buffer.concat(packets)
    const opened = stream.length - Buffer.concat(packets.slice(2)).length
    for (let cut = 0; cut <= stream.length; cut++) {
      const channel = await subsystem(client, 'sftp')
      channel.resume()
      if (cut > 0) channel.write(stream.subarray(0, cut))
      channel.close()
      await expectOver(server, descriptors)
      const failed = { error: 'the connection ended before the file was closed' }
      const records = server.log.transfers.splice(0)
      if (cut < opened) expect(records).toEqual([])
      else if (cut < stream.length) expect(records).toMatchObject([failed])
      else expect(records).toEqual([expect.not.objectContaining({ error: expect.anything() })])
    }
    expect(readFileSync(path.join(server.home, 'file'), 'utf8')).toBe('hello')
  })
})

describe('the end of a session', () => {
  test('comes after the requests in flight were executed and answered, with exit status 0', async () => {
    const held = heldWrites()
    const server = await startSshd({ storage: held.storage })
    const { channel, sftp, exit } = await openSftp(await connect(server))
    const handle = await openFile(sftp, '/upload', UPLOAD)
    const writes = Array.from({ length: 40 }, (_, index) =>
      sftp.request({ kind: 'write', handle, offset: BigInt(index), data: [Buffer.from('x')] }),
    )
    const closing = sftp.request({ kind: 'close', handle })
    channel.end()
    await held.entered
    held.release()
    expect(await exit).toBe(0)
    for (const reply of await Promise.all([...writes, closing])) expect(reply).toMatchObject({ code: SSH_FX.OK })
    expect(readFileSync(path.join(server.home, 'upload'), 'utf8')).toBe('x'.repeat(40))
    await eventually(() => expect(server.connections.size).toBe(0))
    expect(server.log.transfers).toEqual([expect.not.objectContaining({ error: expect.anything() })])
  })

  test('without a CLOSE leaves the upload failed and its file closed', async () => {
    const server = await startSshd()
    const client = await connect(server)
    const descriptors = openDescriptors()
    const { channel, sftp, exit } = await openSftp(client)
    await openFile(sftp, '/upload', UPLOAD)
    channel.end()
    expect(await exit).toBe(0)
    await expectOver(server, descriptors)
    expect(server.log.transfers).toMatchObject([{ error: 'the connection ended before the file was closed' }])
  })
})

describe('reliability 10: a client that never reads', () => {
  /** What one channel may hold, and the client's own window. */
  const LIMIT = 8 * MIB

  test('is not read ahead for, and is cleaned up when it goes', async () => {
    const server = await startSshd()
    withFile(server, 'file', 512 * MIB)
    const descriptors = openDescriptors()
    const client = await connect(server)
    const { channel, sftp } = await openSftp(client)
    const handle = await openFile(sftp, '/file', PFLAGS.read)
    const memory = process.memoryUsage().arrayBuffers
    channel.pause()
    for (let index = 0; index < 2000; index++) {
      void sftp.request({ kind: 'read', handle, offset: BigInt(index) * 261_120n, len: 261_120 })
    }
    const moved = (): number => server.connections.list()[0]?.transfers[0]?.sizeBytes ?? -1
    await eventually(() => expect(moved()).toBeGreaterThan(2 * MIB))
    // Time passes for the others.
    const other = await openSftp(await connect(server))
    for (let round = 0; round < 200; round++) await expectAlive(other.sftp)
    expect(moved()).toBeLessThan(LIMIT)
    expect(process.memoryUsage().arrayBuffers - memory).toBeLessThan(64 * MIB)
    vanish(client)
    await eventually(() => expect(server.connections.size).toBe(1))
    other.channel.end()
    await other.exit
    // The second client's two ends of one connection.
    await eventually(() => expect(openDescriptors()).toBe(descriptors + 2))
    expect(server.log.transfers).toMatchObject([{ sender: 'Download', error: expect.any(String) }])
  })

  test('with a window of nothing is not read from beyond what may wait', async () => {
    const server = await startSshd()
    const descriptors = openDescriptors()
    // Whose REALPATH does not look at the disk.
    await server.addUser({ username: 'bob', permissions: ['download'] })
    const client = await connect(server, { username: 'bob' })
    offerChannels(client, { window: 0, packetSize: CHUNK_BYTES })
    const { channel } = sftpOn(await subsystem(client, 'sftp'))
    const realpath = frame(encodeRequest({ kind: 'realpath', id: 1, path: `/${'x'.repeat(2000)}` }))
    const total = 10_000 * realpath.length
    channel.write(frame(encodeRequest({ kind: 'init', id: 0, version: 3, extensions: [] })))
    for (let index = 0; index < 10_000; index++) channel.write(realpath)
    // The server's window closes, and the rest stays with the client.
    const left = (): number => channel.writableLength
    await eventually(() => expect(left()).toBeLessThan(total))
    const other = await openSftp(await connect(server))
    for (let round = 0; round < 100; round++) await expectAlive(other.sftp)
    expect(left()).toBeGreaterThan(total - LIMIT)
    vanish(client)
    await eventually(() => expect(server.connections.size).toBe(1))
    other.channel.end()
    await other.exit
    await eventually(() => expect(openDescriptors()).toBe(descriptors + 2))
  })

  test('with a key exchange that it never ends does not make the server keep what it asked for', async () => {
    const server = await startSshd()
    withFile(server, 'file', 512 * MIB)
    const client = await connect(server)
    // As much as there can be: the window is no limit here.
    offerChannels(client, { window: 0xffffffff, packetSize: CHUNK_BYTES })
    const { sftp } = await openSftp(client)
    const handle = await openFile(sftp, '/file', PFLAGS.read)
    for (let index = 0; index < 1000; index++) {
      void sftp.request({ kind: 'read', handle, offset: BigInt(index) * 261_120n, len: 261_120 })
    }
    rawProtocol(client).rekey()
    // The server's answer is never read, so it is not answered either.
    socketOf(client).pause()
    const moved = (): number => server.connections.list()[0]?.transfers[0]?.sizeBytes ?? -1
    await eventually(() => expect(moved()).toBeGreaterThan(MIB))
    const other = await openSftp(await connect(server))
    for (let round = 0; round < 200; round++) await expectAlive(other.sftp)
    expect(moved()).toBeLessThan(24 * MIB)
    vanish(client)
    await eventually(() => expect(server.connections.size).toBe(1))
  })

  test('security 7: that sends more than its window allows is disconnected', async () => {
    const held = heldWrites()
    const server = await startSshd({ storage: held.storage })
    const other = await openSftp(await connect(server))
    const client = await connect(server)
    const { channel, sftp } = await openSftp(client)
    const handle = await openFile(sftp, '/upload', UPLOAD)
    const { packet } = sftp.prepare({ kind: 'write', handle, offset: 0n, data: [Buffer.alloc(30_000)] })
    const { id } = (channel as unknown as { outgoing: { id: number } }).outgoing
    const gone = closed(client)
    // Four MiB may wait, and two more in the channel.
    for (let bytes = 0; bytes < 8 * MIB; bytes += packet.length) rawProtocol(client).channelData(id, packet)
    await gone
    expect(server.log.lines).toContain('warn the client sent more than its window allows: disconnected')
    held.release()
    await eventually(() => expect(server.connections.size).toBe(1))
    await expectAlive(other.sftp)
  })

  test('what is left for it, having ended its side, has a second to do so', async () => {
    const server = await startSshd()
    const client = await connect(server)
    await openSftp(client)
    const [socket] = serverSockets(server)
    if (socket === undefined) throw new Error('the server has no connection')
    // As if the kernel took nothing more: the end waits for what is before it.
    socket.end = () => socket
    socketOf(client).end()
    await once(socket, 'end')
    server.clock.advance(GOODBYE_MS - 1)
    expect(socket.destroyed).toBe(false)
    server.clock.advance(1)
    expect(socket.destroyed).toBe(true)
    await eventually(() => expect(server.connections.size).toBe(0))
  })

  test('and asks all the same is not listened to until it reads', async () => {
    const server = await startSshd()
    const { sftp } = await openSftp(await connect(server))
    const [socket] = serverSockets(server)
    if (socket === undefined) throw new Error('the server has no connection')
    let unread: number = MAX_UNREAD_BYTES.afterLogin
    Object.defineProperty(socket, 'writableLength', { configurable: true, get: () => unread })
    const answer = sftp.request({ kind: 'realpath', path: '.' })
    await eventually(() => expect(socket.isPaused()).toBe(true))
    unread = 0
    socket.emit('drain')
    expect(socket.isPaused()).toBe(false)
    expect(await answer).toMatchObject({ kind: 'name' })
  })
})

describe('reliability 8: keys exchanged anew under load', () => {
  const TOTAL = 12 * MIB
  const DEPTH = 32

  /** Runs one request a chunk, several at once, and a key exchange every MiB. */
  async function transfer(client: Client, request: (offset: number) => Promise<void>): Promise<number> {
    let exchanges = 0
    let exchangeAt = MIB
    client.on('handshake', () => exchanges++)
    let next = 0
    let done = 0
    const lane = async (): Promise<void> => {
      while (next < TOTAL) {
        const offset = next
        next += CHUNK_BYTES
        await request(offset)
        done += CHUNK_BYTES
        if (done >= exchangeAt && !isExchangingKeys(client)) {
          exchangeAt = done + MIB
          rawProtocol(client).rekey()
        }
      }
    }
    await Promise.all(Array.from({ length: DEPTH }, lane))
    return exchanges
  }

  test.each(['aes128-gcm@openssh.com', 'aes256-ctr'] as const)(
    'an upload and a download arrive whole: %s',
    async (cipher) => {
      const server = await startSshd()
      const client = await connect(server, { algorithms: { cipher: [cipher] } })
      const { sftp } = await openSftp(client)
      const content = randomBytes(TOTAL)
      const hash = createHash('sha256').update(content).digest('hex')

      const upload = await openFile(sftp, '/file', UPLOAD)
      const uploadExchanges = await transfer(client, async (offset) => {
        const data = [content.subarray(offset, offset + CHUNK_BYTES)]
        const reply = await sftp.request({ kind: 'write', handle: upload, offset: BigInt(offset), data })
        expect(reply).toMatchObject({ code: SSH_FX.OK })
      })
      await sftp.request({ kind: 'close', handle: upload })
      expect(uploadExchanges).toBeGreaterThanOrEqual(5)
      expect(
        createHash('sha256')
          .update(readFileSync(path.join(server.home, 'file')))
          .digest('hex'),
      ).toBe(hash)

      const download = await openFile(sftp, '/file', PFLAGS.read)
      const received = Buffer.alloc(TOTAL)
      const downloadExchanges = await transfer(client, async (offset) => {
        const reply = await sftp.request({ kind: 'read', handle: download, offset: BigInt(offset), len: CHUNK_BYTES })
        if (reply.kind !== 'data') throw new Error(`no data at ${offset}`)
        Buffer.concat(reply.data).copy(received, offset)
      })
      expect(downloadExchanges).toBeGreaterThanOrEqual(5)
      expect(createHash('sha256').update(received).digest('hex')).toBe(hash)
    },
  )
})

describe('files', () => {
  test('security 6: no client sees a real path in what it is told', async () => {
    const server = await startSshd()
    const { sftp } = await openSftp(await connect(server))
    await sftp.request({ kind: 'opendir', path: '/missing' })
    await sftp.request({ kind: 'rename', oldpath: '/', newpath: '/x' })
    await sftp.request({ kind: 'realpath', path: '..' })
    expect(
      JSON.stringify(sftp.received, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toContain(server.home)
  })

  test('whose storage fails in an unforeseen way end the session, not the server', async () => {
    const server = await startSshd({
      openAccount: { prepare: () => Promise.resolve(), open: () => Promise.reject(new Error('no such luck')) },
    })
    const client = await connect(server)
    const gone = closed(client)
    await subsystem(client, 'sftp')
    await gone
    expect(server.log.lines).toContain('error the session could not be served no such luck')
    expect(server.connections.size).toBe(0)
    await connect(server)
  })
})
