import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Client, SFTPWrapper } from 'ssh2'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { expectDocumented } from './httpd/api/documented.test.support.ts'
import { serve, shown } from './serve.ts'
import type { Address, Running, ServeOptions } from './serve.ts'
import { rsaKey } from './sshd/sample-keys.test.support.ts'
import { PASSWORD, closed, connect, openDescriptors, watchForUnhandled } from './sshd/sshd.test.support.ts'

const umask = process.umask()
beforeEach(watchForUnhandled)
afterEach(() => void process.umask(umask))

interface Site {
  root: string
  configDir: string
  logFile: string
  lines: string[]
  options: ServeOptions
  /** What the log file holds, as objects. */
  log(): Record<string, unknown>[]
}

/** A configuration directory with these settings, which listens on free ports of 127.0.0.1. */
async function site(settings: Record<string, Record<string, unknown>> = {}): Promise<Site> {
  const root = mkdtempSync(path.join(tmpdir(), 'sftpgo-serve-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const configDir = path.join(root, 'etc')
  const logFile = path.join(root, 'log', 'sftpgo.log')
  mkdirSync(configDir)
  // Making one of 4096 bits takes seconds.
  writeFileSync(path.join(configDir, 'id_rsa'), rsaKey(), { mode: 0o600 })
  const config = {
    sftpd: { bind_port: 0, bind_address: '127.0.0.1', ...settings['sftpd'] },
    data_provider: { users_base_dir: path.join(root, 'homes'), ...settings['data_provider'] },
    httpd: { bind_port: await freePort(), bind_address: '127.0.0.1', ...settings['httpd'] },
    defender: settings['defender'] ?? {},
  }
  writeFileSync(path.join(configDir, 'sftpgo.json'), JSON.stringify(config))
  const lines: string[] = []
  return {
    root,
    configDir,
    logFile,
    lines,
    options: {
      configDir,
      configFile: 'sftpgo',
      log: { filePath: logFile, maxSizeMb: 10, maxBackups: 5, maxAgeDays: 28, compress: false, verbose: true },
      env: {},
      stdout: (line) => void lines.push(line),
    },
    log: () =>
      readFileSync(logFile, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  }
}

/** A server that ends with the test, if not before. */
async function started(options: ServeOptions): Promise<Running & { httpAddress: Address }> {
  const running = await serve(options)
  onTestFinished(() => running.stop())
  if (running.httpAddress === undefined) throw new Error('the HTTP server was expected to listen')
  return { ...running, httpAddress: running.httpAddress }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function isListening(port: number): Promise<boolean> {
  const socket = createConnection({ host: '127.0.0.1', port })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function api({ httpAddress }: { httpAddress: Address }, method: string, target: string, body?: unknown) {
  const response = await fetch(`http://${shown(httpAddress)}/api/v1/${target}`, {
    method,
    headers: { connection: 'close', 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const { status, headers } = response
  const answered = await response.text()
  const type = headers.get('content-type') ?? undefined
  expectDocumented({ method, target: `/api/v1/${target}`, status, type, body: answered })
  return { status, body: JSON.parse(answered) as unknown }
}

function addAlice(running: { httpAddress: Address }): Promise<{ status: number; body: unknown }> {
  return api(running, 'POST', 'user', { username: 'alice', password: PASSWORD, permissions: ['*'] })
}

/** ssh2's own client: nothing of it is this server's code. */
function sftpOf(client: Client): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) =>
    client.sftp((error, sftp) => (error === undefined ? resolve(sftp) : reject(error))),
  )
}

function put(sftp: SFTPWrapper, name: string, content: Buffer): Promise<void> {
  return new Promise((resolve, reject) =>
    sftp.writeFile(name, content, (error) => (error === undefined || error === null ? resolve() : reject(error))),
  )
}

function mkdir(sftp: SFTPWrapper, name: string): Promise<void> {
  return new Promise((resolve, reject) =>
    sftp.mkdir(name, (error) => (error === undefined || error === null ? resolve() : reject(error))),
  )
}

function get(sftp: SFTPWrapper, name: string): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    sftp.readFile(name, (error, content) => (error === undefined ? resolve(content) : reject(error))),
  )
}

describe('a server', () => {
  test('says of a failed login what it was, and how it came to it', async () => {
    const { options } = await site()
    const running = await started(options)
    await addAlice(running)
    await expect(connect(running.sftpAddress, { password: 'wrong' })).rejects.toThrow(/authentication/)
    const { body: failed } = await api(running, 'GET', 'failed_logins')
    const login = { username: 'alice', login_type: 'password', error: 'wrong password', client_ip: '127.0.0.1' }
    expect(failed).toEqual([{ ...login, time: expect.any(Number), connection_id: expect.any(String) }])
    const [{ connection_id: id }] = failed as [{ connection_id: string }]
    expect(await api(running, 'GET', `connection/${id}/trace`)).toMatchObject({
      status: 200,
      body: expect.arrayContaining([
        {
          time: expect.any(Number),
          event: 'auth_refused',
          method: 'password',
          username: 'alice',
          reason: 'wrong password',
        },
      ]),
    })
  })

  test('says where it listens, takes users through the REST API and carries their files', async () => {
    const { options, lines, root, log } = await site()
    const running = await started(options)
    expect(lines).toEqual([
      expect.stringMatching(/^SFTPGo \S+ ready: SFTP on 127\.0\.0\.1:\d+, HTTP on 127\.0\.0\.1:\d+$/),
    ])
    expect(lines[0]).toContain(`SFTP on ${shown(running.sftpAddress)}, HTTP on ${shown(running.httpAddress)}`)
    expect(await addAlice(running)).toMatchObject({ status: 200, body: { id: 1, username: 'alice', status: 1 } })

    const client = await connect(running.sftpAddress)
    const sftp = await sftpOf(client)
    const content = Buffer.from('carried\0over '.repeat(50_000))
    await put(sftp, '/file', content)
    expect(content.equals(readFileSync(path.join(root, 'homes', 'alice', 'file')))).toBe(true)
    expect(content.equals(await get(sftp, '/file'))).toBe(true)
    const connections = await api(running, 'GET', 'connection')
    expect(connections.body).toMatchObject([{ username: 'alice', protocol: 'SFTP' }])

    await running.stop()
    expect(log()).toContainEqual(
      expect.objectContaining({ level: 'info', sender: 'Upload', username: 'alice', size_bytes: content.length }),
    )
    expect(log()).toContainEqual(expect.objectContaining({ level: 'info', sender: 'Download', username: 'alice' }))
    const text = readFileSync(options.log.filePath, 'utf8')
    expect(text).not.toContain(PASSWORD)
  })

  test('makes a home at the first login, and gives it and what is made in it the owner and the umask set', async () => {
    const isRoot = process.getuid?.() === 0
    if (!isRoot) process.stdout.write('files keep their owner: nobody but root can give them away\n')
    const { options, root } = await site({ sftpd: { umask: '0037' } })
    const running = await started(options)
    const ada = { username: 'alice', password: PASSWORD, permissions: ['*'], uid: 1234, gid: 4321 }
    expect(await api(running, 'POST', 'user', ada)).toMatchObject({ status: 200 })
    const home = path.join(root, 'homes', 'alice')
    await expect(connect(running.sftpAddress, { password: 'wrong' })).rejects.toThrow(/authentication/)
    expect(existsSync(path.dirname(home))).toBe(false)

    const sftp = await sftpOf(await connect(running.sftpAddress))
    await put(sftp, '/file', Buffer.from('text'))
    await mkdir(sftp, '/dir')
    const owner = isRoot ? { uid: 1234, gid: 4321 } : { uid: process.getuid?.(), gid: process.getgid?.() }
    for (const name of ['.', 'file', 'dir']) expect(statSync(path.join(home, name))).toMatchObject(owner)
    expect(statSync(path.dirname(home))).toMatchObject({ uid: process.getuid?.(), gid: process.getgid?.() })
    const modes = ['..', '.', 'file', 'dir'].map((name) => statSync(path.join(home, name)).mode & 0o7777)
    expect(modes).toEqual([0o740, 0o740, 0o640, 0o740])
  })

  test('takes permissions by directory through the REST API, keeps them, and holds its users to them', async () => {
    const { options } = await site()
    const running = await started(options)
    const permissions = { '/': ['list'], '/Ünï': ['*'], '/Ünï/hidden': [] }
    const user = { username: 'alice', password: PASSWORD, permissions }
    expect(await api(running, 'POST', 'user', user)).toMatchObject({ status: 200, body: { permissions } })
    const sftp = await sftpOf(await connect(running.sftpAddress))
    await mkdir(sftp, '/Ünï')
    await put(sftp, '/Ünï/file', Buffer.from('text'))
    await expect(put(sftp, '/file', Buffer.from('text'))).rejects.toThrow(/lacks upload/)
    await expect(put(sftp, '/Ünï/hidden/file', Buffer.from('text'))).rejects.toThrow(/lacks upload/)
    await running.stop()

    const again = await started(options)
    expect((await api(again, 'GET', 'user/1')).body).toMatchObject({ permissions })
    expect(await api(again, 'PUT', 'user/1', { permissions: { '/x': ['*'] } })).toMatchObject({
      status: 400,
      body: { error: 'Validation error: permissions has no "/", want a list for it, too' },
    })
    expect(await api(again, 'PUT', 'user/1', { permissions: ['upload'] })).toMatchObject({ status: 200 })
    expect((await api(again, 'GET', 'user/1')).body).toMatchObject({ permissions: ['upload'] })
  })

  test('ends a connection when an administrator says so', async () => {
    const { options } = await site()
    const running = await started(options)
    await addAlice(running)
    const client = await connect(running.sftpAddress)
    await sftpOf(client)
    const gone = closed(client)
    const { body } = await api(running, 'GET', 'connection')
    const [{ connection_id: id }] = body as [{ connection_id: string }]
    expect(await api(running, 'DELETE', `connection/${id}`)).toMatchObject({ status: 200 })
    await gone
  })

  test('stops: everything is closed, uploads ended as failed, and it is over once', async () => {
    const { options, log } = await site()
    const descriptors = openDescriptors()
    const running = await started(options)
    await addAlice(running)
    const client = await connect(running.sftpAddress)
    const sftp = await sftpOf(client)
    await new Promise((resolve) => sftp.open('/partial', 'w', resolve))
    const gone = closed(client)
    let over = 0
    void running.finished.then(() => over++)

    const stopping = running.stop()
    expect(over).toBe(0)
    await Promise.all([stopping, running.stop(), running.finished, gone])
    await running.stop()
    expect(over).toBe(1)
    expect(await isListening(running.sftpAddress.port)).toBe(false)
    expect(await isListening(running.httpAddress.port)).toBe(false)
    const records = log()
    expect(records).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        sender: 'Upload',
        error: 'the connection ended before the file was closed',
      }),
    )
    expect(records.filter(({ message }) => message === 'stopping')).toHaveLength(1)
    expect(records.filter(({ sender }) => sender === 'connection_failed')).toEqual([])
    expect(openDescriptors()).toBeLessThanOrEqual(descriptors)
  })

  test('started again has the users and the host keys it had', async () => {
    const { options, configDir } = await site()
    const keys: string[] = []
    for (let start = 0; start < 2; start++) {
      const running = await started(options)
      if (start === 0) await addAlice(running)
      const client = await connect(running.sftpAddress, {
        hostVerifier: (key: Buffer) => keys.push(key.toString('base64')) > 0,
      })
      client.end()
      await running.stop()
    }
    expect(keys).toHaveLength(2)
    expect(keys[1]).toBe(keys[0])
    expect(readdirSync(configDir).filter((name) => name.startsWith('id_'))).toEqual([
      'id_ecdsa',
      'id_ed25519',
      'id_rsa',
    ])
  })

  test('bans as it is configured', async () => {
    const { options, log } = await site({ defender: { trusted: [], threshold: 2, ban_minutes: 5 } })
    const running = await started(options)
    await addAlice(running)
    for (const password of ['wrong', 'wrong', PASSWORD]) {
      expect(await connect(running.sftpAddress, { password }).catch((error: unknown) => error)).toBeInstanceOf(Error)
    }
    await running.stop()
    expect(log()).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        sender: 'defender',
        message: '127.0.0.1 is banned for 5 minutes: 2 failed logins within 30 minutes: 2 points, the limit is 2',
      }),
    )
    expect(log().filter(({ sender }) => sender === 'connection_failed')).toMatchObject([
      { client_ip: '127.0.0.1', username: 'alice', login_type: 'password', error: 'wrong password' },
      { client_ip: '127.0.0.1', username: 'alice', login_type: 'password', error: 'wrong password' },
      { client_ip: '127.0.0.1', username: '', login_type: 'no_auth_tryed', error: 'the address is banned' },
    ])
  })

  test('without HTTP listens on SFTP alone', async () => {
    const { options, lines } = await site({ httpd: { bind_port: 0 }, data_provider: { driver: 'memory' } })
    const running = await serve(options)
    onTestFinished(() => running.stop())
    expect(running.httpAddress).toBeUndefined()
    expect(lines).toEqual([expect.stringMatching(/^SFTPGo \S+ ready: SFTP on 127\.0\.0\.1:\d+$/)])
  })

  test('says in the log what it is asked for and does not do', async () => {
    const { options, log } = await site({
      sftpd: { actions: { execute_on: ['upload'] } },
      data_provider: { driver: 'memory' },
    })
    await (await started(options)).stop()
    expect(log()).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        sender: 'config',
        message: 'sftpd.actions.execute_on has no effect: neither command nor http_notification_url is set',
      }),
    )
  })
})

