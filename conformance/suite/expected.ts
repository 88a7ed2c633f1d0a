import { SSH_FX } from '../../protocol/sftp/constants.ts'
import type { Attrs } from '../../protocol/sftp/attrs.ts'
import type { Outcome } from './client.ts'

export type StatusName = keyof typeof SSH_FX

/** What may come back, and how a report says it. */
export interface Expected {
  text: string
  accepts(outcome: Outcome): boolean
}

/** @param may other codes that are right as well; the first is what OpenSSH or the draft would say. */
export function status(strict: StatusName, ...may: readonly StatusName[]): Expected {
  return {
    text: may.length === 0 ? strict : `${strict} (or ${may.join(', ')})`,
    accepts: (outcome) => outcome.kind === 'status' && [strict, ...may].some((code) => SSH_FX[code] === outcome.code),
  }
}

export const ok: Expected = status('OK')
export const eof: Expected = status('EOF')

/** Any status that refuses. For requests that are wrong in a way for which the draft has no code. */
export const refused: Expected = {
  text: 'a status that refuses',
  accepts: (outcome) => outcome.kind === 'status' && outcome.code > SSH_FX.EOF,
}

export const ended: Expected = { text: 'the session ended', accepts: ({ kind }) => kind === 'ended' }

export const handle: Expected = {
  text: 'HANDLE of 1 to 256 bytes',
  accepts: (outcome) => outcome.kind === 'handle' && outcome.handle.length >= 1 && outcome.handle.length <= 256,
}

export function data(expected: Buffer): Expected {
  return {
    text: `DATA ${shown(expected)}`,
    accepts: (outcome) => outcome.kind === 'data' && Buffer.concat(outcome.data).equals(expected),
  }
}

/** DATA with the beginning of `expected`: a server may send less than was asked for (§6.4). */
export function someOf(expected: Buffer): Expected {
  return {
    text: `DATA, 1 to ${expected.length} bytes that are right`,
    accepts: (outcome) => {
      if (outcome.kind !== 'data') return false
      const came = Buffer.concat(outcome.data)
      return came.length > 0 && came.length <= expected.length && came.equals(expected.subarray(0, came.length))
    },
  }
}

/** NAME with one entry. @param paths one of them; one character a byte */
export function name(...paths: readonly string[]): Expected {
  return {
    text: `NAME ${paths.map((path) => JSON.stringify(path)).join(' or ')}`,
    accepts: (outcome) =>
      outcome.kind === 'name' && outcome.entries.length === 1 && paths.includes(outcome.entries[0]?.filename ?? ''),
  }
}

/** ATTRS; `permissions` is compared with the type bits it names, the others exactly. */
export function attrs(expected: Attrs = {}): Expected {
  const text = attrsText(expected)
  return {
    text: text === '' ? 'ATTRS' : `ATTRS ${text}`,
    accepts: (outcome) => outcome.kind === 'attrs' && sameAttrs(outcome.attrs, expected),
  }
}

/** An extended reply of the kind that the request earns. */
export function reply(kind: Outcome['kind'], text: string, accepts: (outcome: Outcome) => boolean): Expected {
  return { text, accepts: (outcome) => outcome.kind === kind && accepts(outcome) }
}

export function either(...options: readonly Expected[]): Expected {
  return {
    text: options.map((option) => option.text).join(', or '),
    accepts: (outcome) => options.some((option) => option.accepts(outcome)),
  }
}

/** A malformed request: the draft has BAD_MESSAGE for it (§7), OpenSSH ends the session. */
export const malformed: Expected = either(status('BAD_MESSAGE', 'FAILURE', 'OP_UNSUPPORTED'), ended)

export function statusName(code: number): string {
  return Object.entries(SSH_FX).find(([, value]) => value === code)?.[0] ?? `status ${code}`
}

/** What came, in a few words; nothing in it depends on the run, so that two servers can be compared. */
export function describe(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'status':
      return statusName(outcome.code)
    case 'handle':
      return outcome.handle.length >= 1 && outcome.handle.length <= 256
        ? 'HANDLE'
        : `HANDLE of ${outcome.handle.length}`
    case 'data':
      return `DATA ${shown(Buffer.concat(outcome.data))}`
    case 'name':
      return 'NAME'
    case 'attrs':
      return 'ATTRS'
    case 'version':
      return `VERSION ${outcome.version}`
    case 'ended':
      return 'the session ended'
    case 'no reply':
      return 'no reply (hang)'
    case 'unreadable':
      return `a reply that cannot be read (${outcome.reason})`
    default:
      return 'EXTENDED_REPLY'
  }
}

/** As {@link describe}, with what helps to understand a failure. */
export function describeFully(outcome: Outcome): string {
  const short = describe(outcome)
  if (outcome.kind === 'status') return outcome.message === '' ? short : `${short} (${shownText(outcome.message)})`
  if (outcome.kind === 'name')
    return `${short} ${outcome.entries
      .slice(0, 3)
      .map((entry) => shownText(entry.filename))
      .join(', ')}`
  if (outcome.kind === 'attrs') return `${short} ${attrsText(outcome.attrs)}`
  return short
}

export function shown(bytes: Buffer): string {
  return bytes.length > 32 ? `of ${bytes.length} bytes` : JSON.stringify(bytes.toString('latin1'))
}

function shownText(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}...` : text)
}

function attrsText({ size, owner, permissions, times }: Attrs): string {
  return [
    ...(size === undefined ? [] : [`size ${size}`]),
    ...(owner === undefined ? [] : [`owner ${owner.uid}:${owner.gid}`]),
    ...(permissions === undefined ? [] : [`permissions ${permissions.toString(8)}`]),
    ...(times === undefined ? [] : [`times ${times.atime} ${times.mtime}`]),
  ].join(', ')
}

function sameAttrs(came: Attrs, expected: Attrs): boolean {
  if (expected.size !== undefined && came.size !== expected.size) return false
  if (expected.owner !== undefined) {
    if (came.owner?.uid !== expected.owner.uid || came.owner.gid !== expected.owner.gid) return false
  }
  if (expected.times !== undefined) {
    if (came.times?.atime !== expected.times.atime || came.times.mtime !== expected.times.mtime) return false
  }
  return expected.permissions === undefined || came.permissions === expected.permissions
}
