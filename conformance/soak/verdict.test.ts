import { expect, test } from 'vitest'
import { growth, OWN_DESCRIPTORS, SETTLING_KIB } from './verdict.ts'
import type { Holding } from './verdict.ts'

const MIB = 1024
const holding = (atSeconds: number, residentKib: number, descriptors = 30, connections = 0): Holding => ({
  atSeconds,
  residentKib,
  descriptors,
  connections,
})
const [before, after] = [holding(0, 90 * MIB), holding(100, 150 * MIB)]
const course = (residentKib: (n: number) => number): Holding[] =>
  Array.from({ length: 40 }, (_, n) => holding(n, residentKib(n), 80, 6))

test('memory that has settled after a quarter of the time is flat', () => {
  expect(
    growth(
      before,
      course((n) => (n < 10 ? 100 : 150) * MIB + (n % 3) * MIB),
      after,
    ),
  ).toEqual([])
})

test('memory that goes on growing is told', () => {
  const found = growth(
    before,
    course((n) => (100 + 2 * n) * MIB),
    after,
  )
  expect(found).toEqual([expect.stringMatching(/^memory grows: 130 MiB in the second quarter, 170 MiB in the last$/)])
})

test('a step that is allowed is one of 16 MiB, or of a tenth', () => {
  const step = (from: number, by: number) =>
    growth(
      before,
      course((n) => from + (n < 20 ? 0 : by)),
      after,
    )
  expect(step(100 * MIB, SETTLING_KIB)).toEqual([])
  expect(step(100 * MIB, SETTLING_KIB + 1)).toHaveLength(1)
  expect(step(1000 * MIB, 100 * MIB)).toEqual([])
  expect(step(1000 * MIB, 100 * MIB + 1)).toHaveLength(1)
})

test('descriptors and connections that are left are told', () => {
  const flat = course(() => 100 * MIB)
  expect(growth(before, flat, holding(100, 0, 30 + OWN_DESCRIPTORS))).toEqual([])
  expect(growth(before, flat, holding(100, 0, 31 + OWN_DESCRIPTORS, 2))).toEqual([
    'descriptors are left open: 30 before, 35 after',
    'connections are left: 2',
  ])
})

test('without anything to compare there is no verdict', () => {
  expect(() => growth(before, [], after)).toThrow('too short')
})
