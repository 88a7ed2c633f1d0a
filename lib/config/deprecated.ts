import type { Config } from './schema.ts'

/** Settings that work and should be replaced: a line each, for the log. */
export function deprecatedSettings({ sftpd }: Config): string[] {
  return sftpd.enable_scp ? ['sftpd.enable_scp is deprecated: add "scp" to sftpd.enabled_ssh_commands instead'] : []
}
