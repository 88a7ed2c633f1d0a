import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { connect } from 'node:tls'
import { describe, expect, test, vi } from 'vitest'
import { ed25519Pair } from '../lib/sshd/sample-keys.test.support.ts'
import { TEST_TIMEOUT_MS, eventually, freePort, site, start } from './built.test.support.ts'
import type { Site } from './built.test.support.ts'

vi.setConfig({ testTimeout: TEST_TIMEOUT_MS })

/** An upload that is under way when a signal comes, whatever the machine does meanwhile: 200 s at 100 KB/s. */
const LONG_BYTES = 20_000_000
const SLOW = { upload_bandwidth: 100, quota_size: 1_000_000_000 }

function local(made: Site, bytes: number): Buffer {
  const content = Buffer.alloc(bytes, 'carried ')
  writeFileSync(path.join(made.root, 'local'), content)
  return content
}

/** Resolves when a part of an upload is on the disk, under whatever name. */
function underWay(home: string): Promise<void> {
  return eventually(() => {
    const sizes = readdirSync(home).map((name) => statSync(path.join(home, name)).size)
    expect(Math.max(0, ...sizes)).toBeGreaterThan(0)
  })
}

describe('SIGTERM and SIGINT to the built program', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s: an upload finishes within the grace time, exit 0', async (signal) => {
    const made = site({ sftpd: { grace_time: 60 } })
    const home = await made.addUser({ upload_bandwidth: 200, quota_size: 1_000_000_000 })
    const content = local(made, 300_000)
    const server = await made.serve()
    const upload = made.sftp(server, 'put local file')
    await underWay(home)
    server.signal(signal)
    await eventually(() => expect(made.messages()).toContain('stopping'))
    expect(await made.sftp(server, 'pwd').exit).not.toBe(0)
    expect([await upload.exit, upload.stderr()]).toEqual([0, ''])
    expect([await server.exit, server.stderr()]).toEqual([0, ''])
    expect(readFileSync(path.join(home, 'file')).equals(content)).toBe(true)
    expect(await made.used('alice')).toEqual({ size: content.length, files: 1 })
    expect(made.log().filter(({ sender }) => sender === 'Upload')).toMatchObject([
      { level: 'info', size_bytes: content.length },
    ])
  })

  test.each([
    { mode: 0, leaves: 'what has arrived', names: ['file'] },
    { mode: 1, leaves: 'nothing', names: [] },
    { mode: 2, leaves: 'what has arrived', names: ['file'] },
  ])('an upload that is cut short leaves $leaves in upload_mode $mode, usage exact', async ({ mode, names }) => {
    const made = site({ sftpd: { upload_mode: mode } })
    const home = await made.addUser(SLOW)
    local(made, LONG_BYTES)
    const server = await made.serve()
    const upload = made.sftp(server, 'put local file')
    await underWay(home)
    server.signal('SIGTERM')
    expect(await server.exit).toBe(0)
    expect(await upload.exit).not.toBe(0)
    expect(readdirSync(home)).toEqual(names)
    const size = names.reduce((total, name) => total + statSync(path.join(home, name)).size, 0)
    expect(await made.used('alice')).toEqual({ size, files: names.length })
    expect(made.log().filter(({ sender }) => sender === 'Upload')).toMatchObject([
      { level: 'warn', error: 'the connection ended before the file was closed' },
    ])
    expect(readdirSync(path.join(made.configDir, 'in-flight'))).toEqual([])
  })

  test('a session without a transfer keeps nobody waiting', async () => {
    const made = site({ sftpd: { grace_time: 86_400 } })
    await made.addUser({})
    const server = await made.serve()
    // Stays there until it is ended.
    const idle = made.sftp(server, '!sleep 1000')
    await eventually(() => expect(made.messages().some((message) => message.includes('logged in'))).toBe(true))
    server.signal('SIGTERM')
    expect(await server.exit).toBe(0)
    idle.signal('SIGKILL')
  })

  test('a transfer that takes longer than the grace time is ended', async () => {
    const made = site({ sftpd: { grace_time: 1 } })
    const home = await made.addUser(SLOW)
    local(made, LONG_BYTES)
    const server = await made.serve()
    const upload = made.sftp(server, 'put local file')
    await underWay(home)
    server.signal('SIGTERM')
    expect(await server.exit).toBe(0)
    expect(await upload.exit).not.toBe(0)
    expect(made.messages()).toContain('the time is over: 1 connections with transfers are ended')
  })

  test('while transfers finish /readyz says that no more is taken, and /healthz that all is well', async () => {
    const made = site({ sftpd: { grace_time: 86_400 }, httpd: { bind_port: await freePort() } })
    const home = await made.addUser(SLOW)
    local(made, LONG_BYTES)
    const server = await made.serve()
    const status = async (probe: string) => (await fetch(`http://127.0.0.1:${server.httpPort}/${probe}`)).status
    made.sftp(server, 'put local file')
    await underWay(home)
    expect([await status('readyz'), await status('healthz')]).toEqual([200, 200])
    server.signal('SIGTERM')
    await eventually(async () => expect(await status('readyz')).toBe(503))
    expect(await status('healthz')).toBe(200)
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('reliability 13: a second %s does not wait, exit %d', async (signal, code) => {
    const made = site({ sftpd: { grace_time: 86_400 } })
    const home = await made.addUser(SLOW)
    local(made, LONG_BYTES)
    const server = await made.serve()
    made.sftp(server, 'put local file')
    await underWay(home)
    server.signal('SIGTERM')
    await eventually(() => expect(made.messages()).toContain('stopping'))
    server.signal(signal)
    expect(await server.exit).toBe(code)
  })
})

