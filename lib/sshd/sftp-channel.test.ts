import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex, Writable } from 'node:stream'
import fc from 'fast-check'
import type { Connection, ServerChannel } from 'ssh2'
import { beforeEach, describe, expect, test } from 'vitest'
import { encodeRequest, frame } from '../../protocol/sftp/codec.ts'
import { MemoryFileSystem } from '../../protocol/testing/memory-filesystem.ts'
import { VirtualClock } from '../clock.test.support.ts'
import { MAX_SOCKET_BYTES, Outlet } from './outlet.ts'
import { Inlet } from './inlet.ts'
import { createMemory } from './memory.ts'
import { PacketSlabs } from './packet-maker.ts'
import { ReadRegions } from './read-regions.ts'
import { ReceiveWindow } from './receive-window.ts'
import { ReplyWriter, serveSftp } from './sftp-channel.ts'
import type { Outgoing } from './sftp-channel.ts'
import { watchForUnhandled } from './sshd.test.support.ts'

beforeEach(watchForUnhandled)

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A channel that passes on what it is given when the test opens the client's window. */
class FakeChannel {
  readonly writes: Buffer[] = []
  windowOpen = true
  /** As long as its window is shut, nothing goes past the stream. */
  readonly outgoing = { id: 7, window: 0, packetSize: 1000, state: 'open' }
  #held: { bytes: Buffer; done: () => void } | undefined

  get writableLength(): number {
    return this.#held?.bytes.length ?? 0
  }

  write(bytes: Buffer, done: () => void): void {
    if (this.#held !== undefined) throw new Error('written to while it waits for the window')
    this.writes.push(bytes)
    // Nothing needs no window.
    if (this.windowOpen || bytes.length === 0) process.nextTick(done)
    else this.#held = { bytes, done }
  }

  openWindow(): void {
    this.windowOpen = true
    const held = this.#held
    this.#held = undefined
    held?.done()
  }
}

class FakeSocket extends EventEmitter {
  writableLength = 0
  corked = 0
  cork(): void {
    this.corked++
  }
  uncork(): void {
    this.corked--
  }
}

class FakeClient extends EventEmitter {
  /** What left without the way through the stream. */
  readonly packets: { id: number; data: string }[] = []
  readonly _protocol = {
    _kexinit: undefined as Buffer | undefined,
    _cipher: { encrypt: () => undefined },
    channelData: (id: number, data: Buffer) => void this.packets.push({ id, data: data.toString() }),
  }

  startKeyExchange(): void {
    const { _protocol: protocol } = this
    Object.assign(protocol, { _kexinit: Buffer.alloc(1) })
  }

