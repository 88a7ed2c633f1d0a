import { describe, expect, test } from 'vitest'
import { longnames, modeText } from './longname.ts'

describe('the mode, as ls -l shows it', () => {
  test.each([
    { mode: 0o100644, text: '-rw-r--r--' },
    { mode: 0o040755, text: 'drwxr-xr-x' },
    { mode: 0o120777, text: 'lrwxrwxrwx' },
    { mode: 0o140600, text: 'srw-------' },
    { mode: 0o060660, text: 'brw-rw----' },
    { mode: 0o020620, text: 'crw--w----' },
    { mode: 0o010400, text: 'pr--------' },
    { mode: 0o100000, text: '----------' },
    { mode: 0o104755, text: '-rwsr-xr-x' },
    { mode: 0o104644, text: '-rwSr--r--' },
    { mode: 0o102755, text: '-rwxr-sr-x' },
    { mode: 0o102745, text: '-rwxr-Sr-x' },
    { mode: 0o041777, text: 'drwxrwxrwt' },
    { mode: 0o041776, text: 'drwxrwxrwT' },
    { mode: 0o000644, text: '?rw-r--r--' },
  ])('$text', ({ mode, text }) => expect(modeText(mode)).toBe(text))
})

describe('the line', () => {
  /** Local time, as the line shows it. */
  const at = (year: number, month: number, day: number, hour = 0, minute = 0): number =>
    new Date(year, month - 1, day, hour, minute).getTime()
  const now = at(2024, 7, 1)

  function line(mtimeMs: number): string {
    const mtime = mtimeMs / 1000
    const attrs = { size: 1234n, owner: { uid: 1000, gid: 100 }, permissions: 0o100644, times: { atime: 0, mtime } }
    return longnames(now)({ filename: 'name', attrs, links: 3 })
  }

  test.each([
    { rule: 'the time of day within half a year', when: at(2024, 6, 5, 9, 7), date: 'Jun  5 09:07' },
    { rule: 'the time of day in the near future', when: at(2024, 12, 24, 23, 59), date: 'Dec 24 23:59' },
    { rule: 'the year behind half a year', when: at(2023, 12, 25), date: 'Dec 25  2023' },
    { rule: 'the year in the far future', when: at(2025, 1, 9), date: 'Jan  9  2025' },
  ])('has $rule', ({ when, date }) => {
    expect(line(when)).toBe(`-rw-r--r--    3 1000     100          1234 ${date} name`)
  })

  test('has zeros for what is not known', () => {
    expect(longnames(now)({ filename: '\xff', attrs: {}, links: 1 })).toMatch(
      /^\?-{9} {4}1 0 {8}0 {15}0 \w{3} .{8} \xff$/,
    )
  })

  test('grows with a size that does not fit', () => {
    const attrs = { size: 123456789012n, permissions: 0o100600 }
    expect(longnames(now)({ filename: 'n', attrs, links: 1 })).toContain(' 123456789012 ')
  })
})