describe('SIGHUP to the built program', () => {
  async function shownKey({ sftpPort }: { sftpPort: number }): Promise<string> {
    const scan = start('ssh-keyscan', ['-p', String(sftpPort), '-t', 'ed25519', '127.0.0.1'])
    await scan.exit
    return scan.stdout().split(' ').at(-1)?.trim() ?? ''
  }
  const reported = (made: Site, text: string) => eventually(() => expect(made.messages().join('\n')).toContain(text))

  test('takes keys, banner and settings for new connections; a transfer goes on', async () => {
    const made = site()
    const home = await made.addUser({ upload_bandwidth: 200 })
    const content = local(made, 300_000)
    const server = await made.serve()
    const before = await shownKey(server)
    const upload = made.sftp(server, 'put local file')
    await underWay(home)
    const pair = ed25519Pair()
    writeFileSync(path.join(made.configDir, 'key'), pair.private)
    writeFileSync(path.join(made.configDir, 'hello'), 'good day')
    const sftpd = { login_banner_file: 'hello', max_auth_tries: 3, bind_port: 1, upload_mode: 1 }
    made.configure({ sftpd, log: { level: 'info' } })
    server.signal('SIGHUP')
    await reported(made, 'reloaded the configuration, host keys and banner')
    expect(made.messages()).toEqual(
      expect.arrayContaining([
        'reloaded: sftpd.max_auth_tries: 0 -> 3',
        'reloaded: sftpd.upload_mode: 0 -> 1',
        'reloaded: sftpd.login_banner_file: "" -> "hello"',
        'reloaded: log.level: "" -> "info"',
        'takes effect after a restart: sftpd.bind_port: 0 -> 1',
      ]),
    )
    expect(await shownKey(server)).not.toBe(before)
    expect(`ssh-ed25519 ${await shownKey(server)}`).toBe(pair.public)
    const probe = start('ssh', [
      '-F',
      '/dev/null',
      '-o',
      'BatchMode=yes',
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',
      '-p',
      String(server.sftpPort),
      'nobody@127.0.0.1',
    ])
    await probe.exit
    expect(probe.stderr()).toContain('good day')
    expect([await upload.exit, upload.stderr()]).toEqual([0, ''])
    expect(readFileSync(path.join(home, 'file')).equals(content)).toBe(true)
    server.signal('SIGTERM')
    expect(await server.exit).toBe(0)
  })

  test('takes a new certificate for the HTTP server, or keeps the old one', async () => {
    const tls = { certificate_file: 'cert.pem', certificate_key_file: 'cert.key' }
    const made = site({ httpd: { bind_port: await freePort(), ...tls } })
    const certify = (name: string): void => {
      const files = ['-keyout', path.join(made.configDir, 'cert.key'), '-out', path.join(made.configDir, 'cert.pem')]
      const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1']
      execFileSync('openssl', [...kind, '-subj', `/CN=${name}`, ...files], { stdio: 'pipe' })
    }
    certify('first')
    const server = await made.serve()
    const shown = async (): Promise<unknown> => {
      const socket = connect({ host: '127.0.0.1', port: server.httpPort, rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      const { CN: name } = socket.getPeerCertificate().subject
      socket.destroy()
      return name
    }
    expect(await shown()).toBe('first')
    certify('second')
    server.signal('SIGHUP')
    await eventually(async () => expect(await shown()).toBe('second'))
    writeFileSync(path.join(made.configDir, 'cert.pem'), 'garbage')
    server.signal('SIGHUP')
    await reported(made, 'not reloaded, the configuration stays as it was')
    expect(await shown()).toBe('second')
  })

  test.each<[string, (made: Site) => void, string]>([
    ['a wrong value', (made) => made.configure({ sftpd: { idle_timeout: -1 } }), 'sftpd.idle_timeout is -1'],
    ['no JSON', (made) => writeFileSync(path.join(made.configDir, 'sftpgo.json'), '{'), 'sftpgo.json'],
    ['a cipher that does not exist', (made) => made.configure({ sftpd: { ciphers: ['rot13'] } }), '"rot13" cannot'],
    ['a missing key', (made) => rmSync(path.join(made.configDir, 'key')), 'no such file'],
    ['a missing banner', (made) => made.configure({ sftpd: { login_banner_file: 'x' } }), 'login_banner_file'],
  ])('with %s keeps the old ones and says why', async (_, spoil, reason) => {
    const made = site()
    await made.addUser({})
    const server = await made.serve()
    const before = await shownKey(server)
    spoil(made)
    server.signal('SIGHUP')
    await reported(made, 'not reloaded, the configuration stays as it was')
    const [told] = made.log().filter(({ level }) => level === 'error')
    expect(told?.['message']).toContain(reason)
    expect(await shownKey(server)).toBe(before)
    expect(await made.sftp(server, 'pwd').exit).toBe(0)
    server.signal('SIGTERM')
    expect(await server.exit).toBe(0)
  })
})

describe('an error that nobody caught', () => {
  test.each([
    ['thrown', 'throw new Error("nobody expected this")'],
    ['a rejection', 'Promise.reject(new Error("nobody expected this"))'],
  ])('%s: it is logged with its stack, everything is settled, exit 1', async (_, fault) => {
    const made = site({ sftpd: { upload_mode: 1, grace_time: 86_400 } })
    const home = await made.addUser(SLOW)
    local(made, LONG_BYTES)
    const plant = `data:text/javascript,process.on("SIGUSR2",()=>setImmediate(()=>{${fault}}))`
    const server = await made.serve(['--import', plant])
    made.sftp(server, 'put local file')
    await underWay(home)
    server.signal('SIGUSR2')
    expect(await server.exit).toBe(1)
    expect(server.stderr()).toContain('Error: nobody expected this')
    const [told] = made.log().filter(({ level }) => level === 'error')
    expect(told?.['message']).toMatch(
      /^an error that nobody caught, the server stops: Error: nobody expected this.* at /s,
    )
    expect(readdirSync(home)).toEqual([])
    expect(await made.used('alice')).toEqual({ size: 0, files: 0 })
  })
})

test('SIGUSR1 opens no debugger', async () => {
  const made = site()
  const server = await made.serve()
  server.signal('SIGUSR1')
  server.signal('SIGTERM')
  expect([await server.exit, server.stderr()]).toEqual([0, ''])
})
