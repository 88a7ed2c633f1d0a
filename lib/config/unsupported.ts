import type { Config } from './schema.ts'

/** Settings that are understood and have no effect in this version, where they ask for something: a line each. */
export function unsupportedSettings({ sftpd, data_provider }: Config): string[] {
  const asked: [string, boolean][] = [
    ['sftpd.actions', sftpd.actions.execute_on.length > 0],
    ['data_provider.actions', data_provider.actions.execute_on.length > 0],
  ]
  return asked.filter(([, set]) => set).map(([key]) => `${key} has no effect in this version`)
}
