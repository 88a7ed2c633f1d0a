import { expect, test } from 'vitest'

import { parseOptions } from './options.ts'

test('the full benchmark is what runs without arguments', () => {
  expect(parseOptions([])).toEqual({
    protocol: 'sftp',
    servers: ['sftpgo', 'openssh', 'rclone'],
    rounds: 5,
    sizeMib: 1024,
    files: 2000,
    entries: 100_000,
    cipher: 'aes128-gcm@openssh.com',
    out: undefined,
    compare: undefined,
    help: false,
  })
})

test('quick is smaller, and an option overrides its part of it', () => {
  expect(parseOptions(['quick'])).toMatchObject({ rounds: 3, sizeMib: 128, files: 200, entries: 10_000 })
  expect(parseOptions(['quick', '--rounds', '1', '--servers', 'openssh,rclone'])).toMatchObject({
    servers: ['openssh', 'rclone'],
    rounds: 1,
    sizeMib: 128,
  })
})

test('scp is for servers that have it', () => {
  expect(parseOptions(['scp'])).toMatchObject({ protocol: 'scp', servers: ['sftpgo', 'openssh'], rounds: 5 })
  expect(parseOptions(['quick', 'scp'])).toMatchObject({ protocol: 'scp', rounds: 3 })
})

test.each([
  { args: ['slow'], reason: 'unknown argument: slow' },
  { args: ['--rounds', '0'], reason: '--rounds takes a whole number above 0, not 0' },
  { args: ['--size', 'big'], reason: '--size takes a whole number above 0, not big' },
  { args: ['--servers', 'dropbear'], reason: '--servers takes names of sftpgo,openssh,rclone, not dropbear' },
  { args: ['--fast'], reason: '--fast' },
])('$args is refused with a reason', ({ args, reason }) => {
  expect(() => parseOptions(args)).toThrow(reason)
})
