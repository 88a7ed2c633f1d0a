import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { authorizedKey } from '../accounts/public-keys.ts'
import type { User } from '../accounts/user.ts'
import { VirtualClock } from '../clock.test.support.ts'
import { Traces } from '../traces/traces.ts'
import type { TraceEvent } from '../traces/traces.ts'
import { ed25519Pair } from './sample-keys.test.support.ts'
import { PASSWORD, closed, connect, eventually, startSshd, temporaryDirectory } from './sshd.test.support.ts'
import type { TestServer, TestServerOptions } from './sshd.test.support.ts'

interface Traced extends TestServer {
  traces: Traces
  /** Of the only connection there was, once it is over. */
  story(): Promise<readonly TraceEvent[]>
}

async function traced(options: TestServerOptions = {}, eventsPerConnection = 64): Promise<Traced> {
  const ids: string[] = []
  class Known extends Traces {
    override begin(connectionId: string): ReturnType<Traces['begin']> {
      ids.push(connectionId)
      return super.begin(connectionId)
    }
  }
  const traces = new Known({ clock: new VirtualClock(), eventsPerConnection })
  const server = await startSshd({ ...options, traces })
  return {
    ...server,
    traces,
    async story() {
      let events: readonly TraceEvent[] = []
      await eventually(() => {
        events = traces.of(ids[0] ?? '') ?? []
        expect(events.at(-1)?.event).toBe('disconnected')
      })
      expect(ids.length).toBe(1)
      return events
    },
  }
}

/** OpenSSH's client with a key, which runs `pwd`. */
async function openSsh({ port }: TestServer, privateKey: string, ...more: string[]): Promise<number> {
  const identity = path.join(temporaryDirectory(), 'identity')
  writeFileSync(identity, privateKey, { mode: 0o600 })
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'PreferredAuthentications=publickey',
    ...more,
  ].flatMap((option) => ['-o', option])
  const args = ['-F', '/dev/null', ...options, '-i', identity, '-p', String(port), 'alice@127.0.0.1', 'pwd']
  const child = spawn('ssh', args, { stdio: 'ignore' })
  const [code] = (await once(child, 'close')) as [number]
  return code
}

const told = (events: readonly TraceEvent[]): string[] => events.map(({ event }) => event)
const detailsOf = (events: readonly TraceEvent[], name: string) =>
  events.filter(({ event }) => event === name).map(({ details }) => details)

async function aliceHas(server: TestServer, fields: Partial<User>): Promise<void> {
  const [{ id } = { id: 0 }] = await server.accounts.list({ limit: 1, offset: 0, order: 'ASC' })
  await server.accounts.update(id, fields)
}

describe('OpenSSH', () => {
  test('a login with a key is told from the first byte to the last', async () => {
    const server = await traced()
    const pair = ed25519Pair('laptop')
    const { fingerprint } = authorizedKey(pair.public)
    await aliceHas(server, { public_keys: [pair.public] })
    expect(await openSsh(server, pair.private)).toBe(0)
    const events = await server.story()
    expect(told(events)).toEqual([
      'connected',
      'identified',
      'algorithms',
      'auth_request',
      'auth_request',
      'key_acceptable',
      'auth_request',
      'logged_in',
      'channel_opened',
      'channel_closed',
      'disconnected',
    ])
    expect(detailsOf(events, 'connected')).toEqual([{ remote_address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) }])
    expect(detailsOf(events, 'identified')).toEqual([{ client_version: expect.stringMatching(/^SSH-2\.0-OpenSSH/) }])
    expect(detailsOf(events, 'algorithms')).toEqual([
      {
        kex: expect.stringMatching(/curve25519|ecdh/),
        host_key: expect.any(String),
        cipher_in: 'aes128-ctr',
        cipher_out: 'aes128-ctr',
        mac_in: 'hmac-sha2-256-etm@openssh.com',
        mac_out: 'hmac-sha2-256-etm@openssh.com',
      },
    ])
    const offered = { method: 'publickey', username: 'alice', key_type: 'ssh-ed25519', fingerprint }
    expect(detailsOf(events, 'auth_request')).toEqual([
      { method: 'none', username: 'alice' },
      { ...offered, signed: false },
      { ...offered, signed: true },
    ])
    expect(detailsOf(events, 'key_acceptable')).toEqual([{ fingerprint }])
    expect(detailsOf(events, 'logged_in')).toEqual([{ method: `public_key:${fingerprint}:laptop`, username: 'alice' }])
    expect(detailsOf(events, 'channel_opened')).toEqual([{ protocol: 'SSH', command: 'pwd' }])
    expect(server.traces.recentFailedLogins()).toEqual([])
  })

  const wrong = ed25519Pair()
  const listed = ed25519Pair()
  const REFUSED: { name: string; key: string; fields: Partial<User>; reason: string }[] = [
    { name: 'a wrong key', key: wrong.private, fields: { public_keys: [listed.public] }, reason: 'unknown public key' },
    {
      name: 'a disabled user',
      key: listed.private,
      fields: { public_keys: [listed.public], status: 0 },
      reason: 'user is disabled',
    },
    {
      name: 'an expired user',
      key: listed.private,
      fields: { public_keys: [listed.public], expiration_date: 1 },
      reason: 'user is expired',
    },
    {
      name: 'a key from another address',
      key: listed.private,
      fields: { public_keys: [`from="192.0.2.0/24" ${listed.public}`] },
      reason: 'public key is not valid from this address',
    },
    {
      name: 'an expired key',
      key: listed.private,
      fields: { public_keys: [`expiry-time="20200101" ${listed.public}`] },
      reason: 'public key is expired',
    },
  ]
  test.each(REFUSED)(
    '$name: the trace and the list of failed logins name the reason',
    async ({ key, fields, reason }) => {
      const server = await traced()
      await aliceHas(server, fields)
      expect(await openSsh(server, key)).toBe(255)
      const events = await server.story()
      expect(detailsOf(events, 'auth_refused')).toEqual([{ method: 'public_key', username: 'alice', reason }])
      expect(told(events)).not.toContain('logged_in')
      await eventually(() =>
        expect(server.traces.recentFailedLogins()).toEqual([
          {
            timeMs: expect.any(Number),
            ip: '127.0.0.1',
            username: 'alice',
            method: 'public_key',
            reason,
            connectionId: expect.stringMatching(/^[0-9a-f]{64}$/),
          },
        ]),
      )
    },
  )

  test.each([
    { option: 'Ciphers=aes128-cbc', reason: 'cipher', offered: 'aes128-cbc', has: 'aes128-gcm@openssh.com' },
    { option: 'MACs=hmac-sha1', reason: 'MAC', offered: 'hmac-sha1', has: 'hmac-sha2-256', more: 'Ciphers=aes128-ctr' },
    {
      option: 'KexAlgorithms=diffie-hellman-group14-sha1',
      reason: 'key exchange',
      offered: 'diffie-hellman-group14-sha1',
      has: 'curve25519-sha256',
    },
  ])('nothing in common by $option: both lists are told', async ({ option, reason, offered, has, more }) => {
    const server = await traced()
    expect(await openSsh(server, wrong.private, option, ...(more === undefined ? [] : [more]))).toBe(255)
    const events = await server.story()
    const [details] = detailsOf(events, 'no_common_algorithm')
    expect(details?.['reason']).toMatch(new RegExp(`^Handshake failed: no matching .*${reason}`))
    expect(String(details?.['client_offers']).split(',')).toContain(offered)
    expect(String(details?.['server_offers']).split(',')).toContain(has)
    expect(told(events)).not.toContain('algorithms')
    await eventually(() =>
      expect(server.traces.recentFailedLogins()).toMatchObject([
        { method: 'no_auth_tryed', username: '', reason: expect.stringMatching(/no matching/) },
      ]),
    )
  })
})

