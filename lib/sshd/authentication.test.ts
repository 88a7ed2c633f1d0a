import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createConnection } from 'node:net'
import path from 'node:path'
import ssh2 from 'ssh2'
import { beforeEach, describe, expect, test } from 'vitest'
import { GOODBYE_MS } from './peer.ts'
import { DSA_KEY, ed25519Pair } from './sample-keys.test.support.ts'
import type { RawProtocol } from './sshd.test.support.ts'
import {
  PASSWORD,
  authenticateRaw,
  closed,
  connect,
  deferred,
  eventually,
  onMessages,
  parsedKey,
  serverSockets,
  signer,
  startClient,
  startSshd,
  temporaryDirectory,
  vanish,
  watchForUnhandled,
} from './sshd.test.support.ts'

const METHODS = 'password,publickey,keyboard-interactive'
const REFUSED = 'All configured authentication methods failed'

beforeEach(watchForUnhandled)

const ED25519 = ed25519Pair('first')
const OTHER_ED25519 = ed25519Pair()
const RSA = ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 })

describe('a password', () => {
  test('logs in, makes the home and stamps the login', async () => {
    const server = await startSshd()
    expect(existsSync(server.home)).toBe(false)
    await connect(server)
    expect(existsSync(server.home)).toBe(true)
    expect(await server.provider.userByName('alice')).toMatchObject({ last_login: server.clock.now() })
    expect(server.log.lines).toContainEqual(
      expect.stringMatching(
        /^info User id: 1, logged in with: password, username: "alice", home_dir: ".*", remote addr: 127\.0\.0\.1:\d+$/,
      ),
    )
    expect(server.log.failedLogins).toEqual([])
  })

  test.each([
    ['of an unknown user', { username: 'nobody' }, {}, 'unknown user'],
    ['that is wrong', { password: 'wrong' }, {}, 'wrong password'],
    ['that is empty', { password: '' }, {}, 'wrong password'],
    ['of a disabled user', { username: 'bob' }, { status: 0 }, 'user is disabled'],
    ['of an expired user', { username: 'bob' }, { expiration_date: 1 }, 'user is expired'],
  ])('%s is refused, and the reason told to the log alone', async (_, config, bob, reason) => {
    const server = await startSshd()
    await server.addUser({ username: 'bob', ...bob })
    const { username = 'alice', password = PASSWORD }: { username?: string; password?: string } = config
    const answers = await authenticateRaw(server, [(protocol) => protocol.authPassword(username, password)])
    expect(answers).toEqual([METHODS])
    expect(server.log.failedLogins).toEqual([{ clientIp: '127.0.0.1', username, loginType: 'password', error: reason }])
    await expect(connect(server, { username, password })).rejects.toThrow(REFUSED)
  })

  test('security 10: an empty password never authenticates a user who has none', async () => {
    const server = await startSshd()
    await server.addUser({ username: 'keys', password: '', public_keys: [ED25519.public] })
    expect(await authenticateRaw(server, [(protocol) => protocol.authPassword('keys', '')])).toEqual([METHODS])
  })

  test('cannot be changed at the login', async () => {
    const server = await startSshd()
    const answers = await authenticateRaw(server, [
      (protocol) => protocol.authPassword('alice', PASSWORD, 'new password'),
      (protocol) => protocol.authPassword('alice', PASSWORD),
    ])
    expect(answers).toEqual([METHODS, 'success'])
    expect(server.log.failedLogins).toMatchObject([{ error: 'passwords cannot be changed here' }])
    expect(server.log.text()).not.toContain('new password')
  })

  test('without a home that can be made does not log in, and is no failed login', async () => {
    const server = await startSshd()
    await server.addUser({ username: 'homeless', home_dir: '/proc/nowhere' })
    expect(await authenticateRaw(server, [(protocol) => protocol.authPassword('homeless', PASSWORD)])).toEqual([
      METHODS,
    ])
    expect(server.log.lines).toContainEqual(expect.stringMatching(/^warn login of "homeless" refused: no home/))
    expect(server.log.failedLogins).toEqual([])
    expect(await server.provider.userByName('homeless')).toMatchObject({ last_login: 0 })
  })

  test('of a user whose home is no absolute path does not log in, and is no failed login', async () => {
    const server = await startSshd()
    const user = await server.addUser({ username: 'relative' })
    const stored = await server.provider.userById(user.id)
    if (stored !== undefined) await server.provider.updateUser({ ...stored, home_dir: 'srv' })
    expect(await authenticateRaw(server, [(protocol) => protocol.authPassword('relative', PASSWORD)])).toEqual([
      METHODS,
    ])
    expect(server.log.lines).toEqual(['warn login of "relative" refused: invalid home directory'])
    expect(server.log.failedLogins).toEqual([])
  })

  test('of a client that left while it was checked logs nobody in', async () => {
    const asked = deferred()
    const left = deferred()
    const { accounts, ...server } = await startSshd()
    const slow = await startSshd({
      accounts: {
        ...accounts,
        async loginWithPassword(username, password) {
          asked.resolve()
          await left.promise
          return accounts.loginWithPassword(username, password)
        },
      },
    })
    const client = startClient(slow)
    await asked.promise
    vanish(client)
    await closed(client)
    // The server has seen it too once it answers somebody who came later.
    await new Promise((resolve) => startClient(slow).once('handshake', resolve))
    left.resolve()
    await slow.sshd.close()
    expect(slow.log.text()).not.toContain('logged in')
    expect(await server.provider.userByName('alice')).toMatchObject({ last_login: 0 })
  })
})

