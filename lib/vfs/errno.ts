import { FsError } from '../../protocol/filesystem.ts'
import type { FsErrorKind } from '../../protocol/filesystem.ts'

interface Meaning {
  kind: FsErrorKind
  text: string
}

/** What an errno tells a client. The kinds are chosen so that the status equals that of OpenSSH's server. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOENT: { kind: 'not-found', text: 'No such file or directory' },
  ENOTDIR: { kind: 'not-found', text: 'Not a directory' },
  ELOOP: { kind: 'not-found', text: 'Too many levels of symbolic links' },
  EPERM: { kind: 'permission', text: 'Operation not permitted' },
  EACCES: { kind: 'permission', text: 'Permission denied' },
  EINVAL: { kind: 'invalid', text: 'Invalid argument' },
  ENAMETOOLONG: { kind: 'invalid', text: 'File name too long' },
  EEXIST: { kind: 'exists', text: 'File exists' },
  ENOTEMPTY: { kind: 'failure', text: 'Directory not empty' },
  EISDIR: { kind: 'failure', text: 'Is a directory' },
  EXDEV: { kind: 'failure', text: 'Not on the same file system' },
  EBUSY: { kind: 'failure', text: 'In use' },
  EROFS: { kind: 'failure', text: 'Read-only file system' },
  EFBIG: { kind: 'failure', text: 'File too large' },
  EMLINK: { kind: 'failure', text: 'Too many links' },
  EMFILE: { kind: 'failure', text: 'Too many open files' },
  ENFILE: { kind: 'failure', text: 'Too many open files' },
  ENOSPC: { kind: 'no-space', text: 'No space left on device' },
  EDQUOT: { kind: 'quota', text: 'Disk quota exceeded' },
  EOPNOTSUPP: { kind: 'failure', text: 'Not supported by the file system' },
  ENOSYS: { kind: 'unsupported', text: 'Not supported by the system' },
}

/** Errors that a client's request explains; others are the host's trouble, which the log should know of. */
const ORDINARY: readonly string[] = [
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
  'EINVAL',
  'ENAMETOOLONG',
  'EEXIST',
  'ENOTEMPTY',
  'EISDIR',
  'EXDEV',
  'EPERM',
  'EACCES',
]

/** The one place where a system call's error becomes an {@link FsError}; an FsError passes through. */
export function fsError(error: unknown): FsError {
  if (error instanceof FsError) return error
  const code = errnoOf(error)
  const { kind, text } = (code === undefined ? undefined : MEANINGS[code]) ?? { kind: 'failure', text: 'Failure' }
  return new FsError(kind, text, code !== undefined && ORDINARY.includes(code) ? undefined : { cause: error })
}

/** `ENOENT` and the like; undefined for anything that is no system call's error. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Runs system calls; what they throw is an {@link FsError}. */
export async function calling<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw fsError(error)
  }
}
