import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { initConfiguredProvider } from './init.ts'

const ACCOUNTS = '20190828.sql, 20191112.sql'
const actions = { execute_on: ['upload'], command: '/bin/true' }

test.each([
  ['the accounts alone', {}, ACCOUNTS],
  [
    'what notifications wait in, too, where somebody is to be told',
    { sftpd: { actions } },
    `${ACCOUNTS}, 20261127.sql`,
  ],
  [
    'the accounts alone where notifications may not be written',
    { sftpd: { actions }, data_provider: { manage_users: 0, track_quota: 0 } },
    ACCOUNTS,
  ],
])('makes %s', async (_, settings, made) => {
  const configDir = await mkdtemp(join(tmpdir(), 'sftpgo-init-'))
  onTestFinished(() => rm(configDir, { recursive: true }))
  await writeFile(join(configDir, 'sftpgo.json'), JSON.stringify(settings))
  const init = () => initConfiguredProvider({ configDir, configFile: 'sftpgo', env: {} })
  expect(await init()).toBe(`Data provider sqlite: initialised, ${made}`)
  expect(await init()).toBe('Data provider sqlite: nothing to do')
})
