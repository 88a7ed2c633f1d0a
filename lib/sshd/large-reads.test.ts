import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readingLarge } from './large-reads.ts'
import { createMemory } from './memory.ts'

let server: ReturnType<typeof createServer>
let accepted: Promise<Socket>
let client: Socket

beforeEach(async () => {
  server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  accepted = once(server, 'connection').then(([socket]) => readingLarge(socket as Socket, createMemory().reads).socket)
  client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(client, 'connect')
})

afterEach(async () => {
  client.destroy()
  // Resolves only when no connection is counted any more.
  await new Promise((resolve) => server.close(resolve))
})

/** Every byte tells where it stands. */
function pattern(bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, index) => (index * 31 + (index >> 8)) % 256))
}

test('everything arrives in order, in pieces of more than 64 KiB, and stays as it was', async () => {
  const socket = await accepted
  const sent = pattern(4 * 1024 * 1024)
  const pieces: Buffer[] = []
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  const ended = once(socket, 'end')
  socket.resume()
  client.end(sent)
  await ended
  expect(Buffer.concat(pieces).equals(sent)).toBe(true)
  expect(Math.max(...pieces.map(({ length }) => length))).toBeGreaterThan(64 * 1024)
})

test('what comes before anybody listens waits for it', async () => {
  client.write('early')
  const socket = await accepted
  // A turn in which it could be read.
  await new Promise(setImmediate)
  const first = once(socket, 'data')
  socket.resume()
  expect(String((await first)[0])).toBe('early')
  socket.destroy()
})

test('a paused socket reads nothing', async () => {
  const socket = await accepted
  const pieces: Buffer[] = []
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece)
    socket.pause()
  })
  socket.resume()
  client.write('one')
  await once(socket, 'pause')
  const answer = once(client, 'data')
  client.write('two')
  // Something that comes back after "two" was sent, and still has not been read.
  socket.write('?')
  await answer
  await new Promise(setImmediate)
  expect(String(Buffer.concat(pieces))).toBe('one')
  const more = once(socket, 'data')
  socket.resume()
  expect(String((await more)[0])).toBe('two')
  socket.destroy()
})

test('it knows its peer, writes, and is destroyed as any other', async () => {
  const socket = await accepted
  expect(socket.remoteAddress).toBe('127.0.0.1')
  expect(socket.remotePort).toBe(client.localPort)
  const greeting = once(client, 'data')
  socket.write('hello')
  expect(String((await greeting)[0])).toBe('hello')
  const closed = once(client, 'close')
  socket.destroy()
  await closed
  expect(socket.destroyed).toBe(true)
})

test('a socket without a handle is left as it is', async () => {
  const socket = await accepted
  socket.destroy()
  expect(readingLarge(socket, createMemory().reads).socket).toBe(socket)
})
