import { stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'

import type { Case, Context } from '../../case.ts'
import { checkSameFile, checkSucceeded } from '../../harness/check.ts'
import { exists, randomBytes, writeRandomFile } from '../../harness/files.ts'
import { command } from '../../harness/openssh-client.ts'
import { openDescriptors, processTree } from '../../harness/proc.ts'
import { waitUntil } from '../../harness/wait.ts'

const MIB = 1024 * 1024

/** Slow enough (8 MiB/s) that a client is killed in the middle, not after the end. */
const SLOWLY = ['-l', String(8 * 8 * 1024)]
const KILL_AFTER_BYTES = 1 * MIB

const INIT = packet(Buffer.from([1, 0, 0, 0, 3]))

/** Bytes on the TCP port that are no SSH. */
const PORT_GARBAGE: readonly { what: string; bytes: Buffer }[] = [
  { what: 'an HTTP request', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n') },
  { what: 'random bytes', bytes: randomBytes(100_000) },
  { what: 'a line without end', bytes: Buffer.alloc(200_000, 'x') },
  { what: 'a banner and random bytes', bytes: Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), randomBytes(100_000)]) },
  {
    what: 'a banner and a packet of 4 GiB',
    bytes: Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.alloc(64, 0xff)]),
  },
]

/** Bytes inside an SFTP channel that are no SFTP, or not enough of it. */
const CHANNEL_GARBAGE: readonly { what: string; bytes: Buffer }[] = [
  { what: 'a packet of length zero', bytes: Buffer.concat([INIT, Buffer.alloc(4)]) },
  { what: 'a packet of 4 GiB', bytes: Buffer.concat([INIT, Buffer.from([0xff, 0xff, 0xff, 0xff, 3])]) },
  { what: 'an unknown packet type', bytes: Buffer.concat([INIT, packet(Buffer.from([99, 0, 0, 0, 1]))]) },
  { what: 'a packet cut short', bytes: Buffer.concat([INIT, Buffer.from([0, 0, 0, 50, 3, 0, 0])]) },
  {
    // MKDIR of "x" whose attributes promise a size and times that do not follow.
    what: 'truncated attributes',
    bytes: Buffer.concat([INIT, packet(Buffer.from([14, 0, 0, 0, 1, 0, 0, 0, 1, 0x78, 0, 0, 0, 9, 0, 0]))]),
  },
  { what: 'a request before INIT', bytes: packet(Buffer.from([16, 0, 0, 0, 1, 0, 0, 0, 1, 0x2e])) },
  { what: 'random bytes', bytes: randomBytes(300_000) },
]

export const ROBUSTNESS: readonly Case[] = [
  {
    name: 'a client killed in the middle of put costs the server nothing, and others go on',
    run: (context) => killClient(context, command`put a killed`),
  },
  {
    name: 'a client killed in the middle of get costs the server nothing, and others go on',
    run: (context) => killClient(context, command`get b killed`),
  },
  ...PORT_GARBAGE.map(({ what, bytes }): Case => ({
    name: `${what} on the port: the connection is closed, and others go on`,
    async run(context) {
      await closedAfter(context, bytes)
      await checkServes(context)
    },
  })),
  {
    name: 'connections that say nothing keep nobody else out',
    async run(context) {
      const sockets = Array.from({ length: 8 }, () => connect(context.server.port, context.server.host))
      try {
        for (const socket of sockets) socket.on('error', () => undefined)
        await checkServes(context)
      } finally {
        for (const socket of sockets) socket.destroy()
      }
    },
  },
  ...CHANNEL_GARBAGE.map(({ what, bytes }): Case => ({
    name: `${what} in the SFTP channel: it is closed at most, and others go on`,
    async run(context) {
      const { client } = await context.place()
      await client.raw(bytes)
      await checkServes(context)
    },
  })),
]

/** A transfer is killed while another client's runs; that one ends well, and no descriptor is left open. */
async function killClient(context: Context, transfer: Buffer): Promise<void> {
  const { home, local, client } = await context.place()
  await writeRandomFile(join(local, 'a'), 64 * MIB)
  await writeRandomFile(join(home, 'b'), 64 * MIB)
  await checkServes(context)
  const before = await settledDescriptors(context)

  const victim = await client.start([transfer], { args: SLOWLY })
  const target = join(transfer.toString().startsWith('put') ? home : local, 'killed')
  await waitUntil(
    'the transfer has begun',
    async () => (await exists(target)) && (await sizeOf(target)) > KILL_AFTER_BYTES,
  )
  const bystander = client.batch([command`put a bystander`])
  await victim.kill()
  checkSucceeded(await bystander)
  await checkSameFile(join(home, 'bystander'), join(local, 'a'), 'file of the other client')

  await waitUntil(`the server is back at ${before} open descriptors`, () => descriptors(context) <= before, 15_000)
  await checkServes(context)
}

async function checkServes(context: Context): Promise<void> {
  const { home, local, client } = await context.place()
  await writeRandomFile(join(local, 'a'), 100_000)
  checkSucceeded(await client.batch([command`put a`, command`get a back`]))
  await checkSameFile(join(home, 'a'), join(local, 'a'), 'stored file')
  await checkSameFile(join(local, 'back'), join(local, 'a'), 'fetched file')
}

/** Sends the bytes and keeps its own side open: the server has to end it. */
async function closedAfter({ server }: Context, bytes: Buffer): Promise<void> {
  const socket = connect(server.port, server.host)
  let closed = false
  // A reset is an end like any other: 'close' follows it.
  socket.on('error', () => undefined)
  socket.on('close', () => (closed = true))
  socket.resume()
  socket.write(bytes)
  try {
    await waitUntil('the server has closed the connection', () => closed, 15_000)
  } finally {
    socket.destroy()
  }
}

/** Counted over all the server's processes, as a server may use one a connection. */
function descriptors({ server }: Context): number {
  return processTree(server.pid).reduce((sum, { pid }) => sum + openDescriptors(pid), 0)
}

/** The lowest count seen in a second, by which the sessions before have gone. */
async function settledDescriptors(context: Context): Promise<number> {
  const end = performance.now() + 1_000
  let lowest = Infinity
  await waitUntil('a second has passed', () => {
    lowest = Math.min(lowest, descriptors(context))
    return performance.now() > end
  })
  return lowest
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path)).size
}

function packet(body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([length, body])
}
