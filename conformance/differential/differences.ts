import { MAX_PATH_BYTES } from '../../protocol/filesystem.ts'
import { SSH_FX } from '../../protocol/sftp/constants.ts'
import type { Entry, Facts, Reply } from './reply.ts'
import type { HandleRef, Operation, Sequence } from './sequence.ts'

/** One request and the two answers. */
export interface Exchange {
  sequence: Sequence
  /** Of the operation in the sequence. */
  index: number
  operation: Operation
  openssh: Reply
  engine: Reply
  /** What the engine's status says. */
  engineMessage: string
}

export interface KnownDifference {
  what: string
  why: string
  /**
   * What OpenSSH would have answered without this difference; undefined where it plays no part; `diverged`
   * where the files differ from here on, so that the rest of the sequence is not compared.
   */
  normalise(exchange: Exchange): Reply | 'diverged' | undefined
}

/** What a handle that sftp-server gives out for a directory becomes. */
export const DIRECTORY_REFUSED = {
  kind: 'status',
  code: SSH_FX.FAILURE,
  message: 'Is a directory',
  language: '',
} as const

/** Linux' NAME_MAX. */
const MAX_NAME_BYTES = 255

const failed = (reply: Reply): boolean =>
  reply.kind === 'status' && reply.code !== SSH_FX.OK && reply.code !== SSH_FX.EOF

const isDenied = (reply: Reply): boolean => reply.kind === 'status' && reply.code === SSH_FX.PERMISSION_DENIED

/** After these a name may mean something else. */
const MOVES: readonly Operation['kind'][] = ['rename', 'posixRename', 'remove', 'rmdir']
/** After these it may be out of reach. */
const CLOSES_WAYS: readonly Operation['kind'][] = ['setstat', 'lsetstat']

const isRoot = process.getuid?.() === 0

