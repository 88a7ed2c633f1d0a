import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Argon2idHash } from './argon2id.ts'
import { deriveArgon2id, formatArgon2id, MEMORY_MAX_KIB, parseArgon2id } from './argon2id.ts'

// From the test program of the reference implementation in C; the password is "password".
test.each([
  '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
  '$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc',
])('a hash of the reference implementation is computed alike: %s', async (text) => {
  const hash = parseArgon2id(text)
  if (hash === undefined) throw new Error('the hash is not read')
  expect(hash.salt.toString()).toBe('somesalt')
  expect(await deriveArgon2id('password', hash, hash.salt, 32)).toEqual(hash.key)
})

const salt = 'c29tZXNhbHQ'
const key = 'nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'
const withCost = (cost: string) => `$argon2id$v=19$${cost}$${salt}$${key}`

test.each([
  ['the bounds of memory', withCost(`m=${MEMORY_MAX_KIB},t=4,p=64`)],
  ['the least memory', withCost('m=16,t=1,p=2')],
  ['the bounds of work', withCost('m=65536,t=64,p=1')],
  ['what pure-pw writes', withCost('m=8192,t=255,p=1')],
])('accepted: %s', (_, text) => {
  expect(parseArgon2id(text)).toBeDefined()
})

test.each([
  ['empty', ''],
  ['the prefix alone', '$argon2id$'],
  ['another kind', `$argon2i$v=19$m=256,t=2,p=1$${salt}$${key}`],
  ['another version', `$argon2id$v=16$m=256,t=2,p=1$${salt}$${key}`],
  ['no version', `$argon2id$m=256,t=2,p=1$${salt}$${key}`],
  ['another order of cost', withCost('t=2,m=256,p=1')],
  ['a zero', withCost('m=256,t=0,p=1')],
  ['a leading zero', withCost('m=0256,t=2,p=1')],
  ['a sign', withCost('m=+256,t=2,p=1')],
  ['too much memory', withCost(`m=${MEMORY_MAX_KIB + 1},t=1,p=1`)],
  ['memory of many digits', withCost(`m=${'9'.repeat(30)},t=1,p=1`)],
  ['too many passes', withCost('m=256,t=256,p=1')],
  ['too many lanes', withCost('m=65536,t=1,p=65')],
  ['too much work', withCost(`m=${MEMORY_MAX_KIB},t=5,p=1`)],
  ['too little memory for its lanes', withCost('m=15,t=1,p=2')],
  ['a padded salt', `$argon2id$v=19$m=256,t=2,p=1$${salt}=$${key}`],
  ['a salt with spare bits', `$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHR$${key}`],
  ['a short salt', `$argon2id$v=19$m=256,t=2,p=1$c29t$${key}`],
  ['a short key', `$argon2id$v=19$m=256,t=2,p=1$${salt}$nf65EOg`],
  ['an empty key', `$argon2id$v=19$m=256,t=2,p=1$${salt}$`],
  ['another field', `${withCost('m=256,t=2,p=1')}$${key}`],
  ['a line end', `${withCost('m=256,t=2,p=1')}\n`],
])('refused: %s', (_, text) => {
  expect(parseArgon2id(text)).toBeUndefined()
})

const hashes: fc.Arbitrary<Argon2idHash> = fc.record({
  lanes: fc.integer({ min: 1, max: 8 }),
  memoryKiB: fc.integer({ min: 64, max: 65536 }),
  passes: fc.integer({ min: 1, max: 64 }),
  salt: fc.uint8Array({ minLength: 8, maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  key: fc.uint8Array({ minLength: 16, maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
})

test('what is written is read back', () => {
  fc.assert(
    fc.property(hashes, (hash) => {
      expect(parseArgon2id(formatArgon2id(hash))).toEqual(hash)
    }),
  )
})

test('a changed character is read as another hash or not at all', () => {
  const text = withCost('m=256,t=2,p=1')
  const change = fc.tuple(
    fc.nat({ max: text.length - 1 }),
    fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }),
  )
  fc.assert(
    fc.property(change, ([at, character]) => {
      const changed = text.slice(0, at) + character + text.slice(at + 1)
      const hash = parseArgon2id(changed)
      expect([undefined, changed]).toContain(hash && formatArgon2id(hash))
    }),
  )
})
