import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Client } from 'ssh2'
import { beforeEach, describe, expect, test } from 'vitest'
import { SSH_FX } from '../../protocol/sftp/constants.ts'
import type { Response } from '../../protocol/sftp/packets.ts'
import {
  PFLAGS,
  UPLOAD,
  connect,
  eventually,
  openFile,
  openSftp,
  startSshd,
  vanish,
  watchForUnhandled,
} from './sshd.test.support.ts'
import type { SftpSession, TestServer } from './sshd.test.support.ts'

beforeEach(watchForUnhandled)

const MINUTE = 60_000
/** 100 s worth at 1 KB/s. */
const BYTES = 100_000

interface Throttled {
  server: TestServer
  client: Client
  session: SftpSession
  /** Of a transfer that cannot end before 99 s have passed. */
  reply: Promise<Response>
}

/** An account with 1 KB/s in each direction, and a transfer of it that waits. */
async function startWaiting(direction: 'upload' | 'download'): Promise<Throttled> {
  const server = await startSshd({ config: { idle_timeout: 1 } })
  const { id } = await server.addUser({ username: 'slow', upload_bandwidth: 1, download_bandwidth: 1 })
  const { home_dir: home } = await server.accounts.get(id)
  const client = await connect(server, { username: 'slow' })
  const session = await openSftp(client)
  const { sftp } = session
  if (direction === 'download') writeFileSync(path.join(home, 'file'), Buffer.alloc(BYTES))
  const handle = await openFile(sftp, '/file', direction === 'upload' ? UPLOAD : PFLAGS.read)
  const timers = server.clock.timers
  const reply = sftp.request(
    direction === 'upload'
      ? { kind: 'write', handle, offset: 0n, data: [Buffer.alloc(BYTES)] }
      : // In one reply: clients may ask for as much in one piece.
        { kind: 'read', handle, offset: 0n, len: 32 * 1024 },
  )
  await eventually(() => expect(server.clock.timers).toBe(timers + 1))
  return { server, client, session, reply }
}

async function pass(server: TestServer, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    server.clock.advance(50)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('a throttled transfer', () => {
  test('reliability 14: is not idle, however long it takes', async () => {
    const { server, session, reply } = await startWaiting('upload')
    let isAnswered = false
    void reply.then(() => (isAnswered = true))
    await pass(server, 98_000)
    expect(server.connections.list()).toMatchObject([{ username: 'slow', transfers: [{ sizeBytes: 0 }] }])
    expect(isAnswered).toBe(false)
    await pass(server, 3000)
    expect(await reply).toMatchObject({ code: SSH_FX.OK })
    // Once nothing waits any more, it is.
    const over = session.over
    server.clock.advance(MINUTE)
    await over
    expect(server.log.lines).toContain('info idle for 1 minutes: disconnected')
  })

  test('a READ is answered when its bytes are paid for', async () => {
    const { server, reply } = await startWaiting('download')
    let isAnswered = false
    void reply.then(() => (isAnswered = true))
    await pass(server, 32_000)
    expect(isAnswered).toBe(false)
    await pass(server, 1000)
    expect(await reply).toMatchObject({ kind: 'data' })
  })

  test('one account does not hold up another', async () => {
    const { server } = await startWaiting('upload')
    const { sftp } = await openSftp(await connect(server))
    const handle = await openFile(sftp, '/file', UPLOAD)
    const data = [Buffer.alloc(200_000)]
    expect(await sftp.request({ kind: 'write', handle, offset: 0n, data })).toMatchObject({ code: SSH_FX.OK })
  })
})

describe.each(['upload', 'download'] as const)('reliability 1: a %s that waits ends at once', (direction) => {
  const ENDS: Record<string, (throttled: Throttled) => unknown> = {
    'when its connection is lost': ({ client }) => vanish(client),
    'when its client says goodbye': ({ client }) => client.end(),
    'when its channel is closed': ({ session }) => session.channel.close(),
    'when an administrator closes it': ({ server }) => {
      const [connection] = server.connections.list()
      server.connections.close(connection?.connectionId ?? '')
    },
    'when the server stops': ({ server }) => server.sshd.close(),
  }

  test.each(Object.entries(ENDS))('%s', async (_name, end) => {
    const throttled = await startWaiting(direction)
    const { server } = throttled
    const { timers } = server.clock
    await end(throttled)
    await eventually(() => expect(server.connections.size).toBe(0))
    expect(server.log.transfers).toMatchObject([
      { sizeBytes: 0, error: 'the connection ended before the file was closed' },
    ])
    if (direction === 'upload') expect(readFileSync(server.log.transfers[0]?.filePath ?? '')).toHaveLength(0)
    expect(server.clock.timers).toBeLessThan(timers)
  })
})
