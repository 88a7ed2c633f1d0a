import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import path from 'node:path'
import type { NegotiatedAlgorithms } from 'ssh2'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { inlineHasher } from '../hashing/hasher.ts'
import { loadHostKeys } from './host-keys.ts'
import { rsaKey } from './sample-keys.test.support.ts'
import { createSshd } from './sshd.ts'
import type { TestServerOptions } from './sshd.test.support.ts'
import {
  closed,
  connect,
  fullLog,
  rawProtocol,
  startClient,
  startSshd,
  temporaryDirectory,
  watchForUnhandled,
} from './sshd.test.support.ts'

beforeEach(watchForUnhandled)

const SSH_MSG_KEXINIT = 20
const COOKIE_BYTES = 16
const FIELDS = [
  'kex',
  'hostKey',
  'cipherIn',
  'cipherOut',
  'macIn',
  'macOut',
  'compressIn',
  'compressOut',
  'languageIn',
  'languageOut',
] as const

/** What the server offers (RFC 4253 §7.1), read from its first packet. */
async function offered(options: TestServerOptions = {}): Promise<Record<(typeof FIELDS)[number], string[]>> {
  const { port } = await startSshd(options)
  const socket = createConnection({ host: '127.0.0.1', port })
  onTestFinished(() => void socket.destroy())
  socket.write('SSH-2.0-Test\r\n')
  let received = Buffer.alloc(0)
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    received = Buffer.concat([received, chunk])
    const packet = received.subarray(received.indexOf('\r\n') + 2)
    if (received.includes('\r\n') && packet.length >= 4 && packet.length >= 4 + packet.readUInt32BE(0)) {
      expect(packet[5]).toBe(SSH_MSG_KEXINIT)
      return nameLists(packet.subarray(6 + COOKIE_BYTES))
    }
  }
}

function nameLists(bytes: Buffer): Record<(typeof FIELDS)[number], string[]> {
  let at = 0
  const lists = FIELDS.map((field) => {
    const end = at + 4 + bytes.readUInt32BE(at)
    const text = bytes.toString('latin1', at + 4, end)
    at = end
    return [field, text === '' ? [] : text.split(',')] as const
  })
  return Object.fromEntries(lists) as Record<(typeof FIELDS)[number], string[]>
}

async function rsaHostKey() {
  const directory = temporaryDirectory()
  const file = path.join(directory, 'rsa')
  writeFileSync(file, rsaKey())
  return loadHostKeys([file], directory, fullLog())
}

describe('security 12: by default', () => {
  test('nothing with SHA-1, CBC, chacha20 or a small group is offered', async () => {
    const lists = await offered()
    expect(lists.kex).toEqual([
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'ecdh-sha2-nistp256',
      'ecdh-sha2-nistp384',
      'ecdh-sha2-nistp521',
      'diffie-hellman-group16-sha512',
      'diffie-hellman-group18-sha512',
      'diffie-hellman-group14-sha256',
      'kex-strict-s-v00@openssh.com',
    ])
    const ciphers = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr']
    expect(lists.cipherIn).toEqual(ciphers)
    expect(lists.cipherOut).toEqual(ciphers)
    expect(Object.values(lists).flat().join()).not.toMatch(/sha1|md5|cbc|chacha|arcfour|ssh-rsa|ssh-dss/)
  })

  test('security 8: nothing is compressed', async () => {
    const lists = await offered()
    expect([lists.compressIn, lists.compressOut]).toEqual([['none'], ['none']])
  })

  test('strict key exchange is announced, and held with a client that asks for it', async () => {
    const server = await startSshd()
    const client = startClient(server)
    await new Promise((resolve) => client.once('handshake', resolve))
    expect(rawProtocol(client)).toMatchObject({ _strictMode: true })
  })
})

