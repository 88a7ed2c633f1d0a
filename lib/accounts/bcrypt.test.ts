import { expect, test } from 'vitest'
import { BCRYPT_COST, bcryptMatches, parseBcrypt } from './bcrypt.ts'

/** Salt and hash of "secret" at cost 4. */
const REST = 'NVUFxyXdY2al9FeVDvvQWu7uXuAg2Fw/iII4oPql2iilvTsMMDdvu'

test('the documented example of cost 14 matches its password', async () => {
  const hash = '$2a$14$ajq8Q7fbtFRQvXpdCq7Jcuy.Rx1h/L4J60Otx.gyNLbAYctGMJ9tK'
  expect(parseBcrypt(hash)).toBe(hash)
  expect(await bcryptMatches(hash, 'secret')).toBe(true)
  expect(await bcryptMatches(hash, 'Secret')).toBe(false)
})

test.each(['$2a$04$', '$2b$04$', '$2y$04$'])('%s hashes match', async (prefix) => {
  expect(await bcryptMatches(`${prefix}${REST}`, 'secret')).toBe(true)
  expect(await bcryptMatches(`${prefix}${REST}`, 'secret ')).toBe(false)
})

test.each([
  ['another kind', `$2x$04$${REST}`],
  ['too low a cost', `$2a$03$${REST}`],
  ['too high a cost', `$2a$${BCRYPT_COST.max + 1}$${REST}`],
  ['a cost of one digit', `$2a$4$${REST}`],
  ['no cost', `$2a$${REST}`],
  ['a short hash', `$2a$04$${REST.slice(1)}`],
  ['a long hash', `$2a$04$${REST}x`],
  ['another alphabet', `$2a$04$${REST.slice(1)}+`],
  ['a line end', `$2a$04$${REST}\n`],
])('refused: %s', (_, text) => {
  expect(parseBcrypt(text)).toBeUndefined()
})
