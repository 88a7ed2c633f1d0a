/** One account as a file of another system has it. */
export interface ForeignAccount {
  name: string
  /** As stored there; a `!` in front locks it. */
  hash: string
  uid: number
  gid: number
  home: string
  /** Milliseconds since the epoch; absent for never. */
  expiresMs?: number
  /** Without a way to log in there, for whatever reason the notes give. */
  inactive?: boolean
  maxSessions?: number
  quotaFiles?: number
  quotaBytes?: number
  uploadBytesPerSecond?: number
  downloadBytesPerSecond?: number
}

/** One line of such a file that is more than a comment. */
export interface Entry {
  /** From 1. */
  line: number
  /** The first field, which is the name where the line can be read. */
  label: string
  /** Absent when the line cannot be read: the notes say why. */
  account?: ForeignAccount
  /** What is not carried over, a phrase each. */
  notes: string[]
}

/** What a line says, or why it says nothing. */
export type Parsed = { account: ForeignAccount; notes?: string[] } | { notes: string[] }

/**
 * Reads lines of fields with colons between them. Blank lines and comments are no entries.
 * @param least fields that a line has.
 */
export function readEntries(content: Buffer, least: number, parse: (fields: readonly string[]) => Parsed): Entry[] {
  const entries: Entry[] = []
  for (const [at, bytes] of linesOf(content).entries()) {
    const text = bytes.toString('utf8')
    if (text.trim() === '' || text.startsWith('#')) continue
    const fields = text.split(':')
    const read = problemOf(bytes, text, fields.length, least) ?? parse(fields)
    entries.push({
      line: at + 1,
      label: fields[0] ?? '',
      notes: read.notes ?? [],
      ...('account' in read && { account: read.account }),
    })
  }
  return entries
}

function problemOf(bytes: Buffer, text: string, found: number, least: number): Parsed | undefined {
  if (!Buffer.from(text).equals(bytes)) return { notes: ['the line is not UTF-8'] }
  if (/^[+-]/.test(text)) return { notes: ['it stands for accounts of a directory service, which are not in the file'] }
  if (found < least) return { notes: [`the line has ${found} fields, want at least ${least}`] }
  return undefined
}

function linesOf(content: Buffer): Buffer[] {
  const lines: Buffer[] = []
  for (let start = 0; start < content.length;) {
    const found = content.indexOf(0x0a, start)
    const end = found === -1 ? content.length : found
    lines.push(content.subarray(start, content[end - 1] === 0x0d && end > start ? end - 1 : end))
    start = end + 1
  }
  return lines
}

/** A whole number of at most 15 digits; undefined for anything else. */
export function digits(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/** The part that all formats have in common: name, hash, uid, gid, something, home. */
export function basics(fields: readonly string[]): ForeignAccount | { notes: string[] } {
  const [name = '', hash = '', uidText = '', gidText = '', , home = ''] = fields
  const uid = digits(uidText)
  const gid = digits(gidText)
  if (uid === undefined) return { notes: ['its uid is no number'] }
  if (gid === undefined) return { notes: ['its gid is no number'] }
  return { name, hash, uid, gid, home }
}
