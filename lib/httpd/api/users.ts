import type { Accounts, UserInput } from '../../accounts/accounts.ts'
import { userSchema, type User } from '../../accounts/user.ts'
import { parseJsonObject } from '../body.ts'
import { HttpError } from '../errors.ts'
import { genericReply, jsonReply } from '../replies.ts'
import type { ObjectOf } from './objects.ts'
import { OPERATIONS, routeOf } from './operations.ts'
import type { Route, RouteRequest } from '../router.ts'
import { parseInt64, parseListQuery } from './list-query.ts'

/** Listing, adding, changing and removing accounts. */
export function userRoutes(accounts: Accounts): Route[] {
  return [
    routeOf(OPERATIONS.listUsers, async ({ query }) =>
      jsonReply(200, (await accounts.list(parseListQuery(query))).map(withKeys)),
    ),
    routeOf(OPERATIONS.addUser, async (request) =>
      jsonReply(200, userView(await accounts.add(await userInput(request)))),
    ),
    routeOf(OPERATIONS.getUser, async ({ params }) => jsonReply(200, withKeys(await accounts.get(userId(params))))),
    routeOf(OPERATIONS.updateUser, async (request) => {
      const id = userId(request.params)
      // An unknown user is 404 whatever the body holds, so it is looked up first.
      await accounts.get(id)
      const input = await userInput(request)
      const { id: sentId = null } = input
      if (sentId !== null && sentId !== id) {
        throw new HttpError(400, `the id in the body must be that of the path, ${id}, or left out`)
      }
      await accounts.update(id, input)
      return genericReply(200, { message: 'User updated' })
    }),
    routeOf(OPERATIONS.deleteUser, async ({ params }) => {
      await accounts.remove(userId(params))
      return genericReply(200, { message: 'User deleted' })
    }),
  ]
}

/** @throws HttpError 400 when it is no int64, 404 when it is one that no provider hands out. */
function userId({ id = '' }: RouteRequest['params']): number {
  const value = parseInt64(id)
  if (value === undefined) throw new HttpError(400, 'the user id must be an integer of 64 bits', 'Invalid userID')
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new HttpError(404, `Not found: no user has the id ${value}`)
  return number
}

/** What the body says of a user; keys that no user has are dropped. */
async function userInput(request: RouteRequest): Promise<UserInput> {
  const sent = Object.entries(parseJsonObject(await request.body()))
  return Object.fromEntries(sent.filter(([key]) => Object.hasOwn(userSchema.shape, key)))
}

/** A user as GET shows it: `public_keys` is there when there are any. */
function withKeys(user: User): ObjectOf<'User'> {
  return userView(user, user.public_keys)
}

/** Keys in the order 0.9.4 emits them. The password is never shown, and the answer to POST has no keys either. */
function userView(user: User, publicKeys: string[] = []): ObjectOf<'User'> {
  return {
    id: user.id,
    status: user.status,
    username: user.username,
    expiration_date: user.expiration_date,
    ...(publicKeys.length > 0 && { public_keys: publicKeys }),
    home_dir: user.home_dir,
    uid: user.uid,
    gid: user.gid,
    max_sessions: user.max_sessions,
    quota_size: user.quota_size,
    quota_files: user.quota_files,
    permissions: user.permissions,
    used_quota_size: user.used_quota_size,
    used_quota_files: user.used_quota_files,
    last_quota_update: user.last_quota_update,
    upload_bandwidth: user.upload_bandwidth,
    download_bandwidth: user.download_bandwidth,
    last_login: user.last_login,
  }
}
