import { expect, test } from 'vitest'
import { configSchema } from '../config/schema.ts'
import { needsOutbox } from './settings.ts'

const command = { execute_on: ['upload'], command: '/bin/true' }

test.each([
  ['nothing is configured', {}, false],
  ['nobody is told', { sftpd: { actions: { execute_on: ['upload'] } } }, false],
  ['no event is named', { sftpd: { actions: { command: '/bin/true' } } }, false],
  ['files have a command', { sftpd: { actions: command } }, true],
  [
    'accounts have a URL',
    { data_provider: { actions: { execute_on: ['add'], http_notification_url: 'http://h' } } },
    true,
  ],
  ['nothing is written', { sftpd: { actions: command }, data_provider: { manage_users: 0, track_quota: 0 } }, false],
  ['quota is written', { sftpd: { actions: command }, data_provider: { manage_users: 0, track_quota: 1 } }, true],
])('where %s: %j needs tables: %s', (_, settings, needed) => {
  expect(needsOutbox(configSchema.parse(settings))).toBe(needed)
})
