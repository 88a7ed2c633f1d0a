import { OPENSSH_DIFFERENCES } from './known-openssh.ts'
import { RCLONE_DIFFERENCES } from './known-rclone.ts'
import type { CaseResult, RunResult } from './results.ts'

/** Cases that a server is known to fail, and why that is so. */
export interface KnownDifference {
  /** Part of the server's name in reports. */
  server: string
  /** Names of cases, or what they look like. */
  names: readonly (string | RegExp)[]
  /** Part of what came. Absent: anything. */
  came?: string
  reason: string
}

/** The first that fits counts. */
export const KNOWN: readonly KnownDifference[] = [...OPENSSH_DIFFERENCES, ...RCLONE_DIFFERENCES]

/** Why a server fails a case; undefined when nobody has found out. */
export function reasonFor(known: readonly KnownDifference[], server: string, one: CaseResult): string | undefined {
  return known.find((entry) => fits(entry, server, one))?.reason
}

/** Failures without a reason, and reasons for failures that do not fail: both are to be mended. */
export function surprises(known: readonly KnownDifference[], run: RunResult): string[] {
  const failed = run.cases.filter(({ verdict }) => verdict === 'failed')
  const unexplained = failed
    .filter((one) => reasonFor(known, run.server, one) === undefined)
    .map(({ name, expected, came }) => `${name}: expected ${expected}; came ${came}`)
  const idle = known
    .filter(({ server }) => run.server.includes(server))
    .flatMap((entry) => entry.names.map((name) => ({ ...entry, names: [name] })))
    .filter((entry) => !failed.some((one) => fits(entry, run.server, one)))
    .map(({ names }) => `${names.join()}: known to fail, and did not`)
  return [...unexplained, ...idle]
}

function fits({ server: part, names, came }: KnownDifference, server: string, one: CaseResult): boolean {
  if (one.verdict !== 'failed' || !server.includes(part)) return false
  const named = names.some((name) => (typeof name === 'string' ? name === one.name : name.test(one.name)))
  return named && (came === undefined || (one.came ?? '').includes(came))
}
