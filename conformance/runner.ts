import { setTimeout as sleep } from 'node:timers/promises'

import { Context, userNames } from './case.ts'
import type { Ability, Case, Sizes } from './case.ts'
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
  print(line: string): void
}

const CASE_TIMEOUT_MS = 120_000
const SHOWN_SERVER_LINES = 5

/** Runs the cases one after another, a line a case; a server that a case brought down is started again. */
export async function runCases(cases: readonly Case[], run: Run): Promise<Tally> {
  const tally: Tally = { passed: 0, failed: 0, notRun: 0 }
  const names = userNames()
  for (const one of cases) {
    if (one.needs !== undefined && !run.abilities.has(one.needs)) {
      tally.notRun++
      run.print(`not run ${one.name}: ${run.server.name} has no ${one.needs}`)
      continue
    }
    const start = performance.now()
    const reason = await failureOf(one, run, names)
    if (run.scope.closed) throw new Error('interrupted')
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    if (reason === undefined) tally.passed++
    else tally.failed++
    run.print(`${reason === undefined ? 'ok     ' : 'FAILED '} ${one.name} (${seconds} s)`)
    if (reason !== undefined) run.print(indent(reason))
  }
  return tally
}

/** The closing lines; the last one is what programs that run this look for. */
export function summary({ passed, failed, notRun }: Tally): string[] {
  return [...(notRun > 0 ? [`${notRun} not run, for the reasons above`] : []), `${passed} passed, ${failed} failed`]
}

async function failureOf(one: Case, run: Run, names: Iterator<string, never>): Promise<string | undefined> {
  try {
    await withScope(run.scope, async (scope) => {
      const context = new Context({ server: run.server, scope, sizes: run.sizes, key: run.key, names })
      await inTime(one.run(context), one.timeoutMs ?? CASE_TIMEOUT_MS)
    })
    if (run.server.running) return undefined
    return await afterCrash(run, 'the server ended')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    if (!run.server.running) return afterCrash(run, `${reason}\nthe server ended`)
    return `${reason}\n${lastLines(run.server.output())}`
  }
}

async function afterCrash(run: Run, reason: string): Promise<string> {
  const output = lastLines(run.server.output())
  await run.server.start()
  return `${reason}\n${output}`
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
