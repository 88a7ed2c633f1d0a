import { expect, test } from 'vitest'
import type { Ban } from '../../defender/defender.ts'
import { fakeApi } from '../fakes.test.support.ts'

function api() {
  let bans: Ban[] = [
    { address: '192.0.2.1', sinceMs: 1000, untilMs: 2000, reason: '15 points: 15 failed logins', refused: 3 },
    { address: '2001:db8::/64', sinceMs: 1500, untilMs: 2500, reason: '15 points: 5 times garbage', refused: 0 },
  ]
  const fake = {
    list: async () => bans,
    remove: async (ip: string) => {
      const left = bans.filter(({ address }) => address !== ip)
      const found = left.length < bans.length
      bans = left
      return found
    },
  }
  return fakeApi({ parts: { bans: fake } })
}

test('a ban says of whom, since when, until when, and why', async () => {
  expect(JSON.parse((await api().ask('/api/v1/defender/bans')).body)[0]).toEqual({
    address: '192.0.2.1',
    since: 1000,
    until: 2000,
    reason: '15 points: 15 failed logins',
    refused: 3,
  })
})

test.each(['192.0.2.1', '2001%3Adb8%3A%3A%2F64'])('the ban of %s is lifted once', async (address) => {
  const { ask } = api()
  const path = `/api/v1/defender/bans/${address}`
  expect(await ask(path, { method: 'DELETE' })).toMatchObject({
    status: 200,
    body: '{"error":"","message":"Ban lifted","status":200}\n',
  })
  expect((await ask(path, { method: 'DELETE' })).status).toBe(404)
  expect(JSON.parse((await ask('/api/v1/defender/bans')).body)).toHaveLength(1)
})
