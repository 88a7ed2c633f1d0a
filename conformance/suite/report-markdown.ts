import { cameText, differences } from './differences.ts'
import type { Difference } from './differences.ts'
import { groupTitles, inGroup, tally } from './results.ts'
import type { CaseResult, RunResult } from './results.ts'

/** Cases named under a reason; of more only the number is told. */
const NAMED_CASES = 12

/** The servers side by side, and what each does otherwise than the first. */
export function markdownReport(runs: readonly RunResult[]): string {
  const [measure, ...others] = runs
  if (measure === undefined) return ''
  return [
    '# Wire-level conformance: results',
    '',
    'Generated from runs of `sftpgo-conformance`, all on one machine: every figure and every outcome below comes from',
    'them. A case is *not offered* where the server does not announce the extension or cannot do what the case builds on.',
    '',
    '```sh',
    'sftpgo-conformance --stdio /usr/lib/openssh/sftp-server --json >openssh.json',
    'sftpgo-conformance --host 127.0.0.1 --port 2022 --user NAME --identity KEY --json >sftpgo.json',
    'rclone serve sftp DIR --addr 127.0.0.1:2023 --user u --pass p',
    'sftpgo-conformance --host 127.0.0.1 --port 2023 --user u --password p --json >rclone.json',
    'sftpgo-conformance --compare openssh.json sftpgo.json rclone.json --markdown conformance/RESULTS.md',
    '```',
    '',
    '## Summary',
    '',
    ...table(['server', 'passed', 'failed', 'not offered'], runs.map(summaryRow)),
    '',
    '## By topic',
    '',
    'Passed of those that were judged.',
    '',
    ...table(
      ['topic', ...runs.map(({ server }) => server)],
      groupTitles(runs).map((title) => topicRow(title, runs)),
    ),
    '',
    ...failures(measure),
    ...others.flatMap((run) => section(run, measure)),
  ].join('\n')
}

function summaryRow(run: RunResult): string[] {
  const { passed, failed, notOffered } = tally(run.cases)
  return [run.server, passed, failed, notOffered].map(String)
}

function topicRow(title: string, runs: readonly RunResult[]): string[] {
  const passedOf = (run: RunResult): string => {
    const { passed, failed } = tally(inGroup(run, title))
    return passed + failed === 0 ? 'not offered' : `${passed} of ${passed + failed}`
  }
  return [title, ...runs.map(passedOf)]
}

function failures(measure: RunResult): string[] {
  const failed = measure.cases.filter(({ verdict }) => verdict === 'failed')
  if (failed.length === 0) return []
  const rows = failed.map((one) => [one.name, one.expected ?? '', one.came ?? ''])
  return [`## What ${measure.server} fails`, '', ...table(['case', 'expected', 'came'], rows), '']
}

function section(run: RunResult, measure: RunResult): string[] {
  const found = differences(run, measure)
  const count = found.reduce((total, { pairs }) => total + pairs.length, 0)
  const absent = found.filter(isAbsence)
  return [
    `## Where ${run.server} differs from ${measure.server}`,
    '',
    `${count} of ${run.cases.length} cases have another outcome, a status code that is allowed as well included.`,
    '',
    ...absent.map(({ reason, pairs }) => `- ${cell(reason)} (${casesText(pairs.length)})`),
    ...(absent.length > 0 ? [''] : []),
    ...found
      .filter((difference) => !isAbsence(difference))
      .flatMap((difference) => explained(difference, run, measure)),
  ]
}

/** One of the two has nothing to compare: a sentence says it all. */
function isAbsence({ pairs }: Difference): boolean {
  return pairs.every(({ theirs, measure }) => theirs.verdict === 'not offered' || measure.verdict === 'not offered')
}

function explained({ reason, pairs }: Difference, run: RunResult, measure: RunResult): string[] {
  const rows = pairs
    .slice(0, NAMED_CASES)
    .map(({ theirs, measure: other }) => [theirs.name, brief(other), brief(theirs)])
  const more = pairs.length - rows.length
  return [
    `**${cell(reason)}** (${casesText(pairs.length)})`,
    '',
    ...table(['case', measure.server, run.server], rows),
    ...(more > 0 ? ['', `... and ${more} more.`] : []),
    '',
  ]
}

function casesText(count: number): string {
  return count === 1 ? '1 case' : `${count} cases`
}

function brief(one: CaseResult): string {
  const text = one.verdict === 'not offered' ? 'not offered' : cameText(one)
  return text.length > 120 ? `${text.slice(0, 120)}...` : text
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}

/** Names of cases hold bytes and signs that Markdown would take for its own. */
function cell(text: string): string {
  const plain = text.replaceAll(/[^\x20-\x7e§’–]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return plain.replaceAll(/[\\|<>*`~[\]]/g, (sign) => `\\${sign}`)
}
