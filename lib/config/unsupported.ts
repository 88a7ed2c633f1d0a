import { defaultConfig } from './schema.ts'
import type { Config } from './schema.ts'

const DEFAULT_COMMANDS: readonly string[] = defaultConfig().sftpd.enabled_ssh_commands

/** Settings that are understood and have no effect in this version, where they ask for something: a line each. */
export function unsupportedSettings({ sftpd, data_provider }: Config): string[] {
  const asked: [string, boolean][] = [
    ['sftpd.actions', sftpd.actions.execute_on.length > 0],
    ['sftpd.enable_scp', sftpd.enable_scp],
    ['sftpd.enabled_ssh_commands', sftpd.enabled_ssh_commands.some((command) => !DEFAULT_COMMANDS.includes(command))],
    ['data_provider.actions', data_provider.actions.execute_on.length > 0],
  ]
  return asked.filter(([, set]) => set).map(([key]) => `${key} has no effect in this version`)
}
