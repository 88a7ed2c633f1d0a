import type { QuotaScan, QuotaScans, ScanStart } from '../../quota-scans/quota-scans.ts'
import { parseJsonObject } from '../body.ts'
import { HttpError } from '../errors.ts'
import { genericReply, jsonReply, type Reply } from '../replies.ts'
import { OBJECTS, type ObjectOf } from './objects.ts'
import { OPERATIONS, routeOf } from './operations.ts'
import type { Route } from '../router.ts'

/** Starting a scan of a user's home, and how far those that run have come. */
export function quotaScanRoutes(scans: Pick<QuotaScans, 'start' | 'list'>): Route[] {
  return [
    routeOf(OPERATIONS.listQuotaScans, () => jsonReply(200, scans.list().map(scanView))),
    routeOf(OPERATIONS.startQuotaScan, async (request) => {
      // A whole user is taken, as the sample client of 0.9.4 sends it; only the name is looked at.
      const sent = OBJECTS.QuotaScanRequest.safeParse(parseJsonObject(await request.body()))
      if (!sent.success) throw new HttpError(400, 'username must be the name of the user to scan')
      const { username } = sent.data
      return answerTo(await scans.start(username), username)
    }),
  ]
}

function answerTo(start: ScanStart, username: string): Reply {
  switch (start) {
    case 'started':
      return genericReply(201, { message: 'Scan started' })
    case 'running':
      return genericReply(409, { message: 'Another scan is already in progress' })
    case 'unknown user':
      return genericReply(404, { error: `Not found: no user is named ${JSON.stringify(username)}` })
    case 'not tracked':
      return genericReply(403, {
        error: 'Method disabled error: used quota is not stored, as track_quota or manage_users is 0',
      })
    default:
      return genericReply(503, { error: 'the server stops' })
  }
}

/** Times in milliseconds since the epoch; what was counted so far comes on top of what 0.9.4 tells. */
function scanView({ username, startTimeMs, files, size }: QuotaScan): ObjectOf<'QuotaScan'> {
  return { username, start_time: startTimeMs, files, size }
}
