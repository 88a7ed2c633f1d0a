export type Verdict = 'ok' | 'failed' | 'not offered'

export interface CaseResult {
  name: string
  group: string
  section: string
  verdict: Verdict
  /** What came where the case judged. */
  observed: readonly string[]
  /** Where OpenSSH and the draft differ, or several outcomes are right: why. */
  note?: string
  /** Of a failure. */
  expected?: string
  came?: string
  /** Why it was not judged. */
  reason?: string
  milliseconds: number
}

/** One run of the suite over one server. */
export interface RunResult {
  server: string
  cases: readonly CaseResult[]
}

export interface Tally {
  passed: number
  failed: number
  notOffered: number
}

export function tally(cases: readonly CaseResult[]): Tally {
  const count = (verdict: Verdict): number => cases.filter((one) => one.verdict === verdict).length
  return { passed: count('ok'), failed: count('failed'), notOffered: count('not offered') }
}

/** @throws with a sentence for the user when the text is not what `--json` prints. */
export function parseRun(text: string, where: string): RunResult {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error(`${where} is no JSON`)
  }
  if (!isRun(value)) throw new Error(`${where} is not a result that --json printed`)
  return value
}

const VERDICTS: readonly unknown[] = ['ok', 'failed', 'not offered'] satisfies Verdict[]

function isRun(value: unknown): value is RunResult {
  if (typeof value !== 'object' || value === null || !('server' in value) || !('cases' in value)) return false
  return typeof value.server === 'string' && Array.isArray(value.cases) && value.cases.every(isCase)
}

function isCase(value: unknown): value is CaseResult {
  if (typeof value !== 'object' || value === null) return false
  const one = value as Partial<Record<keyof CaseResult, unknown>>
  const texts = [one.name, one.group, one.section].every((text) => typeof text === 'string')
  return texts && VERDICTS.includes(one.verdict) && Array.isArray(one.observed)
}

/** Titles of groups in the order in which they ran. */
export function groupTitles(runs: readonly RunResult[]): string[] {
  return [...new Set(runs.flatMap(({ cases }) => cases.map(({ group }) => group)))]
}

export function inGroup({ cases }: RunResult, title: string): CaseResult[] {
  return cases.filter(({ group }) => group === title)
}
