import { cameText, differences } from './differences.ts'
import { groupTitles, inGroup, tally } from './results.ts'
import type { CaseResult, RunResult } from './results.ts'

const STYLE = `
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100%; margin: 0 0 2rem }
th, td { border: 1px solid #ccc; padding: .25rem .5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
th { background: #f2f2f2; position: sticky; top: 0 }
td.ok { background: #e9f7ec } td.failed { background: #fbdcdc } td.not-offered { background: #f4f4f4; color: #777 }
small { color: #666; display: block } summary { cursor: pointer; font-weight: bold; margin: .5rem 0 }
@media (prefers-color-scheme: dark) {
  body { background: #1b1b1b; color: #ddd } th { background: #2a2a2a } th, td { border-color: #444 }
  td.ok { background: #17331d } td.failed { background: #4a1d1d } td.not-offered { background: #262626; color: #999 }
  small { color: #aaa }
}`

/** One self-contained page: a table of all cases, a column a server. */
export function htmlReport(runs: readonly RunResult[]): string {
  const [measure] = runs
  const servers = runs.map(({ server }) => `<th>${escape(server)}</th>`).join('')
  const summary = runs.map((run) => {
    const { passed, failed, notOffered } = tally(run.cases)
    return `<tr><td>${escape(run.server)}</td><td>${passed}</td><td>${failed}</td><td>${notOffered}</td></tr>`
  })
  const parts = [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>SFTP conformance</title><style>${STYLE}</style></head><body>`,
    '<h1>SFTP conformance</h1>',
    `<table><tr><th>server</th><th>passed</th><th>failed</th><th>not offered</th></tr>${summary.join('')}</table>`,
    ...(measure === undefined ? [] : runs.slice(1).map((run) => differencesPart(run, measure))),
    ...groupTitles(runs).map((title) => groupPart(title, runs, servers)),
    '</body></html>',
  ]
  return `${parts.join('\n')}\n`
}

function differencesPart(run: RunResult, measure: RunResult): string {
  const items = differences(run, measure).map(({ reason, pairs }) => {
    const names = pairs.map(({ theirs }) => escape(theirs.name)).join('; ')
    return `<li>${escape(reason)} <small>${pairs.length}: ${names}</small></li>`
  })
  const title = `Where ${escape(run.server)} differs from ${escape(measure.server)}`
  return `<details><summary>${title}</summary><ul>${items.join('')}</ul></details>`
}

function groupPart(title: string, runs: readonly RunResult[], servers: string): string {
  const byName = new Map<string, (CaseResult | undefined)[]>()
  for (const [index, run] of runs.entries()) {
    for (const one of inGroup(run, title)) {
      const row = byName.get(one.name) ?? runs.map(() => undefined)
      row[index] = one
      byName.set(one.name, row)
    }
  }
  const rows = [...byName].map(([name, results]) => {
    const known = results.find((one) => one !== undefined)
    const note = known?.note === undefined ? '' : `<small>${escape(known.note)}</small>`
    return `<tr><td>${escape(name)}${note}</td><td>${escape(known?.section ?? '')}</td>${results.map(cellOf).join('')}</tr>`
  })
  const failed = runs.reduce((total, run) => total + tally(inGroup(run, title)).failed, 0)
  const heading = `${escape(title)} (${byName.size} cases${failed > 0 ? `, ${failed} failures` : ''})`
  const head = `<tr><th>case</th><th>section</th>${servers}</tr>`
  return `<details${failed > 0 ? ' open' : ''}><summary>${heading}</summary><table>${head}${rows.join('')}</table></details>`
}

function cellOf(one: CaseResult | undefined): string {
  if (one === undefined) return '<td class="not-offered">not run</td>'
  const expected = one.expected === undefined ? '' : `<small>expected ${escape(one.expected)}</small>`
  return `<td class="${one.verdict.replace(' ', '-')}">${escape(cameText(one))}${expected}</td>`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Names of cases and what servers say are anything; control characters would make the page invalid. */
function escape(text: string): string {
  const visible = text.replaceAll(/[\p{Cc}\p{Cs}\p{Cf}]/gu, (sign) => `\\u${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`) // prettier-ignore
  return visible.replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign)
}
