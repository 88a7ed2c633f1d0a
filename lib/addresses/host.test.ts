import { expect, test } from 'vitest'
import { parseHost } from './host.ts'

test.each([
  ['localhost', { name: 'localhost' }],
  ['Files.Example.com.', { name: 'files.example.com' }],
  ['files.example.com:8443', { name: 'files.example.com', port: 8443 }],
  ['192.0.2.1:80', { name: '192.0.2.1', port: 80 }],
  ['2001:DB8::1', { name: '2001:db8::1' }],
  ['[2001:db8::1]', { name: '2001:db8::1' }],
  ['[::1]:8080', { name: '::1', port: 8080 }],
])('%s is %o', (text, host) => {
  expect(parseHost(text)).toEqual(host)
})

test.each([
  '',
  '.',
  ':80',
  '*',
  '*.example.com',
  'a b',
  'a:b',
  'a:123456',
  'https://a',
  'a/b',
  'u@a',
  '[a]',
  '[::1',
  '::1]',
  '[::1]x',
])('%j is none', (text) => {
  expect(parseHost(text)).toBeUndefined()
})
