import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { MemoryProvider } from '../providers/memory/memory.ts'
import { ProviderError } from '../providers/provider.ts'
import { recordingLog } from '../providers/recording-log.ts'
import { InFlight, forgetful } from '../transfers/in-flight.ts'
import { Ledger } from '../transfers/ledger.ts'
import { nodeStorage } from '../vfs/storage.ts'
import type { Storage } from '../vfs/storage.ts'
import { MAX_RUNNING_SCANS, QuotaScans } from './quota-scans.ts'

const NO_USER = {
  status: 1,
  expiration_date: 0,
  password: 'x',
  public_keys: [],
  uid: 0,
  gid: 0,
  max_sessions: 0,
  quota_size: 0,
  quota_files: 0,
  permissions: ['*'],
  upload_bandwidth: 0,
  download_bandwidth: 0,
} as const

async function setUp({ tracks = true, users = ['ann'] }: { tracks?: boolean; users?: string[] } = {}) {
  const directory = mkdtempSync(path.join(tmpdir(), 'sftpgo-scans-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const [clock, log, provider] = [new VirtualClock(), recordingLog(), new MemoryProvider()]
  const homeOf = (username: string): string => path.join(directory, username)
  for (const username of users) {
    mkdirSync(homeOf(username))
    await provider.addUser({ ...NO_USER, public_keys: [], permissions: ['*'], username, home_dir: homeOf(username) })
  }
  const gate = { open: true, waiting: [] as (() => void)[] }
  /** A disk that answers when the test lets it. */
  const storage: Storage = {
    ...nodeStorage,
    lstat: async (file) => {
      if (!gate.open) await new Promise<void>((resolve) => gate.waiting.push(resolve))
      return nodeStorage.lstat(file)
    },
  }
  const release = (): void => {
    gate.open = true
    for (const resolve of gate.waiting.splice(0)) resolve()
  }
  const ledger = new Ledger({ provider, inFlight: new InFlight(forgetful, { clock, log }), clock, log })
  const scans = new QuotaScans({ provider, ledger, storage, clock, log, tracks })
  const over = (): Promise<void> => vi.waitFor(() => expect(scans.list()).toEqual([]), { timeout: 20_000, interval: 2 })
  return { clock, log, provider, homeOf, gate, release, ledger, scans, over, directory }
}

describe('a scan', () => {
  test('stores the sizes and the number of the files of a home, and when', async () => {
    const { scans, homeOf, provider, over, clock } = await setUp()
    mkdirSync(path.join(homeOf('ann'), 'd'))
    writeFileSync(path.join(homeOf('ann'), 'd/f'), 'four')
    writeFileSync(path.join(homeOf('ann'), 'g'), 'seven..')
    await provider.resetUse('ann', { size: 999, files: 99 }, 0)
    expect(await scans.start('ann')).toBe('started')
    await over()
    expect(await provider.userByName('ann')).toMatchObject({
      used_quota_size: 11,
      used_quota_files: 2,
      last_quota_update: clock.now(),
    })
  })

  test('resolves a home that is a link itself, and follows none in it', async () => {
    const { scans, homeOf, provider, over, directory } = await setUp()
    mkdirSync(path.join(directory, 'elsewhere'))
    writeFileSync(path.join(directory, 'elsewhere/f'), 'four')
    symlinkSync('f', path.join(directory, 'elsewhere/l'))
    rmSync(homeOf('ann'), { recursive: true })
    symlinkSync('elsewhere', homeOf('ann'))
    await scans.start('ann')
    await over()
    expect(await provider.usedQuota('ann')).toEqual({ size: 4, files: 1 })
  })

  test('of an account that is being scanned is refused; of another it is not', async () => {
    const { scans, gate, release, over } = await setUp({ users: ['ann', 'bob'] })
    gate.open = false
    expect(await scans.start('ann')).toBe('started')
    expect(await scans.start('ann')).toBe('running')
    expect(await scans.start('bob')).toBe('started')
    release()
    await over()
    expect(await scans.start('ann')).toBe('started')
    await over()
  })

  test('a thousand times at once is one', async () => {
    const { scans, over } = await setUp()
    const answers = await Promise.all(Array.from({ length: 1000 }, () => scans.start('ann')))
    expect(answers.filter((answer) => answer === 'started')).toHaveLength(1)
    await over()
  })

  test('tells how far it has come', async () => {
    const { scans, homeOf, gate, release, over, clock } = await setUp()
    for (const name of ['a', 'b']) writeFileSync(path.join(homeOf('ann'), name), 'four')
    gate.open = false
    await scans.start('ann')
    const started = { username: 'ann', startTimeMs: clock.now() }
    expect(scans.list()).toEqual([{ ...started, files: 0, size: 0 }])
    // The home itself, then the first of its files.
    for (let looked = 0; looked < 3; looked++) {
      await vi.waitFor(() => expect(gate.waiting).toHaveLength(1), { interval: 1 })
      if (looked === 2) expect(scans.list()).toEqual([{ ...started, files: 1, size: 4 }])
      gate.waiting.shift()?.()
    }
    release()
    await over()
  })

  test.each([
    ['of nobody', { users: ['ann'] }, 'bob', 'unknown user'],
    ['where usage is not stored', { tracks: false }, 'ann', 'not tracked'],
  ] as const)('%s is refused', async (_what, options, username, answer) => {
    const { scans } = await setUp({ ...options, users: ['ann'] })
    expect(await scans.start(username)).toBe(answer)
    expect(scans.list()).toEqual([])
  })

  test('that cannot read everything changes nothing, and says so in the log', async () => {
    const { scans, homeOf, provider, over, log } = await setUp()
    await provider.resetUse('ann', { size: 7, files: 1 }, 0)
    rmSync(homeOf('ann'), { recursive: true })
    await scans.start('ann')
    await over()
    expect(await provider.usedQuota('ann')).toEqual({ size: 7, files: 1 })
    expect(log.lines.join()).toContain('quota scan of "ann" failed, what is stored stays')
  })

  test('that cannot be stored changes nothing, and says so in the log', async () => {
    const { scans, provider, over, log, ledger } = await setUp()
    vi.spyOn(provider, 'resetUse').mockRejectedValue(new ProviderError('unavailable', 'no database'))
    await scans.start('ann')
    await over()
    expect(log.lines.join()).toContain('quota scan of "ann" failed')
    expect(await ledger.used('ann')).toEqual({ size: 0, files: 0 })
  })
})

test(`no more than ${MAX_RUNNING_SCANS} homes are walked at once; the others wait`, async () => {
  const users = ['a', 'b', 'c', 'd']
  const { scans, gate, release, over } = await setUp({ users })
  gate.open = false
  for (const username of users) await scans.start(username)
  await vi.waitFor(() => expect(gate.waiting).toHaveLength(MAX_RUNNING_SCANS))
  expect(scans.list().map(({ username }) => username)).toEqual(users)
  release()
  await over()
})

test('a stop ends what runs and what waits, stores nothing, and takes no more', async () => {
  const { scans, homeOf, provider, gate, release, log } = await setUp({ users: ['ann', 'bob', 'cleo'] })
  for (const username of ['ann', 'bob', 'cleo']) writeFileSync(path.join(homeOf(username), 'f'), 'four')
  gate.open = false
  for (const username of ['ann', 'bob', 'cleo']) await scans.start(username)
  const stopped = scans.stop()
  expect(await scans.start('ann')).toBe('stopping')
  release()
  await stopped
  expect(scans.list()).toEqual([])
  for (const username of ['ann', 'bob', 'cleo'])
    expect(await provider.usedQuota(username)).toEqual({ size: 0, files: 0 })
  expect(log.lines.filter((line) => line.includes("ended by the server's stop"))).toHaveLength(3)
})
