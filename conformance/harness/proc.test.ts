import { expect, test } from 'vitest'

import { parsePeakRssKib, parseStat, subtree } from './proc.ts'
import type { ProcessStat } from './proc.ts'

test('the fields of stat are counted from the last parenthesis, whatever the command is called', () => {
  const text = '42 (a) R 1 (b c) S 7 42 42 0 -1 4194560 5018 100 3 0 250 50 1000 25 20 0 11 0 123456 1000 200 184\n'
  expect(parseStat(text)).toEqual({
    pid: 42,
    ppid: 7,
    state: 'S',
    cpuSeconds: 3,
    reapedCpuSeconds: 10.25,
    startTicks: 123456,
  })
})

test('a stat that is cut short is an error, not a zero', () => {
  expect(() => parseStat('42 (a) S 7 42')).toThrow('field 14')
})

test('the peak of the resident set is read in KiB, and a zombie has none', () => {
  expect(parsePeakRssKib('Name:\tsshd\nVmPeak:\t   20000 kB\nVmHWM:\t   12345 kB\nThreads:\t1\n')).toBe(12345)
  expect(parsePeakRssKib('Name:\tsshd\nState:\tZ (zombie)\n')).toBe(0)
})

test('a tree holds children and grandchildren, and nothing of others', () => {
  const processes = [one(30, 20), one(20, 10), one(10, 1), one(11, 1), one(21, 10), one(40, 11)]
  expect(subtree(10, processes).map(({ pid }) => pid)).toEqual([10, 20, 21, 30])
  expect(subtree(99, processes)).toEqual([])
})

function one(pid: number, ppid: number): ProcessStat {
  return { pid, ppid, state: 'S', cpuSeconds: 0, reapedCpuSeconds: 0, startTicks: 0 }
}
