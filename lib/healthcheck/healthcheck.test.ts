import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { healthcheck } from './healthcheck.ts'
import type { HealthcheckOptions } from './healthcheck.ts'

async function port(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

const httpServer = (listener: RequestListener) => port(createServer(listener))
const tcpServer = (listener: (socket: Socket) => void) =>
  port(
    createTcpServer((socket) => {
      socket.on('error', () => undefined)
      listener(socket)
    }),
  )

/** A configuration with these settings. */
function configured(settings: object): HealthcheckOptions {
  const configDir = mkdtempSync(join(tmpdir(), 'sftpgo-health-'))
  onTestFinished(() => rmSync(configDir, { recursive: true }))
  writeFileSync(join(configDir, 'sftpgo.json'), JSON.stringify(settings))
  return { configDir, configFile: 'sftpgo', env: {}, url: '', ready: false, insecure: false, timeoutMs: 5000 }
}

const http = (bind_port: number, bind_address = '127.0.0.1') => configured({ httpd: { bind_port, bind_address } })
const sftp = (bind_port: number, bind_address = '') =>
  configured({ httpd: { bind_port: 0 }, sftpd: { bind_port, bind_address } })

test.each([
  [false, 'healthz'],
  [true, 'readyz'],
])('asks the configured HTTP server, ready %j by %s', async (ready, path) => {
  const asked: unknown[] = []
  const at = await httpServer(({ method, url }, response) => {
    asked.push([method, url])
    response.end('{"ok":true}\n')
  })
  expect(await healthcheck({ ...http(at), ready })).toBe(`ok: http://127.0.0.1:${at}/${path}`)
  expect(await healthcheck({ ...http(at, ''), ready })).toBe(`ok: http://127.0.0.1:${at}/${path}`)
  expect(await healthcheck({ ...http(1), ready, url: `http://127.0.0.1:${at}/below` })).toBe(
    `ok: http://127.0.0.1:${at}/below/${path}`,
  )
  expect(asked).toEqual([
    ['GET', `/${path}`],
    ['GET', `/${path}`],
    ['GET', `/below/${path}`],
  ])
})

test('the environment counts as for serve', async () => {
  const at = await httpServer((_, response) => response.end('{}'))
  const options = { ...http(1), env: { SFTPGO_HTTPD__BIND_PORT: String(at) } }
  expect(await healthcheck(options)).toContain('ok: ')
})

test('a server that is not well says why', async () => {
  const at = await httpServer((_, response) => {
    response.writeHead(503)
    response.end('{"ok":false,"reason":"stopping"}')
  })
  await expect(healthcheck(http(at))).rejects.toThrow(/^HTTP 503: stopping$/)
})

test('without HTTP the SSH identification tells', async () => {
  const at = await tcpServer((socket) => {
    socket.write('SSH-2.0-')
    socket.write('SFTPGo_0.1\r\n')
  })
  for (const address of ['', '0.0.0.0', '127.0.0.1'])
    expect(await healthcheck(sftp(at, address))).toBe(`ok: ssh://127.0.0.1:${at}`)
})

test.each<[name: string, listener: (socket: Socket) => void, message: RegExp, timeoutMs?: number]>([
  ['another protocol', (socket) => socket.end('220 FTP\r\n'), /^ssh:\/\/127\.0\.0\.1:\d+ is no SSH server$/],
  ['endless noise', (socket) => socket.write('x'.repeat(300)), /is no SSH server$/],
  ['nothing', (socket) => socket.end(), /closed the connection$/],
  ['silence', () => undefined, /said nothing within 0\.02 seconds$/, 20],
])('%s on the SFTP port is no SSH server', async (_, listener, message, timeoutMs = 5000) => {
  const at = await tcpServer(listener)
  await expect(healthcheck({ ...sftp(at), timeoutMs })).rejects.toThrow(message)
})

test('nobody on either port is one line', async () => {
  const server = createTcpServer()
  const at = await port(server)
  server.close()
  await once(server, 'close')
  await expect(healthcheck(http(at))).rejects.toThrow(/^http:\/\/127\.0\.0\.1:\d+ refuses the connection$/)
  await expect(healthcheck(sftp(at))).rejects.toThrow(/^ssh:\/\/127\.0\.0\.1:\d+ refuses the connection$/)
})

test('no port to ask, and a configuration that is wrong', async () => {
  await expect(healthcheck(sftp(0))).rejects.toThrow(/there is no known port to ask$/)
  await expect(healthcheck(configured({ http: {} }))).rejects.toThrow(/http is not a setting/)
  await expect(healthcheck({ ...http(1), url: 'x' })).rejects.toThrow(/^"x" is no URL/)
})
