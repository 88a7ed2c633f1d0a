import { realpathSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import type { WriteStream } from 'node:tty'
import sade from 'sade'
import type { Sade } from 'sade'
import { systemClock } from '../lib/clock.ts'
import { inert } from '../lib/logging/inert.ts'
import type { Terminal } from '../lib/portable/live-table.ts'
import { versionText } from '../lib/version/version.ts'
import { ACTIONS } from './actions.ts'
import type { ActiveName } from './actions.ts'
import { commandNames, COMMANDS, GROUPS, groupOf, isCommand, membersOf, usageOf } from './commands.ts'
import type { CommandName } from './commands.ts'
import type { Flag } from './flags.ts'
import type { Io } from './io.ts'
import { checkWords, spellOut, UsageError } from './spelling.ts'
import { valuesOf } from './values.ts'
import type { Given } from './values.ts'

/** How long the last lines may take to reach their reader. */
const LAST_OUTPUT_MS = 2000

/**
 * Runs one command line to its end.
 * @param argv without the program's own name.
 * @returns the exit code; every failure is one line on standard error. Help goes through `console.log`.
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  try {
    if (argv[0] === '-v' || argv[0] === '--version') {
      io.stdout(`SFTPGo version: ${versionText()}`)
      return 0
    }
    const request = requestOf(argv)
    if (request.kind === 'help') showHelp(request.topic)
    else await act(request, io)
    return 0
  } catch (error) {
    io.stderr(`Error: ${inert(error instanceof Error ? error.message : String(error))}`)
    return error instanceof UsageError ? (groupOf(argv[0] ?? '')?.usageExitCode ?? 1) : 1
  }
}

/** Runs the command line of this process, then ends the process. */
export async function main(): Promise<void> {
  // Whoever read our output may leave; that must not end the server.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const code = await run(process.argv.slice(2), {
    env: process.env,
    stdout: (line) => console.log(line),
    stderr: (line) => console.error(line),
    stdin: () => buffer(process.stdin),
    // Loaded only when asked for, so that help and version are quick.
    serve: async (options) => (await import('../lib/serve.ts')).serve(options),
    portable: async (options) => (await import('../lib/portable/portable.ts')).portable(options),
    service: async (request) => {
      const { manageService, runProgram } = await import('../lib/service/service.ts')
      const isRoot = process.getuid?.() === 0
      await manageService(request, {
        platform: process.platform,
        isRoot,
        stdout: (line) => console.log(line),
        run: runProgram,
        root: '',
      })
    },
    program: [process.execPath, realpathSync(process.argv[1] ?? '')],
    initProvider: async (options) => (await import('../lib/providers/init.ts')).initConfiguredProvider(options),
    checkConfig: async (place) => (await import('../lib/checkup/check.ts')).checkConfig(place),
    showConfig: async (place, asJson) => (await import('../lib/checkup/show.ts')).showConfig(place, asJson),
    initialConfig: async (format) => (await import('../lib/config/initial.ts')).initialConfig(format),
    ...(process.stdout.isTTY && { terminal: terminalOf(process.stdout) }),
    signals: process,
    exit: (status) => process.exit(status),
  })
  // Whoever reads our output may have stopped doing so.
  systemClock.after(LAST_OUTPUT_MS, () => process.exit(code), { ref: true })
  process.stdout.write('', () => process.exit(code))
}

function terminalOf(stream: WriteStream): Terminal {
  return {
    size: () => ({ columns: stream.columns, rows: stream.rows }),
    write: (text) => void stream.write(text),
  }
}

/** What a command line asks for. */
type Request =
  { kind: 'help'; topic?: string } | { kind: 'command'; name: ActiveName; options: string[]; words: string[] }

/** @throws UsageError for what means nothing. */
function requestOf([first, ...args]: readonly string[]): Request {
  if (first === undefined || first === '-h' || first === '--help') return { kind: 'help' }
  if (first.startsWith('-')) throw new UsageError(`unknown flag: ${first}`)
  if (first === 'help') return helpRequest(args)
  const group = groupOf(first)
  return group === undefined ? commandRequest(first, args) : groupRequest(first, group.flags, args)
}

function helpRequest(args: readonly string[]): Request {
  const topic = args.filter((word) => word !== '-h' && word !== '--help').join(' ')
  if (topic === '') return { kind: 'help' }
  if (!isCommand(topic) && groupOf(topic) === undefined) throw unknownCommand(topic)
  return { kind: 'help', topic }
}

function groupRequest(group: string, flags: readonly Flag[], args: readonly string[]): Request {
  const { help, options, rest } = spellOut(args, flags, true)
  if (help) return { kind: 'help', topic: group }
  const [second, ...left] = rest
  if (second === undefined)
    throw new UsageError(
      `"sftpgo ${group}" needs one of ${membersOf(group)
        .map(({ member }) => member)
        .join(', ')}`,
    )
  return commandRequest(`${group} ${second}`, [...options, ...left])
}

function commandRequest(name: string, args: readonly string[]): Request {
  if (!isCommand(name) || name === 'help') throw unknownCommand(name)
  const { help, options, words } = spellOut(args, COMMANDS[name].flags)
  if (help) return { kind: 'help', topic: name }
  checkWords(name, words, COMMANDS[name].args)
  return { kind: 'command', name, options, words }
}

const unknownCommand = (command: string) => new UsageError(`unknown command "${command}" for "sftpgo"`)

function showHelp(topic: string | undefined): void {
  const described = describedProgram()
  // Those of a group are listed by the group's own help.
  for (const name of commandNames()) if (!name.includes(' ') || name === topic) addCommand(described, name)
  for (const [name, { summary, flags }] of Object.entries(GROUPS)) {
    described.command(`${name} <command>`).describe([summary, '', ...memberLines(name)])
    addFlags(described, flags)
  }
  described.help(topic)
}

function memberLines(group: string): string[] {
  const members = membersOf(group)
  const width = Math.max(...members.map(({ member }) => member.length))
  return members.map(({ name, member }) => `  ${member.padEnd(width)}  ${COMMANDS[name].summary}`)
}

async function act({ name, options, words }: Extract<Request, { kind: 'command' }>, io: Io): Promise<void> {
  const command = addCommand(describedProgram(), name)
  command.action((...args: [...string[], Given]) => perform(name, args.at(-1) as Given, words, io))
  const { handler, args } = command.parse(['node', 'sftpgo', ...name.split(' '), ...options, '--', ...words], {
    lazy: true,
    // Else sade turns a user name or password made of digits into a number.
    string: COMMANDS[name].flags.map((flag) => flag.name),
  })
  await handler(...args)
}

// The parameter ties the flags of a row to its action.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
function perform<C extends ActiveName>(name: C, given: Given, words: readonly string[], io: Io): Promise<void> {
  return ACTIONS[name](
    { value: valuesOf<(typeof COMMANDS)[C]['flags'][number]>(COMMANDS[name].flags, given, io.env), words },
    io,
  )
}

const describedProgram = (): Sade =>
  sade('sftpgo').describe('Full featured and highly configurable SFTP server.').version(versionText())

function addCommand(target: Sade, name: CommandName): Sade {
  const { summary, flags } = COMMANDS[name]
  target.command(usageOf(name)).describe(summary)
  addFlags(target, flags)
  return target
}

function addFlags(target: Sade, flags: readonly Flag[]): void {
  for (const { name, short, fallback, help } of flags)
    // Not handed to sade as a default: a flag that was not given must still be told from one that was.
    target.option(
      short === undefined ? `--${name}` : `-${short}, --${name}`,
      fallback === '' ? help : `${help} (default ${fallback})`,
    )
}
