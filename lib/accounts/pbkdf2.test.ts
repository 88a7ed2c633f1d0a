import { expect, test } from 'vitest'
import { parsePbkdf2, PBKDF2_ITERATIONS, pbkdf2Matches } from './pbkdf2.ts'

const SALT = 'E86a9YMX3zC7'
const KEY = '8Rbu9K72rKgZYxNIMgWjvA2u7l9i/qhEv+APDjQLyUI='
const KEY_64 = 'PT/UxaqhJWw/Im8Ye1OoIiwj9YchY6VWNHfOfkvBevLYq3mc9rCDb3IMbUlDwdQ8DfcdGqCF6NtHHmniK3njzw=='

test.each([
  // The documented example.
  '$pbkdf2-sha256$150000$E86a9YMX3zC7$R5J62hsSq+pYw00hLLPKBbcGXmq7fj5+/M0IFoYtZbo=',
  // Made with Python's hashlib.
  `$pbkdf2-sha1$1000$${SALT}$WB0NoYmaP6aG9Zyj84x863JZtHI=`,
  `$pbkdf2-sha256$1000$${SALT}$${KEY}`,
  `$pbkdf2-sha512$1000$${SALT}$${KEY_64}`,
  '$pbkdf2-b64salt-sha256$1000$AP9zYWx0$w1W4TVNudz5aef7B/9vLteWbUNY0qBgFtCExdY/hTAU=',
])('%s is the hash of "password" and of nothing else', async (text) => {
  const hash = parsePbkdf2(text)
  if (hash === undefined) throw new Error('the hash is not read')
  expect(await pbkdf2Matches(hash, 'password')).toBe(true)
  expect(await pbkdf2Matches(hash, 'Password')).toBe(false)
})

test('the most iterations are accepted', () => {
  expect(parsePbkdf2(`$pbkdf2-sha256$${PBKDF2_ITERATIONS.max}$${SALT}$${KEY}`)).toBeDefined()
})

test.each([
  ['the prefix alone', '$pbkdf2-sha256$'],
  ['another digest', `$pbkdf2-md5$1000$${SALT}$${KEY}`],
  ['no salt', `$pbkdf2-sha256$1000$$${KEY}`],
  ['too few iterations', `$pbkdf2-sha256$${PBKDF2_ITERATIONS.min - 1}$${SALT}$${KEY}`],
  ['too many iterations', `$pbkdf2-sha256$${PBKDF2_ITERATIONS.max + 1}$${SALT}$${KEY}`],
  ['too many iterations for the length of the key', `$pbkdf2-sha256$${PBKDF2_ITERATIONS.max}$${SALT}$${KEY_64}`],
  ['iterations of many digits', `$pbkdf2-sha256$${'9'.repeat(30)}$${SALT}$${KEY}`],
  ['a leading zero', `$pbkdf2-sha256$01000$${SALT}$${KEY}`],
  ['a short key', `$pbkdf2-sha256$1000$${SALT}$8Rbu9A==`],
  ['a long key', `$pbkdf2-sha256$1000$${SALT}$${Buffer.alloc(65).toString('base64')}`],
  ['a key without padding', `$pbkdf2-sha256$1000$${SALT}$${KEY.slice(0, -1)}`],
  ['a salt that is no base64', `$pbkdf2-b64salt-sha256$1000$AP9zYWx$${KEY}`],
  ['a salt in base64 for another digest', `$pbkdf2-b64salt-sha-256$1000$AP9zYWx0$${KEY}`],
  ['another field', `$pbkdf2-sha256$1000$${SALT}$${KEY}$`],
  ['a line end', `$pbkdf2-sha256$1000$${SALT}$${KEY}\n`],
])('refused: %s', (_, text) => {
  expect(parsePbkdf2(text)).toBeUndefined()
})
