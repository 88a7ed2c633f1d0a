import { describe, expect, test } from 'vitest'
import { KeyOptionError, keyRefusal, parseKeyOptions, splitOptions } from './key-options.ts'

const NOT_VALID = 'public key is not valid from this address'

describe('from=', () => {
  test.each([
    ['192.0.2.7', ['192.0.2.7', '::ffff:192.0.2.7'], ['192.0.2.70', '92.0.2.7']],
    ['192.0.2.0/24', ['192.0.2.0', '192.0.2.255'], ['192.0.3.0']],
    ['192.0.2.*', ['192.0.2.1', '192.0.2.99'], ['192.0.20.1', '1192.0.2.1']],
    ['192.0.2.?', ['192.0.2.1'], ['192.0.2.99']],
    ['*', ['192.0.2.1', '2001:db8::1'], []],
    ['*.*.2.*', ['192.0.2.1'], ['192.2.0.1']],
    ['2001:db8::/32', ['2001:db8::1', '2001:db8:ffff::1'], ['2001:db9::1', '192.0.2.1']],
    ['2001:DB8:0:0::1', ['2001:db8::1'], ['2001:db8::2']],
    ['fe80:*', ['fe80::1', 'fe80::1%eth0'], ['2001:db8::1']],
    ['10.0.0.0/8,192.0.2.7', ['10.9.9.9', '192.0.2.7'], ['192.0.2.8']],
    // A pattern with "!" decides wherever it stands, and lets nobody in by itself.
    ['10.0.0.0/8,!10.1.0.0/16', ['10.2.0.1'], ['10.1.0.1', '192.0.2.1']],
    ['!10.1.0.0/16,10.0.0.0/8', ['10.2.0.1'], ['10.1.0.1']],
    ['!10.1.0.0/16', [], ['10.1.0.1', '10.2.0.1']],
    ['!10.1.*,*', ['10.2.0.1'], ['10.1.0.1']],
  ])('%s', (patterns, allowed, refused) => {
    const restrictions = parseKeyOptions(`from="${patterns}"`)
    const reasonFor = (ip: string) => keyRefusal(restrictions, ip, 0)
    for (const ip of allowed) expect([ip, reasonFor(ip)]).toEqual([ip, undefined])
    for (const ip of [...refused, '', 'unknown']) expect([ip, reasonFor(ip)]).toEqual([ip, NOT_VALID])
  })

  test.each([
    '',
    'host.example.com',
    '*.example.com',
    '192.0.2.7/24',
    '10.0.0.0/33',
    '!',
    '10.0.0.1, 10.0.0.2',
    '!cafe.*',
    'cafe',
  ])('refuses what is no address: %j', (patterns) => {
    expect(() => parseKeyOptions(`from="${patterns}"`)).toThrow(
      /^option from holds something else than addresses, want/,
    )
  })

  test('a pattern that could be tried in very many ways is tried in few', () => {
    const restrictions = parseKeyOptions(`from="${'*1'.repeat(500)}"`)
    expect(keyRefusal(restrictions, '1'.repeat(400), 0)).toBeDefined()
  })
})

describe('expiry-time=', () => {
  test.each([
    ['20260102Z', Date.UTC(2026, 0, 2)],
    ['202601020304Z', Date.UTC(2026, 0, 2, 3, 4)],
    ['20260102030405Z', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['20260102', new Date(2026, 0, 2).getTime()],
    ['20260102030405', new Date(2026, 0, 2, 3, 4, 5).getTime()],
  ])('%s', (text, ms) => {
    const restrictions = parseKeyOptions(`expiry-time="${text}"`)
    expect(keyRefusal(restrictions, '192.0.2.1', ms)).toBeUndefined()
    expect(keyRefusal(restrictions, '192.0.2.1', ms + 1)).toBe('public key is expired')
  })

  test.each([
    '',
    'never',
    '2026',
    '20261301',
    '20260230',
    '2026010224',
    '202601020360',
    '20260102030405+01',
    '20260102z',
  ])('refuses what is no time: %j', (text) => {
    expect(() => parseKeyOptions(`expiry-time="${text}"`)).toThrow(
      'option expiry-time is no time, want YYYYMMDD[HHMM[SS]][Z]',
    )
  })

  test('of two the earlier holds', () => {
    const options = parseKeyOptions('expiry-time="20270101Z",expiry-time="20260101Z"')
    expect(options).toEqual({ validUntilMs: Date.UTC(2026, 0, 1) })
  })
})

test.each(['no-pty', 'NO-PTY', 'restrict', 'no-port-forwarding,no-X11-forwarding,no-agent-forwarding,no-user-rc'])(
  'what takes away something that nobody has here is accepted: %s',
  (text) => {
    expect(parseKeyOptions(text)).toEqual({})
  },
)

test.each([
  ['command="internal-sftp"', 'option command that is not supported'],
  ['Command="internal-sftp"', 'option command that is not supported'],
  ['restrict,environment="A=b"', 'option environment that'],
  ['tunnel="0"', 'option tunnel that'],
  ['permitopen="host:1"', 'option permitopen that'],
  ['permitlisten="1"', 'option permitlisten that'],
  ['principals="x"', 'option principals that'],
  ['cert-authority', 'option cert-authority that'],
  ['verify-required', 'option verify-required that'],
  ['no-touch-required', 'option no-touch-required that'],
  ['restrict,pty', 'option pty that'],
  ['from', 'option from that'],
  ['from=10.0.0.1', 'an option that is not supported'],
  ['from="10.0.0.1"x', 'an option that is not supported'],
  ['no-pty="yes"', 'an option that is not supported'],
  ['secret-word', 'an option that is not supported'],
  ['no-pty,', 'an option that is not supported'],
  [',no-pty', 'an option that is not supported'],
  ['no-pty,,no-user-rc', 'an option that is not supported'],
  ['"', 'an option that is not supported'],
  ['from="10.0.0.1",from="10.0.0.1"', 'the option from stands there twice'],
])('refused: %s', (text, why) => {
  expect(() => parseKeyOptions(text)).toThrow(KeyOptionError)
  expect(() => parseKeyOptions(text)).toThrow(why)
  expect(() => parseKeyOptions(text)).not.toThrow('secret-word')
})

test.each([
  ['no-pty ssh-rsa AAAA', 'no-pty', 'ssh-rsa AAAA'],
  ['a="b c",d="\\" e"\t ssh-rsa AAAA x', 'a="b c",d="\\" e"', 'ssh-rsa AAAA x'],
])('%s is split at the blank that is not in quotes', (line, options, rest) => {
  expect(splitOptions(line)).toEqual({ options, rest })
})

test.each(['', 'x', 'x=" y', 'x ', '" "'])('%j has no rest behind its options', (line) => {
  expect(splitOptions(line) === undefined || splitOptions(line)?.rest === '').toBe(true)
})
