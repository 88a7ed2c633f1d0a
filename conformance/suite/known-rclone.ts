import type { KnownDifference } from './known.ts'

/** `rclone serve sftp` as it is started without options; seen with version 1.60. */
const server = 'rclone'

export const RCLONE_DIFFERENCES: readonly KnownDifference[] = [
  {
    server,
    names: [/before INIT is not served$/],
    reason: 'Requests before INIT are served.',
  },
  {
    server,
    names: [/^packet type /, 'requests before a packet that is malformed are served'],
    reason: 'A packet that it does not know or cannot read ends the session, and with it what was sent before.',
  },
  {
    server,
    names: [/./],
    came: 'Illegal seek',
    reason:
      'Without a VFS cache WRITEs must follow one another without gaps, and a file that is open for writing cannot be read.',
  },
  {
    server,
    names: [/^SYMLINK /, /^READLINK /, /^statvfs /, /SYMLINK, READLINK/],
    came: 'OP_UNSUPPORTED',
    reason: 'There are no symbolic links, and statvfs@openssh.com is announced but not served.',
  },
  {
    server,
    names: [/^hardlink /, /hard link/],
    reason: 'hardlink@openssh.com is announced and answered with OK, and nothing is done.',
  },
  {
    server,
    names: [/^REALPATH /, /^SETSTAT a /],
    reason: 'REALPATH and SETSTAT do not look whether a name is there: one normalises text, the other says OK.',
  },
  {
    server,
    names: [/^f?setstat /i, /^a file without permission/, /^OPEN of (a file without|an existing file leaves)/, /^MKDIR with /, /^OPEN CREAT with /, /^READDIR/, /^STAT (of a file shows|shows all)/, /^times set/, /^MKDIR in a directory without write/], // prettier-ignore
    reason:
      'Modes, owners and times of access are not kept: SETSTAT and the attributes of OPEN and MKDIR change the time of modification alone, and the rest is answered with OK.',
  },
  {
    server,
    names: [/^in one chunk: (CLOSE|STAT|SETSTAT|OPEN)/],
    reason: 'Requests of one session run side by side: one may overtake, or wait for ever for, the one before it.',
  },
  {
    server,
    names: [/^OPEN /, /^(READ|WRITE)s? /, /^two /, /^a (second|file)/, /handle/],
    reason:
      'What a handle may do is not decided by pflags: opening for writing empties the file at once, a missing file is made without CREAT, EXCL has no effect, and a handle is made to read or to write by its first use.',
  },
  {
    server,
    names: [/^MKDIR /, /^RMDIR /, /^REMOVE /, /MKDIR twice/],
    reason: 'MKDIR of what is there says OK, and so do RMDIR of a file and REMOVE of a directory.',
  },
  {
    server,
    names: [/RENAMEs? /, /^RENAME /, /^posix-rename /],
    reason: 'RENAME and posix-rename are one: both replace a file, and neither replaces a directory.',
  },
]
