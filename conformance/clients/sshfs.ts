import type { Case } from '../case.ts'
import { SSHFS_FILES } from './sshfs/files.ts'
import { SSHFS_PROGRAMS } from './sshfs/programs.ts'

/** The server as a file system of the kernel's; each case looks at the server's disk afterwards. */
export const SSHFS: readonly Case[] = [...SSHFS_PROGRAMS, ...SSHFS_FILES]