/** Differences that are meant to be. Everything else is a finding. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    what: 'OPEN refuses directories with FAILURE',
    why: 'open(2) lets those be opened for reading whom permissions let, and then nothing can be done with the handle',
    // Where sftp-server gives out a handle, play.ts closes it at once: all that follows would differ.
    normalise({ operation, openssh, engine, engineMessage }) {
      if (operation.kind !== 'open' || engineMessage !== DIRECTORY_REFUSED.message) return undefined
      return isDenied(openssh) ? engine : undefined
    },
  },
  {
    what: 'READDIR leaves out `.` and `..`',
    why: '`..` of the root would tell of the host; clients drop both',
    normalise({ operation, openssh }) {
      if (operation.kind !== 'readdir' || openssh.kind !== 'entries') return undefined
      const entries = openssh.entries.filter(({ filename }) => filename !== '.' && filename !== '..')
      return entries.length === 0 ? { kind: 'status', code: SSH_FX.EOF } : { kind: 'entries', entries }
    },
  },
  {
    what: 'READDIR knows its directory also when the name it was opened by means something else, or nothing in reach, meanwhile',
    why: 'sftp-server looks at each entry by that name, and leaves out what it does not find there',
    normalise({ sequence, index, operation, openssh, engine }) {
      if (operation.kind !== 'readdir' || engine.kind !== 'entries') return undefined
      const [names, ours] = [openssh, engine].map((reply) =>
        reply.kind === 'entries' ? reply.entries.map(({ filename }) => filename) : [],
      ) as [string[], string[]]
      const kinds = isRoot ? MOVES : [...MOVES, ...CLOSES_WAYS]
      const hasMoved = sequence.operations.slice(0, index).some(({ kind }) => kinds.includes(kind))
      return hasMoved && names.length < ours.length && names.every((each) => ours.includes(each)) ? engine : undefined
    },
  },
  {
    what: 'the access time that a request sent together with a READ of the same file sees',
    why: 'READs run beside requests that look at a file; only who changes one waits',
    normalise({ sequence, openssh, engine }) {
      const { pace, operations } = sequence
      if (pace === 'stepwise' || !operations.some(({ kind }) => kind === 'read')) return undefined
      if (openssh.kind === 'attrs' && engine.kind === 'attrs') {
        return { kind: 'attrs', facts: withAtimeOf(openssh.facts, engine.facts) }
      }
      if (openssh.kind !== 'entries' || engine.kind !== 'entries') return undefined
      const facts = new Map(engine.entries.map((entry) => [entry.filename, entry.facts]))
      const entries = openssh.entries.map((entry) => {
        return { ...entry, facts: withAtimeOf(entry.facts, facts.get(entry.filename) ?? {}) }
      })
      return { kind: 'entries', entries }
    },
  },
  {
    what: 'setuid bits are dropped',
    why: 'a client must not make programs that run as somebody else',
    normalise({ openssh }) {
      if (openssh.kind === 'attrs') return { kind: 'attrs', facts: withoutSetuid(openssh.facts) }
      if (openssh.kind !== 'entries') return undefined
      return { kind: 'entries', entries: openssh.entries.map(withoutSetuidEntry) }
    },
  },
  {
    what: 'the root itself is not removed, renamed or replaced: PERMISSION_DENIED',
    why: 'the kernel answers for `/` of a chroot with one error or another; the account may not do it, whatever is there',
    normalise({ operation, openssh, engine }) {
      if (!pathsOf(operation).includes('/') || !failed(openssh)) return undefined
      return isDenied(engine) ? engine : undefined
    },
  },
  {
    what: 'with two names, one of them too long or out of reach and the other wrong too: which of the two is answered',
    why: 'the engine looks for both directories first, and at the last names and the text of a link afterwards',
    normalise({ sequence, operation, openssh, engine }) {
      const names = operation.kind === 'symlink' ? [operation.target, operation.path] : pathsOf(operation)
      if (names.length < 2 || !failed(openssh) || !failed(engine)) return undefined
      const outOfReach = !isRoot && (isDenied(openssh) || isDenied(engine))
      const texts = sequence.operations.map((each) => (each.kind === 'symlink' ? each.target : ''))
      return outOfReach || [...names, ...texts].some(isTooLong) ? engine : undefined
    },
  },
  {
    what: 'SETSTAT and LSETSTAT of nothing: a path over 4095 bytes is refused',
    why: 'the engine refuses such a path before it is looked at; sftp-server has no use for it then',
    normalise({ operation, engine }) {
      if (operation.kind !== 'setstat' && operation.kind !== 'lsetstat') return undefined
      const { extended: _ignored, ...others } = operation.attrs
      return isTooLong(operation.path) && Object.keys(others).length === 0 ? engine : undefined
    },
  },
  {
    what: 'SETSTAT walks to a file once, and sets all it was given',
    why: 'sftp-server walks for each attribute, and the mode it set before may be in its way',
    normalise({ operation, openssh, engine }) {
      if (isRoot || (operation.kind !== 'setstat' && operation.kind !== 'lsetstat')) return undefined
      const { permissions, owner, times } = operation.attrs
      if (permissions === undefined || !isDenied(openssh)) return undefined
      if (!isDenied(engine)) return 'diverged'
      // Both are denied the owner, which hides that the times were set by one of them only.
      return (permissions & 0o100) === 0 && owner !== undefined && times !== undefined ? 'diverged' : undefined
    },
  },
  {
    what: 'RENAME refuses every name that is taken, a dangling link too',
    why: 'draft §6.5: it is an error if newpath exists; sftp-server asks with stat(2), which follows links',
    normalise({ operation, openssh, engine, engineMessage }) {
      if (operation.kind !== 'rename' || engineMessage !== 'File exists') return undefined
      return failed(openssh) ? engine : 'diverged'
    },
  },
  {
    what: 'copy-data within one file: refused exactly where the ranges overlap',
    why: 'so the draft of copy-data; sftp-server compares the names by which the two handles were opened',
    normalise({ sequence, index, operation, openssh, engine, engineMessage }) {
      if (operation.kind !== 'copyData') return undefined
      const [from, to] = [operation.from, operation.to].map((handle) => openedAs(sequence, index, handle))
      if (from !== undefined && from === to && failed(openssh)) return failed(engine) ? engine : 'diverged'
      return engineMessage === 'A file cannot be copied onto itself' ? 'diverged' : undefined
    },
  },
  {
    what: 'copy-data of more than the source has is done when the source ends',
    why: 'sftp-server answers OK or EOF, depending on which of its blocks of 64 KiB the source ends in',
    normalise({ operation, openssh, engine }) {
      const isEnd = openssh.kind === 'status' && openssh.code === SSH_FX.EOF
      return operation.kind === 'copyData' && isEnd && !failed(engine) ? engine : undefined
    },
  },
  {
    what: 'copy-data fails when a handle is not open for it, even if there is nothing to copy',
    why: 'sftp-server forgets an error of the last read, and does not notice before it has something to write',
    normalise({ operation, engineMessage }) {
      // Even when both fail alike: sftp-server may have read the source, which changes its access time.
      return operation.kind === 'copyData' && engineMessage.startsWith('The handle is not open to')
        ? 'diverged'
        : undefined
    },
  },
  {
    what: 'REALPATH and expand-path: a link text `file/`, `file/.` or `file/..` leads nowhere',
    why: 'as for the kernel, and so for every other request; sftp-server goes by the text there',
    normalise({ sequence, operation, openssh, engine }) {
      if (operation.kind !== 'realpath' && operation.kind !== 'expandPath') return undefined
      const climbs = sequence.operations.some(
        (each) => each.kind === 'symlink' && /[^./]\/\.{0,2}(\/|$)/.test(each.target),
      )
      return climbs && failed(engine) && (openssh.kind === 'path' || isDenied(engine)) ? engine : undefined
    },
  },
]

export function withoutSetuid<F extends Partial<Facts>>(facts: F): F {
  if (facts.mode === undefined) return facts
  const mode = (Number.parseInt(facts.mode, 8) & ~0o4000).toString(8)
  return mode === facts.mode ? facts : { ...facts, mode }
}

function withoutSetuidEntry(entry: Entry): Entry {
  const facts = withoutSetuid(entry.facts)
  if (facts === entry.facts || entry.line === undefined) return entry
  const { mode } = entry.line
  const execute = mode[3] === 's' ? 'x' : '-'
  return { ...entry, facts, line: { ...entry.line, mode: mode.slice(0, 3) + execute + mode.slice(4) } }
}

/** Where one of the two was read while the sequence ran. */
function withAtimeOf(theirs: Partial<Facts>, { atime }: Partial<Facts>): Partial<Facts> {
  return atime !== undefined && (atime === 'now' || theirs.atime === 'now') ? { ...theirs, atime } : theirs
}

/** The path by which a slot was opened before the operation at `index`. */
function openedAs({ operations }: Sequence, index: number, handle: HandleRef): string | undefined {
  const opened = operations
    .slice(0, index)
    .findLast((operation) => (operation.kind === 'open' || operation.kind === 'opendir') && operation.slot === handle)
  // Spelt as sftp-server sees it: see play.ts.
  return opened?.kind === 'open' ? opened.path.replace(/^\/|^\.\.\/w\//, '') : undefined
}

function isTooLong(path: string): boolean {
  return path.length > MAX_PATH_BYTES || path.split('/').some((component) => component.length > MAX_NAME_BYTES)
}

function pathsOf(operation: Operation): string[] {
  if ('oldpath' in operation) return [operation.oldpath, operation.newpath]
  return 'path' in operation ? [operation.path] : []
}
