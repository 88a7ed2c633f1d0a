import type { Attrs } from '../../protocol/sftp/attrs.ts'

/**
 * Relative to the sequence's own directory. A leading `/` makes the engine see an absolute path; `/` alone
 * is the root that the server shows. One character a byte.
 */
export type Path = string

/** A slot, which means what was last opened into it, or bytes that no server ever gave out. */
export type HandleRef = number | { bogus: string }

/** A request, as data that neither server's handles and directories are in. The kinds are the codec's. */
export type Operation =
  | { kind: 'open'; path: Path; pflags: number; attrs: Attrs; slot: number }
  | { kind: 'opendir'; path: Path; slot: number }
  | { kind: 'close' | 'fstat' | 'readdir' | 'fsync' | 'fstatvfs'; handle: HandleRef }
  | { kind: 'read'; handle: HandleRef; offset: bigint; len: number }
  | { kind: 'write'; handle: HandleRef; offset: bigint; length: number; byte: number }
  | { kind: 'fsetstat'; handle: HandleRef; attrs: Attrs }
  | { kind: 'stat' | 'lstat' | 'remove' | 'rmdir' | 'readlink' | 'statvfs'; path: Path }
  /** Empty is sent as it is. */
  | { kind: 'realpath'; path: Path }
  /** With `tilde` it is sent behind `~/`, and `''` as `~` alone. */
  | { kind: 'expandPath'; path: Path; tilde: boolean }
  | { kind: 'setstat' | 'lsetstat' | 'mkdir'; path: Path; attrs: Attrs }
  | { kind: 'rename' | 'posixRename' | 'hardlink'; oldpath: Path; newpath: Path }
  /** `target` is the link's text, sent as it is. */
  | { kind: 'symlink'; target: string; path: Path }
  | {
      kind: 'copyData'
      from: HandleRef
      readOffset: bigint
      length: bigint
      to: HandleRef
      writeOffset: bigint
    }
  | { kind: 'unknownExtension' }

/**
 * - `stepwise`: each request waits for the reply to the one before.
 * - `bursts`: a request waits only for the handles it needs.
 * - `blind`: the engine gets everything at once, its handles foretold; OpenSSH, which is serial anyhow, bursts.
 */
export const PACES = ['stepwise', 'bursts', 'blind'] as const
export type Pace = (typeof PACES)[number]

export interface Sequence {
  pace: Pace
  /** Begins with the files of {@link PLANTED}, else in an empty directory. */
  planted: boolean
  operations: readonly Operation[]
}

/** Something to work on; every sequence's names collide with these. */
export const PLANTED: Readonly<Record<string, { file: string } | { link: string } | 'directory'>> = {
  a: { file: 'hello' },
  d: 'directory',
  'd/a': { file: 'world, world' },
  'd/e': 'directory',
  'd/l': { link: '../a' },
  l: { link: 'd' },
}
