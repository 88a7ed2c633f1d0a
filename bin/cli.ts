import sade from 'sade'
import type { Sade } from 'sade'
import { inert } from '../lib/logging/inert.ts'
import type { PortableOptions } from '../lib/portable/portable.ts'
import type { InitOptions } from '../lib/providers/init.ts'
import type { ServeOptions } from '../lib/serve.ts'
import { versionText } from '../lib/version/version.ts'
import { COMMAND_FLAGS, INITPROVIDER_FLAGS, PORTABLE_FLAGS, SERVE_FLAGS } from './flags.ts'
import { runUntilStopped } from './lifetime.ts'
import type { Host, Running } from './lifetime.ts'
import { spellOut, UsageError } from './spelling.ts'
import { valuesOf } from './values.ts'
import type { Given } from './values.ts'

/** Everything the command line touches. */
export interface Io extends Host {
  env: NodeJS.ProcessEnv
  stdout(line: string): void
  stderr(line: string): void
  serve(options: ServeOptions): Promise<Running>
  portable(options: PortableOptions): Promise<Running>
  initProvider(options: InitOptions): Promise<string>
}

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
    await act(program(io), commandLine(argv))
    return 0
  } catch (error) {
    io.stderr(`Error: ${inert(error instanceof Error ? error.message : String(error))}`)
    return 1
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
    // Loaded only when asked for, so that help and version are quick.
    serve: async (options) => (await import('../lib/serve.ts')).serve(options),
    portable: async (options) => (await import('../lib/portable/portable.ts')).portable(options),
    initProvider: async (options) => (await import('../lib/providers/init.ts')).initConfiguredProvider(options),
    signals: process,
    exit: (status) => process.exit(status),
  })
  process.stdout.write('', () => process.exit(code))
}

/** The words for sade: a command with its flags spelled out. */
function commandLine([command, ...args]: readonly string[]): string[] {
  if (command === undefined || command === '-h' || command === '--help') return ['help']
  if (command.startsWith('-')) throw new UsageError(`unknown flag: ${command}`)
  if (command === 'help') return ['help', ...helpTopic(args)]
  if (!takesFlags(command)) throw unknownCommand(command)
  const spelled = spellOut(command, args, COMMAND_FLAGS[command])
  return spelled.includes('--help') ? ['help', command] : [command, ...spelled]
}

function helpTopic(words: readonly string[]): string[] {
  const topic = words.find((word) => word !== '-h' && word !== '--help')
  if (topic === undefined) return []
  if (topic !== 'help' && !takesFlags(topic)) throw unknownCommand(topic)
  return [topic]
}

function takesFlags(command: string): command is keyof typeof COMMAND_FLAGS {
  return Object.hasOwn(COMMAND_FLAGS, command)
}

const unknownCommand = (command: string) => new UsageError(`unknown command "${command}" for "sftpgo"`)

async function act(commands: Sade, words: readonly string[]): Promise<void> {
  const { handler, args } = commands.parse(['node', 'sftpgo', ...words], {
    lazy: true,
    // Else sade turns a user name or password made of digits into a number.
    string: Object.values(COMMAND_FLAGS).flatMap((flags) => flags.map(({ name }) => name)),
  })
  await handler(...args)
}

function program(io: Io): Sade {
  const result = sade('sftpgo').describe('Full featured and highly configurable SFTP server.').version(versionText())

  result.command('serve').describe('Start the SFTP server.')
  addFlags(result, 'serve')
  result.action(async (given: Given) => {
    const value = valuesOf(SERVE_FLAGS, given, io.env)
    const options: ServeOptions = {
      configDir: value.text('config-dir'),
      configFile: value.text('config-file'),
      log: {
        filePath: value.text('log-file-path'),
        maxSizeMb: value.integer('log-max-size'),
        maxBackups: value.integer('log-max-backups'),
        maxAgeDays: value.integer('log-max-age'),
        compress: value.boolean('log-compress'),
        verbose: value.boolean('log-verbose'),
      },
      traceConnection: value.boolean('trace-connection'),
      env: io.env,
      stdout: (line) => io.stdout(line),
    }
    await runUntilStopped(() => io.serve(options), io)
  })

  result.command('initprovider').describe('Make the tables of the data provider, or complete them.')
  addFlags(result, 'initprovider')
  result.action(async (given: Given) => {
    const value = valuesOf(INITPROVIDER_FLAGS, given, io.env)
    const configDir = value.text('config-dir')
    io.stdout(await io.initProvider({ configDir, configFile: value.text('config-file'), env: io.env }))
  })

  result.command('portable').describe('Serve a single directory.')
  addFlags(result, 'portable')
  result.action(async (given: Given) => {
    const value = valuesOf(PORTABLE_FLAGS, given, io.env)
    value.boolean('advertise-service')
    value.boolean('advertise-credentials')
    const options: PortableOptions = {
      directory: value.text('directory'),
      sftpdPort: value.integer('sftpd-port'),
      sshCommands: value.list('ssh-commands'),
      username: value.text('username'),
      password: value.text('password'),
      logFilePath: value.text('log-file-path'),
      publicKeys: value.list('public-key'),
      permissions: value.list('permissions'),
      stdout: (line) => io.stdout(line),
    }
    await runUntilStopped(() => io.portable(options), io)
  })

  result.command('help [command]').describe('Help about any command.')
  result.action((command?: string) => result.help(command))
  return result
}

function addFlags(target: Sade, command: keyof typeof COMMAND_FLAGS): void {
  for (const { name, short, fallback, help } of COMMAND_FLAGS[command])
    // Not handed to sade as a default: a flag that was not given must still be told from one that was.
    target.option(`-${short}, --${name}`, fallback === '' ? help : `${help} (default ${fallback})`)
}
