import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { GATHER_MS } from './gather.ts'
import { createLog } from './logger.ts'
import { RETRY_MS, ROTATE_RETRY_MS, RotatingFile } from './rotating-file.ts'
import type { RotatingFileOptions } from './rotating-file.ts'

// Disks and properties take their time on a machine with more to do than this.
vi.setConfig({ testTimeout: 60_000 })

const isRoot = process.getuid?.() === 0
const DAY_MS = 24 * 60 * 60 * 1000
/** The time at which {@link VirtualClock} starts, as it stands in names. */
const START = '2026-01-02T03-04-05.000'

let dir: string
let clock: VirtualClock
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(tmpdir(), 'sftpgo-rotate-'))
  clock = new VirtualClock()
  onTestFinished(() => fs.rmSync(dir, { recursive: true, force: true }))
})

const at = (name: string): string => path.join(dir, name)
const text = (name: string): string => fs.readFileSync(at(name), 'utf8')
const names = (): string[] => fs.readdirSync(dir).toSorted()

/** `log.txt` in the directory; ten bytes a file unless it is said otherwise. */
function open({ rotation, ...options }: Partial<RotatingFileOptions> = {}) {
  const complaints: string[] = []
  const told: string[] = []
  const file = new RotatingFile({
    path: at('log.txt'),
    rotation: { maxBytes: 10, maxBackups: 0, maxAgeDays: 0, compress: false, ...rotation },
    clock,
    complain: (line) => void complaints.push(line),
    tell: (message, error) => void told.push(error instanceof Error ? `${message}: ${error.message}` : message),
    ...options,
  })
  onTestFinished(() => file.close())
  return { file, complaints, told }
}

const retention = { maxBytes: 10, maxBackups: 0, maxAgeDays: 0, compress: false }
/** Waits for what the disk does; only virtual time stands still meanwhile. */
const settled = (assertion: () => void): Promise<void> => vi.waitFor(assertion, { timeout: 20_000, interval: 2 })

describe('rotation', () => {
  test('a line that would pass the size begins a new file, under the live name', async () => {
    const { file } = open()
    for (const line of ['1234\n', '6789\n', 'abc\n', 'longer than a file\n', 'x\n']) file.write(line)
    await file.close()
    expect(names()).toEqual(
      ['log-2026-01-02T03-04-05.000.txt', 'log-2026-01-02T03-04-05.001.txt'].concat(
        'log-2026-01-02T03-04-05.002.txt',
        'log.txt',
      ),
    )
    expect(names().map(text)).toEqual(['1234\n6789\n', 'abc\n', 'longer than a file\n', 'x\n'])
  })

  test('a file that is there already counts', async () => {
    fs.writeFileSync(at('log.txt'), 'before\n')
    const { file } = open()
    file.write('after\n')
    await file.close()
    expect([text(`log-${START}.txt`), text('log.txt')]).toEqual(['before\n', 'after\n'])
  })

  test('every line of a burst is in one of the files, whole and in order', async () => {
    const { file } = open({ rotation: { ...retention, maxBytes: 100_000 } })
    for (let i = 0; i < 50_000; i++) file.write(`${i}\n`)
    await file.close()
    const files = names().toSorted((a, b) => (a === 'log.txt' ? 1 : b === 'log.txt' ? -1 : a.localeCompare(b)))
    expect(files.length).toBe(3)
    for (const name of files) expect(fs.statSync(at(name)).size).toBeLessThanOrEqual(100_000)
    expect(files.map(text).join('')).toBe(Array.from({ length: 50_000 }, (_, i) => `${i}\n`).join(''))
  })

  test('the new file has the mode of the old one', async () => {
    const { file } = open()
    fs.chmodSync(at('log.txt'), 0o666)
    file.write('one line\n')
    await file.rotate()
    expect(fs.statSync(at('log.txt')).mode & 0o777).toBe(0o666)
  })

  test('it can be asked for; an empty file has nothing to rotate', async () => {
    const { file } = open({ rotation: { ...retention, maxBytes: 1000 } })
    file.write('one\n')
    await file.rotate()
    await file.rotate()
    file.write('two\n')
    await file.close()
    expect(names()).toEqual([`log-${START}.txt`, 'log.txt'])
    expect(names().map(text)).toEqual(['one\n', 'two\n'])
  })

  test('where somebody else has moved the file, asking for it opens a new one and makes no second backup', async () => {
    const { file } = open()
    file.write('one\n')
    await settled(() => expect(text('log.txt')).toBe('one\n'))
    fs.renameSync(at('log.txt'), at('log.txt.1'))
    await file.rotate()
    file.write('two\n')
    await file.close()
    expect(names().map((name) => [name, text(name)])).toEqual([
      ['log.txt', 'two\n'],
      ['log.txt.1', 'one\n'],
    ])
  })

  test('where it fails the old file goes on, and it is tried again a minute later', async () => {
    // The name fits, that of its backup does not.
    const name = 'x'.repeat(240)
    const { file, told } = open({ path: at(name) })
    for (const line of ['first one\n', 'second one\n', 'third one\n']) file.write(line)
    await settled(() => expect(text(name)).toBe('first one\nsecond one\nthird one\n'))
    expect(told).toEqual([expect.stringMatching(/^the log file cannot be rotated, and grows: ENAMETOOLONG/)])
    clock.advance(ROTATE_RETRY_MS)
    file.write('fourth\n')
    await settled(() => expect(text(name)).toMatch(/fourth\n$/))
    expect(told.length).toBe(2)
  })
})

