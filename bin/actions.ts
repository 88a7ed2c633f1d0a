import { inert } from '../lib/logging/inert.ts'
import type { PortableOptions } from '../lib/portable/portable.ts'
import type { ServeOptions } from '../lib/serve.ts'
import { PLATFORMS } from '../lib/service/plan.ts'
import type { Action, Platform, ServiceOptions } from '../lib/service/plan.ts'
import type { ServiceRequest } from '../lib/service/service.ts'
import { API_ACTIONS } from './api-actions.ts'
import { COMPLETIONS } from './completion/completion.ts'
import type { CommandName, COMMANDS } from './commands.ts'
import type { Io } from './io.ts'
import type { SERVICE_FLAGS } from './flags.ts'
import { runUntilStopped } from './lifetime.ts'
import { UsageError } from './spelling.ts'
import type { Values } from './values.ts'

/** Help is not among them: it is about the others. */
export type ActiveName = Exclude<CommandName, 'help'>

export interface Call<C extends ActiveName> {
  value: Values<(typeof COMMANDS)[C]['flags'][number]>
  /** As many as the command takes; those that were left out are missing at the end. */
  words: readonly string[]
}

export type Actions<Names extends ActiveName> = { readonly [C in Names]: (call: Call<C>, io: Io) => Promise<void> }

/** What each command does. A command without a row does not compile. */
export const ACTIONS: Actions<ActiveName> = {
  async serve({ value }, io) {
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
  },

  async initprovider({ value }, io) {
    const configDir = value.text('config-dir')
    io.stdout(await io.initProvider({ configDir, configFile: value.text('config-file'), env: io.env }))
  },

  async 'config check'({ value }, io) {
    const place = { configDir: value.text('config-dir'), configFile: value.text('config-file'), env: io.env }
    const { file, problems, warnings } = await io.checkConfig(place)
    for (const warning of warnings) io.stderr(`Warning: ${inert(warning)}`)
    for (const problem of problems.slice(0, -1)) io.stderr(`Error: ${inert(problem)}`)
    const last = problems.at(-1)
    if (last !== undefined) throw new Error(last)
    io.stdout(`The configuration is good: ${file ?? 'no file, the built-in settings hold'}`)
  },

  async 'config show'({ value }, io) {
    const place = { configDir: value.text('config-dir'), configFile: value.text('config-file'), env: io.env }
    for (const line of await io.showConfig(place, value.boolean('json'))) io.stdout(line)
  },

  async 'config init'({ value }, io) {
    for (const line of await io.initialConfig(value.text('format'))) io.stdout(line)
  },

  async portable({ value }, io) {
    const options: PortableOptions = {
      directory: value.text('directory'),
      sftpdPort: value.integer('sftpd-port'),
      sshCommands: value.list('ssh-commands'),
      username: value.text('username'),
      password: value.text('password'),
      logFilePath: value.text('log-file-path'),
      publicKeys: value.list('public-key'),
      permissions: value.list('permissions'),
      advertiseService: value.boolean('advertise-service'),
      advertiseCredentials: value.boolean('advertise-credentials'),
      qr: value.boolean('qr'),
      stdout: (line) => io.stdout(line),
      ...(io.terminal === undefined ? {} : { terminal: io.terminal }),
    }
    await runUntilStopped(() => io.portable(options), io)
  },

  async 'service install'({ value }, io) {
    const given = <N extends Parameters<typeof value.given>[0]>(names: readonly N[], text: (name: N) => unknown) =>
      names.flatMap((name) => (value.given(name) ? [`--${name}=${String(text(name))}`] : []))
    const options: ServiceOptions = {
      program: io.program,
      configDir: value.text('config-dir'),
      logFilePath: value.text('log-file-path'),
      flags: [
        ...given(['config-file'], (name) => value.text(name)),
        ...given(['log-max-size', 'log-max-backups', 'log-max-age'], (name) => value.integer(name)),
        ...given(['log-compress', 'log-verbose', 'trace-connection'], (name) => value.boolean(name)),
      ],
      user: value.text('user'),
      homes: value.list('homes'),
      lowPorts: value.boolean('low-ports'),
    }
    await io.service({ action: 'install', options, ...howOf(value) })
  },

  'service start': ({ value }, io) => serviceAction('start', value, io),
  'service stop': ({ value }, io) => serviceAction('stop', value, io),
  'service status': ({ value }, io) => serviceAction('status', value, io),
  'service uninstall': ({ value }, io) => serviceAction('uninstall', value, io),

  completion({ words: [shell = ''] }, io) {
    io.stdout((COMPLETIONS.get(shell)?.() ?? '').trimEnd())
    return Promise.resolve()
  },

  async healthcheck({ value }, io) {
    const { healthcheck } = await import('../lib/healthcheck/healthcheck.ts')
    const line = await healthcheck({
      configDir: value.text('config-dir'),
      configFile: value.text('config-file'),
      env: io.env,
      url: value.text('url'),
      ready: value.boolean('ready'),
      insecure: value.boolean('insecure'),
      timeoutMs: value.integer('timeout') * 1000,
    })
    io.stdout(line)
  },

  ...API_ACTIONS,
}

type ServiceValues = Values<(typeof SERVICE_FLAGS)[number]>

function serviceAction(action: Exclude<Action, 'install'>, value: ServiceValues, io: Io): Promise<void> {
  const { program } = io
  const options = { program, configDir: '', logFilePath: '', flags: [], user: 'sftpgo', homes: [], lowPorts: false }
  return io.service({ action, options, ...howOf(value) })
}

/** @throws UsageError for another platform without a dry run. */
function howOf(value: Pick<ServiceValues, 'boolean' | 'text'>): Pick<ServiceRequest, 'dryRun' | 'platform'> {
  const dryRun = value.boolean('dry-run')
  const named = value.text('platform')
  if (named !== '' && !dryRun) throw new UsageError('--platform is for --dry-run only')
  return { dryRun, platform: PLATFORMS.find((platform) => platform === named) ?? currentPlatform() }
}

/** Other systems than these are taken for one with systemd. */
function currentPlatform(): Platform {
  return PLATFORMS.find((platform) => platform === process.platform) ?? 'linux'
}
