import { expect, test } from 'vitest'
import { deprecatedSettings } from './deprecated.ts'
import { configSchema, defaultConfig } from './schema.ts'

test('enable_scp names what replaces it', () => {
  expect(deprecatedSettings(defaultConfig())).toEqual([])
  expect(deprecatedSettings(configSchema.parse({ sftpd: { enable_scp: true } }))).toEqual([
    'sftpd.enable_scp is deprecated: add "scp" to sftpd.enabled_ssh_commands instead',
  ])
})