describe('a public key', () => {
  test.each([
    ['ed25519', ED25519],
    ['ecdsa 256', ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 })],
    ['ecdsa 384', ssh2.utils.generateKeyPairSync('ecdsa', { bits: 384 })],
    ['ecdsa 521', ssh2.utils.generateKeyPairSync('ecdsa', { bits: 521 })],
    ['rsa', RSA],
  ])('of type %s logs in', async (_, pair) => {
    const server = await startSshd()
    await server.addUser({ username: 'keys', password: '', public_keys: [pair.public] })
    await connect(server, { username: 'keys', privateKey: pair.private })
    expect(server.log.lines).toContainEqual(
      expect.stringMatching(/logged in with: public_key:SHA256:[^,]+, username: "keys"/),
    )
    expect(server.log.failedLogins).toEqual([])
  })

  test.each([
    ['rsa-sha2-512', 'sha512', 'success'],
    ['rsa-sha2-256', 'sha256', 'success'],
    ['ssh-rsa', 'sha1', METHODS],
  ])('security 12: an RSA signature %s ends in %s', async (algorithm, hash, answer) => {
    const server = await startSshd()
    await server.addUser({ username: 'keys', public_keys: [RSA.public] })
    const key = parsedKey(RSA.private)
    expect(
      await authenticateRaw(server, [(protocol) => protocol.authPK('keys', key, algorithm, signer(key, hash))]),
    ).toEqual([answer])
    const refused = { loginType: 'public_key', error: 'keys of type "ssh-rsa" are not accepted' }
    expect(server.log.failedLogins).toMatchObject(answer === 'success' ? [] : [refused])
  })

  test('security 12: a key query that would end in a SHA-1 signature is refused', async () => {
    const server = await startSshd()
    await server.addUser({ username: 'keys', public_keys: [RSA.public] })
    const key = parsedKey(RSA.private)
    expect(
      await authenticateRaw(server, [
        (protocol) => protocol.authPK('keys', key, 'ssh-rsa'),
        (protocol) => protocol.authPK('keys', key, 'rsa-sha2-256'),
      ]),
    ).toEqual([METHODS, 'pk-ok'])
  })

  test('security 12: a SHA-1 signature under the name of a SHA-2 one is wrong', async () => {
    const server = await startSshd()
    await server.addUser({ username: 'keys', public_keys: [RSA.public] })
    const key = parsedKey(RSA.private)
    expect(
      await authenticateRaw(server, [(protocol) => protocol.authPK('keys', key, 'rsa-sha2-256', signer(key, 'sha1'))]),
    ).toEqual([METHODS])
    expect(server.log.failedLogins).toMatchObject([{ error: 'the signature is wrong' }])
  })

  test('of type dsa is refused, as a query and with a signature', async () => {
    const server = await startSshd()
    const key = parsedKey(DSA_KEY)
    expect(
      await authenticateRaw(server, [
        (protocol) => protocol.authPK('alice', key, 'ssh-dss'),
        (protocol) => protocol.authPK('alice', key, 'ssh-dss', signer(key)),
      ]),
    ).toEqual([METHODS, METHODS])
    expect(server.log.failedLogins.map(({ error }) => error)).toEqual(
      Array(2).fill('keys of type "ssh-dss" are not accepted'),
    )
  })

  test('may be any of the several a user has', async () => {
    const server = await startSshd()
    await server.addUser({ username: 'keys', public_keys: [ED25519.public, OTHER_ED25519.public, RSA.public] })
    for (const { private: privateKey } of [ED25519, OTHER_ED25519, RSA]) {
      await connect(server, { username: 'keys', privateKey })
    }
    expect(server.log.failedLogins).toEqual([])
  })

  test.each([
    ['unknown to the user', {}, 'keys', 'unknown public key'],
    ['of an unknown user', {}, 'nobody', 'unknown user'],
    ['of a disabled user', { status: 0 }, 'keys', 'user is disabled'],
    ['of an expired user', { expiration_date: 1 }, 'keys', 'user is expired'],
  ])('%s is refused', async (_, fields, username, reason) => {
    const server = await startSshd()
    const known = reason === 'unknown public key' ? OTHER_ED25519 : ED25519
    await server.addUser({ username: 'keys', public_keys: [known.public], ...fields })
    const key = parsedKey(ED25519.private)
    expect(
      await authenticateRaw(server, [
        (protocol) => protocol.authPK(username, key, 'ssh-ed25519'),
        (protocol) => protocol.authPK(username, key, 'ssh-ed25519', signer(key)),
      ]),
    ).toEqual([METHODS, METHODS])
    const record = { clientIp: '127.0.0.1', username, loginType: 'public_key', error: reason }
    expect(server.log.failedLogins).toEqual([record, record])
  })

  test('with a wrong signature is refused', async () => {
    const server = await startSshd()
    await server.addUser({ username: 'keys', public_keys: [ED25519.public] })
    const key = parsedKey(ED25519.private)
    const forged = signer(parsedKey(OTHER_ED25519.private))
    expect(
      await authenticateRaw(server, [
        (protocol) => protocol.authPK('keys', key, 'ssh-ed25519', forged),
        (protocol) => protocol.authPK('keys', key, 'ssh-ed25519', (_, done) => done(Buffer.alloc(64))),
      ]),
    ).toEqual([METHODS, METHODS])
    expect(server.log.failedLogins).toMatchObject([
      { error: 'the signature is wrong' },
      { error: 'the signature is wrong' },
    ])
  })

  test('security 9: asked about without a signature changes nothing', async () => {
    const server = await startSshd()
    const user = await server.addUser({ username: 'keys', public_keys: [ED25519.public] })
    const key = parsedKey(ED25519.private)
    expect(await authenticateRaw(server, [(protocol) => protocol.authPK('keys', key, 'ssh-ed25519')])).toEqual([
      'pk-ok',
    ])
    await server.sshd.close()
    expect(existsSync(user.home_dir)).toBe(false)
    expect(await server.provider.userByName('keys')).toMatchObject({ last_login: 0 })
    expect(server.log.text()).not.toContain('logged in')
    expect(server.log.failedLogins).toEqual([])
  })

  test('security 9: asked about does not lend its rights to the key that signs', async () => {
    const server = await startSshd()
    await server.addUser({ username: 'keys', public_keys: [ED25519.public] })
    const known = parsedKey(ED25519.private)
    const own = parsedKey(OTHER_ED25519.private)
    expect(
      await authenticateRaw(server, [
        (protocol) => protocol.authPK('keys', known, 'ssh-ed25519'),
        (protocol) => protocol.authPK('keys', own, 'ssh-ed25519', signer(own)),
        (protocol) => protocol.authPK('keys', known, 'ssh-ed25519', signer(own)),
      ]),
    ).toEqual(['pk-ok', METHODS, METHODS])
  })
})

