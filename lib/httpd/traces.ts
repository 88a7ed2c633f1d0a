import type { FailedLogin, TraceEvent, TraceReader } from '../traces/traces.ts'
import { genericReply, jsonReply } from './replies.ts'
import type { Route } from './router.ts'

/** What happened to a connection, and which logins failed. */
export function traceRoutes(traces: TraceReader): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/connection/:id/trace',
      handle: ({ params: { id = '' } }) => {
        const events = traces.of(id)
        return events === undefined
          ? genericReply(404, { message: 'Not Found' })
          : jsonReply(200, events.map(eventView))
      },
    },
    {
      method: 'GET',
      path: '/api/v1/failed_logins',
      handle: () => jsonReply(200, traces.recentFailedLogins().map(failedLoginView)),
    },
  ]
}

/** Times in milliseconds since the epoch. */
function eventView({ timeMs, event, details }: TraceEvent): Record<string, unknown> {
  return { time: timeMs, event, ...details }
}

function failedLoginView(login: FailedLogin): Record<string, unknown> {
  return {
    time: login.timeMs,
    client_ip: login.ip,
    username: login.username,
    login_type: login.method,
    error: login.reason,
    connection_id: login.connectionId,
  }
}