describe('a start that fails is one line, and leaves nothing listening', () => {
  interface Failure {
    message: RegExp
    settings?: Record<string, Record<string, unknown>>
    break?: (site: Site) => void | Promise<void>
    /** The SFTP port is taken by somebody else. */
    taken?: 'sftp' | 'http'
  }

  test.each<[string, Failure]>([
    [
      'the SFTP port is in use',
      { taken: 'sftp', message: /^SFTP server: cannot listen on 127\.0\.0\.1:\d+: the port is in use$/ },
    ],
    [
      'the HTTP port is in use',
      { taken: 'http', message: /^httpd cannot listen on 127\.0\.0\.1:\d+: the address is already in use$/ },
    ],
    [
      'the configuration directory is a file',
      {
        message: /config|ENOTDIR|host keys/,
        break: (made) => {
          made.options.configDir = path.join(made.configDir, 'sftpgo.json')
          made.options.env = { SFTPGO_SFTPD__BIND_PORT: '0' }
        },
      },
    ],
    [
      'a host key is no key',
      {
        message: /^host key .*\/id_rsa: is no private key that can be used/,
        break: ({ configDir }) => writeFileSync(path.join(configDir, 'id_rsa'), 'garbage'),
      },
    ],
    [
      'a configured host key is missing',
      { settings: { sftpd: { keys: [{ private_key: 'mine' }] } }, message: /^host key .*\/etc\/mine: no such file$/ },
    ],
    ['a value is wrong', { settings: { sftpd: { idle_timeout: -1 } }, message: /sftpd\.idle_timeout is -1/ }],
    ['a key is unknown', { settings: { sftpd: { bind_prot: 22 } }, message: /sftpd\.bind_prot is not a setting/ }],
    [
      'a cipher is unknown',
      {
        settings: { sftpd: { ciphers: ['rot13'] } },
        message: /^sftpd\.ciphers: "rot13" cannot be used, want some of /,
      },
    ],
    [
      'the login banner is missing',
      {
        settings: { sftpd: { login_banner_file: 'banner.txt' } },
        message: /^sftpd\.login_banner_file: .*\/etc\/banner\.txt cannot be read \(ENOENT\)$/,
      },
    ],
    [
      'HTTP is open to others without a login',
      { settings: { httpd: { bind_address: '' } }, message: /^httpd\.bind_address is "": .*httpd\.auth_user_file/ },
    ],
    [
      'the file of HTTP users is missing',
      {
        settings: { httpd: { auth_user_file: 'web-users' } },
        message: /^httpd\.auth_user_file: .*\/etc\/web-users cannot be read \(ENOENT\)$/,
      },
    ],
    [
      'the file of HTTP users is malformed',
      {
        settings: { httpd: { auth_user_file: 'web-users' } },
        break: ({ configDir }) => writeFileSync(path.join(configDir, 'web-users'), 'alice:secret\n'),
        message: /^httpd\.auth_user_file: .*\/etc\/web-users line 1: want a bcrypt, sha256crypt or sha512crypt hash/,
      },
    ],
    [
      'a certificate has no key',
      {
        settings: { httpd: { certificate_file: 'cert.pem' } },
        message: /^httpd\.certificate_file is set and httpd\.certificate_key_file is not: /,
      },
    ],
    [
      'a certificate is missing',
      {
        settings: { httpd: { certificate_file: 'cert.pem', certificate_key_file: 'key.pem' } },
        message: /^httpd\.certificate_file: .*\/etc\/cert\.pem cannot be read \(ENOENT\)$/,
      },
    ],
    [
      'the store has no name',
      { settings: { data_provider: { driver: 'mysql', name: '' } }, message: /^data_provider\.name is empty/ },
    ],
    [
      'the store is no database',
      {
        message: /sftpgo\.db/,
        break: ({ configDir }) => writeFileSync(path.join(configDir, 'sftpgo.db'), 'no database '.repeat(100)),
      },
    ],
    [
      'the log cannot be written',
      {
        message: /^the log file .* cannot be opened/,
        break: ({ options, configDir }) => {
          options.log.filePath = path.join(configDir, 'sftpgo.json', 'log')
        },
      },
    ],
  ])('%s', async (_, { message, settings = {}, break: breakIt, taken }) => {
    const ports = { sftp: await freePort(), http: await freePort() }
    const blocker = createServer()
    if (taken !== undefined) {
      blocker.listen(ports[taken], '127.0.0.1')
      await once(blocker, 'listening')
    }
    const made = await site({
      ...settings,
      sftpd: { ...settings['sftpd'], bind_port: ports.sftp },
      httpd: { ...settings['httpd'], bind_port: ports.http },
    })
    await breakIt?.(made)
    const descriptors = openDescriptors()
    const error = await serve(made.options).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(Error)
    expect((error as Error).message).toMatch(message)
    expect((error as Error).message).not.toContain('\n')
    expect(made.lines).toEqual([])
    if (taken !== undefined) {
      blocker.close()
      await once(blocker, 'close')
    }
    for (const port of Object.values(ports)) expect(await isListening(port)).toBe(false)
    expect(openDescriptors()).toBeLessThanOrEqual(descriptors)
  })
})

test.each([
  [{ host: '0.0.0.0', port: 2022 }, '0.0.0.0:2022'],
  [{ host: '::', port: 2022 }, '[::]:2022'],
])('an address is shown as %o', (address, text) => {
  expect(shown(address)).toBe(text)
})
