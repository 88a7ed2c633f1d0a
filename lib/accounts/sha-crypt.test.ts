import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { createShaCrypt, parseShaCrypt, SHA_CRYPT_ROUNDS, shaCryptMatches } from './sha-crypt.ts'
import shaCrypt from './sha-crypt.worker.js'

const HASH_512 = 'OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.'
const HASH_256 = '3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA'

test.each([
  `$6$rounds=10000$saltstringsaltst$${HASH_512}`,
  `$5$rounds=10000$saltstringsaltst$${HASH_256}`,
  '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
])('a thread of its own tells whether a password is that of %s', async (text) => {
  const threads = createShaCrypt(1)
  const hash = parseShaCrypt(text)
  if (hash === undefined) throw new Error('the hash is not read')
  expect(await shaCryptMatches(threads, hash, 'Hello world!')).toBe(true)
  expect(await shaCryptMatches(threads, hash, 'Hello world')).toBe(false)
})

test.each(['5', '6'])('$%s$ hashes are those of OpenSSL, for passwords around every block boundary', (id) => {
  for (const length of [1, 2, 15, 31, 32, 33, 63, 64, 65, 96, 127, 128, 129, 200]) {
    const password = Array.from({ length }, (_, index) => String.fromCodePoint(0x21 + (index % 90))).join('')
    const text = execFileSync('openssl', ['passwd', `-${id}`, '-salt', 'a./Z9', '-stdin'], { input: password })
    const stored = parseShaCrypt(text.toString().trim())
    if (stored === undefined) throw new Error('the hash is not read')
    expect(shaCrypt({ ...stored, password })).toBe(stored.hash)
  }
})

test.each([
  ['the default of rounds', `$6$s$${HASH_512}`, 5000],
  ['the least rounds', `$5$rounds=${SHA_CRYPT_ROUNDS.min}$s$${HASH_256}`, SHA_CRYPT_ROUNDS.min],
  ['the most rounds', `$6$rounds=${SHA_CRYPT_ROUNDS.max}$s$${HASH_512}`, SHA_CRYPT_ROUNDS.max],
])('accepted: %s', (_, text, rounds) => {
  expect(parseShaCrypt(text)).toMatchObject({ salt: 's', rounds })
})

test.each([
  ['the prefix alone', '$6$'],
  ['no hash', '$6$salt'],
  ['an empty hash', '$6$salt$'],
  ['a short hash', `$6$salt$${HASH_512.slice(1)}`],
  ['a hash of the other length', `$5$salt$${HASH_512}`],
  ['no salt', `$6$$${HASH_512}`],
  ['a long salt', `$6$${'s'.repeat(17)}$${HASH_512}`],
  ['a salt of other characters', `$6$sa:lt$${HASH_512}`],
  ['too few rounds', `$6$rounds=${SHA_CRYPT_ROUNDS.min - 1}$salt$${HASH_512}`],
  ['too many rounds', `$6$rounds=${SHA_CRYPT_ROUNDS.max + 1}$salt$${HASH_512}`],
  ['rounds of many digits', `$6$rounds=${'9'.repeat(40)}$salt$${HASH_512}`],
  ['a leading zero', `$6$rounds=05000$salt$${HASH_512}`],
  ['another field', `$6$salt$${HASH_512}$`],
  ['a line end', `$6$salt$${HASH_512}\n`],
])('refused: %s', (_, text) => {
  expect(parseShaCrypt(text)).toBeUndefined()
})
