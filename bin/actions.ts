import { inert } from '../lib/logging/inert.ts'
import type { PortableOptions } from '../lib/portable/portable.ts'
import type { ServeOptions } from '../lib/serve.ts'
import type { CommandName, COMMANDS } from './commands.ts'
import type { Io } from './io.ts'
import { runUntilStopped } from './lifetime.ts'
import type { Values } from './values.ts'

/** Help is not among them: it is about the others. */
export type ActiveName = Exclude<CommandName, 'help'>

export interface Call<C extends ActiveName> {
  value: Values<(typeof COMMANDS)[C]['flags']>
  /** As many as the command takes; those that were left out are missing at the end. */
  words: readonly string[]
}

/** What each command does. A command without a row does not compile. */
export const ACTIONS: { readonly [C in ActiveName]: (call: Call<C>, io: Io) => Promise<void> } = {
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

  async portable({ value }, io) {
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
  },
}
