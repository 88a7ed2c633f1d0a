import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Every program that the tests run, and the Debian package that has it. */
const PACKAGE_OF = {
  ssh: 'openssh-client',
  sftp: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  'ssh-keyscan': 'openssh-client',
  sshd: 'openssh-server',
  rclone: 'rclone',
} as const

export type Program = keyof typeof PACKAGE_OF

/** Servers live here, and an ordinary user's PATH leaves them out. */
const SYSTEM_DIRS = ['/usr/sbin', '/usr/local/sbin', '/sbin']

/** @returns the absolute path, which sshd insists on being started by. */
export function findProgram(name: Program): string | undefined {
  const dirs = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...SYSTEM_DIRS]
  return dirs.map((dir) => join(dir, name)).find(isExecutable)
}

/** @throws an error that names the program and how to get it. */
export function requireProgram(name: Program): string {
  const path = findProgram(name)
  if (path === undefined) throw new Error(`${name} is not installed: apt-get install ${PACKAGE_OF[name]}`)
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
