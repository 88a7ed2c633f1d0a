import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { selfSigned } from './httpd/certificates.test.support.ts'
import { basic, BCRYPT } from './httpd/sample-users.test.support.ts'
import { serve } from './serve.ts'
import type { Running } from './serve.ts'
import { rsaKey } from './sshd/sample-keys.test.support.ts'

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
  return { running, port, place, status, log: () => readFileSync(place('log'), 'utf8') }
}

test('a server with a file of users asks for a login, probes apart', async () => {
  const { status, log } = await started({})
  expect(await status('/api/v1/user')).toBe(401)
  expect(await status('/api/v1/user', basic('alice'))).toBe(200)
  expect(await status('/api/v1/user', basic('alice', 'hunter2'))).toBe(401)
  expect(await status('/healthz')).toBe(200)
  expect(await status('/readyz')).toBe(200)
  expect(log()).toContain('login of \\"alice\\" from 127.0.0.1 refused: wrong password')
  expect(log()).not.toMatch(/hunter2|correct horse|\$2y\$/)
})

test('whoever guesses passwords over HTTP is banned as over SSH', async () => {
  const { status, log } = await started({ defender: { trusted: [], threshold: 3 } })
  for (let guess = 0; guess < 3; guess++) {
    expect(await status('/api/v1/user', basic('alice', `guess ${guess}`))).toBe(401)
  }
  expect(await status('/api/v1/user', basic('alice'))).toBe(429)
  expect(log()).toContain('127.0.0.1 is banned for 30 minutes: 3 failed logins')
})

test('a server that is told so serves all interfaces, and warns', async () => {
  const { status, log } = await started({
    httpd: { bind_address: '', auth_user_file: '', allow_unauthenticated: true },
  })
  expect(await status('/api/v1/user')).toBe(200)
  expect(log()).toContain('no login is asked for on all interfaces')
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
