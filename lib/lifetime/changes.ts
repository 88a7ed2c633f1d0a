import { isDeepStrictEqual } from 'node:util'
import { masked } from '../config/problem.ts'
import { SECRET_KEYS } from '../config/schema.ts'
import type { Config } from '../config/schema.ts'
import type { Changes } from './reload.ts'

/** Settings that are read again while the server runs; every other one is read at its start. */
export const RELOADABLE: { readonly [S in keyof Config]?: 'all' | readonly (keyof Config[S])[] } = {
  sftpd: [
    'idle_timeout',
    'keepalive_interval',
    'grace_time',
    'max_auth_tries',
    'umask',
    'actions',
    'banner',
    'upload_mode',
    'fsync',
    'keys',
    'enable_scp',
    'kex_algorithms',
    'ciphers',
    'macs',
    'login_banner_file',
    'setstat_mode',
    'enabled_ssh_commands',
  ],
  data_provider: ['actions'],
  defender: 'all',
  log: 'all',
}

/** What differs between two configurations, `sftpd.idle_timeout: 15 -> 30`, in the order of the schema. */
export function describeChanges(before: Config, after: Config): Changes {
  const applied: string[] = []
  const needRestart: string[] = []
  for (const section of Object.keys(after) as (keyof Config)[]) {
    const live: readonly string[] | 'all' = RELOADABLE[section] ?? []
    const old: Readonly<Record<string, unknown>> = before[section]
    for (const [key, value] of Object.entries(after[section])) {
      if (isDeepStrictEqual(old[key], value)) continue
      const [from, to] = [old[key], value].map((one) =>
        JSON.stringify(one, (name, inner: unknown) => masked([name], inner)),
      )
      const line = SECRET_KEYS.has(key) ? `${section}.${key}` : `${section}.${key}: ${from} -> ${to}`
      if (live === 'all' || live.includes(key)) applied.push(line)
      else needRestart.push(line)
    }
  }
  return { applied, needRestart }
}
