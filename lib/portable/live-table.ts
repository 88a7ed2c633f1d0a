import type { Clock, Timer } from '../clock.ts'
import type { ConnectionInfo } from '../connections/connections.ts'
import { inert } from '../logging/inert.ts'
import { fit, pad } from './fit.ts'

/** Where a table can be drawn over and over. */
export interface Terminal {
  /** Columns and lines as they are now. */
  size(): { columns: number; rows: number }
  write(text: string): void
}

/** How often the table is drawn while something moves. */
export const REDRAW_MS = 500
/** More than fits a glance; the others are counted. */
const MAX_ROWS = 10
/** Narrower than this a table says nothing. */
const MIN_COLUMNS = 40
const UP = '\u001b['
const CLEAR_BELOW = '\r\u001b[J'

export interface LiveTableOptions {
  terminal: Terminal
  connections(): ConnectionInfo[]
  /** Bytes of a file that is downloaded; undefined when that is not known. */
  sizeOf(path: string): Promise<number | undefined>
  clock: Clock
}

/**
 * What moves, below the lines of a program on a terminal: drawn again and again, and gone when nothing moves. Names come
 * from clients and cannot move the cursor.
 */
export class LiveTable {
  readonly #options: LiveTableOptions
  readonly #sizes = new Map<string, number | undefined>()
  #drawn = 0
  #timer: Timer | undefined
  #ended = false

  constructor(options: LiveTableOptions) {
    this.#options = options
    this.#tick()
  }

  /** A line of the program, above the table. */
  print(line: string): void {
    this.#erase()
    this.#options.terminal.write(`${line}\n`)
    if (!this.#ended) this.#draw()
  }

  /** The table is erased and does not come back. */
  end(): void {
    this.#ended = true
    this.#timer?.cancel()
    this.#erase()
  }

  #tick(): void {
    this.#erase()
    this.#draw()
    this.#timer = this.#options.clock.after(REDRAW_MS, () => this.#tick())
  }

  #erase(): void {
    if (this.#drawn > 0) this.#options.terminal.write(`${UP}${this.#drawn}A${CLEAR_BELOW}`)
    this.#drawn = 0
  }

  #draw(): void {
    const { terminal, connections, clock } = this.#options
    const all = connections()
    this.#learnSizes(all)
    const lines = renderTable(all, { ...terminal.size(), nowMs: clock.now(), sizeOf: (path) => this.#sizes.get(path) })
    if (lines.length > 0) terminal.write(`${lines.join('\n')}\n`)
    this.#drawn = lines.length
  }

  #learnSizes(connections: readonly ConnectionInfo[]): void {
    const paths = new Set(downloadsOf(connections))
    for (const path of this.#sizes.keys()) if (!paths.has(path)) this.#sizes.delete(path)
    for (const path of paths) {
      if (this.#sizes.has(path)) continue
      this.#sizes.set(path, undefined)
      void this.#learnSize(path)
    }
  }

  async #learnSize(path: string): Promise<void> {
    const size = await this.#options.sizeOf(path)
    if (this.#sizes.has(path)) this.#sizes.set(path, size)
  }
}

function downloadsOf(connections: readonly ConnectionInfo[]): string[] {
  return connections.flatMap(({ transfers }) =>
    transfers.filter(({ operationType }) => operationType === 'download').map(({ path }) => path),
  )
}

export interface View {
  columns: number
  rows: number
  nowMs: number
  /** By the path of a download. */
  sizeOf(path: string): number | undefined
}

/** A line a transfer, none wider than the terminal; no lines when nothing moves or there is no room. */
export function renderTable(connections: readonly ConnectionInfo[], { columns, rows, nowMs, sizeOf }: View): string[] {
  const moving = connections.flatMap(({ remoteAddress, transfers }) =>
    transfers.map((transfer) => ({ remoteAddress, ...transfer })),
  )
  // The last column stays free: some terminals begin a new line when it is written.
  const width = columns - 1
  const room = Math.min(MAX_ROWS, rows - 2)
  if (moving.length === 0 || width < MIN_COLUMNS || room < 1) return []
  const lines = moving.slice(0, room).map(({ remoteAddress, operationType, path, sizeBytes, startTimeMs }) => {
    const total = operationType === 'download' ? sizeOf(path) : undefined
    const seconds = Math.max(0.001, (nowMs - startTimeMs) / 1000)
    const facts = [
      operationType === 'upload' ? 'up  ' : 'down',
      progress(sizeBytes, total),
      amount(sizeBytes).padStart(8),
      `${amount(sizeBytes / seconds)}/s`.padStart(10),
    ].join(' ')
    const text = inert(Buffer.from(path, 'latin1').toString('utf8'))
    const nameColumns = Math.max(8, width - facts.length - 1 - 18)
    return fit(`${facts} ${pad(text, nameColumns)} ${inert(remoteAddress)}`, width)
  })
  const more = moving.length - lines.length
  return more > 0 ? [...lines, fit(`and ${more} more`, width)] : lines
}

const BAR_COLUMNS = 10

/** A bar and a share where the end is known. A file that grows meanwhile is never more than whole. */
function progress(bytes: number, total: number | undefined): string {
  if (total === undefined) return ' '.repeat(BAR_COLUMNS + 7)
  const share = total === 0 ? 1 : Math.min(1, bytes / total)
  const filled = Math.floor(share * BAR_COLUMNS)
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_COLUMNS - filled)}] ${String(Math.floor(share * 100)).padStart(3)}%`
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** `1.5 MB`, 1000 bytes to the kB. */
export function amount(bytes: number): string {
  let value = bytes
  let unit = 0
  // What would be rounded to 1000 is 1 of the next.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}
