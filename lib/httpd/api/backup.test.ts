import { expect, test } from 'vitest'
import { AccountError } from '../../accounts/accounts.ts'
import { OPERATIONS } from './operations.ts'
import { MAX_BODY_BYTES } from '../body.ts'
import { aUser, fakeApi } from '../fakes.test.support.ts'

test('a dump holds every user with its hash, as a file', async () => {
  const users = [aUser(), aUser({ id: 2, username: '<bob>' })]
  const { headers, body } = await fakeApi({ users }).ask('/api/v1/dumpdata')
  expect(JSON.parse(body)).toEqual({ users })
  expect(body).not.toContain('<')
  expect(headers).toMatchObject({
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Disposition': 'attachment; filename="sftpgo-dump.json"',
  })
})

test('a dump of nobody is empty', async () => {
  expect((await fakeApi({ users: [] }).ask('/api/v1/dumpdata')).body).toBe('{"users":[]}\n')
})

test('a dump that cannot begin answers 500', async () => {
  const { ask, accounts } = fakeApi()
  accounts.failure = new AccountError('unavailable', 'Data provider error: gone')
  expect((await ask('/api/v1/dumpdata')).status).toBe(500)
})

test('what a dump holds can be loaded, also when it is longer than other bodies may be', async () => {
  const { ask, accounts } = fakeApi()
  const users = [{ username: 'ann', home_dir: `/${'x'.repeat(MAX_BODY_BYTES)}` }, { username: 'bob' }]
  const answer = await ask('/api/v1/loaddata', { method: 'POST', body: JSON.stringify({ users }) })
  expect(answer.body).toBe('{"error":"","message":"Data restored: 2 users added, 0 updated","status":200}\n')
  expect(accounts.calls).toEqual([users])
})

test.each([
  ['', 'EOF'],
  ['{}', 'users must be an array'],
  ['{"users":{}}', 'users must be an array'],
  ['{"users":[{},5]}', 'users[1] must be a user object'],
])('the body %j is refused: %s', async (body, error) => {
  const { ask, accounts } = fakeApi()
  const answer = await ask('/api/v1/loaddata', { method: 'POST', body })
  expect(answer.status).toBe(400)
  expect(JSON.parse(answer.body).error).toContain(error)
  expect(accounts.calls).toEqual([])
})

test('a dump has a limit, too', async () => {
  const body = Buffer.alloc(OPERATIONS.loadData.body.maxBytes + 1, ' ')
  expect((await fakeApi().ask('/api/v1/loaddata', { method: 'POST', body })).status).toBe(413)
})