test('whatever is asked of it meanwhile, the files together are every line, whole and in order', async () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ lines: fc.nat(30) }) },
    fc.constantFrom('rotate', 'turn', 'later' as const),
  )
  const steps = fc.array(step, { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 5, max: 200 }), fc.boolean(), async (asked, maxBytes, compress) => {
      const own = fs.mkdtempSync(path.join(dir, 'run-'))
      const options = { path: path.join(own, 'log.txt'), rotation: { ...retention, maxBytes, compress } }
      const { file, complaints, told } = open(options)
      let count = 0
      const rotations: Promise<void>[] = []
      for (const one of asked) {
        if (one === 'rotate') rotations.push(file.rotate())
        else if (one === 'turn') await new Promise((next) => setImmediate(next))
        else if (one === 'later') clock.advance(10)
        else for (let n = 0; n < one.lines; n++) file.write(`${count++}\n`)
      }
      await Promise.all(rotations)
      await file.close()
      const files = fs
        .readdirSync(own)
        .toSorted((a, b) => (a === 'log.txt' ? 1 : b === 'log.txt' ? -1 : a < b ? -1 : 1))
      const contents = files.map((name) => {
        const bytes = fs.readFileSync(path.join(own, name))
        return name.endsWith('.gz') ? gunzipSync(bytes).toString() : bytes.toString()
      })
      expect(contents.join('')).toBe(Array.from({ length: count }, (_, n) => `${n}\n`).join(''))
      for (const content of contents) expect(content.length).toBeLessThanOrEqual(maxBytes)
      expect([complaints, told]).toEqual([[], []])
    }),
    { numRuns: 40 },
  )
})

describe('what becomes of rotated files', () => {
  const named = (daysAgo: number): string =>
    `log-${new Date(clock.now() - daysAgo * DAY_MS).toISOString().slice(0, -1).replaceAll(':', '-')}.txt`
  const OTHERS = [
    'log-notes.txt',
    'log-2026-13-45T03-04-05.000.txt',
    'log-2020-01-01.txt',
    'other.txt',
    `blog-${START}.txt`,
  ]

  test('too old ones are deleted at the start, compressed or not; what has another name is not touched', async () => {
    for (const name of [named(1), `${named(2)}.gz`, named(4), `${named(5)}.gz`, ...OTHERS])
      fs.writeFileSync(at(name), '')
    const { file } = open({ rotation: { ...retention, maxAgeDays: 3 } })
    await file.close()
    expect(names()).toEqual([named(1), `${named(2)}.gz`, ...OTHERS, 'log.txt'].toSorted())
  })

  test('and with every rotation; of the others the newest are kept', async () => {
    for (const name of [named(1), `${named(2)}.gz`, named(3), ...OTHERS]) fs.writeFileSync(at(name), '')
    const { file } = open({ rotation: { ...retention, maxBackups: 2 } })
    file.write('one line\n')
    await file.rotate()
    await file.close()
    expect(names()).toEqual([named(0), named(1), ...OTHERS, 'log.txt'].toSorted())
  })

  test('0 keeps them all, for ever', async () => {
    for (let days = 0; days < 20; days++) fs.writeFileSync(at(named(days * 100)), '')
    await open().file.close()
    expect(names().length).toBe(21)
  })

  test('they are compressed, also those that a crash left between', async () => {
    fs.writeFileSync(at(named(1)), 'left behind\n')
    fs.writeFileSync(at(`${named(1)}.gz`), 'half')
    const { file, told } = open({ rotation: { ...retention, compress: true } })
    file.write('one line\n')
    await file.rotate()
    await file.close()
    expect(told).toEqual([])
    expect(names()).toEqual([`${named(1)}.gz`, `${named(0)}.gz`, 'log.txt'])
    const unzipped = names()
      .slice(0, 2)
      .map((name) => gunzipSync(fs.readFileSync(at(name))).toString())
    expect(unzipped).toEqual(['left behind\n', 'one line\n'])
  })
})

