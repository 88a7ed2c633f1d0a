import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { KILL_GRACE_MS, MAX_OUTPUT_BYTES, assertCommand, runCommand } from './command.ts'
import { eventually, settled } from './samples.test.support.ts'

// Processes and connections take their time on a loaded machine.
beforeAll(() => vi.setConfig({ testTimeout: 60_000 }))
afterAll(() => vi.resetConfig())

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sftpgo-command-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
})

function script(body: string, mode = 0o755): string {
  const file = path.join(folder, 'script')
  writeFileSync(file, `#!/bin/sh\n${body}\n`, { mode })
  return file
}

const PATH = process.env['PATH'] ?? ''
const inFolder = (name: string) => path.join(folder, name)
const text = (name: string) => (existsSync(inFolder(name)) ? readFileSync(inFolder(name), 'utf8') : '')

function run(file: string, args: string[] = [], { limitMs = 60_000 } = {}) {
  const clock = new VirtualClock()
  const halt = new AbortController()
  const reports: [string, string][] = []
  const outcome = runCommand({
    file,
    invocation: { args, env: { FOLDER: folder } },
    path: PATH,
    limitMs,
    clock,
    signal: halt.signal,
    report: (...told) => reports.push(told),
  })
  return { clock, halt, reports, outcome }
}

/** Of a process group: a zombie that nobody has waited for yet is dead. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

describe('a command', () => {
  test('gets its arguments as they are, the given variables and nothing else', async () => {
    const args = ['$(id)', '; id', '-x', '', 'two words', "'", '"', '\n', '*', '\\']
    const file = script(
      'for each in "$@"; do printf "%s\\0" "$each"; done > "$FOLDER/args"; env -0 > "$FOLDER/env"; pwd > "$FOLDER/cwd"',
    )
    const { outcome, reports } = run(file, args)
    expect(await outcome).toEqual({ kind: 'done' })
    expect(text('args').split('\0').slice(0, -1)).toEqual(args)
    const variables = text('env')
      .split('\0')
      .filter(Boolean)
      .map((each) => each.split('=', 1).join())
    expect(
      variables.filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name)).toSorted((a, b) => (a < b ? -1 : 1)),
    ).toEqual(['FOLDER', 'PATH'])
    expect(text('cwd')).toBe('/\n')
    expect(reports).toEqual([['ended with 0', '']])
  })

  test('that fails is done, and what it said is kept up to a bound', async () => {
    const { outcome, reports } = run(script('echo to out; echo to err >&2; yes | head -c 1000000; exit 3'))
    expect(await outcome).toEqual({ kind: 'done' })
    const [[ending, output]] = reports as [[string, string]]
    expect(ending).toBe('ended with 3')
    expect(output).toContain('to out')
    expect(output).toContain('to err')
    expect(Buffer.byteLength(output)).toBe(MAX_OUTPUT_BYTES + 'to err\n'.length)
  })

  test('reads nothing', async () => {
    const { outcome } = run(script('cat > "$FOLDER/stdin"'))
    expect(await outcome).toEqual({ kind: 'done' })
    expect(text('stdin')).toBe('')
  })

  test('that takes too long is asked to end, then ended, and what it started with it', async () => {
    const body = `trap '' TERM; sh -c 'trap "" TERM; echo $$ > "$FOLDER/child"; while :; do sleep 1; done' & echo $$ > "$FOLDER/parent"; wait`
    const { outcome, clock, reports } = run(script(body), [], { limitMs: 5_000 })
    const pids = await eventually(() => {
      const read = ['parent', 'child'].map((name) => Number(text(name)))
      expect(read.every((pid) => pid > 0)).toBe(true)
      return read
    })
    await settled()
    clock.advance(4_999)
    expect(pids.map(isAlive)).toEqual([true, true])
    clock.advance(1)
    clock.advance(KILL_GRACE_MS)
    expect(await outcome).toEqual({ kind: 'done' })
    expect(reports).toEqual([['was ended after 5 s', '']])
    await eventually(() => expect(pids.map(isAlive)).toEqual([false, false]))
    expect(clock.timers).toBe(0)
  })

  test('that ends in time leaves what it has started running', async () => {
    const { outcome } = run(script('sleep 1000 >/dev/null 2>&1 & echo $! > "$FOLDER/child"'))
    expect(await outcome).toEqual({ kind: 'done' })
    const pid = Number(text('child'))
    expect(isAlive(pid)).toBe(true)
    process.kill(pid, 'SIGKILL')
  })

  test('whose output somebody else keeps open is over nevertheless', async () => {
    const { outcome, clock } = run(script('echo said; sleep 1000 & echo $! > "$FOLDER/child"'))
    await eventually(() => expect(text('child')).not.toBe(''))
    onTestFinished(() => void process.kill(Number(text('child')), 'SIGKILL'))
    await eventually(async () => {
      clock.advance(1_000)
      expect(await Promise.race([outcome, Promise.resolve('waits')])).toEqual({ kind: 'done' })
    })
  })

  test('is ended with the server, and to be run again', async () => {
    const { outcome, halt, clock, reports } = run(script('echo $$ > "$FOLDER/parent"; sleep 1000'))
    await eventually(() => expect(text('parent')).not.toBe(''))
    await settled()
    halt.abort()
    // Where nobody takes note of the dead, they count as alive until the grace is over.
    await eventually(() => {
      clock.advance(KILL_GRACE_MS)
      expect(reports).toHaveLength(1)
    })
    expect(await outcome).toMatchObject({ kind: 'again' })
    expect(clock.timers).toBe(0)
    expect(reports).toEqual([['was ended with the server', '']])
  })

  test.each([
    ['is missing', () => inFolder('none'), /ENOENT/],
    ['may not be executed', () => script('', 0o644), /EACCES/],
  ])('that %s is refused', async (_, file, reason) => {
    expect(await run(file()).outcome).toMatchObject({ kind: 'refused', reason: expect.stringMatching(reason) })
  })

  test('with a NUL in an argument is refused', async () => {
    expect(await run(script(''), ['a\0b']).outcome).toMatchObject({ kind: 'refused' })
  })
})

describe('before it is used', () => {
  test('a command that can be run is fine', async () => {
    await expect(assertCommand('sftpd.actions.command', script(''))).resolves.toBeUndefined()
  })

  test.each([
    ['is relative', () => 'script', /^key is "script": want an absolute path$/],
    ['is missing', () => inFolder('none'), /^key is ".*none": it cannot be used \(ENOENT\)$/],
    ['is a directory', () => folder, /want a file that can be executed$/],
    ['may not be executed', () => script('', 0o644), /it may not be executed$/],
  ])('one that %s is named', async (_, file, message) => {
    await expect(assertCommand('key', file())).rejects.toThrow(message)
  })
})
