import type { TransferInfo } from '../connections/connections.ts'

export type LoginMethod = 'password' | 'public_key'
export type Operation = TransferInfo['operationType']

/** What the server reports of itself, as it happens. No call throws or waits, none is made for a single packet. */
export interface Metrics {
  /** A password or key is being checked; counted once it is told how that ended, and not at all otherwise. */
  login(method: LoginMethod): (ok: boolean) => void
  /** A file that was read or written is closed. */
  transferEnded(transfer: EndedTransfer): void
  /** A transfer was held back for so long, to keep its account's bandwidth. */
  throttled(operation: Operation, waitedMs: number): void
  /** @param name of a command that can be enabled, so one of a few. */
  commandEnded(name: string, ok: boolean): void
  /** @param status of the answer. */
  httpRequest(status: number): void
  providerChecked(available: boolean): void
}

export interface EndedTransfer {
  operation: Operation
  ok: boolean
  /** Bytes that were moved, not what the file holds. */
  sizeBytes: number
  elapsedMs: number
}

/** What is asked for when somebody looks. */
export interface Gauges {
  /** SSH connections with at least one channel. */
  activeConnections(): number
  activeTransfers(operation: Operation): number
  /** TCP connections to the SFTP server, logged in or not. */
  openConnections(): number
  bans(): Promise<number>
}

/** The figures, in a format that a monitoring system reads. */
export interface Exposition {
  readonly contentType: string
  /** @throws when a gauge does. */
  text(): Promise<string>
}
