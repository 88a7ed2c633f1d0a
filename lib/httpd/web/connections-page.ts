import type { ConnectionInfo, TransferInfo } from '../../connections/connections.ts'
import { bytes, dateTime, duration, plural, visible, visiblePath } from './show.ts'

/** Rows of a page that is sent again every second; the rest is counted. */
export const MAX_SHOWN = 200
/** Of one row. */
const MAX_TRANSFERS = 20

/** A row of the live table: texts by the name of the slot they belong into. */
interface LiveRow {
  key: string
  fields: Record<string, string>
}

export interface TransferRow extends LiveRow {
  /** So far: the page makes speeds of it. */
  bytes: number
  /** Upload or download. */
  tone: string
}

export interface ConnectionRow extends LiveRow {
  id: string
  /** The page counts on from here. */
  sinceMs: number
  transfers: TransferRow[]
}

export interface ConnectionsState {
  summary: string
  rows: ConnectionRow[]
}

/** Who is connected, oldest first. Everything is made harmless here: the page only puts it into its place. */
export function connectionsState(list: readonly ConnectionInfo[]): ConnectionsState {
  const keys = new Map<string, number>()
  const shown = list.slice(0, MAX_SHOWN).map((info) => connectionRow(info, uniqueIn(keys)))
  const more = list.length - shown.length
  return {
    summary: `${plural(list.length, 'connection')}${more > 0 ? `, ${plural(more, 'more')} not shown` : ''}`,
    rows: shown,
  }
}

function connectionRow(info: ConnectionInfo, unique: (key: string) => string): ConnectionRow {
  const inner = uniqueIn(new Map())
  return {
    key: unique(`${info.connectionId} ${info.protocol} ${info.connectionTimeMs}`),
    id: info.connectionId,
    sinceMs: info.connectionTimeMs,
    fields: {
      username: visible(info.username),
      protocol: info.protocol,
      client: visible(info.clientVersion),
      address: visible(info.remoteAddress),
      command: visible(info.sshCommand),
      since: dateTime(info.connectionTimeMs),
    },
    transfers: info.transfers.slice(0, MAX_TRANSFERS).map((transfer) => transferRow(transfer, inner)),
  }
}

function transferRow(transfer: TransferInfo, unique: (key: string) => string): TransferRow {
  const { operationType, startTimeMs, lastActivityMs, sizeBytes, path } = transfer
  const seconds = (lastActivityMs - startTimeMs) / 1000
  return {
    key: unique(`${operationType} ${startTimeMs} ${path}`),
    bytes: sizeBytes,
    tone: operationType,
    fields: {
      direction: operationType === 'upload' ? 'Upload' : 'Download',
      path: visiblePath(path),
      moved: bytes(sizeBytes),
      speed: seconds > 0 ? `${bytes(Math.round(sizeBytes / seconds))}/s` : '',
    },
  }
}

/** Two of one kind at one time are still two. */
function uniqueIn(seen: Map<string, number>): (key: string) => string {
  return (key) => {
    const times = seen.get(key) ?? 0
    seen.set(key, times + 1)
    return times === 0 ? key : `${key} ${times}`
  }
}

/** What the template shows. */
export function connectionsPage(list: readonly ConnectionInfo[], nowMs: number): object {
  const { summary, rows } = connectionsState(list)
  return {
    summary,
    rows: rows.map((row) => ({ ...row, age: duration(nowMs - row.sinceMs) })),
    nowMs,
  }
}
