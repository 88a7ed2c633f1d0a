import type { Ban, Bans } from '../../defender/defender.ts'
import { genericReply, jsonReply } from '../replies.ts'
import type { ObjectOf } from './objects.ts'
import { OPERATIONS, routeOf } from './operations.ts'
import type { Route } from '../router.ts'

/** Which addresses are banned, and lifting a ban. */
export function banRoutes(bans: Bans): Route[] {
  return [
    routeOf(OPERATIONS.listBans, async () => jsonReply(200, (await bans.list()).map(banView))),
    routeOf(OPERATIONS.liftBan, async ({ params: { address = '' } }) =>
      (await bans.remove(address))
        ? genericReply(200, { message: 'Ban lifted' })
        : genericReply(404, { message: 'Not Found', error: 'this address is not banned' }),
    ),
  ]
}

/** Times in milliseconds since the epoch; `refused` counts connections. */
function banView({ address, sinceMs, untilMs, reason, refused }: Ban): ObjectOf<'Ban'> {
  return { address, since: sinceMs, until: untilMs, reason, refused }
}
