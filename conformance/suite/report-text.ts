import type { CaseResult, Tally } from './results.ts'

/** A line a case, and for a failure two more: what was expected and what came. */
export function caseLines(one: CaseResult): string[] {
  const title = `${one.group}: ${one.name} [${one.section}]`
  if (one.verdict === 'ok') return [`ok          ${title}`]
  if (one.verdict === 'not offered') return [`not offered ${title}: ${one.reason ?? ''}`]
  return [
    `FAILED      ${title}`,
    `            expected ${one.expected ?? ''}`,
    `            came     ${one.came ?? ''}`,
  ]
}

/** The last line is what programs that run this look for. */
export function summaryLines({ passed, failed, notOffered }: Tally): string[] {
  return [...(notOffered > 0 ? [`${notOffered} not offered`] : []), `${passed} passed, ${failed} failed`]
}
