import { existsSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import pino from 'pino'
import { systemClock } from '../clock.ts'
import { describeError } from './describe.ts'

export type Destination =
  | { kind: 'stderr' }
  /** Relative to the working directory or absolute. */
  | { kind: 'file'; path: string }
  | { kind: 'none' }
  /** Stays the caller's: it is neither ended nor destroyed. */
  | { kind: 'stream'; stream: NodeJS.WritableStream }

/** Where lines go. Neither call throws: a log that fails must not take the server with it. */
export interface Sink {
  /** @param line ends with a newline; lost once the sink is closed. */
  write(line: string): void
  /** Resolves when the operating system has what was written, or is not going to take it. */
  close(): Promise<void>
}

/**
 * @param complain takes one line, once an outage of the log file.
 * @throws Error with a one-line message when the file cannot be opened.
 */
export function openSink(destination: Destination, complain: (line: string) => void = tellStderr): Sink {
  switch (destination.kind) {
    case 'none':
      return { write: () => undefined, close: () => Promise.resolve() }
    case 'stream':
      return streamSink(destination.stream)
    case 'stderr':
      return descriptorSink(STDERR, () => undefined)
    default:
      return fileSink(destination.path, complain)
  }
}

const STDERR = 2
/** Lines that wait for a slow disk; past it new ones are dropped, so that the log cannot eat the memory. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024
/** A reader of standard error that stalls must not keep the server from ending. */
const CLOSE_LIMIT_MS = 2000

function openLogFile(path: string): number {
  try {
    makeDirectories(dirname(resolve(path)))
    return openSync(path, 'a', 0o644)
  } catch (error) {
    throw new Error(`the log file ${path} cannot be opened: ${describeError(error)}`, { cause: error })
  }
}

function fileSink(path: string, complain: (line: string) => void): Sink {
  return descriptorSink(openLogFile(path), (reason) => {
    complain(`Error: the log file ${path} is not being written: ${reason}\n`)
  })
}

/** Step by step: Node's recursive mkdir never returns where a file system answers ENOENT, as Linux's /proc does. */
function makeDirectories(path: string): void {
  if (existsSync(path)) return
  makeDirectories(dirname(path))
  mkdirSync(path, { mode: 0o744 })
}

/** @param failed called with the reason once an outage, not once a line. */
function descriptorSink(fd: number, failed: (reason: string) => void): Sink {
  const stream = pino.destination({ fd, sync: false, maxLength: MAX_PENDING_BYTES })
  let failing = false
  let readerGone = false
  let closing: Promise<void> | undefined
  const fail = (reason: string): void => {
    if (!failing) failed(reason)
    failing = true
  }
  // What could not be written stays queued and is tried again with the next line.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // After this pino makes the stream swallow everything, its end too.
    if (error.code === 'EPIPE') readerGone = true
    fail(describeError(error))
  })
  stream.on('drop', () => fail('too many lines wait'))
  stream.on('drain', () => {
    failing = false
  })
  const end = (): Promise<void> =>
    new Promise((done) => {
      const limit = systemClock.after(CLOSE_LIMIT_MS, done, { ref: true })
      const settle = (): void => {
        limit.cancel()
        done()
      }
      stream.once('close', settle)
      stream.once('error', settle)
      stream.end()
    })
  return {
    write(line) {
      if (closing === undefined) stream.write(line)
    },
    close: () => (closing ??= readerGone ? Promise.resolve() : end()),
  }
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
