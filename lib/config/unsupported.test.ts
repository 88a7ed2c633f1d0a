import { expect, test } from 'vitest'
import { configSchema, defaultConfig } from './schema.ts'
import { unsupportedSettings } from './unsupported.ts'

test('the defaults ask for nothing that is missing', () => {
  expect(unsupportedSettings(defaultConfig())).toEqual([])
})

test.each([
  ['sftpd.actions', { sftpd: { actions: { execute_on: ['upload'] } } }],
  ['sftpd.enable_scp', { sftpd: { enable_scp: true } }],
  ['sftpd.enabled_ssh_commands', { sftpd: { enabled_ssh_commands: ['scp'] } }],
  ['sftpd.enabled_ssh_commands', { sftpd: { enabled_ssh_commands: ['sha256sum'] } }],
  ['sftpd.enabled_ssh_commands', { sftpd: { enabled_ssh_commands: ['*'] } }],
  ['data_provider.actions', { data_provider: { actions: { execute_on: ['add'] } } }],
])('%s is named when it asks for something', (key, settings) => {
  expect(unsupportedSettings(configSchema.parse(settings))).toEqual([`${key} has no effect in this version`])
})

test('fewer commands than the default ask for nothing', () => {
  expect(unsupportedSettings(configSchema.parse({ sftpd: { enabled_ssh_commands: ['pwd'] } }))).toEqual([])
})
