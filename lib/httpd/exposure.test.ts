import { expect, test } from 'vitest'
import { isLoopback, judgeExposure } from './exposure.ts'

const PLAIN = { bind_address: '', auth_user_file: '', allow_unauthenticated: false, certificate_file: '' }

test.each([
  ['127.0.0.1', true],
  ['127.1.2.3', true],
  ['::1', true],
  ['localhost', true],
  ['LocalHost', true],
  ['', false],
  ['0.0.0.0', false],
  ['::', false],
  ['192.0.2.1', false],
  ['files.example.com', false],
])('%j is loopback: %s', (host, loopback) => {
  expect(isLoopback(host)).toBe(loopback)
})

test.each(['127.0.0.1', '::1', 'localhost'])('on %s nobody need log in', (bind_address) => {
  expect(judgeExposure({ ...PLAIN, bind_address })).toEqual([])
})

test.each([
  ['', 'all interfaces'],
  ['192.0.2.1', '192.0.2.1'],
  ['files.example.com', 'files.example.com'],
])('on %j the start is refused without a login, and the line says how to mend it', (bind_address, where) => {
  const judge = () => judgeExposure({ ...PLAIN, bind_address })
  expect(judge).toThrow(`httpd.bind_address is "${bind_address}": the REST API and the web admin would be open to`)
  for (const key of [where, 'httpd.auth_user_file', '127.0.0.1', 'httpd.allow_unauthenticated'])
    expect(judge).toThrow(key)
  expect(judge).not.toThrow('\n')
})

test('whoever means it is warned', () => {
  expect(judgeExposure({ ...PLAIN, allow_unauthenticated: true })).toEqual([
    'httpd: no login is asked for on all interfaces (httpd.allow_unauthenticated)',
  ])
  expect(judgeExposure({ ...PLAIN, auth_user_file: 'users' })).toEqual([
    'httpd: passwords cross the network in the clear on all interfaces; httpd.certificate_file turns on TLS',
  ])
  expect(judgeExposure({ ...PLAIN, auth_user_file: 'users', certificate_file: 'cert.pem' })).toEqual([])
})
