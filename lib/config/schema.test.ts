import { expect, test } from 'vitest'
import type { z } from 'zod'
import { configSchema, defaultConfig } from './schema.ts'
import { fieldsOf, itemOf, leavesOf } from './tree.ts'

test('the defaults are those of the documented configuration file', () => {
  const actions = { execute_on: [], command: '', command_timeout: 300, http_notification_url: '', secret: '' }
  expect(defaultConfig()).toEqual({
    sftpd: {
      bind_port: 2022,
      bind_address: '',
      idle_timeout: 15,
      keepalive_interval: 60,
      grace_time: 0,
      max_auth_tries: 0,
      umask: '0022',
      banner: '',
      upload_mode: 0,
      fsync: 'none',
      actions,
      keys: [],
      enable_scp: false,
      kex_algorithms: [],
      ciphers: [],
      macs: [],
      login_banner_file: '',
      setstat_mode: 0,
      enabled_ssh_commands: ['md5sum', 'sha1sum', 'cd', 'pwd'],
      trace_events: 64,
    },
    data_provider: {
      driver: 'sqlite',
      name: 'sftpgo.db',
      host: '',
      port: 5432,
      username: '',
      password: '',
      sslmode: 0,
      connection_string: '',
      users_table: 'users',
      manage_users: 1,
      track_quota: 2,
      pool_size: 0,
      users_base_dir: '',
      actions,
    },
    defender: {
      enabled: true,
      ban_minutes: 30,
      threshold: 15,
      observation_minutes: 30,
      score_failed_login: 1,
      score_unknown_user: 2,
      score_garbage: 3,
      score_no_auth: 1,
      max_addresses: 10_000,
      trusted: ['127.0.0.0/8', '::1'],
      max_startups: '10:30:100',
      max_startups_per_address: 20,
    },
    log: { level: '' },
    httpd: {
      bind_port: 8080,
      bind_address: '127.0.0.1',
      templates_path: 'templates',
      static_files_path: 'static',
      auth_user_file: '',
      allow_unauthenticated: false,
      certificate_file: '',
      certificate_key_file: '',
      allowed_hosts: [],
      trusted_proxies: [],
    },
  })
})

test('the configuration is frozen all the way down', () => {
  const config = defaultConfig()
  for (const part of [config, config.sftpd, config.sftpd.actions, config.sftpd.actions.execute_on, config.sftpd.keys])
    expect(Object.isFrozen(part)).toBe(true)
})

test('every setting says what it is for', () => {
  const undescribed = (schema: z.ZodType, path: string): string[] => [
    ...(schema.description === undefined && !path.endsWith('actions') && !path.endsWith(']') ? [path] : []),
    ...[...(fieldsOf(schema) ?? [])].flatMap(([key, field]) => undescribed(field, `${path}.${key}`)),
    ...[itemOf(schema)].flatMap((item) =>
      item !== undefined && fieldsOf(item) !== undefined ? undescribed(item, `${path}[]`) : [],
    ),
  ]
  expect(undescribed(configSchema, '')).toEqual([])
})

test('each setting is known by its path and by how the environment writes it', () => {
  const kinds = new Map(leavesOf(configSchema).map(({ path, kind }) => [path.join('.'), kind]))
  expect(kinds.size).toBeGreaterThan(50)
  expect(kinds.get('sftpd.bind_port')).toBe('integer')
  expect(kinds.get('sftpd.upload_mode')).toBe('integer')
  expect(kinds.get('sftpd.enable_scp')).toBe('boolean')
  expect(kinds.get('sftpd.actions.execute_on')).toBe('list')
  expect(kinds.get('sftpd.keys')).toBe('keys')
  expect(kinds.get('data_provider.driver')).toBe('text')
})
