import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { CipherAlgorithm, Connection, ServerChannel } from 'ssh2'
import { expect, test } from 'vitest'
import type { SftpClient } from '../../protocol/testing/client.ts'
import { nodeStorage } from '../vfs/storage.ts'
import type { Storage } from '../vfs/storage.ts'
import { Inlet } from './inlet.ts'
import { createMemory } from './memory.ts'
import { LARGE_SLAB_BYTES, ReadRegions } from './read-regions.ts'
import { UPLOAD, connect, eventually, isExchangingKeys, openFile, openSftp } from './sshd.test.support.ts'
import { rawProtocol, startSshd } from './sshd.test.support.ts'

const FILE_BYTES = 8 * 1024 * 1024
const DEPTH = 8

/** A disk that takes its time, a different one for each write, and all the memory that was ever written from. */
function slowDisk() {
  const slabs = new Set<ArrayBufferLike>()
  let writes = 0
  const storage: Storage = {
    ...nodeStorage,
    async write(fd, chunks, offset) {
      for (const { buffer } of chunks) if (buffer.byteLength === LARGE_SLAB_BYTES) slabs.add(buffer)
      for (let turns = (writes++ * 7) % 20; turns > 0; turns--) await turn()
      await nodeStorage.write(fd, chunks, offset)
    },
  }
  return { storage, slabs }
}

/** Bytes that tell the file and their place in it. */
function contents(file: number): Buffer {
  const data = Buffer.alloc(FILE_BYTES)
  for (let at = 0; at < FILE_BYTES; at += 8) {
    data.writeUInt32LE(file, at)
    data.writeUInt32LE(at, at + 4)
  }
  return data
}

/** WRITEs of uneven lengths, {@link DEPTH} at once, among requests with names. */
async function upload(sftp: SftpClient, name: string, data: Buffer): Promise<void> {
  const handle = await openFile(sftp, name, UPLOAD)
  let [next, writes] = [0, 0]
  const lane = async (): Promise<void> => {
    while (next < data.length) {
      const [offset, length] = [next, [32_768, 100_001, 1000, 261_000][writes++ % 4] as number]
      next += length
      const written = sftp.request({
        kind: 'write',
        handle,
        offset: BigInt(offset),
        data: [data.subarray(offset, offset + length)],
      })
      expect(await sftp.request({ kind: 'stat', path: name })).toMatchObject({ kind: 'attrs' })
      expect(await written).toMatchObject({ kind: 'status', code: 0 })
    }
  }
  await Promise.all(Array.from({ length: DEPTH }, lane))
  await sftp.request({ kind: 'close', handle })
}

test.each(['aes128-gcm@openssh.com', 'aes128-ctr', 'chacha20-poly1305@openssh.com', 'aes256-cbc'] as CipherAlgorithm[])(
  'what several channels of a connection send arrives whole while its memory is used again: %s',
  async (cipher) => {
    const disk = slowDisk()
    const server = await startSshd({ storage: disk.storage, config: { ciphers: [cipher] } })
    const client = await connect(server, { algorithms: { cipher: [cipher] } })
    const files = [0, 1, 2].map((file) => ({ name: `file-${file}`, data: contents(file) }))
    const hashed = new Promise<string>((resolve, reject) =>
      client.exec('sha256sum', (error, channel) => {
        if (error !== undefined) return reject(error)
        channel.on('data', (line: Buffer) => resolve(line.toString('latin1')))
        channel.end(files[0]?.data)
      }),
    )
    const uploads = files.map(async ({ name, data }) => upload((await openSftp(client)).sftp, name, data))
    for (let exchange = 0; exchange < 3; exchange++) {
      await eventually(() => expect(isExchangingKeys(client)).toBe(false))
      rawProtocol(client).rekey()
      await turn()
    }
    await Promise.all(uploads)
    for (const { name, data } of files) {
      expect((await readFile(path.join(server.home, name))).equals(data)).toBe(true)
    }
    expect(await hashed).toContain(
      createHash('sha256')
        .update(files[0]?.data ?? '')
        .digest('hex'),
    )
    // All of it took less memory than half of it would fill: otherwise nothing was used again.
    expect(disk.slabs.size).toBeGreaterThan(0)
    expect(disk.slabs.size * LARGE_SLAB_BYTES).toBeLessThan((files.length * FILE_BYTES) / 2)
  },
)

test('a channel that takes the number of one that still looks at its data is lent nothing by its name', () => {
  const regions = new ReadRegions(createMemory().reads)
  const protocol = { _onPayload: (payload: Buffer) => void handled.push(payload) }
  const handled: Buffer[] = []
  const inlet = new Inlet({ _protocol: protocol } as unknown as Connection, regions)
  const channel = { incoming: { id: 3 }, readableLength: 0 } as unknown as ServerChannel
  /** A read that brings one packet, into memory of its own. */
  const receive = (type: number, body: number): { memory: ArrayBufferLike; payload: Buffer } => {
    const region = regions.next()
    region[0] = type
    region.writeUInt32BE(3, 1)
    regions.taken(region.length)
    const { _onPayload: hand } = protocol
    hand(region.subarray(0, 5 + body))
    return { memory: region.buffer, payload: handled.at(-1) as Buffer }
  }
  const [DATA, CLOSE] = [94, 97]
  receive(0, 0)

  let returned = 0
  const takeBack = inlet.lend(channel, () => returned)
  const lent = receive(DATA, 4 + 100)
  expect(lent.payload.buffer).toBe(lent.memory)
  const closing = receive(CLOSE, 0)
  expect(closing.payload.buffer).not.toBe(closing.memory)
  const early = receive(DATA, 4 + 100)
  expect(early.payload.buffer).toBe(early.memory)
  takeBack()
  const after = Array.from({ length: 6 }, () => receive(CLOSE, 0).memory)
  expect(after).toContain(lent.memory)
  expect(after).not.toContain(early.memory)

  // The one that came first ends when the other has begun, and takes nothing of it along.
  const first = inlet.lend(channel, () => 0)
  receive(CLOSE, 0)
  inlet.lend(channel, () => returned)
  first()
  const second = receive(DATA, 4 + 100)
  for (let count = 0; count < 6; count++) expect(receive(0, 0).memory).not.toBe(second.memory)
  expect(regions.isReused(second.memory)).toBe(true)
  returned = 100
  receive(0, 0)
  expect(regions.isReused(second.memory)).toBe(false)
})

test('uploads by channels one after the other arrive whole, in the same memory', async () => {
  const disk = slowDisk()
  const server = await startSshd({ storage: disk.storage })
  const client = await connect(server)
  for (const file of [0, 1, 2, 3]) {
    const { sftp, channel, over } = await openSftp(client)
    const data = contents(file)
    await upload(sftp, `file-${file}`, data)
    channel.end()
    await over
    expect((await readFile(path.join(server.home, `file-${file}`))).equals(data)).toBe(true)
  }
  expect(disk.slabs.size * LARGE_SLAB_BYTES).toBeLessThan((4 * FILE_BYTES) / 2)
})
