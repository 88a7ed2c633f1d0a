import { PERMISSIONS } from '../lib/accounts/user.ts'
import type { FlagVariable } from '../lib/config/environment.ts'
import type { InitialFormat } from '../lib/config/initial.ts'

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
  /** A switch without a value of its own: it turns the named one off. */
  negates?: string
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
    completes: 'directory',
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
    completes: 'file',
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
  {
    name: 'trace-connection',
    short: 't',
    kind: 'boolean',
    fallback: 'false',
    help: 'Keep and log what happens to each connection in every detail',
  },
] as const satisfies readonly Flag[]

const [, CONFIG_FILE] = INITPROVIDER_FLAGS
/** All but the log file's own path. */
const [, , , ...LOG_FLAGS] = SERVE_FLAGS

const DRY_RUN = [
  {
    name: 'dry-run',
    kind: 'boolean',
    fallback: 'false',
    help: 'Show the files and commands, and do nothing',
  },
  {
    name: 'platform',
    kind: 'text',
    fallback: '',
    choices: ['linux', 'darwin', 'win32'],
    help: 'With --dry-run: for another system than this one',
  },
] as const satisfies readonly Flag[]

export const SERVICE_FLAGS = DRY_RUN

/** Those of `serve`; a service knows no working directory, so where things are is told otherwise. */
export const SERVICE_INSTALL_FLAGS = [
  {
    name: 'config-dir',
    short: 'c',
    kind: 'text',
    fallback: '',
    help: 'Directory of keys and database, and base of relative paths; empty for /var/lib/sftpgo',
  },
  {
    name: 'log-file-path',
    short: 'l',
    kind: 'text',
    fallback: '',
    help: 'Log file; empty writes to the journal',
  },
  CONFIG_FILE,
  ...LOG_FLAGS,
  {
    name: 'user',
    kind: 'text',
    fallback: 'sftpgo',
    help: 'Account of the system that it runs under; root gives files to the owners that accounts have set',
  },
  {
    name: 'homes',
    kind: 'list',
    fallback: '/srv/sftpgo',
    help: 'Directories below which accounts have their homes; nothing else can be written',
  },
  { name: 'low-ports', kind: 'boolean', fallback: 'false', help: 'Allow ports below 1024' },
  ...DRY_RUN,
] as const satisfies readonly Flag[]

export const CONFIG_SHOW_FLAGS = [
  ...INITPROVIDER_FLAGS,
  { name: 'json', kind: 'boolean', fallback: 'false', help: 'Print one JSON object' },
] as const satisfies readonly Flag[]

export const CONFIG_INIT_FLAGS = [
  {
    name: 'format',
    kind: 'text',
    fallback: 'toml',
    choices: ['json', 'toml', 'yaml', 'properties', 'hcl', 'env'] satisfies InitialFormat[],
    help: 'Format of the file: json, toml, yaml, properties, hcl or env',
  },
] as const satisfies readonly Flag[]

export const PORTABLE_FLAGS = [
  {
    name: 'directory',
    short: 'd',
    kind: 'text',
    fallback: '.',
    completes: 'directory',
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
  {
    name: 'log-file-path',
    short: 'l',
    kind: 'text',
    fallback: '',
    completes: 'file',
    help: 'Log file; empty writes no log',
  },
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
    fallback: 'true',
    help: 'Tell the local network of the service by multicast DNS',
  },
  {
    name: 'advertise-credentials',
    short: 'C',
    kind: 'boolean',
    fallback: 'false',
    help: 'Tell it the user name and the password, too: in the TXT record, for everybody',
  },
  { name: 'qr', kind: 'boolean', fallback: 'false', help: 'Print the address as a QR code' },
] as const satisfies readonly Flag[]

/** Every command of the group `api` has them. */
export const API_FLAGS = [
  {
    name: 'base-url',
    short: 'b',
    kind: 'text',
    fallback: 'http://127.0.0.1:8080',
    variable: 'SFTPGO_API_BASE_URL',
    help: 'Address of the server; a path in it is kept',
  },
  {
    name: 'auth-type',
    short: 'a',
    kind: 'text',
    fallback: '',
    choices: ['basic', 'digest'],
    help: 'How to log in; basic when a user is given',
  },
  {
    name: 'auth-user',
    short: 'u',
    kind: 'text',
    fallback: '',
    variable: 'SFTPGO_API_USER',
    help: 'User of the HTTP server',
  },
  {
    name: 'auth-password',
    short: 'p',
    kind: 'text',
    fallback: '',
    variable: 'SFTPGO_API_PASSWORD',
    help: 'Password of that user; from the environment no other user of the machine sees it',
  },
  {
    name: 'debug',
    short: 'd',
    kind: 'boolean',
    fallback: 'false',
    help: 'Print requests and status codes on the standard error, without passwords',
  },
  { name: 'insecure', short: 'i', kind: 'boolean', fallback: 'false', help: 'Take any TLS certificate' },
  {
    name: 'timeout',
    kind: 'integer',
    fallback: '60',
    min: 1,
    max: 86_400,
    help: 'Seconds without a sign of the server after which to give up',
  },
  {
    name: 'json',
    kind: 'boolean',
    fallback: '',
    help: 'Print JSON; so it is anyway where the standard output is no terminal, unless --json=false is given',
  },
  {
    name: 'color',
    kind: 'boolean',
    fallback: '',
    help: 'Print in colors; so it is anyway on a terminal, unless NO_COLOR is set',
  },
  { name: 'no-color', short: 't', kind: 'boolean', fallback: '', negates: 'color', help: 'Print without colors' },
] as const satisfies readonly Flag[]

