import { encodeStatus, encodeRecord } from '../../protocol/scp/messages.ts'
import type { ScpRecord, Status } from '../../protocol/scp/messages.ts'
import { receiveFiles } from '../../protocol/scp/receive.ts'
import { sendFiles } from '../../protocol/scp/send.ts'
import { splitWords } from '../../protocol/exec/words.ts'
import { parseScp } from '../../protocol/scp/command-line.ts'
import { FsError } from '../../protocol/filesystem.ts'
import { BufferPool } from '../../protocol/sftp/buffer-pool.ts'
import { MemoryStream } from '../../protocol/testing/command-stream.ts'
import { MemoryFileSystem } from '../../protocol/testing/memory-filesystem.ts'
import { Violation } from './input.ts'
import { Random } from './random.ts'

const STREAM = 3
const NAMES = ['a', 'b c', 'd', '..', '.', '', 'x/y', '/etc', '\xc5\xbc', 'a\x1b', 'two\\', 'x'.repeat(300)] as const
const LINES = [
  '',
  'X',
  'C',
  'C0644',
  'C0644 5',
  'D0755 0',
  'T1 0 2',
  'T-1 0 1 0',
  'C0644 99999999999999999999 a',
] as const
const TO = ['-t .', '-t dir', '-rt dir', '-rpt dir', '-d -rt dir', '-rt new', '-pt dir/f', '-rt dir/new'] as const
const FROM = ['-f dir/f', '-rf dir', '-rpf dir', '-rf .', '-f dir/*', '-rf loop', '-f missing dir/f'] as const
/** What one sequence may write: anything that begins so. */
const TARGETS: Readonly<Record<(typeof TO)[number], string>> = {
  '-t .': '/',
  '-t dir': '/dir',
  '-rt dir': '/dir',
  '-rpt dir': '/dir',
  '-d -rt dir': '/dir',
  '-rt new': '/new',
  '-pt dir/f': '/dir/f',
  '-rt dir/new': '/dir/new',
}
/** A sequence that is not over after so many turns of the event loop's microtasks hangs. */
const MAX_TURNS = 100_000

/**
 * Plays one client of SCP that follows from its seed: a driver with its state machine, over a filesystem in memory.
 * @returns what it was: the direction, and how it ended.
 * @throws Violation when it does not end, leaves something open, touches what it must not, or says what no client
 * understands.
 */
export async function playScp(seed: number): Promise<string> {
  const random = new Random(seed, STREAM)
  return random.oneIn(2) ? playSink(random) : playSource(random)
}

async function playSink(random: Random): Promise<string> {
  const line = random.pick(TO)
  const fs = filesystem(random)
  const stream = new MemoryStream()
  const sent = uploadOf(random)
  feed(random, stream, sent)
  const exit = await ended(receiveFiles(fs, parseScp(splitWords(line)), stream))
  nothingOpen(fs)
  const target = TARGETS[line]
  for (const { name, path } of fs.hooks.calls) {
    if (within(path, target)) continue
    throw new Violation('outside', `${line} called ${name} on ${JSON.stringify(path)}`)
  }
  answersOnly(stream.received())
  return `sink ${exit}`
}

async function playSource(random: Random): Promise<string> {
  const line = random.pick(FROM)
  const fs = filesystem(random)
  const stream = new MemoryStream()
  feed(random, stream, answersOf(random))
  const before = JSON.stringify(Object.keys(fs.tree()))
  const command = parseScp(splitWords(line))
  const buffers = new BufferPool(random.pick([32 * 1024, 64 * 1024]), 2)
  const exit = await ended(sendFiles({ fs, command, stream, rootName: 'home', buffers }))
  nothingOpen(fs)
  if (JSON.stringify(Object.keys(fs.tree())) !== before) throw new Violation('changed', `${line} changed the files`)
  recordsOnly(stream.received(), exit)
  return `source ${exit}`
}

function filesystem(random: Random): MemoryFileSystem {
  const fs = new MemoryFileSystem()
  fs.addDirectory('/dir')
  fs.addFile('/dir/f', 'contents')
  fs.addFile('/dir/g', '')
  fs.addDirectory('/dir/sub')
  fs.addFile('/dir/sub/two\nlines')
  fs.addFile('/outside', 'secret')
  fs.addDirectory('/loop')
  fs.addLink('/loop/round', '.')
  fs.addLink('/loop/nowhere', '/missing')
  if (random.oneIn(3)) {
    fs.hooks.before = ({ name }) => {
      if (name !== 'file.abort' && name !== 'directory.close' && random.oneIn(6)) throw failure(random)
    }
  }
  return fs
}

function failure(random: Random): FsError {
  const kind = random.pick(['permission', 'no-space', 'quota', 'failure', 'not-found', 'exists', 'invalid'] as const)
  return new FsError(kind, 'Made to fail')
}

/** Mostly what a client may say, for the way in is narrow; now and then anything. */
function uploadOf(random: Random): Buffer {
  const parts: Buffer[] = []
  for (let count = random.below(12); count > 0; count--) {
    if (random.oneIn(12)) parts.push(Buffer.from(`${random.pick(LINES)}\n`))
    else if (random.oneIn(15)) parts.push(noise(random))
    else parts.push(...announcement(random))
  }
  const whole = Buffer.concat(parts)
  return random.oneIn(4) ? whole.subarray(0, random.below(whole.length + 1)) : whole
}

