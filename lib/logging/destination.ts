import { writeSync } from 'node:fs'
import pino from 'pino'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { gathering } from './gather.ts'
import { MAX_PENDING_BYTES, RotatingFile } from './rotating-file.ts'
import type { Rotation } from './rotating-file.ts'

export type Destination =
  | { kind: 'stderr' }
  /** Relative to the working directory or absolute. */
  | { kind: 'file'; path: string; rotation?: Rotation }
  | { kind: 'none' }
  /** Stays the caller's: it is neither ended nor destroyed. */
  | { kind: 'stream'; stream: NodeJS.WritableStream }

/** Where lines go. Neither call throws: a log that fails must not take the server with it. */
export interface Sink {
  /** @param line ends with a newline; lost once the sink is closed. */
  write(line: string): void
  /** Begins a new file where there is one. Resolves when that is done, or has failed. */
  rotate(): Promise<void>
  /** Resolves when the operating system has what was written, or is not going to take it. */
  close(): Promise<void>
}

export interface SinkOptions {
  clock: Clock
  /** Takes one line, once an outage of the log file. */
  complain?(line: string): void
  /** Takes what the log itself should say of where it goes: lines that were lost, a rotation that failed. */
  tell?(message: string, error?: unknown): void
}

/** @throws Error with a one-line message when the file cannot be opened. */
export function openSink(
  destination: Destination,
  { clock, complain = tellStderr, tell = () => undefined }: SinkOptions,
): Sink {
  switch (destination.kind) {
    case 'none':
      return { write: () => undefined, ...unrotated, close: () => Promise.resolve() }
    case 'stream':
      return streamSink(destination.stream)
    case 'stderr':
      return gathering(stderrSink(tell), clock)
    default:
      return gathering(fileSink(new RotatingFile({ ...destination, clock, complain, tell })), clock)
  }
}

const unrotated = { rotate: () => Promise.resolve() }
const STDERR = 2
/** A disk or a reader of standard error that stalls must not keep the server from ending. */
const CLOSE_LIMIT_MS = 2000

function fileSink(file: RotatingFile): Sink {
  let closing: Promise<void> | undefined
  return {
    write: (line) => file.write(line),
    rotate: () => file.rotate(),
    close: () => (closing ??= withinLimit(file.close())),
  }
}

/** @param tell given the number of lines that were dropped, once there is room for more. */
function stderrSink(tell: (message: string) => void): Sink {
  const stream = pino.destination({ fd: STDERR, sync: false, maxLength: MAX_PENDING_BYTES })
  let lost = 0
  let readerGone = false
  let closing: Promise<void> | undefined
  // What could not be written stays queued and is tried again with the next line.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // After this pino makes the stream swallow everything, its end too.
    if (error.code === 'EPIPE') readerGone = true
  })
  stream.on('drop', () => void lost++)
  stream.on('drain', () => {
    if (lost === 0) return
    const count = lost
    lost = 0
    tell(`standard error was not read fast enough; lines lost: ${count}`)
  })
  const end = (): Promise<void> =>
    new Promise((done) => {
      stream.once('close', done)
      stream.once('error', () => done())
      stream.end()
    })
  return {
    write(line) {
      if (closing === undefined) stream.write(line)
    },
    ...unrotated,
    close: () => (closing ??= readerGone ? Promise.resolve() : withinLimit(end())),
  }
}

/** Resolves with the work, or without it. */
async function withinLimit(work: Promise<void>): Promise<void> {
  await new Promise<void>((done) => {
    const limit = systemClock.after(CLOSE_LIMIT_MS, done, { ref: true })
    void work.finally(() => {
      limit.cancel()
      done()
    })
  })
}

function streamSink(stream: NodeJS.WritableStream): Sink {
  let closed = false
  stream.on('error', () => {
    closed = true
  })
  return {
    write(line) {
      if (!closed) stream.write(line)
    },
    ...unrotated,
    close() {
      if (closed) return Promise.resolve()
      closed = true
      return new Promise((done) => stream.write('', () => done()))
    },
  }
}

/** Standard error by its descriptor: the stream object would raise an event nobody handles when its reader is gone. */
function tellStderr(line: string): void {
  try {
    writeSync(STDERR, line)
  } catch {
    // Neither the log nor standard error takes lines: there is nobody left to tell.
  }
}
