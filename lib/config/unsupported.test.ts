import { expect, test } from 'vitest'
import { configSchema, defaultConfig } from './schema.ts'
import { unsupportedSettings } from './unsupported.ts'

test('the defaults ask for nothing that is missing', () => {
  expect(unsupportedSettings(defaultConfig())).toEqual([])
})

test.each([
  ['sftpd.actions', { sftpd: { actions: { execute_on: ['upload'] } } }],
  ['data_provider.actions', { data_provider: { actions: { execute_on: ['add'] } } }],
])('%s is named when it asks for something', (key, settings) => {
  expect(unsupportedSettings(configSchema.parse(settings))).toEqual([`${key} has no effect in this version`])
})

test('any SSH commands are there', () => {
  const sftpd = { enabled_ssh_commands: ['*'], enable_scp: true }
  expect(unsupportedSettings(configSchema.parse({ sftpd }))).toEqual([])
})
