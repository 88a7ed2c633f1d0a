import { commandNames, COMMANDS, GROUPS, membersOf } from '../commands.ts'
import type { Argument } from '../commands.ts'
import type { Flag } from '../flags.ts'

/** Where in a command line the cursor can be, and what may follow there. */
export interface Place {
  /** The words of the command so far, `''` at the beginning. */
  command: string
  /** Words that lead on from here. */
  next: readonly { word: string; summary: string }[]
  flags: readonly Flag[]
  args: readonly Argument[]
}

const HELP: Flag = { name: 'help', short: 'h', kind: 'boolean', fallback: 'false', help: 'Show help' }
const VERSION: Flag = { name: 'version', short: 'v', kind: 'boolean', fallback: 'false', help: 'Show the version' }

/** The beginning first, then groups, then commands. */
export function places(): Place[] {
  const first = [
    ...commandNames()
      .filter((name) => !name.includes(' '))
      .map((name) => ({ word: name as string, summary: COMMANDS[name].summary as string })),
    ...Object.entries(GROUPS).map(([word, { summary }]) => ({ word, summary })),
  ]
  return [
    { command: '', next: first, flags: [HELP, VERSION], args: [] },
    ...Object.entries(GROUPS).map(([command, { flags }]) => ({
      command,
      next: membersOf(command).map(({ name, member }) => ({ word: member, summary: COMMANDS[name].summary })),
      flags: [...flags, HELP],
      args: [],
    })),
    ...commandNames().map((command) => ({
      command,
      next: command === 'help' ? first.filter(({ word }) => word !== 'help') : [],
      flags: [...COMMANDS[command].flags, HELP],
      args: command === 'help' ? [] : COMMANDS[command].args,
    })),
  ]
}

/** What may stand for a value without a quote around it: a shell would take `*` for names of files. */
export function plainChoices({ choices }: { choices?: readonly string[] }): string[] {
  return (choices ?? []).filter((choice) => /^[\w.-]+$/.test(choice))
}

/** The text as one word of a shell, in single quotes. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

export function takesValue({ kind, negates }: Flag): boolean {
  return kind !== 'boolean' && negates === undefined
}
