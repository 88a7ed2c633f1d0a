import type { Ban, Bans } from '../defender/defender.ts'
import { genericReply, jsonReply } from './replies.ts'
import type { Route } from './router.ts'

/** Which addresses are banned, and lifting a ban. */
export function banRoutes(bans: Bans): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/defender/bans',
      handle: async () => jsonReply(200, (await bans.list()).map(banView)),
    },
    {
      method: 'DELETE',
      path: '/api/v1/defender/bans/:address',
      handle: async ({ params: { address = '' } }) =>
        (await bans.remove(address))
          ? genericReply(200, { message: 'Ban lifted' })
          : genericReply(404, { message: 'Not Found', error: 'this address is not banned' }),
    },
  ]
}

/** Times in milliseconds since the epoch; `refused` counts connections. */
function banView({ address, sinceMs, untilMs, reason, refused }: Ban): Record<string, unknown> {
  return { address, since: sinceMs, until: untilMs, reason, refused }
}
