/**
 * The messages of the SCP protocol, which no standard describes: what OpenSSH's scp.c says and takes.
 * Everything is text in one-char-per-byte form, ended by a line feed, except the status byte 0.
 */

import { BadMessage } from '../wire/bad-message.ts'

/** Seconds since the epoch, uint32; the protocol's microseconds have no place on the disk side. */
export interface Times {
  mtime: number
  atime: number
}

/** What a source announces. `mode` is POSIX's without its type bits, as it was sent. */
export type ScpRecord =
  | { kind: 'file'; mode: number; size: number; name: string }
  | { kind: 'directory'; mode: number; name: string }
  | { kind: 'leave' }
  | { kind: 'times'; times: Times }

/** How one side answers, or complains in place of a record: 0; 1 and a line, the rest goes on; 2 and a line, the end. */
export type Status = { kind: 'fine' } | { kind: 'warning' | 'fatal'; text: string }

/** Longest line taken: OpenSSH's own buffer holds 2 KiB. */
export const MAX_LINE_BYTES = 8192
/** Longest text of a complaint sent: OpenSSH's client reads no more than 2 KiB of one and loses its place then. */
const MAX_TEXT_BYTES = 1024

const MAX_SHOWN_PATH = 512

const STATUS_BYTE = { fine: 0, warning: 1, fatal: 2 } as const

export function encodeRecord(record: ScpRecord): Buffer {
  const line = `${lineOf(record)}\n`
  return Buffer.from(line, 'latin1')
}

function lineOf(record: ScpRecord): string {
  switch (record.kind) {
    case 'file':
      return `C${octal(record.mode)} ${record.size} ${record.name}`
    case 'directory':
      return `D${octal(record.mode)} 0 ${record.name}`
    case 'leave':
      return 'E'
    default:
      return `T${record.times.mtime} 0 ${record.times.atime} 0`
  }
}

/**
 * @param line without its line feed.
 * @throws BadMessage in OpenSSH's words.
 */
export function decodeRecord(line: string): ScpRecord {
  switch (line[0]) {
    case 'C': {
      const { mode, size, name } = entryOf(line)
      return { kind: 'file', mode, size, name }
    }
    case 'D': {
      const { mode, name } = entryOf(line)
      return { kind: 'directory', mode, name }
    }
    case 'E':
      return { kind: 'leave' }
    case 'T':
      return { kind: 'times', times: timesOf(line) }
    case undefined:
      throw new BadMessage('unexpected <newline>')
    default:
      throw new BadMessage('expected control record')
  }
}

export function encodeStatus(status: Status): Buffer {
  if (status.kind === 'fine') return Buffer.of(STATUS_BYTE.fine)
  const text = `\u0000${oneLine(status.text)}\n`
  const bytes = Buffer.from(text, 'latin1')
  bytes[0] = STATUS_BYTE[status.kind]
  return bytes
}

/** The kind that a first byte announces; undefined for anything that is no status. */
export function statusKind(byte: number): Status['kind'] | undefined {
  return byte === 0 ? 'fine' : byte === 1 ? 'warning' : byte === 2 ? 'fatal' : undefined
}

/** What is wrong with a path, in a line where a long path does not drive the reason out. */
export function complaint(path: string, reason: string): string {
  return `${path.length > MAX_SHOWN_PATH ? `...${path.slice(3 - MAX_SHOWN_PATH)}` : path}: ${reason}`
}

/** Text that ends no line before its time and moves no terminal's cursor. */
export function oneLine(text: string): string {
  const plain = text.replace(CONTROL, '?')
  return plain.length > MAX_TEXT_BYTES ? `${plain.slice(0, MAX_TEXT_BYTES - 3)}...` : plain
}

export function holdsControl(text: string): boolean {
  return text.search(CONTROL) !== -1
}

/** All but printable ASCII and the bytes of UTF-8's other characters. */
const CONTROL = /[^ -~\x80-\xff]/g

function entryOf(line: string): { mode: number; size: number; name: string } {
  const mode = /^.([0-7]{4})/.exec(line)?.[1]
  if (mode === undefined) throw new BadMessage('bad mode')
  if (line[5] !== ' ') throw new BadMessage('mode not delimited')
  const size = digits(line, 6)
  if (size === '') throw new BadMessage('size not present')
  const end = 6 + size.length
  if (line[end] !== ' ') throw new BadMessage('size not delimited')
  if (Number(size) > Number.MAX_SAFE_INTEGER) throw new BadMessage('size out of range')
  return { mode: Number.parseInt(mode, 8), size: Number(size), name: line.slice(end + 1) }
}

function timesOf(line: string): Times {
  const match = /^T(\d+) (\d{1,6}) (\d+) (\d{1,6})$/.exec(line)
  if (match === null) throw new BadMessage('times not understood')
  const [mtime, atime] = [Number(match[1]), Number(match[3])]
  if (mtime > 0xffff_ffff || atime > 0xffff_ffff) throw new BadMessage('time out of range')
  return { mtime, atime }
}

function digits(line: string, start: number): string {
  return /^\d*/.exec(line.slice(start))?.[0] ?? ''
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}
