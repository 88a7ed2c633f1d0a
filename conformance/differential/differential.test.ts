import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Scope } from '../harness/scope.ts'
import { CASES } from './cases.ts'
import { EXAMPLES } from './examples.ts'
import { Judge } from './judge.ts'
import { describeFinding, runDifferential } from './run.ts'

const scope = new Scope()
afterAll(() => scope.close())

describe('found before: sftp-server and the engine do the same', () => {
  let judge: Judge
  beforeAll(async () => {
    judge = await Judge.start(scope)
  })

  test.each(CASES)('$name', async ({ sequence }) => {
    expect(await judge.judge(sequence)).toEqual([])
  })
})

test.each(EXAMPLES)('still known: $difference', async ({ difference, sequence }) => {
  const judge = await Judge.start(scope)
  expect(await judge.judge(sequence)).toEqual([])
  expect([...judge.known.keys()].filter((what) => what.startsWith(difference))).toHaveLength(1)
})

test('200 random sequences: sftp-server and the engine do the same', { timeout: 60_000 }, async () => {
  const { findings } = await runDifferential({ runs: 200, seed: 20_250_101, log: () => undefined, scope })
  expect(findings.flatMap(describeFinding)).toEqual([])
})
