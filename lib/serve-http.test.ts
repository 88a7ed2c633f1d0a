import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import type { SFTPWrapper } from 'ssh2'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { selfSigned } from './httpd/certificates.test.support.ts'
import { basic, BCRYPT } from './httpd/sample-users.test.support.ts'
import { figuresIn, typesIn } from './metrics/exposition.test.support.ts'
import { serve } from './serve.ts'
import type { Running } from './serve.ts'
import { rsaKey } from './sshd/sample-keys.test.support.ts'
import { connect, PASSWORD } from './sshd/sshd.test.support.ts'

/** Every name of SFTPGo 0.9.4 that is not of its language's runtime. */
const MEASURED = `
  sftpgo_dataprovider_availability sftpgo_active_connections
  sftpgo_uploads_total sftpgo_upload_size sftpgo_upload_errors_total
  sftpgo_downloads_total sftpgo_download_size sftpgo_download_errors_total
  sftpgo_login_attempts_total sftpgo_login_ok_total sftpgo_login_ko_total
  sftpgo_password_login_attempts_total sftpgo_password_login_ok_total sftpgo_password_login_ko_total
  sftpgo_public_key_login_attempts_total sftpgo_public_key_login_ok_total sftpgo_public_key_login_ko_total
  sftpgo_http_req_total sftpgo_http_req_ok_total sftpgo_http_client_errors_total sftpgo_http_server_errors_total
  promhttp_metric_handler_requests_total promhttp_metric_handler_requests_in_flight
  process_cpu_seconds_total process_open_fds process_max_fds process_resident_memory_bytes
  process_virtual_memory_bytes process_virtual_memory_max_bytes process_start_time_seconds
`
  .trim()
  .split(/\s+/)

const umask = process.umask()
afterEach(() => void process.umask(umask))

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

interface Settings {
  httpd?: Record<string, unknown>
  defender?: Record<string, unknown>
}

