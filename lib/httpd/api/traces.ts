import type { FailedLogin, TraceEvent, TraceReader } from '../../traces/traces.ts'
import { genericReply, jsonReply } from '../replies.ts'
import type { ObjectOf } from './objects.ts'
import { OPERATIONS, routeOf } from './operations.ts'
import type { Route } from '../router.ts'

/** What happened to a connection, and which logins failed. */
export function traceRoutes(traces: TraceReader): Route[] {
  return [
    routeOf(OPERATIONS.traceConnection, ({ params: { id = '' } }) => {
      const events = traces.of(id)
      return events === undefined ? genericReply(404, { message: 'Not Found' }) : jsonReply(200, events.map(eventView))
    }),
    routeOf(OPERATIONS.listFailedLogins, () => jsonReply(200, traces.recentFailedLogins().map(failedLoginView))),
  ]
}

/** Times in milliseconds since the epoch. */
function eventView({ timeMs, event, details }: TraceEvent): ObjectOf<'TraceEvent'> {
  return { time: timeMs, event, ...details }
}

function failedLoginView(login: FailedLogin): ObjectOf<'FailedLogin'> {
  return {
    time: login.timeMs,
    client_ip: login.ip,
    username: login.username,
    login_type: login.method,
    error: login.reason,
    connection_id: login.connectionId,
  }
}
