import { Readable } from 'node:stream'
import type { Accounts, UserInput } from '../../accounts/accounts.ts'
import type { User } from '../../accounts/user.ts'
import { parseJsonObject } from '../body.ts'
import { HttpError } from '../errors.ts'
import { genericReply, jsonText, type StreamReply } from '../replies.ts'
import { OPERATIONS, routeOf } from './operations.ts'
import type { Route } from '../router.ts'

/** All users in one file, and back. */
export function backupRoutes(accounts: Accounts): Route[] {
  return [
    routeOf(OPERATIONS.dumpData, () => dump(accounts)),
    routeOf(OPERATIONS.loadData, async (request) => {
      const { users } = parseJsonObject(await request.body())
      const { added, updated } = await accounts.load(usersIn(users))
      return genericReply(200, { message: `Data restored: ${added} users added, ${updated} updated` })
    }),
  ]
}

/** @throws AccountError when not even the first users can be read: later it can only be cut short. */
async function dump(accounts: Accounts): Promise<StreamReply> {
  const users = accounts.dump()
  const first = await users.next()
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Disposition': 'attachment; filename="sftpgo-dump.json"',
  }
  return { status: 200, headers, stream: Readable.from(dumpText(first, users)) }
}

async function* dumpText(
  first: IteratorResult<User, void>,
  rest: AsyncGenerator<User, void, void>,
): AsyncGenerator<string, void, void> {
  yield '{"users":['
  for (let next = first, comma = ''; !next.done; next = await rest.next(), comma = ',')
    yield comma + jsonText(next.value)
  yield ']}\n'
}

/** @throws HttpError 400. */
function usersIn(users: unknown): UserInput[] {
  if (!Array.isArray(users)) throw new HttpError(400, 'users must be an array of user objects')
  return users.map((user: unknown, index) => {
    if (typeof user !== 'object' || user === null || Array.isArray(user)) {
      throw new HttpError(400, `users[${index}] must be a user object`)
    }
    return { ...user }
  })
}