describe('a file that cannot be written', () => {
  test('deleted by somebody, it is made again, with its directory', async () => {
    const { file, complaints } = open({ path: at('deep/log.txt') })
    file.write('one\n')
    await settled(() => expect(text('deep/log.txt')).toBe('one\n'))
    fs.rmSync(at('deep'), { recursive: true })
    file.write('two\n')
    await file.close()
    expect([text('deep/log.txt'), complaints]).toEqual(['two\n', []])
  })

  test('where its directory is gone for good, lines wait until it is back', async () => {
    const { file, complaints, told } = open({ path: at('deep/log.txt'), rotation: { ...retention, maxBytes: 1000 } })
    fs.rmSync(at('deep'), { recursive: true })
    fs.writeFileSync(at('deep'), 'in the way')
    file.write('one\n')
    await settled(() => expect(complaints.length).toBe(1))
    expect(complaints[0]).toMatch(/^Error: the log file \S+ is not being written: ENOTDIR.*\n$/)
    file.write('two\n')
    await settled(() => expect(clock.timers).toBe(1))
    clock.advance(RETRY_MS)
    await settled(() => expect(clock.timers).toBe(1))
    fs.rmSync(at('deep'))
    clock.advance(RETRY_MS)
    await settled(() => expect(told.length).toBe(1))
    expect(text('deep/log.txt')).toBe('one\ntwo\n')
    expect(told[0]).toMatch(/^the log file could not be written for 2 seconds \(ENOTDIR.*\); no line was lost$/)
    expect(complaints.length).toBe(1)
  })

  test('what never reached it is counted at the end', async () => {
    const { file, complaints } = open({ path: at('deep/log.txt') })
    fs.rmSync(at('deep'), { recursive: true })
    fs.writeFileSync(at('deep'), 'in the way')
    for (let i = 0; i < 3; i++) file.write('line\n')
    await file.close()
    expect(complaints[1]).toMatch(/^Error: 3 lines of the log file \S+ were lost\n$/)
  })

  test('what was dropped before a last good write is counted, too', async () => {
    const { file, complaints } = open({ rotation: { ...retention, maxBytes: 1000 }, maxPendingBytes: 10 })
    for (let i = 0; i < 5; i++) file.write('line\n')
    await file.close()
    expect(text('log.txt')).toBe('line\nline\n')
    expect(complaints[1]).toMatch(/^Error: 3 lines of the log file \S+ were lost\n$/)
  })

  test('a disk that does not answer costs a bounded amount of memory, and the log says what was lost', async () => {
    const fifo = at('fifo')
    execFileSync('mkfifo', [fifo])
    // Reads nothing until it is asked to: the pipe takes 64 KiB, then a write waits.
    const reader = fs.openSync(fifo, fs.constants.O_RDWR | fs.constants.O_NONBLOCK)
    onTestFinished(() => fs.closeSync(reader))
    const { file, complaints, told } = open({ path: fifo, maxPendingBytes: 200_000 })
    const line = `${'x'.repeat(999)}\n`
    for (let i = 0; i < 1000; i++) file.write(line)
    expect(complaints).toEqual([expect.stringMatching(/too many lines wait\n$/)])
    let read = 0
    const buffer = Buffer.alloc(100_000)
    await settled(() => {
      try {
        read += fs.readSync(reader, buffer)
      } catch {
        // Nothing there just now.
      }
      expect(read).toBe(200_000)
    })
    await settled(() =>
      expect(told).toEqual(['the log file could not be written for 0 seconds (too many lines wait); lines lost: 800']),
    )
  })
})

