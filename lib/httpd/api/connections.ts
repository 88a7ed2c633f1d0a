import type { ConnectionInfo, Connections, TransferInfo } from '../../connections/connections.ts'
import type { Log } from '../../logging/log.ts'
import { genericReply, jsonReply } from '../replies.ts'
import type { ObjectOf } from './objects.ts'
import { OPERATIONS, routeOf } from './operations.ts'
import type { Route } from '../router.ts'

/** Who is connected, and ending a connection. */
export function connectionRoutes(connections: Connections, log: Log): Route[] {
  return [
    routeOf(OPERATIONS.listConnections, () => jsonReply(200, connections.list().map(connectionView))),
    routeOf(OPERATIONS.closeConnection, ({ params: { id = '' } }) =>
      close(connections, log, id)
        ? genericReply(200, { message: 'Connection closed' })
        : genericReply(404, { message: 'Not Found' }),
    ),
  ]
}

function close(connections: Connections, log: Log, connectionId: string): boolean {
  try {
    return connections.close(connectionId)
  } catch (error) {
    // 0.9.4 answers 200 here too: what could not be closed properly is as good as gone.
    log.app('httpd', 'warn', 'closing the connection failed', { connectionId, error })
    return true
  }
}

/** The connection object, keys in the order 0.9.4 emits them; times in milliseconds since the epoch. */
function connectionView(info: ConnectionInfo): ObjectOf<'Connection'> {
  return {
    username: info.username,
    connection_id: info.connectionId,
    client_version: info.clientVersion,
    remote_address: info.remoteAddress,
    connection_time: info.connectionTimeMs,
    last_activity: info.lastActivityMs,
    protocol: info.protocol,
    active_transfers: info.transfers.map(transferView),
    ssh_command: info.sshCommand,
  }
}

function transferView(transfer: TransferInfo): ObjectOf<'Transfer'> {
  return {
    operation_type: transfer.operationType,
    start_time: transfer.startTimeMs,
    size: transfer.sizeBytes,
    last_activity: transfer.lastActivityMs,
    path: Buffer.from(transfer.path, 'latin1').toString('utf8'),
  }
}