  endKeyExchange(): void {
    const { _protocol: protocol } = this
    Object.assign(protocol, { _kexinit: undefined })
    this.emit('handshake')
  }
}

function outletOf(socket: FakeSocket, client: FakeClient): Outlet {
  return new Outlet(socket as unknown as Socket, client as unknown as Connection, new PacketSlabs())
}

function setUp() {
  const channel = new FakeChannel()
  const socket = new FakeSocket()
  const client = new FakeClient()
  const writer = new ReplyWriter(channel as unknown as ServerChannel, outletOf(socket, client))
  const sent: string[] = []
  const reply = (text: string): Outgoing => ({ bytes: Buffer.from(text), sent: () => sent.push(text) })
  const push = (text: string): void => writer.push(reply(text))
  const pushAtOnce = (text: string): void => writer.pushAtOnce(reply(text))
  return { channel, socket, client, writer, sent, push, pushAtOnce, written: () => channel.writes.map(String) }
}

describe('replies', () => {
  test('of one turn leave together while they are small, in order', async () => {
    const { push, written, sent, socket } = setUp()
    push('a')
    push('b')
    push('c')
    expect(written()).toEqual([])
    await turn()
    expect(written()).toEqual(['abc'])
    expect(socket.corked).toBe(0)
    await turn()
    expect(sent).toEqual(['a', 'b', 'c'])
  })

  test('that the client waits for leave at once, behind those before', async () => {
    const { push, pushAtOnce, written, sent } = setUp()
    push('a')
    pushAtOnce('b')
    expect(written()).toEqual(['ab'])
    push('c')
    await turn()
    expect(written()).toEqual(['ab', 'c'])
    await turn()
    expect(sent).toEqual(['a', 'b', 'c'])
  })

  test('that would leave at once count as sent when the client is gone', async () => {
    const { pushAtOnce, written, sent, writer } = setUp()
    writer.discard()
    pushAtOnce('a')
    await turn()
    expect([written(), sent]).toEqual([[], ['a']])
  })

  test('are gathered up to 32 KiB', async () => {
    const { push, written } = setUp()
    const reply = 'x'.repeat(1024)
    for (let index = 0; index < 40; index++) push(reply)
    await turn()
    await turn()
    expect(written().map(({ length }) => length)).toEqual([32 * 1024, 8 * 1024])
  })

  test('with file data are not copied', async () => {
    const { channel, writer } = setUp()
    const bytes = Buffer.alloc(1025)
    writer.push({ bytes, sent: () => undefined })
    await turn()
    expect(channel.writes[0]).toBe(bytes)
  })

  test('go past the stream where the window takes them whole, in packets the client takes', async () => {
    const { channel, client, push, sent, written } = setUp()
    channel.outgoing.window = 2600
    const large = 'L'.repeat(2500)
    push(large)
    push('small')
    await turn()
    expect(client.packets).toEqual([
      { id: 7, data: large.slice(0, 1000) },
      { id: 7, data: large.slice(1000, 2000) },
      { id: 7, data: large.slice(2000) },
      { id: 7, data: 'small' },
    ])
    expect(channel.outgoing.window).toBe(95)
    expect(sent).toEqual([large, 'small'])
    push('x'.repeat(96))
    await turn()
    expect(client.packets).toHaveLength(4)
    expect(written()).toEqual(['x'.repeat(96)])
  })

  test('do not go past the stream once the channel is closed', async () => {
    const { channel, client, push, written } = setUp()
    Object.assign(channel.outgoing, { window: 1000, state: 'closing' })
    push('late')
    await turn()
    expect(client.packets).toEqual([])
    expect(written()).toEqual(['late'])
  })

  test('between large ones keep their place', async () => {
    const { push, written } = setUp()
    const large = 'L'.repeat(2000)
    for (const text of ['a', 'b', large, 'c', large, large]) push(text)
    await turn()
    await turn()
    expect(written()).toEqual(['ab', large, 'c', large, large])
  })

  test('wait while the channel waits for the window', async () => {
    const { channel, push, written, sent } = setUp()
    channel.windowOpen = false
    push('a')
    await turn()
    push('b')
    push('c')
    await turn()
    expect(written()).toEqual(['a'])
    expect(sent).toEqual([])
    channel.openWindow()
    await turn()
    await turn()
    expect(written()).toEqual(['a', 'bc'])
    expect(sent).toEqual(['a', 'b', 'c'])
  })

  test.each(['push', 'pushAtOnce'] as const)('wait while the socket is full: %s', async (way) => {
    const { socket, written, sent, ...ways } = setUp()
    socket.writableLength = MAX_SOCKET_BYTES
    ways[way]('a')
    await turn()
    ways[way]('b')
    await turn()
    expect(written()).toEqual([])
    socket.writableLength = 0
    socket.emit('drain')
    await turn()
    await turn()
    expect(written()).toEqual(['ab'])
    expect(sent).toEqual(['a', 'b'])
  })

  test('reliability 8: wait while keys are exchanged, as the transport would keep them all', async () => {
    const { client, push, written, sent } = setUp()
    client.startKeyExchange()
    push('a')
    push('b')
    await turn()
    expect(written()).toEqual([])
    client.endKeyExchange()
    await turn()
    await turn()
    expect(written()).toEqual(['ab'])
    expect(sent).toEqual(['a', 'b'])
  })

  test('that find no room after all wait for the next', async () => {
    const { client, socket, push, written } = setUp()
    client.startKeyExchange()
    socket.writableLength = MAX_SOCKET_BYTES
    push('a')
    await turn()
    client.endKeyExchange()
    await turn()
    expect(written()).toEqual([])
    socket.writableLength = 0
    socket.emit('drain')
    await turn()
    expect(written()).toEqual(['a'])
  })

  test('of several channels share one listener on the socket', async () => {
    const [socket, client] = [new FakeSocket(), new FakeClient()]
    const outlet = outletOf(socket, client)
    socket.writableLength = MAX_SOCKET_BYTES
    const channels = Array.from({ length: 10 }, () => new FakeChannel())
    for (const channel of channels) {
      new ReplyWriter(channel as unknown as ServerChannel, outlet).push({
        bytes: Buffer.from('x'),
        sent: () => undefined,
      })
    }
    await turn()
    expect(socket.listenerCount('drain')).toBe(1)
    socket.writableLength = 0
    socket.emit('drain')
    await turn()
    expect(channels.map(({ writes }) => writes.length)).toEqual(channels.map(() => 1))
  })

  test('are flushed once all of them left', async () => {
    const { channel, writer, push } = setUp()
    channel.windowOpen = false
    push('a')
    let flushed = false
    const done = writer.flushed().then(() => (flushed = true))
    await turn()
    await turn()
    expect(flushed).toBe(false)
    channel.openWindow()
    await done
  })
})

describe('replies to a client that is gone', () => {
  test('count as sent once each, the one under way too', async () => {
    const { channel, writer, push, sent, written } = setUp()
    channel.windowOpen = false
    push('under way')
    await turn()
    push('queued')
    writer.discard()
    await turn()
    expect(sent).toEqual(['under way', 'queued'])
    push('late')
    await writer.flushed()
    expect(sent).toEqual(['under way', 'queued', 'late'])
    // The window opens after all.
    channel.openWindow()
    await turn()
    expect(sent).toEqual(['under way', 'queued', 'late'])
    expect(written()).toEqual(['under way'])
  })

  test('do not wait for the socket', async () => {
    const { socket, writer, push, sent } = setUp()
    socket.writableLength = MAX_SOCKET_BYTES
    push('a')
    await turn()
    writer.discard()
    await turn()
    expect(sent).toEqual(['a'])
  })
})

test('whatever happens, every reply is sent once and in order', async () => {
  const event = fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 3000 }) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        'turn',
        'close window',
        'open window',
        'fill socket',
        'drain socket',
        'start keys',
        'end keys',
      ),
    },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 60 }), fc.boolean(), async (events, lost) => {
      const { channel, socket, client, writer, written } = setUp()
      const sent: number[] = []
      const pushed: string[] = []
      for (const next of events) {
        if (typeof next === 'number') {
          const id = pushed.length
          const bytes = Buffer.alloc(next, id)
          pushed.push(bytes.toString('latin1'))
          writer.push({ bytes, sent: () => sent.push(id) })
        } else if (next === 'turn') await turn()
        else if (next === 'close window') channel.windowOpen = false
        else if (next === 'open window') channel.openWindow()
        else if (next === 'fill socket') socket.writableLength = MAX_SOCKET_BYTES
        else if (next === 'start keys') client.startKeyExchange()
        else if (next === 'end keys') client.endKeyExchange()
        else {
          socket.writableLength = 0
          socket.emit('drain')
        }
      }
      if (lost) writer.discard()
      else {
        channel.openWindow()
        socket.writableLength = 0
        socket.emit('drain')
        client.endKeyExchange()
      }
      await writer.flushed()
      expect(sent).toEqual(pushed.map((_, id) => id))
      const text = Buffer.concat(channel.writes).toString('latin1')
      if (lost) expect(pushed.join('').startsWith(text)).toBe(true)
      else expect(text).toBe(pushed.join(''))
      expect(written().length).toBeLessThanOrEqual(pushed.length + 1)
    }),
    { numRuns: 200 },
  )
})

