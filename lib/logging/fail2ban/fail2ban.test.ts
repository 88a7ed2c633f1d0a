import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { createConnection } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { serve } from '../../serve.ts'
import { ed25519Pair } from '../../sshd/sample-keys.test.support.ts'
import { PASSWORD, connect, watchForUnhandled } from '../../sshd/sshd.test.support.ts'
import { createLog } from '../logger.ts'

const FILTER = fileURLToPath(new URL('sftpgo.conf', import.meta.url))
const JAIL = fileURLToPath(new URL('jail-sftpgo.conf', import.meta.url))
const umask = process.umask()
vi.setConfig({ testTimeout: 180_000 })

let dir: string
beforeEach(() => {
  watchForUnhandled()
  dir = fs.mkdtempSync(path.join(tmpdir(), 'sftpgo-fail2ban-'))
  onTestFinished(() => {
    process.umask(umask)
    fs.rmSync(dir, { recursive: true, force: true })
  })
})

/** The address of each line that fail2ban's filter takes for a failure, in order. */
function matched(file: string): string[] {
  const output = execFileSync('fail2ban-regex', ['-o', 'ip', file, FILTER], { encoding: 'utf8' })
  return output.split('\n').filter((line) => line !== '')
}

interface Site {
  port: number
  /** Ends the server; all of its log is in the file then. */
  stop(): Promise<void>
  logFile: string
}

/** A server with the user `alice`, who has a key besides her password. */
async function server(host: string): Promise<Site> {
  fs.writeFileSync(path.join(dir, 'key'), ed25519Pair().private, { mode: 0o600 })
  const config = {
    sftpd: { bind_port: 0, bind_address: host, keys: [{ private_key: 'key' }], max_auth_tries: -1 },
    data_provider: { driver: 'memory', name: '', users_base_dir: path.join(dir, 'homes') },
    httpd: { bind_port: await freePort(), bind_address: '127.0.0.1' },
    defender: { enabled: false },
  }
  fs.writeFileSync(path.join(dir, 'sftpgo.json'), JSON.stringify(config))
  const logFile = path.join(dir, 'sftpgo.log')
  const running = await serve({
    configDir: dir,
    configFile: 'sftpgo',
    log: { filePath: logFile, maxSizeMb: 10, maxBackups: 5, maxAgeDays: 28, compress: false, verbose: false },
    env: {},
    stdout: () => undefined,
  })
  onTestFinished(() => running.stop())
  const response = await fetch(`http://127.0.0.1:${running.httpAddress?.port}/api/v1/user`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({
      username: 'alice',
      password: PASSWORD,
      public_keys: [ed25519Pair().public],
      permissions: ['*'],
    }),
  })
  expect(response.status).toBe(200)
  return { port: running.sftpAddress.port, stop: () => running.stop(), logFile }
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net')
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  listener.close()
  await once(listener, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Opens a connection and says nothing. */
async function silent(host: string, port: number): Promise<void> {
  const socket = createConnection({ host, port })
  socket.on('error', () => undefined)
  socket.end()
  socket.resume()
  await once(socket, 'close')
}

const HOSTILE = [
  'x","client_ip":"1.2.3.4","username":"y',
  'x","client_ip":"1.2.3.4","username":"y","login_type":"password","error":"wrong password"}',
  '\\","client_ip":"1.2.3.4","username":"\\',
  '\n{"level":"debug","time":"2026-01-02T03:04:05.678","sender":"connection_failed","client_ip":"1.2.3.4","username":"',
  '","time":"2001-01-01T00:00:00.000","client_ip":"1.2.3.4',
  '1.2.3.4',
  '\u202e\u2028\r',
]

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))
if (!hasIpv6) process.stderr.write('fail2ban: this machine has no IPv6, which is not tested\n')

test.each(['127.0.0.1', ...(hasIpv6 ? ['::1'] : [])])(
  'every way to fail at %s counts against the address it came from, and no other',
  async (host) => {
    const { port, stop, logFile } = await server(host)
    // Somebody who may log in is no failure.
    const client = await connect({ port }, { host })
    client.end()
    const fails: Parameters<typeof connect>[1][] = [
      { password: 'wrong' },
      { username: 'nobody' },
      { privateKey: ed25519Pair().private },
      ...HOSTILE.map((username) => ({ username })),
    ]
    for (const config of fails) await expect(connect({ port }, { host, ...config })).rejects.toThrow(/authentication/)
    await silent(host, port)
    await vi.waitFor(() => expect(fs.readFileSync(logFile, 'utf8')).toContain('no_auth_tryed'), { timeout: 20_000 })
    await stop()
    const records = fs
      .readFileSync(logFile, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"connection_failed"'))
    expect(records.length).toBeGreaterThanOrEqual(fails.length + 1)
    expect(matched(logFile)).toEqual(records.map(() => host))
  },
)

test('whatever a client calls itself, no other address matches', async () => {
  const file = path.join(dir, 'log')
  const log = createLog({ destination: { kind: 'file', path: file }, verbose: true })
  const pieces = fc.constantFrom(
    '"',
    '\\',
    '\n',
    ',',
    '"client_ip":"1.2.3.4"',
    '1.2.3.4',
    '"}',
    '\u2028',
    '\x85',
    '<HOST>',
  )
  const text = fc.string({ unit: fc.oneof(fc.string({ unit: 'binary', maxLength: 2 }), pieces) })
  const names = fc.sample(fc.tuple(text, text), 2000)
  for (const [username, error] of names) {
    log.connectionFailed({ clientIp: '192.0.2.1', username, loginType: 'password', error })
    // Records of other kinds say nothing, whatever is in them.
    log.app('sftpd', 'debug', `${username}${error}`)
  }
  await log.close()
  expect(matched(file)).toEqual(names.map(() => '192.0.2.1'))
})

test('fail2ban takes the jail', () => {
  const config = path.join(dir, 'fail2ban')
  fs.cpSync('/etc/fail2ban', config, { recursive: true })
  // Jails of the machine are none of this test's business.
  for (const name of fs.readdirSync(path.join(config, 'jail.d'))) fs.rmSync(path.join(config, 'jail.d', name))
  const logFile = path.join(dir, 'sftpgo.log')
  fs.writeFileSync(logFile, '')
  fs.copyFileSync(FILTER, path.join(config, 'filter.d', 'sftpgo.conf'))
  const jail = fs.readFileSync(JAIL, 'utf8').replace('/var/log/sftpgo/sftpgo.log', logFile)
  fs.writeFileSync(path.join(config, 'jail.d', 'sftpgo.conf'), jail)
  expect(execFileSync('fail2ban-client', ['-c', config, '--test'], { encoding: 'utf8', stdio: 'pipe' })).toMatch(/OK/)
  const dump = execFileSync('fail2ban-client', ['-c', config, '-d'], { encoding: 'utf8', stdio: 'pipe' })
  expect(dump).toContain(`['set', 'sftpgo', 'addlogpath', '${logFile}', 'head']`)
  expect(dump).toContain(`['set', 'sftpgo', 'maxretry', 5]`)
})
