import type { Accounts } from '../../accounts/accounts.ts'
import type { Connections } from '../../connections/connections.ts'
import type { Bans } from '../../defender/defender.ts'
import type { Log } from '../../logging/log.ts'
import type { QuotaScans } from '../../quota-scans/quota-scans.ts'
import type { TraceReader } from '../../traces/traces.ts'
import type { Route } from '../router.ts'
import { backupRoutes } from './backup.ts'
import { banRoutes } from './bans.ts'
import { connectionRoutes } from './connections.ts'
import { quotaScanRoutes } from './quota-scans.ts'
import { statusRoutes, type Version } from './status.ts'
import { traceRoutes } from './traces.ts'
import { userRoutes } from './users.ts'

/** What the API shows and changes. */
export interface ApiParts {
  accounts: Accounts
  connections: Connections
  scans: Pick<QuotaScans, 'start' | 'list'>
  bans: Bans
  traces: TraceReader
  version: Version
  log: Log
}

/** All of the REST API. */
export function apiRoutes({ accounts, connections, scans, bans, traces, version, log }: ApiParts): Route[] {
  return [
    ...statusRoutes(accounts, version),
    ...connectionRoutes(connections, log),
    ...traceRoutes(traces),
    ...userRoutes(accounts),
    ...backupRoutes(accounts),
    ...quotaScanRoutes(scans),
    ...banRoutes(bans),
  ]
}