describe('keyboard-interactive', () => {
  const ask = (protocol: RawProtocol): void => protocol.authKeyboard('alice')
  const answer =
    (...answers: string[]) =>
    (protocol: RawProtocol): void =>
      protocol.authInfoRes(answers)

  test('asks one question, whose answer is the password', async () => {
    const server = await startSshd()
    expect(await authenticateRaw(server, [ask, answer('wrong'), ask, answer(PASSWORD)])).toEqual([
      'Password: ',
      METHODS,
      'Password: ',
      'success',
    ])
    expect(server.log.failedLogins).toEqual([
      { clientIp: '127.0.0.1', username: 'alice', loginType: 'password', error: 'wrong password' },
    ])
    expect(server.log.lines).toContainEqual(expect.stringContaining('logged in with: password, username: "alice"'))
  })

  test('asks an unknown user the same', async () => {
    const server = await startSshd()
    const requests = [(protocol: RawProtocol) => protocol.authKeyboard('nobody'), answer(PASSWORD)]
    expect(await authenticateRaw(server, requests)).toEqual(['Password: ', METHODS])
    expect(server.log.failedLogins).toMatchObject([{ username: 'nobody', error: 'unknown user' }])
  })

  test.each([[[]], [['']], [[PASSWORD, PASSWORD]], [['', PASSWORD]]])(
    'security 10: %j never logs in',
    async (answers) => {
      const server = await startSshd()
      expect(await authenticateRaw(server, [ask, answer(...answers)])).toEqual(['Password: ', METHODS])
      expect(server.log.failedLogins).toMatchObject([{ loginType: 'password', error: 'wrong password' }])
    },
  )

  test('shares its tries with the other methods; a question without an answer is none', async () => {
    const server = await startSshd({ config: { max_auth_tries: 2 } })
    const wrong = (protocol: RawProtocol): void => protocol.authPassword('alice', 'wrong')
    expect(await authenticateRaw(server, [ask, ask, ask, wrong, ask, answer('wrong'), ask])).toEqual([
      'Password: ',
      'Password: ',
      'Password: ',
      METHODS,
      'Password: ',
      'closed',
      'closed',
    ])
  })

  test('gives way to another method that the client begins instead', async () => {
    const server = await startSshd()
    const right = (protocol: RawProtocol): void => protocol.authPassword('alice', PASSWORD)
    expect(await authenticateRaw(server, [ask, right])).toEqual(['Password: ', 'success'])
    expect(server.log.failedLogins).toEqual([])
  })

  test('waits for nobody who left', async () => {
    const server = await startSshd()
    expect(await authenticateRaw(server, [ask])).toEqual(['Password: '])
    await server.sshd.close()
    expect(server.log.lines).not.toContainEqual(expect.stringContaining('closing without waiting'))
    expect(server.clock.timers).toBe(0)
  })
})

