import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { Client } from 'ssh2'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { nodeStorage } from '../vfs/storage.ts'
import { LOGIN_GRACE_MS } from './peer.ts'
import { CLOSE_DEADLINE_MS } from './sshd.ts'
import {
  UPLOAD,
  authenticateRaw,
  closed,
  connect,
  connectConfig,
  deferred,
  eventually,
  openFile,
  openSftp,
  serverSockets,
  socketOf,
  startClient,
  startSshd,
  vanish,
  watchForUnhandled,
} from './sshd.test.support.ts'

beforeEach(watchForUnhandled)

/** Of `defender.max_startups`. */
const MAX_UNAUTHENTICATED = 100

/** A client of the transport below SSH. */
function dial({ port }: { port: number }): Socket {
  const socket = createConnection({ host: '127.0.0.1', port })
  socket.on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
  return socket
}

/** What the server says first; '' when it hangs up instead. */
function greeting(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1')))
    socket.once('close', () => resolve(''))
  })
}

describe('listening', () => {
  test('on a port in use is refused in one line', async () => {
    const server = await startSshd()
    const other = await startSshd()
    await other.sshd.close()
    await expect(other.sshd.listen({ host: '127.0.0.1', port: server.port })).rejects.toThrow(
      new RegExp(`^SFTP server: cannot listen on 127\\.0\\.0\\.1:${server.port}: the port is in use$`),
    )
  })

  test('on an address of somebody else is refused in one line', async () => {
    const { sshd } = await startSshd()
    await sshd.close()
    await expect(sshd.listen({ host: '192.0.2.1', port: 0 })).rejects.toThrow(
      /^SFTP server: cannot listen on 192\.0\.2\.1:0: EADDRNOTAVAIL$/,
    )
  })

  test('on every interface shows IPv4 clients as such', async () => {
    const server = await startSshd()
    await server.sshd.close()
    const { port } = await server.sshd.listen({ host: '', port: 0 })
    expect(await authenticateRaw({ port }, [(protocol) => protocol.authPassword('alice', 'wrong')])).toHaveLength(1)
    expect(server.log.failedLogins).toMatchObject([{ clientIp: '127.0.0.1' }])
    const client = await connect({ port })
    await openSftp(client)
    expect(server.connections.list()).toMatchObject([{ remoteAddress: expect.stringMatching(/^127\.0\.0\.1:\d+$/) }])
  })
})

test('the identification line is the configured one', async () => {
  const server = await startSshd({ config: { banner: 'SFTPGo_9.9 with a comment' } })
  expect(await greeting(dial(server))).toBe('SSH-2.0-SFTPGo_9.9 with a comment\r\n')
})

test('the login banner comes before the login', async () => {
  const server = await startSshd({ loginBanner: 'Überwacht\r\n' })
  const client = startClient(server, { password: 'wrong' })
  const [message] = (await once(client, 'banner')) as [string]
  expect(message).toBe('Überwacht\r\n')
})

test('sockets send at once what they have (TCP_NODELAY)', async () => {
  const server = await startSshd()
  await connect(server)
  const [socket, ...others] = serverSockets(server)
  expect(others).toEqual([])
  // Node keeps what it told the kernel under a symbol.
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'kSetNoDelay')
  expect((socket as unknown as Record<symbol, unknown>)[key as symbol]).toBe(true)
})

