import { FORMATS } from '../lib/config/formats.ts'
import { commandNames, COMMANDS, GROUPS, groupOf, membersOf, usageOf } from './commands.ts'
import type { Argument, CommandName } from './commands.ts'
import type { Flag } from './flags.ts'

/** When what the page says of itself, below, was last changed. */
const REVISED = '2026-11-27'

/** The manual page sftpgo(1) for man(7), made of the same description as the help. */
export function manualPage(version: string): string {
  const blocks = [
    [`.TH SFTPGO 1 ${REVISED} ${inQuotes(`sftpgo ${version}`)}`],
    ['.SH NAME', String.raw`sftpgo \- an SFTP server with virtual accounts`],
    ['.SH SYNOPSIS', ...synopsis()],
    ['.SH DESCRIPTION', ...DESCRIPTION.map(plain)],
    ['.SH COMMANDS', ...commands()],
    ['.SH ENVIRONMENT', ...environment()],
    ['.SH FILES', ...files()],
    ['.SH EXIT STATUS', ...exitStatus()],
    ['.SH SEE ALSO', '.BR sftp (1),', '.BR scp (1),', '.BR ssh (1)'],
  ]
  return `${blocks.flat().join('\n')}\n`
}

const DESCRIPTION = [
  'Serves files over SFTP and SCP to accounts of its own, which are no accounts of the system.',
  'Each of them is confined to its home directory.',
  'Flags may be written as --name value, --name=value, -n value or -nvalue;',
  'a switch is turned off by --name=false.',
  'A word that begins with a dash follows after --.',
]

function synopsis(): string[] {
  return ['.B sftpgo', '.RI command " [" options ]', '.br', '.B sftpgo', `.B ${plain('--version')}`]
}

function commands(): string[] {
  const single = commandNames().filter((name) => !name.includes(' '))
  return [
    ...single.flatMap((name) => commandBlock(name, COMMANDS[name].flags)),
    ...Object.entries(GROUPS).flatMap(([group, { summary, flags }]) => [
      `.SS ${plain(`sftpgo ${group} command [options]`)}`,
      plain(summary),
      'These options may stand before or after the second word:',
      ...flags.flatMap(flagBlock),
      ...membersOf(group).flatMap(({ name }) => commandBlock(name, ownFlags(name))),
    ]),
  ]
}

/** Without those that the group has. */
function ownFlags(name: CommandName): Flag[] {
  const shared = groupOf(name.split(' ')[0] ?? '')?.flags ?? []
  return COMMANDS[name].flags.filter((flag) => !shared.some((other) => other.name === flag.name))
}

function commandBlock(name: CommandName, flags: readonly Flag[]): string[] {
  const args: readonly Argument[] = COMMANDS[name].args
  return [
    `.SS ${plain(`sftpgo ${usageOf(name)}${flags.length === 0 ? '' : ' [options]'}`)}`,
    plain(COMMANDS[name].summary),
    ...args.flatMap(({ name: word, help, choices }) => [
      '.TP',
      `.I ${plain(word)}`,
      plain(`${help}${choices === undefined ? '' : `: ${choices.join(', ')}`}.`),
    ]),
    ...flags.flatMap(flagBlock),
  ]
}

function flagBlock({ name, short, kind, negates, fallback, variable, help, choices }: Flag): string[] {
  const names = `${short === undefined ? '' : `-${short}, `}--${name}`
  const value = kind === 'boolean' || negates !== undefined ? '' : VALUES[kind]
  const facts = [
    ...(choices === undefined ? [] : [`One of ${choices.join(', ')}.`]),
    ...(fallback === '' ? [] : [`Default: "${fallback}".`]),
    ...(variable === undefined ? [] : [`Environment: ${variable}.`]),
  ]
  return [
    '.TP',
    value === '' ? `.B ${inQuotes(plain(names))}` : `.BI ${inQuotes(plain(`${names} `))} ${value}`,
    plain(`${help}.`),
    ...facts.map(plain),
  ]
}

const VALUES = { text: 'text', integer: 'number', list: 'item,...', words: '"word ..."' } as const

function environment(): string[] {
  const flags: Flag[] = commandNames().flatMap((name) => [...COMMANDS[name].flags])
  const variables = new Map<string, Flag>()
  for (const flag of flags) if (flag.variable !== undefined) variables.set(flag.variable, flag)
  return [
    ...[...variables].flatMap(([variable, { name }]) => [
      '.TP',
      `.B ${plain(variable)}`,
      plain(`Stands for --${name} where that is not given.`),
    ]),
    '.TP',
    '.BI SFTPGO_ SECTION __ KEY',
    plain('Overrides a setting of the configuration file, such as SFTPGO_SFTPD__BIND_PORT.'),
    '.TP',
    '.B NO_COLOR',
    plain('Not empty, it turns colors off.'),
  ]
}

function files(): string[] {
  const extensions = FORMATS.flatMap(({ extensions }) => extensions).join(', ')
  return [
    '.TP',
    '.I sftpgo.json',
    plain(
      `The configuration; looked for in the configuration directory, ~/.config/sftpgo, /etc/sftpgo and the working ` +
        `directory, with one of these endings: ${extensions}.`,
    ),
    '.TP',
    '.IR id_rsa , " id_ecdsa" , " id_ed25519"',
    plain('Host keys in the configuration directory, made at the first start.'),
  ]
}

function exitStatus(): string[] {
  const groups = Object.entries(GROUPS).filter(([, { usageExitCode }]) => usageExitCode !== 1)
  return [
    plain('0 when all is done, 1 for a failure, which is one line on the standard error.'),
    ...groups.map(([group, { usageExitCode }]) =>
      plain(`A command line of sftpgo ${group} that means nothing has ${usageExitCode}.`),
    ),
  ]
}

/** As text of a line: nothing in it is a request, and a dash stays a dash. */
function plain(text: string): string {
  return text
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replace(/^[.']/, String.raw`\&$&`)
}

function inQuotes(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}