test('security 9: a key that is bound to other addresses is refused, as a query and with a signature', async () => {
  const server = await startSshd()
  await server.addUser({ username: 'away', public_keys: [`from="192.0.2.0/24" ${ED25519.public}`] })
  await server.addUser({ username: 'here', public_keys: [`from="127.0.0.*" ${ED25519.public}`] })
  const key = parsedKey(ED25519.private)
  expect(
    await authenticateRaw(server, [
      (protocol) => protocol.authPK('away', key, 'ssh-ed25519'),
      (protocol) => protocol.authPK('away', key, 'ssh-ed25519', signer(key)),
    ]),
  ).toEqual([METHODS, METHODS])
  expect(server.log.failedLogins.map(({ error }) => error)).toEqual(
    Array(2).fill('public key is not valid from this address'),
  )
  await connect(server, { username: 'here', privateKey: ED25519.private })
})

test('security 9: another user name in mid login ends the connection', async () => {
  const server = await startSshd()
  await server.addUser({ username: 'bob', home_dir: path.join(temporaryDirectory(), 'bob') })
  expect(
    await authenticateRaw(server, [
      (protocol) => protocol.authPassword('alice', 'wrong'),
      (protocol) => protocol.authPassword('bob', PASSWORD),
    ]),
  ).toEqual([METHODS, 'closed'])
})

