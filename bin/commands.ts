import { CONVERT_FORMATS } from '../lib/convert-users/formats.ts'
import {
  API_FLAGS,
  CONFIG_INIT_FLAGS,
  CONFIG_SHOW_FLAGS,
  CONVERT_FLAGS,
  GET_USERS_FLAGS,
  HEALTHCHECK_FLAGS,
  INITPROVIDER_FLAGS,
  PORTABLE_FLAGS,
  SERVE_FLAGS,
  SERVICE_FLAGS,
  SERVICE_INSTALL_FLAGS,
  USER_FLAGS,
} from './flags.ts'
import type { Flag } from './flags.ts'

/** A word that a command takes; those that may be left out come last. */
export interface Argument {
  name: string
  optional?: true
  /** What it may be, where that is a short list. */
  choices?: readonly string[]
  /** Completed by the shell. */
  completes?: 'file'
  help: string
}

export interface Command {
  /** One sentence. */
  summary: string
  args: readonly Argument[]
  flags: readonly Flag[]
}

/** Commands under one first word. */
export interface Group {
  summary: string
  /** May also stand before the second word; each command of the group has them. */
  flags: readonly Flag[]
  /** Exit code of a command line that means nothing. */
  usageExitCode: number
}

export const GROUPS: Readonly<Record<string, Group>> = {
  api: { summary: 'Ask the REST API of a running server.', flags: API_FLAGS, usageExitCode: 2 },
  config: { summary: 'Look at the configuration without starting anything.', flags: [], usageExitCode: 1 },
  service: { summary: 'Run the server as a service of the system.', flags: [], usageExitCode: 1 },
}

const USER_ID: Argument = { name: 'id', help: 'Number of the account, as get-users shows it' }

/**
 * The whole command line: help, man page and completion are made of it. A command of two words belongs to the group of
 * its first one.
 */
