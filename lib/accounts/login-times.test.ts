import { performance } from 'node:perf_hooks'
import { expect, test, vi } from 'vitest'
import { sampleUser } from '../providers/contract.ts'
import { MemoryProvider } from '../providers/memory/memory.ts'
import { recordingLog } from '../providers/recording-log.ts'
import { createKeyring } from './keyring.ts'
import { createLogins } from './logins.ts'
import { createPasswords } from './passwords.ts'

// Many checks one after the other, on a machine that may have other things to do.
vi.setConfig({ testTimeout: 60_000 })

const ROUNDS = 41
/** Medians of the same thing differ by less on a busy machine; a check that is left out makes a hundredfold of it. */
const TOLERANCE = 1.5

test('security 11: the median time of a refusal is the same, whatever the reason', async () => {
  const provider = new MemoryProvider()
  // Less than what is usual, and long enough to measure.
  const passwords = createPasswords({ cost: { memoryKiB: 4096, passes: 2, lanes: 1 } })
  const log = recordingLog()
  const clock = { now: () => 1_000_000, monotonic: () => 0, after: () => ({ cancel() {} }) }
  const logins = createLogins({ provider, clock, log, passwords, findKey: createKeyring(log) })
  const password = await passwords.toStore('secret')
  await provider.addUser(sampleUser('alice', { password }))
  await provider.addUser(sampleUser('disabled', { password, status: 0 }))
  await provider.addUser(sampleUser('expired', { password, expiration_date: 1 }))
  await provider.addUser(sampleUser('keys', { password: '' }))
  await provider.addUser(sampleUser('broken', { password: '$2a$31$x' }))
  const CASES = { alice: 'wrong', nobody: 'secret', disabled: 'secret', expired: 'secret', keys: 'secret', broken: 'x' }

  const times = new Map(Object.keys(CASES).map((username) => [username, [] as number[]]))
  // One of each in turn, so that a busy moment falls on all of them.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [username, sent] of Object.entries(CASES)) {
      const start = performance.now()
      expect(await logins.loginWithPassword(username, sent)).toMatchObject({ ok: false })
      if (round > 0) times.get(username)?.push(performance.now() - start)
    }
  }
  const medians = [...times.values()].map((ms) => ms.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0)
  expect(Math.min(...medians)).toBeGreaterThan(1)
  expect(Math.max(...medians) / Math.min(...medians)).toBeLessThan(TOLERANCE)
})