/** A server on loopback with its users in memory, alice allowed on HTTP, and what its log holds. */
async function started({ httpd = {}, defender = {} }: Settings) {
  const folder = mkdtempSync(path.join(tmpdir(), 'sftpgo-serve-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const place = (name: string): string => path.join(folder, name)
  const port = await freePort()
  writeFileSync(place('id_rsa'), rsaKey(), { mode: 0o600 })
  writeFileSync(place('web-users'), `alice:${BCRYPT}\n`)
  const config = {
    sftpd: { bind_port: 0, bind_address: '127.0.0.1' },
    data_provider: { driver: 'memory', users_base_dir: place('homes') },
    httpd: { bind_port: port, bind_address: '127.0.0.1', auth_user_file: 'web-users', ...httpd },
    defender,
  }
  writeFileSync(place('sftpgo.json'), JSON.stringify(config))
  const running: Running = await serve({
    configDir: folder,
    configFile: 'sftpgo',
    log: { filePath: place('log'), maxSizeMb: 10, maxBackups: 5, maxAgeDays: 28, compress: false, verbose: true },
    env: {},
    stdout: () => undefined,
  })
  onTestFinished(() => running.stop())
  const status = async (target: string, authorization?: string): Promise<number> => {
    const headers = { connection: 'close', ...(authorization !== undefined && { authorization }) }
    return (await fetch(`http://127.0.0.1:${port}${target}`, { headers })).status
  }
  /** What the log holds once this is in it: it is written behind what it tells. */
  const logged = (part: string): Promise<string> =>
    vi.waitFor(
      () => {
        const log = readFileSync(place('log'), 'utf8')
        expect(log).toContain(part)
        return log
      },
      { timeout: 20_000 },
    )
  return { running, port, place, status, logged }
}

test('a server with a file of users asks for a login, probes apart', async () => {
  const { status, logged } = await started({})
  expect(await status('/api/v1/user')).toBe(401)
  expect(await status('/api/v1/user', basic('alice'))).toBe(200)
  expect(await status('/api/v1/user', basic('alice', 'hunter2'))).toBe(401)
  expect(await status('/healthz')).toBe(200)
  expect(await status('/readyz')).toBe(200)
  const log = await logged('login of \\"alice\\" from 127.0.0.1 refused: wrong password')
  expect(log).not.toMatch(/hunter2|correct horse|\$2y\$/)
})

test('whoever guesses passwords over HTTP is banned as over SSH', async () => {
  const { status, logged } = await started({ defender: { trusted: [], threshold: 3 } })
  for (let guess = 0; guess < 3; guess++) {
    expect(await status('/api/v1/user', basic('alice', `guess ${guess}`))).toBe(401)
  }
  expect(await status('/api/v1/user', basic('alice'))).toBe(429)
  await logged('127.0.0.1 is banned for 30 minutes: 3 failed logins')
})

test('a server that is told so serves all interfaces, and warns', async () => {
  const { status, logged } = await started({
    httpd: { bind_address: '', auth_user_file: '', allow_unauthenticated: true },
  })
  expect(await status('/api/v1/user')).toBe(200)
  await logged('no login is asked for on all interfaces')
})

test('a server is measured from its start, in what SFTPGo measures too', async () => {
  const { running, port, status } = await started({ httpd: { auth_user_file: '' } })
  const scrape = async () =>
    (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: 'close' } })).text()
  const names = Object.keys(typesIn(await scrape()))
  for (const name of MEASURED) expect(names).toContain(name)

  const body = JSON.stringify({ username: 'alice', password: PASSWORD, permissions: ['*'] })
  const headers = { connection: 'close', 'content-type': 'application/json' }
  await fetch(`http://127.0.0.1:${port}/api/v1/user`, { method: 'POST', headers, body })
  expect(await status('/nothing')).toBe(404)
  await connect(running.sftpAddress, { password: 'wrong' }).catch(() => undefined)
  const client = await connect(running.sftpAddress)
  const sftp = await new Promise<SFTPWrapper>((resolve, reject) =>
    client.sftp((error, opened) => (error === undefined ? resolve(opened) : reject(error))),
  )
  await new Promise<void>((resolve, reject) =>
    sftp.writeFile('/a', 'hello', (error) => (error === undefined || error === null ? resolve() : reject(error))),
  )
  await vi.waitFor(async () =>
    expect(figuresIn(await scrape())).toMatchObject({
      sftpgo_dataprovider_availability: 1,
      sftpgo_active_connections: 1,
      sftpgo_open_connections: 1,
      'sftpgo_active_transfers{operation="upload"}': 0,
      sftpgo_uploads_total: 1,
      sftpgo_upload_size: 5,
      sftpgo_login_attempts_total: 2,
      sftpgo_password_login_ok_total: 1,
      sftpgo_password_login_ko_total: 1,
      sftpgo_http_client_errors_total: 1,
      sftpgo_http_server_errors_total: 0,
    }),
  )
})

test('the figures are not for everybody where a login is asked for', async () => {
  const { status } = await started({})
  expect(await status('/metrics')).toBe(401)
  expect(await status('/metrics', basic('alice'))).toBe(200)
})

test('a server with a certificate serves over TLS alone', async () => {
  const pair = selfSigned()
  const { port } = await started({
    httpd: { certificate_file: pair.certificate, certificate_key_file: pair.key },
  })
  const ca = readFileSync(pair.certificate)
  const headers = { authorization: basic('alice') }
  const options = { host: '127.0.0.1', port, path: '/api/v1/user', servername: 'localhost', ca, agent: false, headers }
  const request = httpsRequest(options).end()
  const [response] = await once(request, 'response')
  expect({ status: response.statusCode, body: await text(response) }).toEqual({ status: 200, body: '[]\n' })
  await expect(fetch(`http://127.0.0.1:${port}/api/v1/user`)).rejects.toThrow('fetch failed')
})
