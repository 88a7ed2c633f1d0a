import { expect, test } from 'vitest'
import { configSchema, deepFreeze, defaultConfig } from '../config/schema.ts'
import type { Config } from '../config/schema.ts'
import { recordingLog } from '../providers/recording-log.ts'
import { RELOADABLE, describeChanges } from './changes.ts'
import { Reload } from './reload.ts'

const config = (settings: Record<string, unknown>): Config => deepFreeze(configSchema.parse(settings))

/** Two parts, of which the second refuses a banner. */
function setUp(next: () => Config) {
  const log = recordingLog()
  const taken: string[] = []
  const reload = new Reload({
    load: async () => ({ config: next(), warnings: [] }),
    current: defaultConfig(),
    parts: [
      {
        prepare:
          async ({ sftpd }) =>
          () =>
            void taken.push(`first ${sftpd.idle_timeout}`),
      },
      {
        async prepare({ sftpd }) {
          if (sftpd.banner === 'bad') throw new Error('the banner is bad')
          return () => void taken.push(`second ${sftpd.idle_timeout}`)
        },
      },
    ],
    describe: describeChanges,
    log,
  })
  return { log, taken, reload }
}

test('a configuration that is right is taken by all, and the log tells what is different', async () => {
  const next = config({ sftpd: { idle_timeout: 3, bind_port: 22 }, data_provider: { password: 'secret' } })
  const { log, taken, reload } = setUp(() => next)
  await reload.run()
  expect(taken).toEqual(['first 3', 'second 3'])
  expect(reload.current).toBe(next)
  expect(log.lines).toEqual([
    'info reloaded: sftpd.idle_timeout: 15 -> 3',
    'warn takes effect after a restart: sftpd.bind_port: 2022 -> 22',
    'warn takes effect after a restart: data_provider.password',
    'info reloaded the configuration, host keys and banner',
  ])
})

test('passwords in addresses and secrets in sections are not told', () => {
  const url = (password: string) => ({
    sftpd: { actions: { http_notification_url: `https://hook:${password}@host/` } },
  })
  const { applied } = describeChanges(config(url('old-secret')), config(url('new-secret')))
  expect(applied).toHaveLength(1)
  expect(applied[0]).toContain('https://***@host/')
  expect(applied[0]).not.toContain('hunter2')
})

test('one that any part refuses is taken by none', async () => {
  const { log, taken, reload } = setUp(() => config({ sftpd: { banner: 'bad', idle_timeout: 3 } }))
  await reload.run()
  expect(taken).toEqual([])
  expect(reload.current).toEqual(defaultConfig())
  expect(log.lines).toEqual(['error not reloaded, the configuration stays as it was the banner is bad'])
})

test('one that cannot be read changes nothing, and the next one is taken', async () => {
  let broken = true
  const { log, taken, reload } = setUp(() => {
    if (broken) throw new Error('sftpgo.json: no JSON')
    return config({ sftpd: { idle_timeout: 7 } })
  })
  const first = reload.run()
  await first
  expect(taken).toEqual([])
  broken = false
  await Promise.all([reload.run(), reload.run()])
  expect(taken).toEqual(['first 7', 'second 7', 'first 7', 'second 7'])
  expect(log.lines).toEqual([
    'error not reloaded, the configuration stays as it was sftpgo.json: no JSON',
    'info reloaded: sftpd.idle_timeout: 15 -> 7',
    'info reloaded the configuration, host keys and banner',
    'info reloaded the configuration, host keys and banner, no setting is different',
  ])
})

test('every key that is said to be read again is a setting', () => {
  const known = defaultConfig()
  for (const [section, keys] of Object.entries(RELOADABLE)) {
    expect(known).toHaveProperty(section)
    if (keys !== 'all') expect(Object.keys(known[section as keyof Config])).toEqual(expect.arrayContaining([...keys]))
  }
})
