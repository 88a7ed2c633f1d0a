import { encode } from 'uqr'
import { expect, test } from 'vitest'
import { qrCode, reachableHost, sftpUrl } from './qr.ts'

test.each([
  ['user', '192.0.2.1', 'sftp://user@192.0.2.1:2022'],
  ['a@b/c', '192.0.2.1', 'sftp://a%40b%2Fc@192.0.2.1:2022'],
  ['ü', '2001:db8::1', 'sftp://%C3%BC@[2001:db8::1]:2022'],
])('the address of %s at %s', (username, host, url) => expect(sftpUrl({ username, host, port: 2022 })).toBe(url))

test('the code in half blocks is the code', () => {
  const text = 'sftp://user@192.0.2.1:2022'
  const { data } = encode(text, { ecc: 'M', border: 2 })
  const dark = qrCode(text).flatMap((line) => [
    Array.from(line).map((char) => char === ' ' || char === '▄'),
    Array.from(line).map((char) => char === ' ' || char === '▀'),
  ])
  expect(dark.slice(0, data.length)).toEqual(data)
})

const on = (address: string, family: 'IPv4' | 'IPv6', internal = false) =>
  ({ address, family, internal, netmask: '', mac: '', cidr: null, scopeid: 0 }) as never

test.each([
  [{ lo: [on('127.0.0.1', 'IPv4', true)] }, '127.0.0.1'],
  [{ lo: [on('127.0.0.1', 'IPv4', true)], a: [on('fe80::1', 'IPv6')], b: [on('2001:db8::1', 'IPv6')] }, '2001:db8::1'],
  [{ a: [on('2001:db8::1', 'IPv6'), on('192.0.2.1', 'IPv4')] }, '192.0.2.1'],
])('others reach this machine at an address of its own: %#', (interfaces, host) =>
  expect(reachableHost(interfaces)).toBe(host),
)
