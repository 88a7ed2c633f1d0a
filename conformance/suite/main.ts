import { readFile, writeFile } from 'node:fs/promises'

import type { Group } from './case.ts'
import { GROUPS } from './cases/index.ts'
import { parseOptions, USAGE } from './options.ts'
import type { Options } from './options.ts'
import { htmlReport } from './report-html.ts'
import { markdownReport } from './report-markdown.ts'
import { caseLines, summaryLines } from './report-text.ts'
import { parseRun, tally } from './results.ts'
import type { CaseResult, RunResult } from './results.ts'
import { Runner } from './runner.ts'
import { openTarget } from './target.ts'
import type { TargetOptions } from './target.ts'

export interface Output {
  print(text: string): void
  complain(text: string): void
}

/** @returns the exit code: 0 when no case failed, 1 when one did, 2 when there is nothing to judge. */
export async function main(args: readonly string[], output: Output): Promise<number> {
  let options: Options
  try {
    options = parseOptions(args)
  } catch (error) {
    output.complain(`${messageOf(error)}\n\n${USAGE}`)
    return 2
  }
  try {
    return await act(options, output)
  } catch (error) {
    output.complain(messageOf(error))
    return 2
  }
}

/** Groups with the cases that match; groups without one are left out. */
export function chosen(filter: string | undefined): Group[] {
  if (filter === undefined) return [...GROUPS]
  const wanted = filter.toLowerCase()
  return GROUPS.map(({ title, cases }) => ({
    title,
    cases: cases.filter(({ name, section }) => `${title}\n${name}\n${section}`.toLowerCase().includes(wanted)),
  })).filter(({ cases }) => cases.length > 0)
}

async function act(options: Options, output: Output): Promise<number> {
  if (options.help) {
    output.print(USAGE)
    return 0
  }
  if (options.list) {
    for (const { title, cases } of chosen(options.filter)) {
      for (const one of cases) output.print(`${title}: ${one.name} [${one.section}]`)
    }
    return 0
  }
  if (options.target === undefined) {
    const runs = await Promise.all(options.compare.map(async (file) => parseRun(await readFile(file, 'utf8'), file)))
    await writeReports(runs, options)
    for (const run of runs) output.print(`${run.server}: ${summaryLines(tally(run.cases)).join(', ')}`)
    return 0
  }
  const run = await runSuite(options.target, options, (one) => {
    if (!options.json) for (const line of caseLines(one)) output.print(line)
  })
  await writeReports([run], options)
  if (options.json) output.print(JSON.stringify(run, null, 1))
  else for (const line of summaryLines(tally(run.cases))) output.print(line)
  return tally(run.cases).failed > 0 ? 1 : 0
}

async function runSuite(
  targetOptions: TargetOptions,
  { label, filter }: Options,
  judged: (one: CaseResult) => void,
): Promise<RunResult> {
  const groups = chosen(filter)
  if (groups.length === 0) throw new Error(`no case contains ${JSON.stringify(filter)}`)
  const target = await openTarget(targetOptions)
  try {
    const runner = await Runner.start(target)
    const cases: CaseResult[] = []
    for (const { title, cases: group } of groups) {
      for (const one of group) {
        const result = await runner.run(one, title)
        judged(result)
        cases.push(result)
      }
    }
    await runner.close()
    return { server: label ?? target.name, cases }
  } finally {
    await target.close()
  }
}

async function writeReports(runs: readonly RunResult[], { html, markdown }: Options): Promise<void> {
  if (html !== undefined) await writeFile(html, htmlReport(runs))
  if (markdown !== undefined) await writeFile(markdown, markdownReport(runs))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
