import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { certificateFiles, loadCertificates } from './certificates.ts'
import { selfSigned, type Pair } from './certificates.test.support.ts'
import { FakeClock, FakeLog, fakeRoutes } from './fakes.test.support.ts'
import { createHttpd } from './httpd.ts'

describe('the settings', () => {
  const files = (certificate_file: string, certificate_key_file: string) =>
    certificateFiles({ certificate_file, certificate_key_file }, (file) => `/etc/${file}`)

  test('name both files, or none', () => {
    expect(files('', '')).toBeUndefined()
    expect(files('c.pem', 'k.pem')).toEqual({ certificate: '/etc/c.pem', key: '/etc/k.pem' })
  })

  test('with one of them are refused', () => {
    expect(() => files('c.pem', '')).toThrow(/^httpd\.certificate_file is set and httpd\.certificate_key_file is not: /)
    expect(() => files('', 'k.pem')).toThrow(/^httpd\.certificate_key_file is set and httpd\.certificate_file is not: /)
  })
})

test.each<[string, (pair: Pair) => void, RegExp]>([
  [
    'no certificate',
    ({ certificate }) => rmSync(certificate),
    /^httpd\.certificate_file: .*cert\.pem cannot be read \(ENOENT\)$/,
  ],
  ['no key', ({ key }) => rmSync(key), /^httpd\.certificate_key_file: .*key\.pem cannot be read \(ENOENT\)$/],
  [
    'noise',
    ({ certificate }) => writeFileSync(certificate, 'x'),
    /^httpd\.certificate_file: .*cert\.pem is no certificate in PEM$/,
  ],
  [
    'a certificate for a key',
    ({ certificate, key }) => copyFileSync(certificate, key),
    /key\.pem is no private key in PEM/,
  ],
  [
    'a key for a certificate',
    ({ certificate, key }) => copyFileSync(key, certificate),
    /cert\.pem is no certificate in PEM$/,
  ],
  [
    'another key',
    ({ key }) => copyFileSync(selfSigned().key, key),
    /key\.pem is not the key of the certificate in .*cert\.pem$/,
  ],
  [
    'a broken issuer',
    ({ certificate }) =>
      writeFileSync(
        certificate,
        `${readFileSync(certificate, 'utf8')}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
      ),
    /cert\.pem is not usable for TLS$/,
  ],
  [
    'a key with a passphrase',
    ({ key }) =>
      execFileSync('openssl', ['ec', '-in', key, '-out', key, '-aes256', '-passout', 'pass:x'], { stdio: 'pipe' }),
    /key\.pem is no private key in PEM, or one with a passphrase$/,
  ],
])('%s is one line', async (_, spoil, message) => {
  const pair = selfSigned()
  spoil(pair)
  const error = await loadCertificates(pair).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(Error)
  const { message: line } = error as Error
  expect(line).toMatch(message)
  expect(line).not.toMatch(/\n|PRIVATE/)
})

async function serving() {
  const pair = selfSigned()
  const clock = new FakeClock()
  const log = new FakeLog()
  const httpd = createHttpd({
    routes: fakeRoutes(),
    log,
    clock,
    tls: { files: pair, credentials: await loadCertificates(pair) },
  })
  onTestFinished(() => httpd.close())
  const { port } = await httpd.listen({ host: '127.0.0.1', port: 0 })
  return { pair, log, httpd, port }
}

async function shownBy(port: number): Promise<PeerCertificate> {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const certificate = socket.getPeerCertificate()
  socket.destroy()
  return certificate
}

describe('a server with a certificate', () => {
  test('serves over TLS, which the log shows', async () => {
    const { pair, port, log } = await serving()
    const ca = readFileSync(pair.certificate)
    const request = httpsRequest({
      host: '127.0.0.1',
      port,
      path: '/api/v1/version',
      servername: 'localhost',
      ca,
      agent: false,
    })
    request.end()
    const [response] = await once(request, 'response')
    expect(response.statusCode).toBe(200)
    expect(await text(response)).toContain('1.2.3')
    await vi.waitFor(() => expect(log.requests).toMatchObject([{ uri: `https://127.0.0.1:${port}/api/v1/version` }]))
  })

  test('speaks TLS 1.2, nothing older', async () => {
    const { port, log } = await serving()
    const version = async (maxVersion: 'TLSv1.1' | 'TLSv1.2') => {
      const socket = connect({
        host: '127.0.0.1',
        port,
        rejectUnauthorized: false,
        minVersion: 'TLSv1',
        maxVersion,
        // What the library itself still takes of the old versions.
        ciphers: 'DEFAULT@SECLEVEL=0',
      })
      const outcome = await Promise.race([
        once(socket, 'secureConnect').then(() => socket.getProtocol()),
        once(socket, 'error').then(() => 'refused'),
      ]).catch(() => 'refused')
      socket.destroy()
      return outcome
    }
    expect(await version('TLSv1.2')).toBe('TLSv1.2')
    expect(await version('TLSv1.1')).toBe('refused')
    await vi.waitFor(() => expect(log.messages).toContain('httpd debug no TLS'))
  })

  test('closes a connection that is not TLS, and goes on', async () => {
    const { port } = await serving()
    const socket = createConnection({ host: '127.0.0.1', port })
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await text(socket).catch(() => '')
    expect((await shownBy(port)).subject.CN).toBe('localhost')
  })

  test('takes a new certificate without a restart, and keeps the old one when it is bad', async () => {
    const { pair, port, httpd, log } = await serving()
    const next = selfSigned('other.example')
    copyFileSync(next.certificate, pair.certificate)
    await expect(httpd.reloadCertificates()).rejects.toThrow(/key\.pem is not the key of the certificate/)
    expect((await shownBy(port)).subject.CN).toBe('localhost')
    copyFileSync(next.key, pair.key)
    await httpd.reloadCertificates()
    expect((await shownBy(port)).subject.CN).toBe('other.example')
    expect(log.messages).toContain(`httpd info the certificate was read anew from ${pair.certificate}`)
  })
})

test('a server without TLS has nothing to read anew', async () => {
  const clock = new FakeClock()
  const httpd = createHttpd({
    routes: fakeRoutes(),
    log: new FakeLog(),
    clock,
  })
  await expect(httpd.reloadCertificates()).resolves.toBeUndefined()
})
