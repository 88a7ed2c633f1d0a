import { KNOWN, reasonFor } from './known.ts'
import type { CaseResult, RunResult } from './results.ts'

/** Cases in which a server does something else than the one it is measured by, for one reason. */
export interface Difference {
  reason: string
  pairs: readonly { theirs: CaseResult; measure: CaseResult }[]
}

export const UNEXPLAINED = 'Not explained.'
/** Of two codes that the case allows, without a word on why. */
export const ALSO_ALLOWED = 'Another code that is right as well.'

/** What `run` does otherwise than `measure`, grouped by reason, the cases in the suite's order. */
export function differences(run: RunResult, measure: RunResult): Difference[] {
  const byName = new Map(measure.cases.map((one) => [one.name, one]))
  const groups = new Map<string, { theirs: CaseResult; measure: CaseResult }[]>()
  for (const theirs of run.cases) {
    const other = byName.get(theirs.name)
    if (other === undefined || same(theirs, other)) continue
    const reason = explain(run, measure, theirs, other)
    const pairs = groups.get(reason) ?? []
    pairs.push({ theirs, measure: other })
    groups.set(reason, pairs)
  }
  return [...groups].map(([reason, pairs]) => ({ reason, pairs }))
}

/** What came, or why nothing could. */
export function cameText(one: CaseResult): string {
  if (one.verdict === 'not offered') return `not offered: ${one.reason ?? ''}`
  if (one.verdict === 'failed') return `FAILED: ${one.came ?? ''}`
  return one.observed.length === 0 ? 'ok' : one.observed.join(', ')
}

function same(a: CaseResult, b: CaseResult): boolean {
  if (a.verdict !== b.verdict) return false
  if (a.verdict === 'not offered') return true
  if (a.verdict === 'failed') return a.came === b.came
  return a.observed.join('\n') === b.observed.join('\n')
}

function explain(run: RunResult, measure: RunResult, theirs: CaseResult, other: CaseResult): string {
  const known = reasonFor(KNOWN, run.server, theirs) ?? reasonFor(KNOWN, measure.server, other)
  if (known !== undefined) return known
  if (theirs.verdict === 'not offered') return `Not offered: ${theirs.reason ?? ''}.`
  if (theirs.verdict === 'failed') return UNEXPLAINED
  if (other.verdict === 'not offered') return `${measure.server} does not offer it: ${other.reason ?? ''}.`
  return theirs.note ?? (other.verdict === 'ok' ? ALSO_ALLOWED : UNEXPLAINED)
}
