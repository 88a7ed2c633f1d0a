import { setTimeout as sleep } from 'node:timers/promises'

import { Context, userNames } from './case.ts'
import type { Ability, Case, Sizes } from './case.ts'
import { NotInstalled, NotRun } from './harness/not-run.ts'
import { withScope } from './harness/scope.ts'
import type { Scope } from './harness/scope.ts'
import type { Server } from './harness/server.ts'
import type { KeyPair } from './harness/keys.ts'

export interface Tally {
  passed: number
  failed: number
  notRun: number
}

export interface Run {
  scope: Scope
  server: Server
  abilities: ReadonlySet<Ability>
  key: KeyPair
  sizes: Sizes
  /** True where all that the cases run is meant to be installed: what is missing there has failed. */
  allInstalled: boolean
  print(line: string): void
}

const CASE_TIMEOUT_MS = 120_000
const SHOWN_SERVER_LINES = 5

/** Runs the cases one after another, a line a case; a server that a case brought down is started again. */
export async function runCases(cases: readonly Case[], run: Run): Promise<Tally> {
  const tally: Tally = { passed: 0, failed: 0, notRun: 0 }
  const names = userNames()
  for (const one of cases) {
    const start = performance.now()
    const verdict = await verdictOf(one, run, names)
    if (run.scope.closed) throw new Error('interrupted')
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    tally[verdict.outcome]++
    if (verdict.outcome === 'notRun') run.print(`not run ${one.name}: ${verdict.reason}`)
    else run.print(`${verdict.outcome === 'passed' ? 'ok     ' : 'FAILED '} ${one.name} (${seconds} s)`)
    if (verdict.outcome === 'failed') run.print(indent(verdict.reason))
  }
  return tally
}

/** The closing lines; the last one is what programs that run this look for. */
export function summary({ passed, failed, notRun }: Tally): string[] {
  return [...(notRun > 0 ? [`${notRun} not run, for the reasons above`] : []), `${passed} passed, ${failed} failed`]
}

type Verdict = { outcome: 'passed' } | { outcome: 'failed' | 'notRun'; reason: string }

async function verdictOf(one: Case, run: Run, names: Iterator<string, never>): Promise<Verdict> {
  if (one.needs !== undefined && !run.abilities.has(one.needs)) {
    return { outcome: 'notRun', reason: `${run.server.name} has no ${one.needs}` }
  }
  try {
    await withScope(run.scope, async (scope) => {
      const context = new Context({ server: run.server, scope, sizes: run.sizes, key: run.key, names })
      await inTime(one.run(context), one.timeoutMs ?? CASE_TIMEOUT_MS)
    })
    return run.server.running ? { outcome: 'passed' } : await afterCrash(run, 'the server ended')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    if (!run.server.running) return afterCrash(run, `${reason}\nthe server ended`)
    if (error instanceof NotInstalled && run.allInstalled) return { outcome: 'failed', reason }
    if (error instanceof NotRun) return { outcome: 'notRun', reason }
    return { outcome: 'failed', reason: `${reason}\n${lastLines(run.server.output())}` }
  }
}

async function afterCrash(run: Run, reason: string): Promise<Verdict> {
  const output = lastLines(run.server.output())
  await run.server.start()
  return { outcome: 'failed', reason: `${reason}\n${output}` }
}

async function inTime(work: Promise<void>, timeoutMs: number): Promise<void> {
  const timer = new AbortController()
  const late = sleep(timeoutMs, 'late' as const, { signal: timer.signal }).catch(() => undefined)
  try {
    if ((await Promise.race([work, late])) === 'late') throw new Error(`not finished after ${timeoutMs / 1000} s`)
  } finally {
    timer.abort()
  }
}

function lastLines(output: string): string {
  const lines = output.split('\n').filter(Boolean).slice(-SHOWN_SERVER_LINES)
  return lines.map((line) => `server: ${line.trimEnd().slice(0, 400)}`).join('\n')
}

function indent(text: string): string {
  return text.trim().replaceAll(/^/gm, '        ')
}
