import { existsSync } from 'node:fs'

import { expect, onTestFinished, test } from 'vitest'

import { run } from '../harness/processes.ts'
import { Scope } from '../harness/scope.ts'

/** `npm test` builds first. */
const BUILT = 'dist/conformance/run.js'
/** `npm run conformance -- --attack 60` is the long one. */
const SECONDS = '3'

test('[2] through the built server nothing outside is touched or read', { timeout: 120_000 }, async () => {
  expect(existsSync(BUILT)).toBe(true)
  const scope = new Scope()
  onTestFinished(() => scope.close())
  const { code, stdout, stderr } = await run(scope, process.execPath, [BUILT, '--attack', SECONDS], {
    timeoutMs: 100_000,
  })
  process.stdout.write(stdout)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('escapes: 0 touched, 0 read')
  // An attack that never met a flip, or never got anywhere, proves nothing.
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1])
  expect(number(/(\d+) flips from another connection/)).toBeGreaterThan(100)
  expect(number(/and (\d+) on the disk/)).toBeGreaterThan(100)
  expect(number(/, (\d+) of them done/)).toBeGreaterThan(100)
})

test.each([
  { args: ['soon'], reason: '--attack takes a whole number above 0, not soon' },
  { args: ['5', 'more'], reason: '--attack takes a number of seconds, not 5 more' },
])('--attack $args is refused with a reason', async ({ args, reason }) => {
  const scope = new Scope()
  onTestFinished(() => scope.close())
  const { code, stderr } = await run(scope, process.execPath, [BUILT, '--attack', ...args])
  expect({ code, stderr: stderr.trim() }).toEqual({ code: 1, stderr: reason })
})
