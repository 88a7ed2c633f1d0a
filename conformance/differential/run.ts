import { parseArgs } from 'node:util'

import fc from 'fast-check'

import { withScope } from '../harness/scope.ts'
import type { Scope } from '../harness/scope.ts'
import { KNOWN_DIFFERENCES } from './differences.ts'
import { EXCLUSIONS } from './exclusions.ts'
import { sequences } from './generate.ts'
import { Judge } from './judge.ts'
import type { Sequence } from './sequence.ts'

export interface DifferentialOptions {
  /** Sequences to play. */
  runs: number
  /** Any 32-bit integer; the same seed plays the same sequences. */
  seed: number
  log: (line: string) => void
  /** What is still there when it ends is removed. */
  scope: Scope
}

export interface Finding {
  /** The shortest sequence found that differs. */
  sequence: Sequence
  /** What differs. */
  lines: readonly string[]
}

export interface DifferentialResult {
  runs: number
  operations: number
  seconds: number
  findings: readonly Finding[]
  /** How often each known difference played a part. */
  known: ReadonlyMap<string, number>
}

/**
 * Plays random sequences of operations to OpenSSH's sftp-server and to the engine: the same replies and the
 * same files afterwards, except for what differences.ts lists.
 * @throws when sftp-server is missing.
 */
export async function runDifferential({ runs, seed, log, scope }: DifferentialOptions): Promise<DifferentialResult> {
  return withScope(scope, async (own) => {
    const judge = await Judge.start(own)
    const findings: Finding[] = []
    const began = performance.now()
    // A finding ends a round, and the next one goes on: so that one bug does not hide the others.
    for (let played = 0; played < runs;) {
      const round = await playRound(judge, { numRuns: runs - played, seed: (seed + played) | 0 })
      played += round.played
      if (round.finding === undefined) continue
      findings.push(round.finding)
      for (const line of describeFinding(round.finding)) log(line)
    }
    const seconds = (performance.now() - began) / 1000
    return { runs, operations: judge.operations, seconds, findings, known: judge.known }
  })
}

/** The command line: `--runs N --seed S`. @returns the exit code. */
export async function differentialMain(scope: Scope, args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { runs: { type: 'string', default: '200' }, seed: { type: 'string', default: String(Date.now() | 0) } },
  })
  const [runs, seed] = [values.runs, values.seed].map(Number) as [number, number]
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs takes a whole number above 0, not ${values.runs}`)
  if (!Number.isInteger(seed)) throw new Error(`--seed takes a whole number, not ${values.seed}`)
  const log = (line: string): void => console.log(line)
  log(`${runs} sequences, seed ${seed}`)
  const result = await runDifferential({ runs, seed, log, scope })
  for (const line of summary(result)) log(line)
  return result.findings.length === 0 ? 0 : 1
}

export function summary({ runs, operations, seconds, findings, known }: DifferentialResult): string[] {
  return [
    `${runs} sequences, ${operations} operations in ${seconds.toFixed(1)} s: ${findings.length} differences`,
    'known differences, and how often they showed:',
    ...KNOWN_DIFFERENCES.map(({ what, why }) => `  ${known.get(what) ?? 0} x ${what} (${why})`),
    'not tried:',
    ...EXCLUSIONS.map(({ what, why }) => `  ${what} (${why})`),
  ]
}

export function describeFinding({ sequence, lines }: Finding): string[] {
  return [
    `difference at pace ${sequence.pace}${sequence.planted ? ', planted' : ''}:`,
    ...sequence.operations.map((operation, index) => `  ${index} ${fc.stringify(operation)}`),
    ...lines.map((line) => `  => ${line}`),
  ]
}

async function playRound(
  judge: Judge,
  options: { numRuns: number; seed: number },
): Promise<{ played: number; finding: Finding | undefined }> {
  let last: Finding | undefined
  const { failed, numRuns } = await fc.check(
    fc.asyncProperty(sequences, async (sequence) => {
      const lines = await judge.judge(sequence)
      if (lines.length > 0) last = { sequence, lines }
      return lines.length === 0
    }),
    options,
  )
  return { played: numRuns, finding: failed && last !== undefined ? await shortest(judge, last) : undefined }
}

/** Takes away what the shrinking left: each operation that the difference does not need. */
async function shortest(judge: Judge, finding: Finding): Promise<Finding> {
  const { sequence } = finding
  const simpler: Sequence[] = [
    ...sequence.operations.map((_operation, at) => ({ ...sequence, operations: sequence.operations.toSpliced(at, 1) })),
    ...(sequence.planted ? [{ ...sequence, planted: false }] : []),
    ...(sequence.pace === 'stepwise' ? [] : [{ ...sequence, pace: 'stepwise' } as const]),
  ]
  for (const candidate of simpler) {
    const lines = await judge.judge(candidate)
    if (lines.length > 0) return shortest(judge, { sequence: candidate, lines })
  }
  return finding
}