function announcement(random: Random): Buffer[] {
  const name = random.oneIn(5) ? random.pick(NAMES) : random.pick(['a', 'f', 'sub', 'n'])
  const mode = random.below(0o10000)
  const size = random.pick([0, 1, 5, 40_000])
  const record = random.pick<ScpRecord>([
    { kind: 'file', mode, size, name },
    { kind: 'file', mode, size, name },
    { kind: 'directory', mode, name },
    { kind: 'leave' },
    { kind: 'times', times: { mtime: random.uint32(), atime: random.uint32() } },
  ])
  const status = random.pick<Status>([
    { kind: 'fine' },
    { kind: 'fine' },
    { kind: 'fine' },
    { kind: 'warning', text: 'read error' },
    { kind: 'fatal', text: 'lost' },
  ])
  if (record.kind !== 'file') return random.oneIn(20) ? [encodeStatus(status)] : [encodeRecord(record)]
  const length = random.oneIn(10) ? random.below(size + 3) : size
  return [encodeRecord(record), Buffer.alloc(length, 'x'), random.oneIn(15) ? Buffer.alloc(0) : encodeStatus(status)]
}

function answersOf(random: Random): Buffer {
  const parts: Buffer[] = []
  for (let count = random.below(30); count > 0; count--) {
    if (random.oneIn(20)) parts.push(noise(random))
    else if (random.oneIn(12)) parts.push(encodeStatus({ kind: random.pick(['warning', 'fatal']), text: 'no' }))
    else parts.push(Buffer.of(0))
  }
  return Buffer.concat(parts)
}

function noise(random: Random): Buffer {
  return Buffer.from(Array.from({ length: random.below(20) }, () => random.uint32() & 0xff))
}

/** In pieces of any size, then the end: said, or by vanishing. */
function feed(random: Random, stream: MemoryStream, bytes: Buffer): void {
  const most = random.pick([1, 3, 1000, 1_000_000])
  // A long stream byte by byte would be a sequence that takes as long as thousands of others.
  const step = bytes.length > 4096 ? Math.max(most, 1000) : most
  for (let at = 0; at < bytes.length; at += step) stream.send(bytes.subarray(at, at + step))
  if (random.oneIn(5)) stream.vanish()
  else stream.end()
}

async function ended(run: Promise<number>): Promise<number> {
  const settled: { exit?: number; violation?: Violation } = {}
  void run.then(
    (status) => (settled.exit = status),
    (error: unknown) => (settled.violation = new Violation('exception', String(error), { cause: error })),
  )
  // Everything moves in microtasks: no clock is needed to see that nothing moves any more.
  for (let turn = 0; turn < MAX_TURNS && Object.keys(settled).length === 0; turn++) await Promise.resolve()
  const { exit, violation } = settled
  if (violation !== undefined) throw violation
  if (exit === undefined) throw new Violation('hang', 'the client is gone and the command is not over')
  if (exit !== 0 && exit !== 1) throw new Violation('exit', `the exit status is ${exit}`)
  return exit
}

function nothingOpen(fs: MemoryFileSystem): void {
  const wrong = fs.opened.find(({ ends }) => ends.length !== 1)
  if (wrong !== undefined) throw new Violation('open', `${wrong.path} was ended ${wrong.ends.length} times`)
}

function within(path: string, target: string): boolean {
  return target === '/' || path === target || path.startsWith(`${target}/`)
}

/** A sink says status bytes and lines behind them, nothing else. */
function answersOnly(text: string): void {
  if (/^(?:\0|[\xfe\xff][ -~\x80-\xff]*\n)*$/.test(legible(text))) return
  throw new Violation('answer', JSON.stringify(text.slice(0, 200)))
}

/** What a source sends is understood by reading it as a client does: sizes are exact. */
function recordsOnly(text: string, exit: number): void {
  let rest = legible(text)
  while (rest !== '') {
    const line = /^(?:[DT].*|E|[\xfe\xff].*)\n/.exec(rest)?.[0]
    const file = /^C[0-7]{4} (\d+) [^\n/]+\n/.exec(rest)
    if (line === undefined && file === null) throw new Violation('record', JSON.stringify(rest.slice(0, 100)))
    rest = rest.slice((line ?? file?.[0] ?? '').length)
    // A client that said no gets the next record instead of the contents.
    if (file === null || /^[CDTE\xfe\xff]/.test(rest)) continue
    const size = Number(file[1])
    const end = rest[size]
    if (end === '\0') rest = rest.slice(size + 1)
    else if (end === WARNING) rest = rest.slice(size)
    // Cut short: the client was gone in the middle of the contents, or before them.
    else if (end === undefined && exit === 1) return
    else throw new Violation('size', JSON.stringify(rest.slice(0, 100)))
  }
}

const [WARNING, FATAL] = ['\xfe', '\xff']

/** The bytes that begin a complaint as others that nothing here holds, which a pattern can name. */
function legible(text: string): string {
  return text.replaceAll('\u0001', WARNING).replaceAll('\u0002', FATAL)
}
