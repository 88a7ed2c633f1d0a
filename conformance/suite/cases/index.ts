import type { Case, Group } from '../case.ts'
import { ATTRS_MATRIX } from './attrs-matrix.ts'
import { CHECK_FILE_CASES } from './check-file.ts'
import { COPY_CASES } from './copy-data.ts'
import { FILE_CASES } from './files.ts'
import { FRAMING_CASES } from './framing.ts'
import { HANDLE_CASES } from './handles.ts'
import { LIMIT_CASES } from './limits.ts'
import { LINK_CASES } from './links.ts'
import { NAME_CASES } from './names.ts'
import { OPEN_CASES } from './open.ts'
import { OPEN_MATRIX } from './open-matrix.ts'
import { ORDER_CASES } from './order.ts'
import { PATH_FAULTS } from './path-faults.ts'
import { PIPELINING_CASES } from './pipelining.ts'
import { READDIR_CASES } from './readdir.ts'
import { READ_WRITE_CASES } from './read-write.ts'
import { REALPATH_CASES } from './realpath.ts'
import { RENAME_CASES } from './rename.ts'
import { SETSTAT_CASES } from './setstat.ts'
import { UNKNOWN_CASES } from './unknown.ts'
import { VERSION_CASES } from './version.ts'
import { EXPAND_CASES, VOLUME_CASES } from './volume.ts'

/** The whole suite, in the order in which it runs. */
export const GROUPS: readonly Group[] = [
  { title: 'version and sessions', cases: VERSION_CASES },
  { title: 'framing', cases: FRAMING_CASES },
  { title: 'unknown requests', cases: UNKNOWN_CASES },
  { title: 'limits', cases: LIMIT_CASES },
  { title: 'OPEN and CLOSE', cases: OPEN_CASES },
  { title: 'OPEN: every pflags, every kind of name', cases: OPEN_MATRIX },
  { title: 'handles', cases: HANDLE_CASES },
  { title: 'READ and WRITE', cases: READ_WRITE_CASES },
  { title: 'attributes: every set of them', cases: ATTRS_MATRIX },
  { title: 'SETSTAT and FSETSTAT', cases: SETSTAT_CASES },
  { title: 'STAT, MKDIR, RMDIR, REMOVE', cases: FILE_CASES },
  { title: 'OPENDIR and READDIR', cases: READDIR_CASES },
  { title: 'RENAME and posix-rename', cases: RENAME_CASES },
  { title: 'links', cases: LINK_CASES },
  { title: 'REALPATH', cases: REALPATH_CASES },
  { title: 'expand-path', cases: EXPAND_CASES },
  { title: 'paths that cannot be right', cases: PATH_FAULTS },
  { title: 'names', cases: NAME_CASES },
  { title: 'statvfs, fsync, users, space', cases: VOLUME_CASES },
  { title: 'copy-data', cases: COPY_CASES },
  { title: 'check-file', cases: CHECK_FILE_CASES },
  { title: 'order of what is sent together', cases: ORDER_CASES },
  { title: 'pipelining', cases: PIPELINING_CASES },
]

export const CASES: readonly Case[] = GROUPS.flatMap(({ cases }) => cases)
