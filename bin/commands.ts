import { CONFIG_SHOW_FLAGS, INITPROVIDER_FLAGS, PORTABLE_FLAGS, SERVE_FLAGS } from './flags.ts'
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
  config: { summary: 'Look at the configuration without starting anything.', flags: [], usageExitCode: 1 },
}

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
  portable: { summary: 'Serve a single directory.', args: [], flags: PORTABLE_FLAGS },
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

/** The commands of a group, without its name in front. */
export function membersOf(group: string): string[] {
  return commandNames().flatMap((name) => (name.startsWith(`${group} `) ? [name.slice(group.length + 1)] : []))
}

/** `api delete-user <id>`. */
export function usageOf(name: string): string {
  const args: readonly Argument[] = isCommand(name) ? COMMANDS[name].args : []
  return [name, ...args.map((arg) => (arg.optional === true ? `[${arg.name}]` : `<${arg.name}>`))].join(' ')
}
