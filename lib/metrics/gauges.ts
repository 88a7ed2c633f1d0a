import type { Connections } from '../connections/connections.ts'
import type { Bans } from '../defender/defender.ts'
import type { Gauges } from './metrics.ts'

export interface GaugesOptions {
  connections: Pick<Connections, 'list'>
  openConnections(): number
  bans: Pick<Bans, 'list'>
}

/** Counts what is there just now. */
export function gaugesOf({ connections, openConnections, bans }: GaugesOptions): Gauges {
  return {
    activeConnections: () => new Set(connections.list().map(({ connectionId }) => connectionId)).size,
    activeTransfers: (operation) =>
      connections.list().reduce((sum, { transfers }) => {
        return sum + transfers.filter(({ operationType }) => operationType === operation).length
      }, 0),
    openConnections,
    bans: async () => (await bans.list()).length,
  }
}
