import { expect, test } from 'vitest'
import { digestAuthorization } from './digest.ts'

const request = {
  method: 'GET',
  uri: '/dir/index.html',
  username: 'Mufasa',
  password: 'Circle of Life',
  clientNonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
}

// RFC 7616 section 3.9.1.
const fields = (algorithm: string) =>
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ` +
  'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'

test.each([
  ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
  ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
])('the example of RFC 7616 with %s', (algorithm, response) => {
  expect(digestAuthorization([fields(algorithm)], request)).toBe(
    'Digest username="Mufasa", realm="http-auth@example.org", ' +
      'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", uri="/dir/index.html", ' +
      `response="${response}", algorithm=${algorithm}, qop=auth, nc=00000001, ` +
      'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
  )
})

test('the first challenge that can be answered counts', () => {
  const answer = digestAuthorization(
    ['Basic realm="x"', fields('SHA-512-256'), fields('SHA-256'), fields('MD5')],
    request,
  )
  expect(answer).toContain('algorithm=SHA-256, ')
})

test('without qop there is no client nonce, and names are quoted', () => {
  expect(digestAuthorization([String.raw`digest nonce=n, realm="a\"b"`], { ...request, username: 'x"y' })).toMatch(
    /^Digest username="x\\"y", realm="a\\"b", nonce="n", uri="\/dir\/index\.html", response="[0-9a-f]{32}", algorithm=MD5$/,
  )
})

test.each([['Basic realm="x"'], ['Digest realm="x"'], ['Digest nonce="x", realm="y", qop="auth-int"'], ['']])(
  '%s is not answered',
  (challenge) => expect(digestAuthorization([challenge], request)).toBeUndefined(),
)
