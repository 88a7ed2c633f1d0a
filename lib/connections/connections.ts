import type { Clock } from '../clock.ts'
import type { Sessions } from './sessions.ts'
import { LocalSessions } from './sessions.ts'

export type Protocol = 'SFTP' | 'SCP' | 'SSH'

/** One running upload or download, as an administrator sees it. */
export interface TransferInfo {
  operationType: 'upload' | 'download'
  /** Virtual path in one-char-per-byte form. */
  path: string
  startTimeMs: number
  /** Bytes moved so far. */
  sizeBytes: number
  lastActivityMs: number
}

/** One channel that serves SFTP, SCP or a command. */
export interface ConnectionInfo {
  connectionId: string
  username: string
  /** `SSH-2.0-OpenSSH_9.2`. */
  clientVersion: string
  /** `ip:port`. */
  remoteAddress: string
  connectionTimeMs: number
  lastActivityMs: number
  protocol: Protocol
  /** Command name and arguments in UTF-8; `''` for SFTP. */
  sshCommand: string
  transfers: TransferInfo[]
}

export interface NewConnection {
  connectionId: string
  username: string
  clientVersion: string
  remoteAddress: string
  protocol: Protocol
  sshCommand?: string
  /** Ends the channel and its transport at once; does not throw. */
  close: () => void
}

/** A registered channel: its owner reports activity and removes it exactly once. */
export interface Connection {
  readonly connectionId: string
  touch(): void
  startTransfer(operationType: TransferInfo['operationType'], path: string): Transfer
  /** A transfer that it started has not ended. */
  readonly transferring: boolean
  remove(): void
}

export interface Transfer {
  moved(bytes: number): void
  /** Bytes moved and milliseconds since the start. */
  readonly sizeBytes: number
  readonly elapsedMs: number
  end(): void
}

interface Entry {
  info: Omit<ConnectionInfo, 'transfers'>
  transfers: Set<TransferInfo>
  close(): void
}

/** Who is connected and what moves. */
export class Connections {
  /** SSH connections that are logged in, with or without channels. */
  readonly sessions: Sessions = new LocalSessions()
  readonly #clock: Clock
  readonly #entries = new Set<Entry>()
  /** Of transfers that have ended. */
  readonly #moved = { upload: 0, download: 0 }

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(connection: NewConnection): Connection {
    const clock = this.#clock
    const { close, sshCommand = '', ...rest } = connection
    const now = clock.now()
    const entry: Entry = {
      info: { ...rest, sshCommand, connectionTimeMs: now, lastActivityMs: now },
      transfers: new Set(),
      close,
    }
    this.#entries.add(entry)
    return {
      connectionId: connection.connectionId,
      touch: () => {
        entry.info.lastActivityMs = clock.now()
      },
      startTransfer: (operationType, path) => {
        const started = clock.monotonic()
        const info: TransferInfo = {
          operationType,
          path,
          startTimeMs: clock.now(),
          sizeBytes: 0,
          lastActivityMs: clock.now(),
        }
        entry.transfers.add(info)
        return {
          moved: (bytes) => {
            info.sizeBytes += bytes
            info.lastActivityMs = clock.now()
          },
          get sizeBytes() {
            return info.sizeBytes
          },
          get elapsedMs() {
            return Math.round(clock.monotonic() - started)
          },
          end: () => {
            if (entry.transfers.delete(info)) this.#moved[operationType] += info.sizeBytes
          },
        }
      },
      get transferring() {
        return entry.transfers.size > 0
      },
      remove: () => {
        if (!this.#entries.delete(entry)) return
        for (const { operationType, sizeBytes } of entry.transfers) this.#moved[operationType] += sizeBytes
        entry.transfers.clear()
      },
    }
  }

  get size(): number {
    return this.#entries.size
  }

  list(): ConnectionInfo[] {
    return [...this.#entries].map(({ info, transfers }) => ({
      ...info,
      lastActivityMs: Math.max(info.lastActivityMs, ...[...transfers].map((transfer) => transfer.lastActivityMs)),
      transfers: [...transfers].map((transfer) => ({ ...transfer })),
    }))
  }

  /** Bytes moved since the start, also by what has ended. */
  totals(): { uploadedBytes: number; downloadedBytes: number } {
    const sum = { ...this.#moved }
    for (const { transfers } of this.#entries) {
      for (const { operationType, sizeBytes } of transfers) sum[operationType] += sizeBytes
    }
    return { uploadedBytes: sum.upload, downloadedBytes: sum.download }
  }

  /** Closes every channel with this id. @returns false when there is none. */
  close(connectionId: string): boolean {
    const found = [...this.#entries].filter(({ info }) => info.connectionId === connectionId)
    for (const entry of found) entry.close()
    return found.length > 0
  }
}
