import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

import { NotInstalled } from './not-run.ts'

/** Every program that the tests run, and the Debian package that has it. */
const PACKAGE_OF = {
  ssh: 'openssh-client',
  sftp: 'openssh-client',
  scp: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  'ssh-keyscan': 'openssh-client',
  sshd: 'openssh-server',
  rclone: 'rclone',
  sshfs: 'sshfs',
  fusermount3: 'fuse3',
  lftp: 'lftp',
  psftp: 'putty-tools',
  pscp: 'putty-tools',
  puttygen: 'putty-tools',
  curl: 'curl',
  git: 'git',
  chromium: 'chromium',
  cp: 'coreutils',
  df: 'coreutils',
  mount: 'mount',
  umount: 'mount',
} as const

export type Program = keyof typeof PACKAGE_OF

/** Servers live here, and an ordinary user's PATH leaves them out. */
const SYSTEM_DIRS = ['/usr/sbin', '/usr/local/sbin', '/sbin']

/** @returns the absolute path, which sshd insists on being started by. */
export function findProgram(name: Program): string | undefined {
  const dirs = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...SYSTEM_DIRS]
  return dirs.map((dir) => join(dir, name)).find(isExecutable)
}

/** @throws NotInstalled, which names the program and its package. */
export function requireProgram(name: Program): string {
  const path = findProgram(name)
  if (path === undefined) throw new NotInstalled(name, PACKAGE_OF[name])
  return path
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