describe.runIf(isRoot)('a real full disk', () => {
  beforeEach(() => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'sftpgo-test', dir])
    onTestFinished(() => void execFileSync('umount', [dir]))
  })

  test('no line is torn, none is lost while there is room in memory, and the log says how long it was', async () => {
    const log = createLog({ destination: { kind: 'file', path: at('log.txt') }, verbose: true, now: clock })
    onTestFinished(() => log.close())
    fs.writeFileSync(at('fill'), Buffer.alloc(40_000))
    for (let i = 0; i < 100; i++) log.app('sftpd', 'info', `${i} ${'x'.repeat(900)}`)
    clock.advance(GATHER_MS)
    // That for another try, and that for the next lines.
    await settled(() => expect(clock.timers).toBe(2))
    // Full to the last byte: the last line is there in half.
    expect(text('log.txt')).not.toMatch(/\n$/)
    fs.rmSync(at('fill'))
    execFileSync('mount', ['-o', 'remount,size=1m', dir])
    clock.advance(RETRY_MS)
    await settled(() => {
      clock.advance(GATHER_MS)
      expect(text('log.txt')).toMatch(/could not be written.*\n$/)
    })
    const messages = text('log.txt')
      .trimEnd()
      .split('\n')
      .map((line) => String(Object(JSON.parse(line)).message))
    expect(messages.slice(0, -1).map((message) => Number(message.split(' ')[0]))).toEqual([...Array(100).keys()])
    expect(messages.at(-1)).toMatch(/^the log file could not be written for 1 seconds \(ENOSPC.*\); no line was lost$/)
  })

  test('past the bound lines are dropped, counted, and the count is in the log', async () => {
    // Room for the first two batches: the first may be on the disk before this process knows it.
    const { file, told } = open({ rotation: { ...retention, maxBytes: 1_000_000 }, maxPendingBytes: 90_000 })
    const line = (i: number): string => `${String(i).padStart(4, '0')}${'x'.repeat(995)}\n`
    for (let i = 0; i < 40; i++) file.write(line(i))
    await settled(() => expect(fs.statSync(at('log.txt')).size).toBe(40_000))
    for (let i = 40; i < 80; i++) file.write(line(i))
    await settled(() => expect(clock.timers).toBe(1))
    for (let i = 80; i < 200; i++) file.write(line(i))
    execFileSync('mount', ['-o', 'remount,size=1m', dir])
    clock.advance(RETRY_MS)
    await settled(() => expect(told.length).toBe(1))
    await file.close()
    const lines = text('log.txt').trimEnd().split('\n')
    expect(lines.every((one) => one.length === 999)).toBe(true)
    expect(lines.map((one) => Number(one.slice(0, 4)))).toEqual([...Array(lines.length).keys()])
    expect(told[0]).toMatch(new RegExp(`lines lost: ${200 - lines.length}$`))
    expect(lines.length).toBeLessThan(140)
  })

  test('compressing without room leaves the backup as it is', async () => {
    fs.writeFileSync(at(`log-${START}.txt`), Array.from({ length: 4000 }, (_, i) => i * 7919).join(' '))
    const pages = Math.ceil(fs.statSync(at(`log-${START}.txt`)).size / 4096)
    fs.writeFileSync(at('fill'), Buffer.alloc(64 * 1024 - pages * 4096))
    const { file, told } = open({ rotation: { ...retention, compress: true } })
    await file.close()
    expect(told).toEqual([expect.stringMatching(/^old log files could not be deleted or compressed: ENOSPC/)])
    expect(names()).toEqual(['fill', `log-${START}.txt`, 'log.txt'])
  })
})

if (!isRoot)
  process.stderr.write('rotating-file: without root no file system can be mounted: real full disks are not tested\n')
