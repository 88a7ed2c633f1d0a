import { once } from 'node:events'
import { createConnection } from 'node:net'
import type { Socket } from 'node:net'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { PATIENCE_MS } from '../defender/startups.ts'
import { LOGIN_GRACE_MS } from './peer.ts'
import { ed25519Pair } from './sample-keys.test.support.ts'
import type { RawProtocol, TestServer } from './sshd.test.support.ts'
import {
  PASSWORD,
  authenticateRaw,
  closed,
  connect,
  eventually,
  openSftp,
  parsedKey,
  serverSockets,
  startClient,
  startSshd,
  vanish,
  watchForUnhandled,
} from './sshd.test.support.ts'

beforeEach(watchForUnhandled)

const METHODS = 'password,publickey,keyboard-interactive'
const ED25519 = ed25519Pair()
const wrong = (protocol: RawProtocol): void => protocol.authPassword('alice', 'wrong')
const right = (protocol: RawProtocol): void => protocol.authPassword('alice', PASSWORD)

function dial({ port }: { port: number }): Socket {
  const socket = createConnection({ host: '127.0.0.1', port })
  socket.on('error', () => undefined)
  socket.resume()
  onTestFinished(() => void socket.destroy())
  return socket
}

/** Resolves with what the server says first, `''` when it hangs up instead. */
function answered(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1')))
    socket.once('close', () => resolve(''))
  })
}

