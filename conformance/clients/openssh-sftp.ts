import type { Case } from '../case.ts'
import { DIRECTORIES } from './openssh-sftp/directories.ts'
import { EXTENSIONS } from './openssh-sftp/extensions.ts'
import { LOGINS } from './openssh-sftp/logins.ts'
import { NAMES } from './openssh-sftp/names.ts'
import { ROBUSTNESS } from './openssh-sftp/robustness.ts'
import { TRANSFERS } from './openssh-sftp/transfers.ts'
import { TREES } from './openssh-sftp/trees.ts'

/** What OpenSSH's `sftp` is made to do; each case looks at both disks afterwards. */
export const OPENSSH_SFTP: readonly Case[] = [
  ...TRANSFERS,
  ...TREES,
  ...DIRECTORIES,
  ...NAMES,
  ...EXTENSIONS,
  ...LOGINS,
  ...ROBUSTNESS,
]
