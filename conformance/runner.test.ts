import { expect, test } from 'vitest'

import type { Case } from './case.ts'
import { NotInstalled, NotRun } from './harness/not-run.ts'
import { Scope } from './harness/scope.ts'
import type { Server } from './harness/server.ts'
import { runCases, summary } from './runner.ts'
import type { Tally } from './runner.ts'

function server(overrides: Partial<Server> = {}): Server {
  return {
    name: 'fake',
    host: '127.0.0.1',
    port: 1,
    pid: 1,
    running: true,
    output: () => 'its last words',
    addAccount: () => Promise.reject(new Error('no accounts')),
    start: () => Promise.resolve(),
    restart: () => Promise.resolve(),
    ...overrides,
  }
}

async function outcome(
  cases: readonly Case[],
  { under = server(), allInstalled = false } = {},
): Promise<{ tally: Tally; text: string }> {
  const lines: string[] = []
  const tally = await runCases(cases, {
    scope: new Scope(),
    server: under,
    abilities: new Set(),
    key: { privateKeyFile: '', publicKey: '' },
    sizes: { bigFileMib: 1, smallFiles: 1 },
    allInstalled,
    print: (line) => lines.push(line),
  })
  return { tally, text: lines.join('\n') }
}

test('a case that returns has passed, one that throws has failed and says why', async () => {
  const { tally, text } = await outcome([
    { name: 'good', run: () => Promise.resolve() },
    { name: 'bad', run: () => Promise.reject(new Error('the reason')) },
  ])
  expect(tally).toEqual({ passed: 1, failed: 1, notRun: 0 })
  expect(text).toMatch(/^ok {6}good .*\nFAILED {2}bad .*\n\s+the reason\n\s+server: its last words$/)
})

test('a case that the server cannot take is named as not run, with the reason', async () => {
  const { tally, text } = await outcome([{ name: 'users', needs: 'virtual accounts', run: () => Promise.resolve() }])
  expect(tally).toEqual({ passed: 0, failed: 0, notRun: 1 })
  expect(text).toBe('not run users: fake has no virtual accounts')
})

test('a client that is not installed is named as not run, and has failed where all of them are meant to be', async () => {
  const missing: Case = { name: 'copy', run: () => Promise.reject(new NotInstalled('lftp', 'lftp')) }
  const { tally, text } = await outcome([missing])
  expect(tally).toEqual({ passed: 0, failed: 0, notRun: 1 })
  expect(text).toBe('not run copy: lftp is not installed: apt-get install lftp')
  expect((await outcome([missing], { allInstalled: true })).tally).toEqual({ passed: 0, failed: 1, notRun: 0 })
})

test('what this machine cannot do is named as not run everywhere', async () => {
  const impossible: Case = { name: 'mount', run: () => Promise.reject(new NotRun('no mounts here')) }
  const { tally, text } = await outcome([impossible], { allInstalled: true })
  expect(tally).toEqual({ passed: 0, failed: 0, notRun: 1 })
  expect(text).toBe('not run mount: no mounts here')
})

test('a case that brings the server down has failed, and the server is started again', async () => {
  let starts = 0
  const down = server({ running: false, start: () => Promise.resolve(void starts++) })
  const { tally, text } = await outcome([{ name: 'deadly', run: () => Promise.resolve() }], { under: down })
  expect(tally).toEqual({ passed: 0, failed: 1, notRun: 0 })
  expect(text).toContain('the server ended')
  expect(starts).toBe(1)
})

test('a case that does not end fails when its time is over', async () => {
  const endless: Case = { name: 'endless', timeoutMs: 10, run: () => new Promise(() => undefined) }
  const { text } = await outcome([endless])
  expect(text).toContain('not finished after 0.01 s')
})

test('the last line is the count alone', () => {
  expect(summary({ passed: 3, failed: 1, notRun: 2 })).toEqual([
    '2 not run, for the reasons above',
    '3 passed, 1 failed',
  ])
  expect(summary({ passed: 3, failed: 0, notRun: 0 })).toEqual(['3 passed, 0 failed'])
})
