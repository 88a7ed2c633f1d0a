import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { main } from './suite/main.ts'
import { parseOptions } from './suite/options.ts'
import { parseRun } from './suite/results.ts'
import type { RunResult } from './suite/results.ts'

const SFTP_SERVER = '/usr/lib/openssh/sftp-server'

let dir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sftp-conformance-cli-'))
})

afterAll(() => rm(dir, { recursive: true }))

async function run(...args: string[]): Promise<{ code: number; lines: string[]; complaints: string }> {
  const lines: string[] = []
  const complaints: string[] = []
  const code = await main(args, {
    print: (text) => lines.push(...text.split('\n')),
    complain: (text) => complaints.push(text),
  })
  return { code, lines, complaints: complaints.join('\n') }
}

const BROKEN: RunResult = {
  server: 'broken <b>',
  cases: [
    {
      name: 'a | name <script>',
      group: 'REALPATH',
      section: '§6.11',
      verdict: 'failed',
      observed: [],
      expected: 'NAME "/"',
      came: 'no reply (hang)',
      milliseconds: 5000,
    },
    {
      name: 'REALPATH of "/" gives "/"',
      group: 'REALPATH',
      section: '§6.11',
      verdict: 'failed',
      observed: ['NAME'],
      expected: 'NAME "/"',
      came: 'FAILURE',
      milliseconds: 1,
    },
  ],
}

describe('a run', () => {
  test('prints a line a case and ends with the count', async () => {
    const { code, lines } = await run('--self', '--filter', 'REALPATH of "/')
    expect(code).toBe(0)
    expect(lines[0]).toBe('ok          REALPATH: REALPATH of "/" gives "/" [§6.11]')
    expect(lines.at(-1)).toBe(`${lines.length - 1} passed, 0 failed`)
  })

  test('prints one document with --json, and what it prints can be read back', async () => {
    const { code, lines } = await run('--self', '--filter', 'INIT with version', '--json', '--label', 'mine')
    expect(code).toBe(0)
    const result = parseRun(lines.join('\n'), 'stdout')
    expect(result.server).toBe('mine')
    expect(result.cases.map(({ verdict }) => verdict)).toEqual(result.cases.map(() => 'ok'))
  })

  test('says that a program does not speak SFTP', async () => {
    const { code, complaints } = await run('--stdio', 'cat', '--filter', 'INIT with version 3')
    expect(code).toBe(2)
    expect(complaints).toContain('a reply that cannot be read')
  })

  test.skipIf(!existsSync(SFTP_SERVER))('exits with 1 when a case failed, and says what came', async () => {
    const { code, lines } = await run('--stdio', SFTP_SERVER, '--filter', 'packet type 99')
    expect(code).toBe(1)
    expect(lines).toEqual([
      'FAILED      unknown requests: packet type 99 is answered with OP_UNSUPPORTED [§7]',
      '            expected OP_UNSUPPORTED',
      '            came     no reply (hang)',
      '0 passed, 1 failed',
    ])
  })

  test('says that a host cannot be reached', async () => {
    const { code, complaints } = await run('--host', '127.0.0.1', '--port', '1', '--user', 'u', '--password', 'p')
    expect(code).toBe(2)
    expect(complaints).toContain('ECONNREFUSED')
  })
})

describe('reports', () => {
  test('stand side by side, differences from the first explained or named as not explained', async () => {
    const self = await run('--self', '--filter', 'REALPATH of "/" gives', '--json')
    const [good, bad] = [join(dir, 'good.json'), join(dir, 'bad.json')]
    await writeFile(good, self.lines.join('\n'))
    await writeFile(bad, JSON.stringify(BROKEN))
    const [html, markdown] = [join(dir, 'report.html'), join(dir, 'report.md')]
    const { code, lines } = await run('--compare', good, bad, '--html', html, '--markdown', markdown)
    expect(code).toBe(0)
    expect(lines).toEqual(['sftpgo (engine): 1 passed, 0 failed', 'broken <b>: 0 passed, 2 failed'])
    const page = await readFile(html, 'utf8')
    expect(page).toContain('a | name &lt;script&gt;')
    expect(page).not.toContain('<script>')
    const text = await readFile(markdown, 'utf8')
    expect(text).toContain('| REALPATH of "/" gives "/" | NAME | FAILED: FAILURE |')
    expect(text).toContain('**Not explained.** (1 case)')
  })

  test('are refused for files that are no results', async () => {
    const file = join(dir, 'other.json')
    await writeFile(file, '{"server": 1}')
    const { code, complaints } = await run('--compare', file)
    expect(code).toBe(2)
    expect(complaints).toContain('is not a result that --json printed')
  })
})

test('--list names the cases of a filter', async () => {
  const { code, lines } = await run('--list', '--filter', 'check-file')
  expect(code).toBe(0)
  expect(lines.length).toBeGreaterThan(30)
  expect(lines.every((line) => line.toLowerCase().includes('check-file'))).toBe(true)
})

const WRONG: { args: string[]; complaint: string }[] = [
  { args: [], complaint: 'exactly one of' },
  { args: ['--self', '--stdio', 'x'], complaint: 'exactly one of' },
  { args: ['--host', 'h'], complaint: '--identity or --password' },
  { args: ['--host', 'h', '--password', 'p', '--port', '0'], complaint: '--port takes' },
  { args: ['--self', 'stray'], complaint: 'unknown argument: stray' },
  { args: ['--compare'], complaint: '--compare takes' },
  { args: ['--nonsense'], complaint: '--nonsense' },
]

test.each(WRONG)('arguments $args are refused', ({ args, complaint }) => {
  expect(() => parseOptions(args)).toThrow(complaint)
})

test('a filter that fits no case is an error', async () => {
  const { code, complaints } = await run('--self', '--filter', 'no such case')
  expect(code).toBe(2)
  expect(complaints).toContain('no case contains')
})