/** What `add-user` and `update-user` may set. */
export const USER_FLAGS = [
  {
    name: 'password',
    short: 'P',
    kind: 'text',
    fallback: '',
    help: 'Password, or a hash of one; other users of the machine may see it: better --password-stdin',
  },
  {
    name: 'password-stdin',
    kind: 'boolean',
    fallback: 'false',
    help: 'Read the password from the first line of the standard input',
  },
  {
    name: 'public-keys',
    short: 'K',
    kind: 'words',
    fallback: '',
    help: 'Public keys that may log in, each as one word; an empty one removes all',
  },
  {
    name: 'home-dir',
    short: 'H',
    kind: 'text',
    fallback: '',
    help: 'Home directory on the server, absolute; without it users_base_dir of the configuration decides',
  },
  { name: 'uid', kind: 'integer', fallback: '0', help: "Owner of uploaded files; 0 for the server's own account" },
  { name: 'gid', kind: 'integer', fallback: '0', help: "Group of uploaded files; 0 for the server's own" },
  { name: 'max-sessions', short: 'C', kind: 'integer', fallback: '0', help: 'Sessions at a time; 0 for any number' },
  { name: 'quota-size', short: 'S', kind: 'integer', fallback: '0', help: 'Bytes of all files; 0 for no limit' },
  { name: 'quota-files', short: 'F', kind: 'integer', fallback: '0', help: 'Number of files; 0 for no limit' },
  {
    name: 'permissions',
    short: 'G',
    kind: 'words',
    fallback: '',
    choices: PERMISSIONS,
    help: 'What the account may do; "*" for all',
  },
  {
    name: 'subdirs-permissions',
    kind: 'words',
    fallback: '',
    help: 'Other permissions below a directory, as "/path:list,download"; "/path:" grants nothing there',
  },
  {
    name: 'upload-bandwidth',
    short: 'U',
    kind: 'integer',
    fallback: '0',
    help: 'Kilobytes a second of all uploads together; 0 for no limit',
  },
  {
    name: 'download-bandwidth',
    short: 'D',
    kind: 'integer',
    fallback: '0',
    help: 'Kilobytes a second of all downloads together; 0 for no limit',
  },
  {
    name: 'status',
    kind: 'integer',
    fallback: '1',
    max: 1,
    help: '1 for an active account, 0 for one that cannot log in',
  },
  {
    name: 'expiration-date',
    short: 'E',
    kind: 'text',
    fallback: '',
    help: 'Day (YYYY-MM-DD, in UTC) from whose beginning on the account cannot log in; empty for never',
  },
] as const satisfies readonly Flag[]

export const GET_USERS_FLAGS = [
  { name: 'limit', short: 'L', kind: 'integer', fallback: '100', min: 1, max: 500, help: 'Most accounts to get' },
  { name: 'offset', short: 'O', kind: 'integer', fallback: '0', help: 'Accounts to leave out at the beginning' },
  { name: 'username', short: 'U', kind: 'text', fallback: '', help: 'Get this account alone' },
  {
    name: 'order',
    short: 'S',
    kind: 'text',
    fallback: 'ASC',
    choices: ['ASC', 'DESC'],
    help: 'Order of the names',
  },
] as const satisfies readonly Flag[]

export const CONVERT_FLAGS = [
  {
    name: 'shadow',
    kind: 'text',
    fallback: '',
    completes: 'file',
    help: 'Hashes of unix-passwd; the file "shadow" beside the input when left out',
  },
  { name: 'min-uid', kind: 'integer', fallback: '-1', min: -1, help: 'Smallest uid to take; -1 for any' },
  { name: 'max-uid', kind: 'integer', fallback: '-1', min: -1, help: 'Largest uid to take; -1 for any' },
  { name: 'usernames', kind: 'words', fallback: '', help: 'Take these accounts alone' },
  {
    name: 'force-uid',
    kind: 'integer',
    fallback: '-1',
    min: -1,
    max: 65_535,
    help: 'uid of every account; -1 for its own',
  },
  {
    name: 'force-gid',
    kind: 'integer',
    fallback: '-1',
    min: -1,
    max: 65_535,
    help: 'gid of every account; -1 for its own',
  },
  { name: 'load', kind: 'boolean', fallback: 'false', help: 'Send the accounts to the server, too' },
] as const satisfies readonly Flag[]

export const HEALTHCHECK_FLAGS = [
  ...INITPROVIDER_FLAGS,
  {
    name: 'url',
    short: 'u',
    kind: 'text',
    fallback: '',
    help: 'Address of the HTTP server; without it the configuration tells, and without an HTTP server SFTP is asked',
  },
  { name: 'ready', short: 'r', kind: 'boolean', fallback: 'false', help: 'Ask whether it can serve, too' },
  { name: 'insecure', short: 'i', kind: 'boolean', fallback: 'false', help: 'Take any TLS certificate' },
  { name: 'timeout', short: 't', kind: 'integer', fallback: '5', min: 1, max: 3600, help: 'Seconds to wait' },
] as const satisfies readonly Flag[]
