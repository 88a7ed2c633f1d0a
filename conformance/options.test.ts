import { expect, test } from 'vitest'

import { parseOptions } from './options.ts'

test('without arguments the whole suite judges the built server', () => {
  expect(parseOptions([])).toEqual({
    target: 'sftpgo',
    only: '',
    rekey: false,
    uploadMode: 0,
    list: false,
    help: false,
    bigFileMib: 1024,
    smallFiles: 2000,
  })
})

test('every option is taken', () => {
  const args = ['--target', 'openssh', '--only=name', '--size', '64', '--files', '10', '--rekey', '--list']
  expect(parseOptions(args)).toMatchObject({
    target: 'openssh',
    only: 'name',
    bigFileMib: 64,
    smallFiles: 10,
    rekey: true,
    uploadMode: 0,
    list: true,
  })
})

test.each([
  { args: ['--target', 'dropbear'], reason: '--target is sftpgo or openssh, not dropbear' },
  { args: ['--size', '0'], reason: '--size takes a whole number above 0, not 0' },
  { args: ['--files', '1e3'], reason: '--files takes a whole number above 0, not 1e3' },
  { args: ['--wrong'], reason: '--wrong' },
  { args: ['stray'], reason: 'stray' },
])('$args is refused with a reason', ({ args, reason }) => {
  expect(() => parseOptions(args)).toThrow(reason)
})
