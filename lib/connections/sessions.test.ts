import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { LocalSessions } from './sessions.ts'

test('security 18: of 1,000 attempts at once against a limit of 10, exactly 10 get in', async () => {
  const sessions = new LocalSessions()
  const attempts = Array.from({ length: 1000 }, (_, id) => sessions.reserve('alice', `${id}`, 10))
  expect((await Promise.all(attempts)).filter(Boolean)).toHaveLength(10)
})

test('0 is no limit, and users do not share theirs', async () => {
  const sessions = new LocalSessions()
  for (let id = 0; id < 100; id++) expect(await sessions.reserve('alice', `${id}`, 0)).toBe(true)
  expect(await sessions.reserve('bob', 'x', 1)).toBe(true)
  expect(await sessions.reserve('bob', 'y', 1)).toBe(false)
})

test('whatever is reserved and released how often, the count is that of the sessions that are open', async () => {
  const LIMIT = 3
  const step = fc.record({ take: fc.boolean(), id: fc.nat({ max: 6 }).map(String) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const sessions = new LocalSessions()
      const open = new Set<string>()
      for (const { take, id } of steps) {
        if (take) {
          const fits = open.has(id) || open.size < LIMIT
          expect(await sessions.reserve('alice', id, LIMIT)).toBe(fits)
          if (fits) open.add(id)
        } else {
          await sessions.release('alice', id)
          open.delete(id)
        }
      }
    }),
  )
})