function hungUp(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

describe('500 sockets that never authenticate do not stop a real login', () => {
  test.each<[string, (server: TestServer) => Promise<unknown>, number]>([
    ['silent', (server) => answered(dial(server)), PATIENCE_MS.silent],
    [
      'with an identification',
      (server) => {
        const socket = dial(server)
        socket.write('SSH-2.0-Slow\r\n')
        return answered(socket)
      },
      PATIENCE_MS.identified,
    ],
  ])('%s', async (_, flood, patienceMs) => {
    const server = await startSshd()
    await Promise.all(Array.from({ length: 500 }, () => flood(server)))
    await eventually(() => expect(serverSockets(server)).toHaveLength(100))
    // And while they come again.
    for (let round = 0; round < 5; round++) {
      server.clock.advance(patienceMs)
      const [client] = await Promise.all([connect(server), ...Array.from({ length: 20 }, () => flood(server))])
      await openSftp(client)
    }
    expect(server.log.lines.filter((line) => line.includes('too many clients'))).toHaveLength(1)
    expect(server.log.failedLogins).toContainEqual({
      clientIp: '127.0.0.1',
      username: '',
      loginType: 'no_auth_tryed',
      error: 'too many clients are logging in, and this one was slow',
    })
  })
})

describe('max_sessions', () => {
  test('security 18: of 30 logins at once against a limit of 10, exactly 10 get in', async () => {
    const server = await startSshd()
    await server.addUser({ username: 'few', max_sessions: 10 })
    const logins = Array.from({ length: 30 }, () =>
      connect(server, { username: 'few' }).then(
        () => true,
        () => false,
      ),
    )
    expect((await Promise.all(logins)).filter(Boolean)).toHaveLength(10)
    const refusals = server.log.lines.filter((line) => line.includes('login of "few" refused: 10 sessions are open'))
    expect(refusals).toHaveLength(20)
    expect(server.log.failedLogins).toEqual([])
  })

  test('counts SSH connections, with any number of channels and with none, until they are over', async () => {
    const server = await startSshd()
    await server.addUser({ username: 'one', max_sessions: 1 })
    for (let round = 0; round < 3; round++) {
      const client = await connect(server, { username: 'one' })
      await expect(connect(server, { username: 'one' })).rejects.toThrow(/authentication/)
      const session = await openSftp(client)
      await openSftp(client)
      session.channel.end()
      await session.over
      await expect(connect(server, { username: 'one' })).rejects.toThrow(/authentication/)
      if (round === 1) vanish(client)
      else client.end()
      await eventually(() => expect(serverSockets(server)).toEqual([]))
    }
  })

  test('a login that is refused for it holds no place, and is one of the tries', async () => {
    const server = await startSshd({ config: { max_auth_tries: 2 } })
    await server.addUser({ username: 'one', max_sessions: 1 })
    const client = await connect(server, { username: 'one' })
    const login = (protocol: RawProtocol): void => protocol.authPassword('one', PASSWORD)
    expect(await authenticateRaw(server, [login, login, login])).toEqual([METHODS, 'closed', 'closed'])
    client.end()
    await eventually(() => expect(serverSockets(server)).toEqual([]))
    await connect(server, { username: 'one' })
  })

  test('a home that cannot be made holds no place', async () => {
    const server = await startSshd()
    const user = await server.addUser({ username: 'one', max_sessions: 1, home_dir: '/proc/nowhere' })
    await expect(connect(server, { username: 'one' })).rejects.toThrow(/authentication/)
    await server.accounts.update(user.id, { home_dir: server.home })
    await connect(server, { username: 'one' })
  })

  test('security 9: a key query takes no place', async () => {
    const server = await startSshd()
    await server.addUser({ username: 'one', max_sessions: 1, public_keys: [ED25519.public] })
    const query = (protocol: RawProtocol): void => protocol.authPK('one', parsedKey(ED25519.private), 'ssh-ed25519')
    expect(await authenticateRaw(server, [query, query])).toEqual(['pk-ok', 'pk-ok'])
    await connect(server, { username: 'one' })
    expect(await authenticateRaw(server, [query])).toEqual(['pk-ok'])
  })
})

describe('an address that does wrong too often is banned', () => {
  const untrusted = { trusted: [] }
  /** The server hangs up without a word. */
  const isRefused = async (server: TestServer): Promise<boolean> => {
    const socket = dial(server)
    const first = await answered(socket)
    socket.destroy()
    return first === ''
  }

  test('for wrong passwords, in mid connection', async () => {
    const server = await startSshd({ defender: { ...untrusted, threshold: 4 } })
    const other = await openSftp(await connect(server))
    expect(await authenticateRaw(server, [wrong, wrong])).toEqual([METHODS, METHODS])
    expect(await isRefused(server)).toBe(false)
    expect(await authenticateRaw(server, [wrong, wrong, right])).toEqual([METHODS, 'closed', 'closed'])
    expect(await isRefused(server)).toBe(true)
    expect(server.log.lines).toContainEqual(
      'warn 127.0.0.1 is banned for 30 minutes: 4 failed logins within 30 minutes: 4 points, the limit is 4',
    )
    await eventually(() =>
      expect(server.log.failedLogins.at(-1)).toMatchObject({
        loginType: 'no_auth_tryed',
        error: 'the address is banned',
      }),
    )
    // Who is in stays in.
    expect(await other.sftp.request({ kind: 'realpath', path: '.' })).toMatchObject({ kind: 'name' })
    server.clock.advance(30 * 60_000)
    await connect(server)
  })

  test('for unknown users, sooner', async () => {
    const server = await startSshd({ defender: { ...untrusted, threshold: 4 } })
    const unknown = (protocol: RawProtocol): void => protocol.authPassword('nobody', 'x')
    expect(await authenticateRaw(server, [unknown, unknown])).toEqual([METHODS, 'closed'])
  })

  test('for keys once a connection, and not when one of them logs in', async () => {
    const server = await startSshd({ defender: { ...untrusted, threshold: 2 } })
    await server.addUser({ username: 'keys', public_keys: [ED25519.public] })
    const stranger = (protocol: RawProtocol): void =>
      protocol.authPK('keys', parsedKey(ed25519Pair().private), 'ssh-ed25519')
    for (let round = 0; round < 3; round++) {
      const logsIn = (protocol: RawProtocol): void => protocol.authPassword('keys', PASSWORD)
      expect(await authenticateRaw(server, [stranger, stranger, logsIn])).toEqual([METHODS, METHODS, 'success'])
    }
    expect(await authenticateRaw(server, [stranger, stranger, stranger])).toEqual([METHODS, METHODS, METHODS])
    await eventually(() => expect(serverSockets(server)).toEqual([]))
    expect(await isRefused(server)).toBe(false)
    await authenticateRaw(server, [stranger])
    await eventually(() => expect(server.log.lines.join()).toContain('is banned'))
    expect(await isRefused(server)).toBe(true)
  })

  test.each<[string, (server: TestServer) => Promise<unknown>, RegExp]>([
    ['no SSH', (server) => hungUp(dial(server).end('GET / HTTP/1.0\r\n\r\n')), /1 garbage/],
    [
      'broken packets',
      (server) => hungUp(dial(server).end(`SSH-2.0-x\r\n${'\xff'.repeat(64)}`, 'latin1')),
      /1 garbage/,
    ],
    [
      'nothing until the grace is over',
      async (server) => {
        const socket = dial(server)
        await answered(socket)
        server.clock.advance(LOGIN_GRACE_MS)
        await hungUp(socket)
      },
      /1 no auth/,
    ],
    [
      'a key exchange and no try',
      async (server) => {
        const client = startClient(server, { authHandler: () => undefined })
        await once(client, 'handshake')
        client.end()
        await closed(client)
      },
      /1 no auth/,
    ],
  ])('for %s', async (_, connection, why) => {
    const server = await startSshd({ defender: { ...untrusted, threshold: 1 } })
    await connection(server)
    await eventually(() => expect(server.log.lines.join()).toMatch(/is banned for/))
    expect(server.log.lines.find((line) => line.includes('is banned'))).toMatch(why)
    expect(await isRefused(server)).toBe(true)
    expect(await server.gate.bans.remove('127.0.0.1')).toBe(true)
    await connect(server)
  })

  test('but not for asking whether somebody is there', async () => {
    const server = await startSshd({ defender: { ...untrusted, threshold: 1 } })
    for (let round = 0; round < 5; round++) {
      const socket = dial(server)
      await answered(socket)
      socket.destroy()
    }
    await eventually(() => expect(server.log.failedLogins).toHaveLength(5))
    await connect(server)
  })

  test('nor for what is no fault of its own', async () => {
    const server = await startSshd({ defender: { ...untrusted, threshold: 1 } })
    await server.provider.close()
    expect(await authenticateRaw(server, [right, right])).toEqual([METHODS, METHODS])
    await eventually(() => expect(serverSockets(server)).toEqual([]))
    expect(await isRefused(server)).toBe(false)
  })

  test('nor when it is trusted, as this machine is by default', async () => {
    const server = await startSshd({ defender: { threshold: 1 } })
    expect(await authenticateRaw(server, [wrong, wrong, right])).toEqual([METHODS, METHODS, 'success'])
  })
})

test('security 8: one address has so many connections that are not logged in', async () => {
  const server = await startSshd({ defender: { trusted: [], max_startups_per_address: 3 } })
  const sockets = Array.from({ length: 8 }, () => dial(server))
  await Promise.all(sockets.map(answered))
  await eventually(() => expect(serverSockets(server)).toHaveLength(3))
  expect(await connect(server).catch((error: unknown) => error)).toBeInstanceOf(Error)
  server.clock.advance(PATIENCE_MS.silent)
  for (let round = 0; round < 5; round++) await connect(server)
})