export const COMMANDS = {
  serve: { summary: 'Start the SFTP server.', args: [], flags: SERVE_FLAGS },
  initprovider: {
    summary: 'Make the tables of the data provider, or complete them.',
    args: [],
    flags: INITPROVIDER_FLAGS,
  },
  'config check': {
    summary: 'Tell everything that is wrong with the configuration; exit code 1 if anything is.',
    args: [],
    flags: INITPROVIDER_FLAGS,
  },
  'config show': {
    summary: 'Print every setting with its value and where that comes from, and the fixed limits.',
    args: [],
    flags: CONFIG_SHOW_FLAGS,
  },
  'config init': {
    summary: 'Print a configuration file with every setting at its default, and what it is for.',
    args: [],
    flags: CONFIG_INIT_FLAGS,
  },
  portable: { summary: 'Serve a single directory.', args: [], flags: PORTABLE_FLAGS },
  'service install': {
    summary: 'Install the service, which starts with the system; takes the flags of serve.',
    args: [],
    flags: SERVICE_INSTALL_FLAGS,
  },
  'service start': { summary: 'Start the service.', args: [], flags: SERVICE_FLAGS },
  'service stop': { summary: 'Stop the service.', args: [], flags: SERVICE_FLAGS },
  'service status': { summary: 'Tell whether the service runs.', args: [], flags: SERVICE_FLAGS },
  'service uninstall': {
    summary: 'Stop the service and remove it; accounts, keys and files stay.',
    args: [],
    flags: SERVICE_FLAGS,
  },
  completion: {
    summary: 'Print what makes a shell complete command lines of sftpgo.',
    args: [{ name: 'shell', choices: ['bash', 'zsh', 'fish'], help: 'Shell to print it for' }],
    flags: [],
  },
  healthcheck: {
    summary: 'Ask a running server how it is; exit code 0 if well, 1 if not.',
    args: [],
    flags: HEALTHCHECK_FLAGS,
  },
  'api add-user': {
    summary: 'Add an account.',
    args: [{ name: 'username', help: 'Name of the account' }],
    flags: [...USER_FLAGS, ...API_FLAGS],
  },
  'api update-user': {
    summary: 'Change what is given of an account; all else stays as it is.',
    args: [USER_ID, { name: 'username', optional: true, help: 'Its name, to be sure that it is the right one' }],
    flags: [...USER_FLAGS, ...API_FLAGS],
  },
  'api delete-user': { summary: 'Delete an account; its files stay.', args: [USER_ID], flags: API_FLAGS },
  'api get-users': { summary: 'List the accounts.', args: [], flags: [...GET_USERS_FLAGS, ...API_FLAGS] },
  'api get-user-by-id': { summary: 'Show an account.', args: [USER_ID], flags: API_FLAGS },
  'api get-connections': { summary: 'List the connections and their transfers.', args: [], flags: API_FLAGS },
  'api close-connection': {
    summary: 'Close a connection.',
    args: [{ name: 'connection-id', help: 'As get-connections shows it' }],
    flags: API_FLAGS,
  },
  'api get-quota-scans': { summary: 'List the quota scans that are running.', args: [], flags: API_FLAGS },
  'api start-quota-scan': {
    summary: 'Count the files of an account anew.',
    args: [{ name: 'username', help: 'Name of the account' }],
    flags: API_FLAGS,
  },
  'api get-version': { summary: 'Show the version of the server.', args: [], flags: API_FLAGS },
  'api get-provider-status': { summary: 'Show whether the store of accounts answers.', args: [], flags: API_FLAGS },
  'api dumpdata': {
    summary: 'Write all accounts, with the hashes of their passwords, to a new file.',
    args: [
      {
        name: 'output',
        optional: true,
        completes: 'file',
        help: 'File to make; the standard output when left out or "-"',
      },
    ],
    flags: API_FLAGS,
  },
  'api loaddata': {
    summary: 'Add and update accounts from what dumpdata or convert-users wrote.',
    args: [{ name: 'input', completes: 'file', help: 'File to read; "-" for the standard input' }],
    flags: API_FLAGS,
  },
  'api convert-users': {
    summary: 'Turn the accounts of another system into a file for loaddata.',
    args: [
      { name: 'input', completes: 'file', help: 'File of the other system; for unix-passwd its passwd file' },
      {
        name: 'format',
        choices: CONVERT_FORMATS,
        help: 'unix-passwd with a shadow file, a file of pure-pw, or an AuthUserFile of ProFTPD',
      },
      {
        name: 'output',
        optional: true,
        completes: 'file',
        help: 'File to make; "-" for the standard output; may be left out with --load',
      },
    ],
    flags: [...CONVERT_FLAGS, ...API_FLAGS],
  },
  'api get-bans': { summary: 'List the addresses that are banned.', args: [], flags: API_FLAGS },
  'api delete-ban': {
    summary: 'Let an address in again.',
    args: [{ name: 'address', help: 'IP address, as get-bans shows it' }],
    flags: API_FLAGS,
  },
  help: {
    summary: 'Help about any command.',
    args: [{ name: 'command', optional: true, help: 'Command to tell about' }],
    flags: [],
  },
} as const satisfies Readonly<Record<string, Command>>

export type CommandName = keyof typeof COMMANDS

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name)
}

export function groupOf(name: string): Group | undefined {
  return Object.hasOwn(GROUPS, name) ? GROUPS[name] : undefined
}

export function commandNames(): CommandName[] {
  return Object.keys(COMMANDS).filter(isCommand)
}

/** The commands of a group, and what is left of each without the group's name. */
export function membersOf(group: string): { name: CommandName; member: string }[] {
  return commandNames()
    .filter((name) => name.startsWith(`${group} `))
    .map((name) => ({ name, member: name.slice(group.length + 1) }))
}

/** `api delete-user <id>`. */
export function usageOf(name: string): string {
  const args: readonly Argument[] = isCommand(name) ? COMMANDS[name].args : []
  return [name, ...args.map((arg) => (arg.optional === true ? `[${arg.name}]` : `<${arg.name}>`))].join(' ')
}
