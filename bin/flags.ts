import type { FlagVariable } from '../lib/config/environment.ts'

/** One flag of a command. */
export interface Flag {
  /** Without dashes. */
  name: string
  /** One letter. */
  short?: string
  /** `list` is separated by commas, `words` by blanks: it takes all that follows up to the next flag. */
  kind: 'text' | 'integer' | 'boolean' | 'list' | 'words'
  /** Written as on the command line; `''` for what the help says. */
  fallback: string
  /** Read when the flag is not given; the fallback holds when it is not set either. */
  variable?: FlagVariable
  /** Smallest integer, 0 when absent. */
  min?: number
  max?: number
  /** What it may be, or each item of a list. */
  choices?: readonly string[]
  /** Completed by the shell. */
  completes?: 'file' | 'directory'
  /** One sentence without its full stop. */
  help: string
}

const MAX_INT = 2_147_483_647

/** By them `serve` finds its configuration, and `initprovider` the same one. */
export const INITPROVIDER_FLAGS = [
  {
    name: 'config-dir',
    short: 'c',
    kind: 'text',
    fallback: '.',
    variable: 'SFTPGO_CONFIG_DIR',
    help: 'Directory of the configuration file, and base of the relative paths in it',
  },
  {
    name: 'config-file',
    short: 'f',
    kind: 'text',
    fallback: 'sftpgo',
    variable: 'SFTPGO_CONFIG_FILE',
    help: 'Name of the configuration file, without directory and extension',
  },
] as const satisfies readonly Flag[]

export const SERVE_FLAGS = [
  ...INITPROVIDER_FLAGS,
  {
    name: 'log-file-path',
    short: 'l',
    kind: 'text',
    fallback: 'sftpgo.log',
    variable: 'SFTPGO_LOG_FILE_PATH',
    help: 'Log file; empty writes to the standard error',
  },
  {
    name: 'log-max-size',
    short: 's',
    kind: 'integer',
    fallback: '10',
    variable: 'SFTPGO_LOG_MAX_SIZE',
    max: MAX_INT,
    help: 'Megabytes after which the log file is rotated',
  },
  {
    name: 'log-max-backups',
    short: 'b',
    kind: 'integer',
    fallback: '5',
    variable: 'SFTPGO_LOG_MAX_BACKUPS',
    max: MAX_INT,
    help: 'Rotated log files to keep',
  },
  {
    name: 'log-max-age',
    short: 'a',
    kind: 'integer',
    fallback: '28',
    variable: 'SFTPGO_LOG_MAX_AGE',
    max: MAX_INT,
    help: 'Days to keep rotated log files',
  },
  {
    name: 'log-compress',
    short: 'z',
    kind: 'boolean',
    fallback: 'false',
    variable: 'SFTPGO_LOG_COMPRESS',
    help: 'Compress rotated log files with gzip',
  },
  {
    name: 'log-verbose',
    short: 'v',
    kind: 'boolean',
    fallback: 'true',
    variable: 'SFTPGO_LOG_VERBOSE',
    help: 'Log debug records too',
  },
] as const satisfies readonly Flag[]

export const CONFIG_SHOW_FLAGS = [
  ...INITPROVIDER_FLAGS,
  { name: 'json', kind: 'boolean', fallback: 'false', help: 'Print one JSON object' },
] as const satisfies readonly Flag[]

export const PORTABLE_FLAGS = [
  {
    name: 'directory',
    short: 'd',
    kind: 'text',
    fallback: '.',
    help: 'Directory to serve, absolute or relative to the current one',
  },
  {
    name: 'sftpd-port',
    short: 's',
    kind: 'integer',
    fallback: '0',
    max: 65_535,
    help: 'Port to listen on; 0 chooses a free unprivileged one',
  },
  {
    name: 'ssh-commands',
    short: 'c',
    kind: 'list',
    fallback: 'md5sum,sha1sum,cd,pwd',
    help: 'SSH commands to enable; "*" enables all, scp too',
  },
  { name: 'username', short: 'u', kind: 'text', fallback: '', help: 'User name; empty chooses one' },
  {
    name: 'password',
    short: 'p',
    kind: 'text',
    fallback: '',
    help: 'Password; empty makes one up, unless a public key is given',
  },
  { name: 'log-file-path', short: 'l', kind: 'text', fallback: '', help: 'Log file; empty writes no log' },
  { name: 'public-key', short: 'k', kind: 'list', fallback: '', help: 'Public key that may log in' },
  {
    name: 'permissions',
    short: 'g',
    kind: 'list',
    fallback: 'list,download',
    help: 'Permissions of the user; "*" grants all',
  },
  {
    name: 'advertise-service',
    short: 'S',
    kind: 'boolean',
    fallback: 'false',
    help: 'Accepted for compatibility; this version does not advertise over multicast DNS',
  },
  {
    name: 'advertise-credentials',
    short: 'C',
    kind: 'boolean',
    fallback: 'false',
    help: 'Accepted for compatibility, as --advertise-service',
  },
] as const satisfies readonly Flag[]
