import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { packageRoot } from './root.ts'
import { writeStamp } from './stamp.ts'
import { versionInfo, versionText } from './version.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sftpgo-version-'))
  writeFileSync(join(root, 'package.json'), '{"name": "x", "version": "1.2.3"}')
})
afterEach(() => rmSync(root, { recursive: true }))

const NOW = Date.UTC(2019, 7, 8, 19, 28, 36, 999)

test('the package root is where package.json is', () => {
  expect(existsSync(join(packageRoot(), 'package.json'))).toBe(true)
})

test.each([
  [{ version: '1.0.0', commit: '', date: '' }, '1.0.0'],
  [{ version: '1.0.0', commit: '90607d4-dirty', date: '' }, '1.0.0-90607d4-dirty'],
  [{ version: '1.0.0', commit: '90607d4', date: '2019-08-08T19:28:36Z' }, '1.0.0-90607d4-2019-08-08T19:28:36Z'],
])('%j reads %s', (info, text) => expect(versionText(info)).toBe(text))

test('without a build there is only the version', () => {
  expect(versionInfo(root)).toEqual({ version: '1.2.3', commit: '', date: '' })
})

test('a build outside of a checkout has a date and no commit', () => {
  writeStamp(root, NOW)
  expect(versionInfo(root)).toEqual({ version: '1.2.3', commit: '', date: '2019-08-08T19:28:36Z' })
})

test('a build in a checkout names its commit', () => {
  // Neither the user's settings nor those of a hook that runs the tests may reach this repository.
  const env = { PATH: process.env['PATH'], GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
      cwd: root,
      env,
      stdio: 'pipe',
    })
  git('init', '-q')
  git('add', '.')
  git('commit', '-q', '-m', 'first')
  writeStamp(root, NOW)
  expect(versionInfo(root).commit).toMatch(/^[0-9a-f]{7,}$/)
  writeFileSync(join(root, 'package.json'), readFileSync(join(root, 'package.json'), 'utf8').replace('1.2.3', '1.2.4'))
  writeStamp(root, NOW)
  expect(versionText(versionInfo(root))).toMatch(/^1\.2\.4-[0-9a-f]{7,}-dirty-2019-08-08T19:28:36Z$/)
})
