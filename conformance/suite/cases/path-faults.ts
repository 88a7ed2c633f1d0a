import { SSH_FXF } from '../../../protocol/sftp/constants.ts'
import { row } from '../case.ts'
import type { Case } from '../case.ts'
import type { Unnumbered } from '../client.ts'
import { either, ended, status } from '../expected.ts'
import type { Expected } from '../expected.ts'
import type { Tree } from '../tree.ts'

/** A path that cannot be right, and what every operation must say of it. */
interface Fault {
  name: string
  given: Tree
  path: string
  expect: Expected
  /** The last component is what is wrong: operations on a new name have nothing against it. */
  missingOnly?: boolean
  /** Operations on the name itself do not follow it. */
  followedOnly?: boolean
  note?: string
}

const FAULTS: readonly Fault[] = [
  { name: 'a missing name', given: {}, path: 'none', expect: status('NO_SUCH_FILE'), missingOnly: true },
  { name: 'a name in a missing directory', given: {}, path: 'none/x', expect: status('NO_SUCH_FILE') },
  {
    name: 'a name below a file',
    given: { f: { file: 'text' } },
    path: 'f/x',
    expect: status('NO_SUCH_FILE', 'FAILURE'),
    note: 'OpenSSH answers ENOTDIR with NO_SUCH_FILE.',
  },
  {
    name: 'a name below a dangling link',
    given: { l: { link: 'none' } },
    path: 'l/x',
    expect: status('NO_SUCH_FILE'),
  },
  {
    name: 'a name below a link to itself',
    given: { l: { link: 'l' } },
    path: 'l/x',
    expect: status('NO_SUCH_FILE', 'FAILURE'),
    note: 'OpenSSH answers ELOOP with NO_SUCH_FILE.',
  },
  {
    name: 'a link to itself',
    given: { l: { link: 'l' } },
    path: 'l',
    expect: status('NO_SUCH_FILE', 'FAILURE'),
    followedOnly: true,
    note: 'OpenSSH answers ELOOP with NO_SUCH_FILE.',
  },
  {
    name: 'a name of 256 bytes',
    given: {},
    path: 'n'.repeat(256),
    expect: status('BAD_MESSAGE', 'FAILURE', 'NO_SUCH_FILE'),
    note: 'OpenSSH answers ENAMETOOLONG with BAD_MESSAGE. Disks take 255 bytes.',
  },
  {
    name: 'a path of 5000 bytes',
    given: {},
    path: 'p/'.repeat(2500),
    expect: status('BAD_MESSAGE', 'FAILURE', 'NO_SUCH_FILE'),
    note: 'OpenSSH answers ENAMETOOLONG with BAD_MESSAGE.',
  },
  {
    name: 'a name with a NUL byte',
    given: { f: { file: 'text' } },
    path: 'f\0x',
    expect: either(status('NO_SUCH_FILE', 'FAILURE', 'BAD_MESSAGE'), ended),
    note: 'OpenSSH ends the session. The name up to the NUL must never be meant.',
  },
]

interface Operation {
  name: string
  section: string
  needs?: readonly string[]
  /** The path is one that the operation makes. */
  makes?: true
  /** The operation acts on a link itself. */
  onLinks?: true
  request(path: string, at: (name: string) => string): Unnumbered
}

const { READ, WRITE, CREAT } = SSH_FXF