describe('a session', () => {
  /** Only what a session uses of a channel. */
  class SessionChannel extends Duplex {
    readonly incoming = { id: 7, window: 2 ** 21 }
    readonly outgoing = { id: 7, window: 0, packetSize: 1000, state: 'open' }
    readonly stderr = new Writable({ write: (_chunk, _encoding, done) => done() })
    readonly exits: number[] = []
    constructor() {
      super({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
    }
    exit(code: number): void {
      this.exits.push(code)
    }
  }

  function start(channel = new SessionChannel()) {
    const reports: string[] = []
    const outlet = outletOf(new FakeSocket(), new FakeClient())
    const memory = createMemory()
    const fs = new MemoryFileSystem()
    const clock = new VirtualClock()
    let active = 0
    const over = serveSftp({
      channel: channel as unknown as ServerChannel,
      inlet: new Inlet(new FakeClient() as unknown as Connection, new ReadRegions(memory.reads)),
      outlet,
      window: new ReceiveWindow(outlet.receiveWindow(channel as unknown as ServerChannel), memory.windows, clock),
      fs,
      username: 'alice',
      buffers: memory.buffers,
      clock,
      active: () => active++,
      report: (message, error) => reports.push(`${message}: ${error instanceof Error ? error.message : String(error)}`),
    })
    return { channel, over, reports, active: () => active }
  }

  test('ends with its channel', async () => {
    const { channel, over } = start()
    channel.push(frame(encodeRequest({ kind: 'init', id: 0, version: 3, extensions: [] })))
    channel.push(null)
    await over
    expect(channel.exits).toEqual([0])
    expect(channel.writableEnded).toBe(true)
  })

  test('of a client that broke the protocol ends with status 1, and the reason is reported', async () => {
    const { channel, over, reports } = start()
    channel.push(Buffer.alloc(4))
    await over
    expect(channel.exits).toEqual([1])
    expect(reports).toEqual([expect.stringMatching(/^the client broke the SFTP protocol: length: 0/)])
    channel.push(Buffer.from('more of it'))
    channel.push(null)
    await turn()
    expect(channel.exits).toEqual([1])
  })

  test('of a client that left before it began is over', async () => {
    const channel = new SessionChannel()
    channel.stderr.end()
    channel.push(frame(encodeRequest({ kind: 'init', id: 0, version: 3, extensions: [] })))
    channel.push(null)
    await turn()
    await expect(start(channel).over).resolves.toBeUndefined()
  })

  test('reliability 14: is active with every chunk, whole packet or not', async () => {
    const { channel, over, active } = start()
    channel.push(Buffer.from([0]))
    await turn()
    expect(active()).toBe(1)
    channel.push(null)
    await over
  })

  test('reports what goes wrong with its channel', async () => {
    const { channel, reports } = start()
    channel.emit('error', new Error('first'))
    channel.stderr.emit('error', new Error('second'))
    expect(reports).toEqual(['channel error: first', 'channel error: second'])
  })
})
