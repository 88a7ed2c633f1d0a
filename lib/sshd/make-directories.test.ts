import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { makeDirectories } from './make-directories.ts'
import { temporaryDirectory } from './sshd.test.support.ts'

test('makes the parents that are missing', async () => {
  const directory = path.join(temporaryDirectory(), 'a', 'b', 'c')
  expect(await makeDirectories(directory)).toBe(true)
  expect(statSync(directory).isDirectory()).toBe(true)
})

test('leaves one that is there alone, behind a link too', async () => {
  const root = temporaryDirectory()
  mkdirSync(path.join(root, 'real'))
  symlinkSync('real', path.join(root, 'link'))
  expect(await makeDirectories(root)).toBe(false)
  expect(await makeDirectories(path.join(root, 'link'))).toBe(false)
  expect(await makeDirectories(path.join(root, 'link', 'below'))).toBe(true)
  expect(statSync(path.join(root, 'real', 'below')).isDirectory()).toBe(true)
})

test('many at once agree', async () => {
  const directory = path.join(temporaryDirectory(), 'a', 'b')
  const made = await Promise.all(Array.from({ length: 16 }, () => makeDirectories(directory)))
  expect(made.filter(Boolean)).toHaveLength(1)
})

test.each([
  ['a file', 'file', 'ENOTDIR'],
  ['a name below a file', 'file/below', 'ENOTDIR'],
  ['a link to nothing', 'dangling', 'ENOENT'],
  ['a name below a link to nothing', 'dangling/below', 'ENOENT'],
  ['where no file can be made', '/proc/sftpgo', 'ENOENT'],
  ['below where no file can be made', '/proc/sftpgo/below', 'ENOENT'],
])('refuses %s', async (_, name, code) => {
  const root = temporaryDirectory()
  writeFileSync(path.join(root, 'file'), '')
  symlinkSync('nowhere', path.join(root, 'dangling'))
  await expect(makeDirectories(path.resolve(root, name))).rejects.toMatchObject({ code })
})