test('a wrong password, and no password is ever in a trace', async () => {
  const server = await traced()
  await expect(connect(server, { password: 'not the secret' })).rejects.toThrow(/authentication/)
  const events = await server.story()
  expect(detailsOf(events, 'auth_refused')[0]).toEqual({
    method: 'password',
    username: 'alice',
    reason: 'wrong password',
  })
  expect(JSON.stringify(events)).not.toContain('not the secret')
  expect(server.traces.recentFailedLogins()[0]).toMatchObject({ method: 'password', reason: 'wrong password' })
})

test('who is refused for the number of sessions finds that', async () => {
  const traces = new Traces({ clock: new VirtualClock(), eventsPerConnection: 64 })
  const limited = await startSshd({ traces })
  await aliceHas(limited, { max_sessions: 1 })
  await connect(limited)
  await expect(connect(limited)).rejects.toThrow(/authentication/)
  const [failed] = traces.recentFailedLogins()
  expect(failed).toMatchObject({
    username: 'alice',
    method: 'password',
    reason: expect.stringMatching(/^1 sessions are open/),
  })
  expect(detailsOf(traces.of(failed?.connectionId ?? '') ?? [], 'login_refused').length).toBeGreaterThan(0)
})

test('a key that was refused is no failed login where a password holds then', async () => {
  const server = await traced()
  const client = await connect(server, { privateKey: ed25519Pair().private, password: PASSWORD })
  client.end()
  await closed(client)
  expect(told(await server.story())).toContain('logged_in')
  expect(server.traces.recentFailedLogins()).toEqual([])
})

test('why a channel is refused, and who ended the connection', async () => {
  const server = await traced()
  const client = await connect(server)
  const refusal = (asked: (done: (error: Error | undefined) => void) => void): Promise<unknown> =>
    new Promise((resolve) => asked(resolve))
  await refusal((done) => client.subsys('other', done))
  await refusal((done) => client.exec('id', done))
  await new Promise((resolve) => client.sftp(resolve))
  await eventually(() => expect(server.connections.size).toBe(1))
  server.connections.close(server.connections.list()[0]?.connectionId ?? '')
  const events = await server.story()
  expect(detailsOf(events, 'channel_refused')).toEqual([
    { subsystem: 'other', reason: 'there is no such subsystem' },
    { command: 'id', reason: 'there is no such command' },
  ])
  expect(detailsOf(events, 'ending')).toEqual([{ reason: 'an administrator closed it' }])
  expect(detailsOf(events, 'disconnected')).toEqual([{ logged_in: true, reason: 'this server ended it' }])
})

test('what is no SSH is told as that', async () => {
  const server = await traced()
  const socket = createConnection({ host: '127.0.0.1', port: server.port })
  socket.on('error', () => undefined)
  socket.end('GET / HTTP/1.0\r\n\r\n')
  socket.resume()
  await once(socket, 'close')
  expect(told(await server.story())).toEqual(['connected', 'disconnected'])
})