describe('connections that have not logged in', () => {
  test('are closed after the login grace', async () => {
    const server = await startSshd()
    const silent = dial(server)
    await greeting(silent)
    const halfway = startClient(server, { authHandler: () => undefined })
    await once(halfway, 'handshake')
    const gone = [once(silent, 'close'), closed(halfway)]
    server.clock.advance(LOGIN_GRACE_MS - 1)
    await connect(server)
    expect(server.log.failedLogins).toEqual([])
    server.clock.advance(1)
    await Promise.all(gone)
    await eventually(() => expect(server.log.failedLogins).toHaveLength(2))
    const record = {
      clientIp: '127.0.0.1',
      username: '',
      loginType: 'no_auth_tryed',
      error: 'the login took more than two minutes',
    }
    expect(server.log.failedLogins).toEqual([record, record])
  })

  test('the login grace ends with the login', async () => {
    const server = await startSshd()
    const client = await connect(server)
    server.clock.advance(LOGIN_GRACE_MS)
    await openSftp(client)
    expect(server.connections.size).toBe(1)
  })

  test('security 8: are limited; one that leaves makes room for one', async () => {
    const server = await startSshd()
    const first = dial(server)
    const greeted = await Promise.all(
      [first, ...Array.from({ length: MAX_UNAUTHENTICATED - 1 }, () => dial(server))].map(greeting),
    )
    expect(greeted.every((line) => line.startsWith('SSH-2.0-'))).toBe(true)
    expect(await greeting(dial(server))).toBe('')
    expect(server.log.lines).toEqual([
      'warn too many clients are logging in, 100 and 100 of them from 127.0.0.1: some are turned away ' +
        '(limits 10:30:100, 20 for each address)',
    ])

    first.destroy()
    await eventually(() => expect(server.log.failedLogins).toHaveLength(1))
    expect(await greeting(dial(server))).toMatch(/^SSH-2\.0-/)
    expect(await greeting(dial(server))).toBe('')
  })

  test('security 8: are counted once, however they end', async () => {
    const server = await startSshd({ config: { max_auth_tries: 1 } })
    for (let round = 0; round < 3; round++) {
      dial(server).destroy()
      dial(server).end('GET / HTTP/1.0\r\n\r\n')
      dial(server).end('SSH-2.0-Left\r\n')
      const loggedIn = await connect(server)
      if (round === 0) vanish(loggedIn)
      else loggedIn.end()
      await authenticateRaw(server, [(protocol) => protocol.authPassword('alice', 'wrong')])
      const late = dial(server)
      await greeting(late)
      server.clock.advance(LOGIN_GRACE_MS)
      await once(late, 'close')
    }
    const stays = await connect(server)
    await eventually(() => expect(serverSockets(server)).toHaveLength(1))
    const sockets = Array.from({ length: MAX_UNAUTHENTICATED }, () => dial(server))
    expect((await Promise.all(sockets.map(greeting))).every((line) => line.startsWith('SSH-2.0-'))).toBe(true)
    expect(await greeting(dial(server))).toBe('')
    // Nobody who is in is affected.
    await openSftp(stays)
  })

  test.each([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['another version of SSH', 'SSH-1.5-old\r\n'],
    ['no line ever', 'x'.repeat(100_000)],
    ['zero bytes', `${'\0'.repeat(64)}\r\n`],
    ['a packet that is none', 'SSH-2.0-Garbage\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff'],
    ['noise after the identification', `SSH-2.0-Garbage\r\n${'\x00\x00\x01\x00\x04\x14'.repeat(50)}`],
  ])('security 6: one that sends %s ends alone', async (_, garbage) => {
    const server = await startSshd()
    const others = await openSftp(await connect(server))
    const socket = dial(server)
    socket.resume()
    socket.write(Buffer.from(garbage, 'latin1'))
    await once(socket, 'close')
    await eventually(() => expect(server.log.failedLogins).toHaveLength(1))
    expect(server.log.failedLogins).toMatchObject([{ username: '', loginType: 'no_auth_tryed' }])
    expect(await others.sftp.request({ kind: 'realpath', path: '.' })).toMatchObject({ kind: 'name' })
  })
})

