import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createCallerOf } from './forwarded.ts'

const TRUSTED = ['127.0.0.1', '10.0.0.0/8', '2001:db8::/32']

interface Case {
  name: string
  peer?: string
  headers: Record<string, string | string[]>
  caller: object
}

const CASES: Case[] = [
  {
    name: 'a stranger is not believed',
    peer: '192.0.2.1',
    headers: {
      'x-forwarded-for': '198.51.100.1',
      'x-real-ip': '198.51.100.1',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-request-id': 'x',
    },
    caller: { ip: '192.0.2.1', proxied: false },
  },
  { name: 'a proxy that says nothing', headers: {}, caller: { ip: '127.0.0.1', proxied: true } },
  {
    name: 'the mapped form of a proxy',
    peer: '::ffff:10.1.2.3',
    headers: {},
    caller: { ip: '10.1.2.3', proxied: true },
  },
  { name: 'one hop', headers: { 'x-forwarded-for': '198.51.100.1' }, caller: { ip: '198.51.100.1' } },
  {
    name: 'what a client claims',
    headers: { 'x-forwarded-for': '8.8.8.8, 198.51.100.1' },
    caller: { ip: '198.51.100.1' },
  },
  {
    name: 'a chain of proxies',
    headers: { 'x-forwarded-for': '8.8.8.8, 198.51.100.1, 10.0.0.7,10.0.0.8' },
    caller: { ip: '198.51.100.1' },
  },
  {
    name: 'several lines are one list',
    headers: { 'x-forwarded-for': ['8.8.8.8', '198.51.100.1,', ' 10.0.0.7'] },
    caller: { ip: '198.51.100.1' },
  },
  { name: 'proxies alone', headers: { 'x-forwarded-for': '10.0.0.9, 10.0.0.7' }, caller: { ip: '10.0.0.9' } },
  { name: 'nothing readable', headers: { 'x-forwarded-for': '8.8.8.8, unknown' }, caller: { ip: '127.0.0.1' } },
  {
    name: 'an end of what is readable',
    headers: { 'x-forwarded-for': '8.8.8.8, _x, 10.0.0.7' },
    caller: { ip: '10.0.0.7' },
  },
  { name: 'addresses with ports', headers: { 'x-forwarded-for': '198.51.100.1:4711' }, caller: { ip: '198.51.100.1' } },
  { name: 'IPv6', headers: { 'x-forwarded-for': '2001:DB9::1' }, caller: { ip: '2001:db9::1' } },
  { name: 'IPv6 with a port', headers: { 'x-forwarded-for': '[2001:db9::1]:4711' }, caller: { ip: '2001:db9::1' } },
  { name: 'X-Real-IP', headers: { 'x-real-ip': '198.51.100.1' }, caller: { ip: '198.51.100.1' } },
  {
    name: 'X-Forwarded-For before X-Real-IP',
    headers: { 'x-real-ip': '198.51.100.2', 'x-forwarded-for': '198.51.100.1' },
    caller: { ip: '198.51.100.1' },
  },
  {
    name: 'host and scheme',
    headers: { 'x-forwarded-host': 'Admin.example.com', 'x-forwarded-proto': 'HTTPS' },
    caller: { host: 'Admin.example.com', scheme: 'https' },
  },
  {
    name: 'a host that a client claims',
    headers: { 'x-forwarded-host': 'evil.example, admin.example.com', 'x-forwarded-for': '198.51.100.1' },
    caller: { host: 'admin.example.com' },
  },
  {
    name: 'the host at the end of a chain',
    headers: {
      'x-forwarded-host': 'evil.example, admin.example.com, inner',
      'x-forwarded-for': '198.51.100.1, 10.0.0.7',
    },
    caller: { host: 'admin.example.com' },
  },
  { name: 'another scheme', headers: { 'x-forwarded-proto': 'gopher' }, caller: { ip: '127.0.0.1' } },
  { name: 'a request id', headers: { 'x-request-id': 'a-B_9/:7' }, caller: { requestId: 'a-B_9/:7' } },
]

test.each(CASES)('$name', ({ peer = '127.0.0.1', headers, caller }) => {
  const lines = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()]))
  expect(createCallerOf(TRUSTED)(peer, lines)).toMatchObject(caller)
})

test.each(['', 'a b', 'a\nb', 'é', 'x'.repeat(129)])('%j is no request id', (id) => {
  expect(createCallerOf(TRUSTED)('127.0.0.1', { 'x-request-id': [id] })).toEqual({ ip: '127.0.0.1', proxied: true })
})

test('whatever a client sends through a proxy, its address is the one that the proxy saw', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6())), (claims) => {
      const headers = { 'x-forwarded-for': [...claims, '198.51.100.1'] }
      return createCallerOf(['127.0.0.1'])('127.0.0.1', headers).ip === '198.51.100.1'
    }),
  )
})

test('what is no network was not validated', () => {
  expect(() => createCallerOf(['*'])).toThrow('httpd.trusted_proxies: * is no network')
})
