import { existsSync } from 'node:fs'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { GROUPS, CASES } from './cases/index.ts'
import { ALSO_ALLOWED, UNEXPLAINED, differences } from './differences.ts'
import { KNOWN, surprises } from './known.ts'
import type { CaseResult, RunResult } from './results.ts'
import { Runner } from './runner.ts'
import { openTarget } from './target.ts'
import type { Target, TargetOptions } from './target.ts'

const SFTP_SERVER = '/usr/lib/openssh/sftp-server'
const OPENSSH_WITHIN_MS = 120_000

/** What cannot be judged here, and why: everything else is. */
const NOT_JUDGED: Readonly<Record<string, string>> = {
  'OPEN of a file without permission bits is refused': 'the server acts as root',
  'MKDIR in a directory without write permission is refused': 'the server acts as root',
}

const engine: CaseResult[] = []

test('there are at least 400 cases, each with a name of its own', () => {
  expect(CASES.length).toBeGreaterThanOrEqual(400)
  const names = CASES.map(({ name }) => name)
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
})

describe('the engine, in this process', () => {
  let target: Target
  let runner: Runner

  beforeAll(async () => {
    target = await openTarget({ kind: 'self' })
    runner = await Runner.start(target)
  })

  afterAll(async () => {
    await runner.close()
    await target.close()
  })

  describe.each(GROUPS)('$title', ({ title, cases }) => {
    test.each(cases)('$name', async (one) => {
      const result = await runner.run(one, title)
      engine.push(result)
      expect(problem(result)).toBe('none')
    })
  })
})

describe.skipIf(!existsSync(SFTP_SERVER))('OpenSSH’s sftp-server', () => {
  test(
    'fails exactly the cases that are explained, and every other outcome is, too',
    { timeout: OPENSSH_WITHIN_MS },
    async () => {
      const run = await runAll({ kind: 'stdio', command: SFTP_SERVER })
      expect(surprises(KNOWN, run)).toEqual([])
      const unexplained = differences({ server: 'sftpgo', cases: engine }, run)
        .filter(({ reason }) => reason === UNEXPLAINED || reason === ALSO_ALLOWED)
        .flatMap(({ pairs }) => pairs.map(({ theirs }) => theirs.name))
      expect(unexplained).toEqual([])
    },
  )
})

/** @returns 'none' for what passed, or could not be judged for a reason that is known. */
function problem({ name, verdict, expected, came, reason }: CaseResult): string {
  if (verdict === 'failed') return `expected ${expected}; came ${came}`
  if (verdict === 'not offered' && NOT_JUDGED[name] !== reason) return `not offered: ${reason}`
  return 'none'
}

/** Some at a time: most of it is waiting for processes to start and to end. */
const SIDE_BY_SIDE = 6

async function runAll(options: TargetOptions): Promise<RunResult> {
  const target = await openTarget(options)
  const runner = await Runner.start(target)
  const waiting = GROUPS.flatMap(({ title, cases }) => cases.map((one) => ({ one, title }))).values()
  const cases: CaseResult[] = []
  const work = async (): Promise<void> => {
    for (const { one, title } of waiting) cases.push(await runner.run(one, title))
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work))
  await runner.close()
  await target.close()
  return { server: target.name, cases }
}
