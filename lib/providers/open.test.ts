import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openProvider } from './open.ts'
import { recordingLog } from './recording-log.ts'

let configDir: string
beforeEach(async () => {
  configDir = await mkdtemp(join(tmpdir(), 'open-provider-'))
})
afterEach(() => rm(configDir, { recursive: true }))

const around = () => ({ configDir, log: recordingLog() })
const config = {
  driver: 'sqlite',
  name: 'sftpgo.db',
  host: '',
  port: 0,
  username: '',
  password: '',
  sslmode: 0,
  connection_string: '',
  pool_size: 0,
  users_table: 'users',
}

test('a relative name is below the configuration directory', async () => {
  const provider = await openProvider(config, around())
  expect(provider.driver).toBe('sqlite')
  expect((await stat(join(configDir, 'sftpgo.db'))).size).toBeGreaterThan(0)
  await provider.close()
})

test('an absolute name stays', async () => {
  const name = join(configDir, 'elsewhere.db')
  const provider = await openProvider({ ...config, name }, { ...around(), configDir: '/nowhere' })
  expect((await stat(name)).isFile()).toBe(true)
  await provider.close()
})

test('memory needs no name', async () => {
  const provider = await openProvider({ ...config, driver: 'memory', name: '', users_table: '' }, around())
  expect(provider.driver).toBe('memory')
})

test.each(['oracle', 'SQLite', '', 'toString'])('driver %j is refused, naming what is allowed', async (driver) => {
  await expect(openProvider({ ...config, driver }, around())).rejects.toThrow(
    `data_provider.driver is ${JSON.stringify(driver)}: want one of memory, sqlite, bolt, mysql, postgresql`,
  )
})

test.each(['sqlite', 'bolt'])('%s without a path, or with a connection string, is refused', async (driver) => {
  await expect(openProvider({ ...config, driver, name: '' }, around())).rejects.toThrow(/data_provider\.name is empty/)
  await expect(openProvider({ ...config, driver, connection_string: 'file:x' }, around())).rejects.toThrow(
    /connection_string/,
  )
})
