import { describe, expect, test } from 'vitest'
import { bytes, count, date, dateTime, duration, plural, visible, visiblePath } from './show.ts'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 KB'],
  [1_500_000, '1.5 MB'],
  [3e9, '3.0 GB'],
  [2.5e18, '2.5 EB'],
  [9e21, '9000.0 EB'],
])('%d bytes are %s, as in 0.9.4', (value, text) => {
  expect(bytes(value)).toBe(text)
})

test.each([
  [0, '00:00'],
  [61_999, '01:01'],
  [3_600_000, '01:00:00'],
  [86_399_000, '23:59:59'],
  [3 * 86_400_000 + 3_723_000, '3 d 01:02:03'],
  [-5, '00:00'],
])('%d ms are %s', (ms, text) => {
  expect(duration(ms)).toBe(text)
})

describe('times', () => {
  test('are in UTC', () => {
    expect(dateTime(Date.UTC(2026, 1, 3, 4, 5, 6))).toBe('2026-02-03 04:05:06')
    expect(date(Date.UTC(2026, 1, 3, 23, 59, 59))).toBe('2026-02-03')
  })

  test('that no calendar has are their number', () => {
    expect(dateTime(Number.MAX_SAFE_INTEGER)).toBe('9007199254740991 ms')
  })
})

test('numbers', () => {
  expect(count(1_234_567)).toBe('1,234,567')
  expect(plural(1, 'user')).toBe('1 user')
  expect(plural(50_000, 'user')).toBe('50,000 users')
})

test('what is invisible or reorders is written out', () => {
  expect(visible('a\u202Eb\0\u200D\n')).toBe('a\\u202eb\\u0000\\u200d\\u000a')
  expect(visible('Ünï 用户 🗂️')).toContain('Ünï 用户 🗂')
  expect(visiblePath(Buffer.from('/grüße\u202E').toString('latin1'))).toBe('/grüße\\u202e')
})