const OPERATIONS: readonly Operation[] = [
  {
    name: 'OPEN READ',
    section: '§6.3',
    request: (path) => ({ kind: 'open', filename: path, pflags: READ, attrs: {} }),
  },
  {
    name: 'OPEN WRITE|CREAT',
    section: '§6.3',
    makes: true,
    request: (path) => ({ kind: 'open', filename: path, pflags: WRITE | CREAT, attrs: {} }),
  },
  { name: 'STAT', section: '§6.8', request: (path) => ({ kind: 'stat', path }) },
  { name: 'LSTAT', section: '§6.8', onLinks: true, request: (path) => ({ kind: 'lstat', path }) },
  {
    name: 'SETSTAT',
    section: '§6.9',
    request: (path) => ({ kind: 'setstat', path, attrs: { permissions: 0o600 } }),
  },
  { name: 'OPENDIR', section: '§6.7', request: (path) => ({ kind: 'opendir', path }) },
  { name: 'REMOVE', section: '§6.5', onLinks: true, request: (path) => ({ kind: 'remove', filename: path }) },
  {
    name: 'MKDIR',
    section: '§6.6',
    makes: true,
    onLinks: true,
    request: (path) => ({ kind: 'mkdir', path, attrs: {} }),
  },
  { name: 'RMDIR', section: '§6.6', onLinks: true, request: (path) => ({ kind: 'rmdir', path }) },
  { name: 'REALPATH', section: '§6.11', makes: true, request: (path) => ({ kind: 'realpath', path }) },
  { name: 'READLINK', section: '§6.10', onLinks: true, request: (path) => ({ kind: 'readlink', path }) },
  {
    name: 'RENAME from',
    section: '§6.5',
    onLinks: true,
    request: (path, at) => ({ kind: 'rename', oldpath: path, newpath: at('new') }),
  },
  {
    name: 'RENAME to',
    section: '§6.5',
    makes: true,
    onLinks: true,
    request: (path, at) => ({ kind: 'rename', oldpath: at('source'), newpath: path }),
  },
  {
    name: 'SYMLINK at',
    section: '§6.10',
    makes: true,
    onLinks: true,
    request: (path) => ({ kind: 'symlink', targetpath: 'target', linkpath: path }),
  },
  {
    name: 'posix-rename from',
    section: 'PROTOCOL 4.3',
    needs: ['posix-rename@openssh.com'],
    onLinks: true,
    request: (path, at) => ({ kind: 'posixRename', oldpath: path, newpath: at('new') }),
  },
  {
    name: 'posix-rename to',
    section: 'PROTOCOL 4.3',
    needs: ['posix-rename@openssh.com'],
    makes: true,
    onLinks: true,
    request: (path, at) => ({ kind: 'posixRename', oldpath: at('source'), newpath: path }),
  },
  {
    name: 'hardlink from',
    section: 'PROTOCOL 4.5',
    needs: ['hardlink@openssh.com'],
    onLinks: true,
    request: (path, at) => ({ kind: 'hardlink', oldpath: path, newpath: at('new') }),
  },
  {
    name: 'hardlink to',
    section: 'PROTOCOL 4.5',
    needs: ['hardlink@openssh.com'],
    makes: true,
    onLinks: true,
    request: (path, at) => ({ kind: 'hardlink', oldpath: at('source'), newpath: path }),
  },
  {
    name: 'statvfs',
    section: 'PROTOCOL 4.4',
    needs: ['statvfs@openssh.com'],
    request: (path) => ({ kind: 'statvfs', path }),
  },
  {
    name: 'lsetstat',
    section: 'PROTOCOL 4.7',
    needs: ['lsetstat@openssh.com'],
    onLinks: true,
    request: (path) => ({ kind: 'lsetstat', path, attrs: { times: { atime: 1, mtime: 1 } } }),
  },
  {
    name: 'check-file-name',
    section: 'extensions draft §3',
    needs: ['check-file'],
    request: (filename) => ({
      kind: 'checkFileName',
      filename,
      algorithms: 'md5',
      offset: 0n,
      length: 0n,
      blockSize: 0,
    }),
  },
]

function applies(fault: Fault, operation: Operation): boolean {
  if (fault.missingOnly === true && operation.makes === true) return false
  return !(fault.followedOnly === true && operation.onLinks === true)
}

function caseOf(fault: Fault, operation: Operation): Case {
  const source: Tree = operation.name.endsWith(' to') ? { source: { file: 'source' } } : {}
  return row({
    name: `${operation.name} ${fault.name} is refused`,
    section: operation.section,
    ...(operation.needs && { needs: operation.needs }),
    ...(fault.note !== undefined && { note: fault.note }),
    given: { ...fault.given, ...source },
    send: (at) => operation.request(at(fault.path), at),
    expect: fault.expect,
    // A session that ended shows nothing; the next one would.
    ...(fault.path.includes('\0') ? {} : { after: { ...fault.given, ...source } }),
  })
}

export const PATH_FAULTS: readonly Case[] = OPERATIONS.flatMap((operation) =>
  FAULTS.filter((fault) => applies(fault, operation)).map((fault) => caseOf(fault, operation)),
)