test.each<[string, (protocol: RawProtocol) => void]>([
  ['none', (protocol) => protocol.authNone('alice')],
  [
    'hostbased',
    (protocol) => {
      const key = parsedKey(ED25519.private)
      protocol.authHostbased('alice', key, 'host', 'alice', 'ssh-ed25519', signer(key))
    },
  ],
])('the method %s is answered with the list of methods and is no try', async (_, request) => {
  const server = await startSshd({ config: { max_auth_tries: 1 } })
  const answers = await authenticateRaw(server, [request, request, request])
  expect(answers).toEqual([METHODS, METHODS, METHODS])
  expect(server.log.failedLogins).toEqual([])
})

describe('max_auth_tries', () => {
  const wrong = (protocol: RawProtocol): void => protocol.authPassword('alice', 'wrong')
  const query = (protocol: RawProtocol): void => protocol.authPK('alice', parsedKey(ED25519.private), 'ssh-ed25519')

  test.each([
    ['0 stands for 6', 0, 6],
    ['1 leaves one', 1, 1],
    ['3 leaves three', 3, 3],
  ])('%s: the last refusal ends the connection', async (_, maxTries, allowed) => {
    const server = await startSshd({ config: { max_auth_tries: maxTries } })
    const answers = await authenticateRaw(server, Array(allowed + 1).fill(wrong))
    expect(answers).toEqual([...Array(allowed - 1).fill(METHODS), 'closed', 'closed'])
    await eventually(() => expect(server.log.failedLogins).toHaveLength(allowed + 1))
    expect(server.log.failedLogins).toEqual([
      ...Array.from({ length: allowed }, () => ({
        clientIp: '127.0.0.1',
        username: 'alice',
        loginType: 'password',
        error: 'wrong password',
      })),
      { clientIp: '127.0.0.1', username: '', loginType: 'no_auth_tryed', error: 'too many authentication failures' },
    ])
  })

  test('counts refused key queries, not those that are welcome', async () => {
    const server = await startSshd({ config: { max_auth_tries: 2 } })
    await server.addUser({ username: 'keys', public_keys: [ED25519.public] })
    const welcome = (protocol: RawProtocol): void => protocol.authPK('keys', parsedKey(ED25519.private), 'ssh-ed25519')
    expect(await authenticateRaw(server, Array(4).fill(welcome))).toEqual(Array(4).fill('pk-ok'))
    expect(await authenticateRaw(server, [query, query, query])).toEqual([METHODS, 'closed', 'closed'])
  })

  test('below 0 sets no limit', async () => {
    const server = await startSshd({ config: { max_auth_tries: -1 } })
    const answers = await authenticateRaw(server, [
      ...Array<typeof wrong>(12).fill(wrong),
      (protocol: RawProtocol) => protocol.authPassword('alice', PASSWORD),
    ])
    expect(answers).toEqual([...Array(12).fill(METHODS), 'success'])
  })

  test('a client that does not leave when its tries are used up is cut off', async () => {
    const server = await startSshd({ config: { max_auth_tries: 1 } })
    const sock = createConnection({ host: '127.0.0.1', port: server.port, allowHalfOpen: true })
    const client = startClient(server, { sock, password: 'wrong' })
    client.once('handshake', () => onMessages(client, { DISCONNECT: () => undefined }))
    await once(client, 'end')
    expect(serverSockets(server)).toHaveLength(1)
    server.clock.advance(GOODBYE_MS)
    await eventually(() => expect(serverSockets(server)).toEqual([]))
  })
})

test('security 13: no secret is in any record', async () => {
  const server = await startSshd()
  await server.addUser({ username: 'keys', public_keys: [ED25519.public] })
  const key = parsedKey(ED25519.private)
  await authenticateRaw(server, [
    (protocol) => protocol.authPassword('alice', 'a wrong secret'),
    (protocol) => protocol.authPassword('alice', PASSWORD),
  ])
  await authenticateRaw(server, [(protocol) => protocol.authPK('keys', key, 'ssh-ed25519', signer(key))])
  await server.sshd.close()
  const text = server.log.text()
  expect(text).toContain('wrong password')
  for (const secret of ['a wrong secret', PASSWORD, '$argon2id$', key.getPublicSSH().toString('base64')]) {
    expect(text).not.toContain(secret)
  }
})