describe('host keys', () => {
  test('are offered by type', async () => {
    expect((await offered()).hostKey).toEqual(['ssh-ed25519', 'ecdsa-sha2-nistp256'])
  })

  test('security 12: an RSA key signs with SHA-2 only', async () => {
    const hostKeys = await rsaHostKey()
    expect((await offered({ hostKeys })).hostKey).toEqual(['rsa-sha2-512', 'rsa-sha2-256'])
    const server = await startSshd({ hostKeys })
    for (const algorithm of ['rsa-sha2-512', 'rsa-sha2-256'] as const) {
      const client = await connect(server, { algorithms: { serverHostKey: [algorithm] } })
      client.end()
    }
    const client = startClient(server, { algorithms: { serverHostKey: ['ssh-rsa'] } })
    const refused = new Promise<Error>((resolve) => client.once('error', resolve))
    expect((await refused).message).toMatch(/no matching host key/)
  })
})

describe('configured lists', () => {
  test('are what is offered, and nothing else', async () => {
    const lists = await offered({
      config: {
        kex_algorithms: ['ecdh-sha2-nistp521', 'diffie-hellman-group14-sha1'],
        ciphers: ['chacha20-poly1305@openssh.com', 'aes256-cbc'],
        macs: ['hmac-sha1'],
      },
    })
    expect(lists).toMatchObject({
      kex: ['ecdh-sha2-nistp521', 'diffie-hellman-group14-sha1', 'kex-strict-s-v00@openssh.com'],
      cipherIn: ['chacha20-poly1305@openssh.com', 'aes256-cbc'],
      cipherOut: ['chacha20-poly1305@openssh.com', 'aes256-cbc'],
      macIn: ['hmac-sha1'],
      macOut: ['hmac-sha1'],
    })
  })

  test('are negotiated', async () => {
    const server = await startSshd({
      config: { kex_algorithms: ['ecdh-sha2-nistp384'], ciphers: ['aes256-ctr'], macs: ['hmac-sha2-512'] },
    })
    const client = startClient(server)
    const [negotiated] = (await once(client, 'handshake')) as [NegotiatedAlgorithms]
    expect(negotiated).toMatchObject({
      kex: 'ecdh-sha2-nistp384',
      cs: { cipher: 'aes256-ctr', mac: 'hmac-sha2-512' },
      sc: { cipher: 'aes256-ctr', mac: 'hmac-sha2-512' },
    })
  })

  test('a client with nothing in common is refused', async () => {
    const server = await startSshd({ config: { ciphers: ['aes256-ctr'] } })
    const client = startClient(server, { algorithms: { cipher: ['aes128-gcm@openssh.com'] } })
    await closed(client)
    // The client finds out by itself, and may be gone before the server has.
    await expect
      .poll(() => server.log.failedLogins)
      .toEqual([
        {
          clientIp: '127.0.0.1',
          username: '',
          loginType: 'no_auth_tryed',
          error: expect.stringMatching(/no matching/),
        },
      ])
    await server.sshd.close()
  })

  test.each([
    [
      'kex_algorithms',
      'curve25519',
      /^sftpd\.kex_algorithms: "curve25519" cannot be used, want some of .*curve25519-sha256,/,
    ],
    // The transport has it for clients only.
    [
      'kex_algorithms',
      'diffie-hellman-group-exchange-sha256',
      /^sftpd\.kex_algorithms: "diffie-hellman-group-exchange/,
    ],
    ['ciphers', 'aes', /^sftpd\.ciphers: "aes" cannot be used, want some of .*aes128-ctr/],
    ['macs', '', /^sftpd\.macs: "" cannot be used, want some of .*hmac-sha2-256/],
  ])('%s with the unknown name %j is refused in one line', async (key, name, message) => {
    const server = await startSshd()
    const config = {
      banner: '',
      max_auth_tries: 0,
      keepalive_interval: 0,
      kex_algorithms: [],
      ciphers: [],
      macs: [],
      idle_timeout: 0,
      enabled_ssh_commands: [],
      enable_scp: false,
    }
    const create = (): unknown =>
      createSshd({
        ...server,
        openAccount: { prepare: () => Promise.resolve(), open: () => Promise.reject(new Error('nobody logs in')) },
        hasher: inlineHasher,
        hostKeys: [],
        loginBanner: undefined,
        config: { ...config, [key]: [name] },
      })
    expect(create).toThrow(message)
    expect(create).not.toThrow(/\n/)
  })
})
