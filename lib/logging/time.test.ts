import { expect, test } from 'vitest'
import { localSeconds, millisecondStamp } from './time.ts'

test('times are local, with milliseconds of three digits', () => {
  const stamp = millisecondStamp()
  const at = new Date(2024, 1, 29, 23, 59, 59, 0).getTime()
  expect(stamp(at)).toBe('2024-02-29T23:59:59.000')
  expect(stamp(at + 8.9)).toBe('2024-02-29T23:59:59.008')
  expect(stamp(at + 1999)).toBe('2024-03-01T00:00:00.999')
  expect(localSeconds(at)).toBe('2024-02-29T23:59:59')
})

test('a time before the epoch keeps its milliseconds in range', () => {
  expect(millisecondStamp()(-1)).toMatch(/:59\.999$/)
})
