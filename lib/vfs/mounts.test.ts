import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hasMountBelow } from './mounts.ts'

let base: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'sftpgo-'))
})
afterEach(() => rmSync(base, { recursive: true }))

const line = (point: string): string =>
  `36 35 98:0 /mnt1 ${point} rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n`

const CASES: { name: string; points: string[]; expected: boolean }[] = [
  { name: 'the directory itself is not below', points: ['/', '{base}'], expected: false },
  { name: 'a mount in it', points: ['{base}/a'], expected: true },
  { name: 'a mount far below it', points: ['/proc', '{base}/a/b/c'], expected: true },
  { name: 'a neighbour whose name only begins alike', points: ['{base}by/a'], expected: false },
  { name: 'a name with a blank is unescaped', points: ['{base}/a\\040b'], expected: true },
  { name: 'no mounts', points: [], expected: false },
]

test.each(CASES)('$name: $expected', async ({ points, expected }) => {
  const file = join(base, 'mountinfo')
  writeFileSync(file, points.map((point) => line(point.replace('{base}', base))).join(''))
  expect(await hasMountBelow(base, file)).toBe(expected)
})

test('a link to the directory is followed', async () => {
  const file = join(base, 'mountinfo')
  symlinkSync(base, join(base, 'link'))
  writeFileSync(file, line(`${base}/a`))
  expect(await hasMountBelow(join(base, 'link'), file)).toBe(true)
})

test('a blank in the directory itself is found escaped', async () => {
  const file = join(base, 'mountinfo')
  const directory = mkdtempSync(join(base, 'x y-'))
  writeFileSync(file, line(`${directory.replace(' ', '\\040')}/a`))
  expect(await hasMountBelow(directory, file)).toBe(true)
})

test('below the root is what is mounted anywhere but there', async () => {
  const file = join(base, 'mountinfo')
  writeFileSync(file, line('/'))
  expect(await hasMountBelow('/', file)).toBe(false)
  writeFileSync(file, line('/') + line('/proc'))
  expect(await hasMountBelow('/', file)).toBe(true)
})

test('the kernel tells of /proc', async () => {
  expect(await hasMountBelow('/')).toBe(true)
  expect(await hasMountBelow(base)).toBe(false)
})

test.each([
  { name: 'a missing directory', directory: '/nowhere/at/all', text: '' },
  { name: 'a file nobody understands', directory: '/', text: 'what\n' },
])('$name counts as yes', async ({ directory, text }) => {
  const file = join(base, 'mountinfo')
  writeFileSync(file, text)
  expect(await hasMountBelow(directory, file)).toBe(true)
})
