import { createHash } from 'node:crypto'

import type { Attrs } from '../../protocol/sftp/attrs.ts'
import { S_IF } from '../../protocol/sftp/constants.ts'
import type { Response } from '../../protocol/sftp/packets.ts'

/** Seconds since the epoch; a time within was set by the system while the sequence ran. */
export interface Window {
  from: number
  to: number
}

/** What of a file's attributes both servers must tell alike. */
export interface Facts {
  size: string
  owner: string
  /** Octal, with the type. */
  mode: string
  /** Empty for links: see exclusions.ts. */
  atime: string
  mtime: string
}

export interface Entry {
  filename: string
  facts: Partial<Facts>
  /** Of the long name: what does not depend on how owners and dates are spelt. */
  line: { mode: string; links: string; size: string; filename: string } | undefined
}

/** What of a reply both servers must tell alike; plain data, equal when its JSON is. */
export type Reply =
  | { kind: 'status'; code: number }
  | { kind: 'handle' }
  | { kind: 'data'; data: string }
  | { kind: 'attrs'; facts: Partial<Facts> }
  | { kind: 'path'; path: string }
  | { kind: 'entries'; entries: readonly Entry[] }
  | { kind: 'volume'; blockSize: string; fragmentSize: string; blocks: string; maxNameBytes: string }
  | { kind: 'other'; response: string }

/** @param root host path in front of what the server says about paths; '' where it shows its own root as `/`. */
export function replyOf(
  response: Response,
  { asked, root, window }: { asked: string; root: string; window: Window },
): Reply {
  switch (response.kind) {
    case 'status':
      return { kind: 'status', code: response.code }
    case 'handle':
      return { kind: 'handle' }
    case 'data':
      return { kind: 'data', data: digest(Buffer.concat(response.data)) }
    case 'attrs':
      return { kind: 'attrs', facts: factsOf(response.attrs, window) }
    case 'name': {
      const [only] = response.entries
      if (asked === 'readlink') return { kind: 'path', path: only?.filename ?? '' }
      if (asked !== 'readdir') return { kind: 'path', path: withoutRoot(only?.filename ?? '', root) }
      const entries = response.entries.map(({ filename, longname, attrs }) => ({
        filename,
        facts: factsOf(attrs, window),
        line: parseLine(longname),
      }))
      return { kind: 'entries', entries: entries.toSorted((a, b) => (a.filename < b.filename ? -1 : 1)) }
    }
    case 'statvfsReply': {
      // What is free changes from moment to moment, and Node tells neither id nor mount flags.
      const { blockSize, fragmentSize, blocks, maxNameBytes } = response
      return {
        kind: 'volume',
        blockSize: String(blockSize),
        fragmentSize: String(fragmentSize),
        blocks: String(blocks),
        maxNameBytes: String(maxNameBytes),
      }
    }
    default:
      return { kind: 'other', response: response.kind }
  }
}

export function factsOf({ size, owner, permissions, times, extended }: Attrs, window: Window): Partial<Facts> {
  const isLink = permissions !== undefined && (permissions & S_IF.MT) === S_IF.LNK
  return {
    ...(size !== undefined && { size: String(size) }),
    ...(owner !== undefined && { owner: `${owner.uid}:${owner.gid}` }),
    ...(permissions !== undefined && { mode: permissions.toString(8) }),
    ...(times !== undefined && {
      atime: isLink ? '' : timeText(times.atime, window),
      mtime: timeText(times.mtime, window),
    }),
    ...(extended !== undefined && { extended: extended.length }),
  }
}

/** Times that the system set are all the same; one that a client set must be exact. */
export function timeText(seconds: number, { from, to }: Window): string {
  return seconds >= from && seconds <= to ? 'now' : String(seconds)
}

/** Short contents as they are, one character a byte; long ones by length and hash. */
export function digest(bytes: Buffer): string {
  if (bytes.length <= 200) return bytes.toString('latin1')
  return `${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`
}

function withoutRoot(path: string, root: string): string {
  if (root === '' || (path !== root && !path.startsWith(`${root}/`))) return path
  return path.slice(root.length) || '/'
}

/** Mode, links, owner, group, size, three words of date, name. */
function parseLine(longname: string): Entry['line'] {
  const match = /^(\S+) +(\S+) +\S+ +\S+ +(\d+) \S+ +\S+ +\S+ (.*)$/s.exec(longname)
  if (match === null) return undefined
  const [, mode = '', links = '', size = '', filename = ''] = match
  return { mode, links, size, filename }
}