describe('a connection_failed record without a login', () => {
  const record = (error: unknown): unknown => ({
    clientIp: '127.0.0.1',
    username: '',
    loginType: 'no_auth_tryed',
    error,
  })

  test('is written for a port scan', async () => {
    const server = await startSshd()
    const socket = dial(server)
    await greeting(socket)
    socket.end()
    await eventually(() =>
      expect(server.log.failedLogins).toEqual([record('the client left without an SSH identification')]),
    )
  })

  test('is written for one that leaves in the key exchange', async () => {
    const server = await startSshd()
    const socket = dial(server)
    await greeting(socket)
    socket.end('SSH-2.0-Test\r\n')
    socket.resume()
    await eventually(() => expect(server.log.failedLogins).toEqual([record('the client left during the key exchange')]))
  })

  test('is not written for one that leaves after the key exchange, which is what ssh-keyscan does', async () => {
    const server = await startSshd()
    const client = startClient(server, { authHandler: () => undefined })
    await once(client, 'handshake')
    client.end()
    await eventually(() => expect(server.log.lines).toEqual(['warn 127.0.0.1 left without trying to log in']))
    expect(server.log.failedLogins).toEqual([])
  })

  test('is not written for one that gives up', async () => {
    const server = await startSshd()
    await authenticateRaw(server, [(protocol) => protocol.authPassword('alice', 'wrong')])
    await eventually(() => expect(serverSockets(server)).toEqual([]))
    expect(server.log.failedLogins).toMatchObject([{ loginType: 'password' }])
  })

  test('is written when the connection is lost, even after a try', async () => {
    const server = await startSshd()
    let tries = 0
    const client: Client = startClient(server, {
      authHandler: () => {
        if (tries++ === 0) return { type: 'password', username: 'alice', password: 'wrong' }
        socketOf(client).resetAndDestroy()
        return false
      },
    })
    await eventually(() => expect(server.log.failedLogins).toHaveLength(2))
    expect(server.log.failedLogins).toEqual([
      { clientIp: '127.0.0.1', username: 'alice', loginType: 'password', error: 'wrong password' },
      record(expect.stringContaining('ECONNRESET')),
    ])
  })

  test('is not written for those that the server itself ends', async () => {
    const server = await startSshd()
    await greeting(dial(server))
    await server.sshd.close()
    expect(server.log.failedLogins).toEqual([])
  })
})

describe('closing', () => {
  test('ends every connection and accepts none', async () => {
    const server = await startSshd()
    const clients = [await connect(server), await connect(server)]
    const session = await openSftp(clients[0] as (typeof clients)[0])
    await openFile(session.sftp, '/upload', UPLOAD)
    const ends = clients.map(closed)
    await server.sshd.close()
    await Promise.all(ends)
    expect(server.connections.size).toBe(0)
    expect(server.log.transfers).toMatchObject([{ sender: 'Upload', error: expect.any(String) }])
    await expect(connect(server)).rejects.toThrow(/ECONNREFUSED/)
    expect(server.clock.timers).toBe(0)
  })

  test('may be asked for twice', async () => {
    const server = await startSshd()
    await Promise.all([server.sshd.close(), server.sshd.close()])
    await expect(server.sshd.close()).resolves.toBeUndefined()
  })

  test('reliability 13: does not wait longer than ten seconds for a disk that hangs', async () => {
    const asked = deferred()
    const never = deferred()
    const server = await startSshd({
      storage: {
        ...nodeStorage,
        async write(...args) {
          asked.resolve()
          await never.promise
          return nodeStorage.write(...args)
        },
      },
    })
    const { sftp } = await openSftp(await connect(server))
    const handle = await openFile(sftp, '/upload', UPLOAD)
    void sftp.request({ kind: 'write', handle, offset: 0n, data: [Buffer.from('x')] })
    await asked.promise
    const closing = server.sshd.close()
    await eventually(() => expect(serverSockets(server)).toEqual([]))
    server.clock.advance(CLOSE_DEADLINE_MS)
    await closing
    expect(server.log.lines).toContainEqual('warn closing without waiting for 1 busy connections')
    never.resolve()
    await eventually(() => expect(server.connections.size).toBe(0))
  })
})

test('reliability 8: a client that connects again from the same port is a new one', async () => {
  const server = await startSshd()
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port: localPort } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  for (let round = 0; round < 2; round++) {
    const client = startClient(server, { ...connectConfig(server), localPort })
    await once(client, 'ready')
    await openSftp(client)
    // Without the wait that an orderly close leaves the port in.
    socketOf(client).resetAndDestroy()
    await eventually(() => expect(server.connections.size).toBe(0))
  }
})
