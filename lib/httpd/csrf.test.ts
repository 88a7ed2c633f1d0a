import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { createCsrf, CSRF_LIFETIME_MS } from './csrf.ts'

const USERS = [undefined, '', 'alice', 'bob', '-', '+alice']

test.each(USERS)('a token of %j is valid for that user alone', (user) => {
  const csrf = createCsrf({ clock: new VirtualClock() })
  const token = csrf.token(user)
  expect(token).toMatch(/^[\w-]{72}$/)
  expect(USERS.filter((other) => csrf.valid(token, other))).toEqual([user])
})

test('each token is another one, and all are valid at once', () => {
  const csrf = createCsrf({ clock: new VirtualClock() })
  const tokens = [csrf.token('alice'), csrf.token('alice')]
  expect(new Set(tokens).size).toBe(2)
  expect(tokens.every((token) => csrf.valid(token, 'alice'))).toBe(true)
})

test('a token ends with its lifetime', () => {
  const clock = new VirtualClock()
  const csrf = createCsrf({ clock })
  const token = csrf.token()
  clock.advance(CSRF_LIFETIME_MS - 1)
  expect(csrf.valid(token)).toBe(true)
  clock.advance(1)
  expect(csrf.valid(token)).toBe(false)
})

test('a token of another process is none', () => {
  const clock = new VirtualClock()
  expect(createCsrf({ clock }).valid(createCsrf({ clock }).token())).toBe(false)
})

test('no bit of a token may differ', () => {
  const csrf = createCsrf({ clock: new VirtualClock() })
  const bytes = Buffer.from(csrf.token(), 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const altered = Buffer.from(bytes)
    altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    expect(csrf.valid(altered.toString('base64url'))).toBe(false)
  }
})

test.each(['', '=', 'x', 'é'.repeat(72)])('%j is no token', (token) => {
  expect(createCsrf({ clock: new VirtualClock() }).valid(token)).toBe(false)
})

test('another spelling of a token is none', () => {
  const csrf = createCsrf({ clock: new VirtualClock() })
  const token = csrf.token()
  expect(csrf.valid(`${token} `)).toBe(false)
  expect(csrf.valid(`${token}=`)).toBe(false)
})

test('noise is no token', () => {
  const csrf = createCsrf({ clock: new VirtualClock() })
  const rightLength = fc.uint8Array({ minLength: 54, maxLength: 54 }).map((bytes) => Buffer.from(bytes))
  const noise = fc.oneof(
    fc.string(),
    rightLength.map((bytes) => bytes.toString('base64url')),
  )
  fc.assert(fc.property(noise, (text) => !csrf.valid(text)))
})
