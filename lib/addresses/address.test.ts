import { BlockList, isIPv6 } from 'node:net'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOf, plainIp, sourceOf } from './address.ts'
import { isWithin, parseNetwork } from './network.ts'

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['', ''],
])('the address of the socket %j is %j', (socket, ip) => {
  expect(plainIp(socket)).toBe(ip)
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['', ''],
])('%j counts as the source %j', (ip, source) => {
  expect(sourceOf(ip)).toBe(source)
})

test.each([
  '',
  'x',
  '1.2.3',
  '192.0.2.1/33',
  '192.0.2.1/24',
  '192.0.2.0/',
  '192.0.2.0/024',
  '192.0.2.0/24/8',
  '::/129',
  '*',
  'fe80::1%eth0',
  ' 192.0.2.1',
  '192.0.2.1/-1',
])('%j is no network', (text) => {
  expect(parseNetwork(text)).toBeUndefined()
})

test('whether an address is in a network is what node:net says', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6())
  fc.assert(
    fc.property(address, address, fc.nat({ max: 128 }), (base, other, bits) => {
      const family = isIPv6(base) ? 'ipv6' : 'ipv4'
      const prefix = family === 'ipv4' ? bits % 33 : bits
      const list = new BlockList()
      list.addSubnet(base, prefix, family)
      const bytes = (bytesOf(base) ?? []).map((byte, index) => {
        const kept = Math.min(8, Math.max(0, prefix - 8 * index))
        return byte & ((0xff << (8 - kept)) & 0xff)
      })
      const text =
        family === 'ipv4'
          ? bytes.join('.')
          : bytes
              .flatMap((byte, index) => (index % 2 === 0 ? [((byte << 8) | (bytes[index + 1] ?? 0)).toString(16)] : []))
              .join(':')
      const network = parseNetwork(`${text}/${prefix}`)
      if (network === undefined) throw new Error(`${text}/${prefix} is not read`)
      expect(isWithin(network, base)).toBe(true)
      // The mapped form of an IPv4 address is that address here.
      if (plainIp(other) !== other) return
      expect(isWithin(network, other)).toBe(isIPv6(other) === (family === 'ipv6') && list.check(other, family))
    }),
  )
})
