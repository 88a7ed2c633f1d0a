import type { Clock } from '../clock.ts'
import type { Log } from '../logging/log.ts'

/** How long the trace of a connection that is over is kept. */
export const KEPT_MS = 60 * 60 * 1000
/** Traces of connections that are over; past it the oldest goes. */
export const MAX_ENDED = 512
/** Characters of a text in an event: names and versions are chosen by clients. */
export const MAX_TEXT = 512
/** Failed logins that are kept. */
export const MAX_FAILED_LOGINS = 100
/** Events of a connection that are kept where connections are traced by the command line. */
export const MANY_EVENTS = 1000

/** What happens to a connection, in about this order. */
export type TraceEventName =
  | 'connected'
  | 'identified'
  | 'algorithms'
  | 'no_common_algorithm'
  | 'auth_request'
  | 'auth_refused'
  | 'key_acceptable'
  | 'login_refused'
  | 'logged_in'
  | 'channel_opened'
  | 'channel_refused'
  | 'channel_closed'
  | 'ending'
  | 'disconnected'

export type TraceDetails = Readonly<Record<string, string | number | boolean | undefined>>

/** Details are never secret: no password is among them. */
export interface TraceEvent {
  /** Since the epoch. */
  readonly timeMs: number
  readonly event: TraceEventName
  readonly details: TraceDetails
}

export interface FailedLogin {
  /** Since the epoch. */
  readonly timeMs: number
  readonly ip: string
  /** As the client said it; `''` where it did not come to that. */
  readonly username: string
  /** `password`, `public_key` or `no_auth_tryed`, as in the log. */
  readonly method: string
  readonly reason: string
  readonly connectionId: string
}

/** One connection's story while it goes on. */
export interface Trace {
  add(event: TraceEventName, details?: TraceDetails): void
  /** The connection is over. */
  end(): void
}

/** What the API needs. */
export interface TraceReader {
  /** @returns undefined for a connection that is not known, or not any more. */
  of(connectionId: string): readonly TraceEvent[] | undefined
  /** Newest first, at most {@link MAX_FAILED_LOGINS}. */
  recentFailedLogins(): readonly FailedLogin[]
}

export interface TracesOptions {
  clock: Clock
  /** The last ones of each connection are kept; 0 keeps none. */
  eventsPerConnection: number
  /** Gets every event, too, at debug. */
  log?: Log
}

interface Kept {
  events: Ring<TraceEvent>
  /** Monotonic; undefined while the connection lives. */
  endedMs?: number
}

/** What happened to each connection lately, in memory. */
export class Traces implements TraceReader {
  readonly #options: TracesOptions
  /** Those that are over come first, in the order of their end. */
  readonly #ended = new Map<string, Kept>()
  readonly #living = new Map<string, Kept>()
  readonly #failedLogins = new Ring<FailedLogin>(MAX_FAILED_LOGINS)

  constructor(options: TracesOptions) {
    this.#options = options
  }

  begin(connectionId: string): Trace {
    const { clock, eventsPerConnection, log } = this.#options
    const kept: Kept = { events: new Ring(eventsPerConnection) }
    if (eventsPerConnection > 0) this.#living.set(connectionId, kept)
    return {
      add: (event, details = {}) => {
        if (eventsPerConnection === 0) return
        const bounded = boundedDetails(details)
        kept.events.push({ timeMs: clock.now(), event, details: bounded })
        log?.app('sftpd', 'debug', `${event} ${JSON.stringify(bounded)}`, { connectionId })
      },
      end: () => {
        if (!this.#living.delete(connectionId)) return
        kept.endedMs = clock.monotonic()
        this.#ended.set(connectionId, kept)
        this.#forget()
      },
    }
  }

  /** Kept whether connections are traced or not. */
  failedLogin(login: Omit<FailedLogin, 'timeMs'>): void {
    const { username, reason } = login
    const bounded = { username: username.slice(0, MAX_TEXT), reason: reason.slice(0, MAX_TEXT) }
    this.#failedLogins.push({ ...login, ...bounded, timeMs: this.#options.clock.now() })
  }

  of(connectionId: string): readonly TraceEvent[] | undefined {
    this.#forget()
    return (this.#living.get(connectionId) ?? this.#ended.get(connectionId))?.events.list()
  }

  recentFailedLogins(): readonly FailedLogin[] {
    return this.#failedLogins.list().toReversed()
  }

  #forget(): void {
    const oldestMs = this.#options.clock.monotonic() - KEPT_MS
    for (const [connectionId, { endedMs = 0 }] of this.#ended) {
      if (this.#ended.size <= MAX_ENDED && endedMs > oldestMs) break
      this.#ended.delete(connectionId)
    }
  }
}

/** The last so many of what is pushed. */
class Ring<T> {
  readonly #size: number
  readonly #items: T[] = []
  /** Where the oldest is once it is full. */
  #start = 0

  constructor(size: number) {
    this.#size = size
  }

  push(item: T): void {
    if (this.#items.length < this.#size) {
      this.#items.push(item)
    } else {
      this.#items[this.#start] = item
      this.#start = (this.#start + 1) % this.#size
    }
  }

  /** Oldest first. */
  list(): T[] {
    return [...this.#items.slice(this.#start), ...this.#items.slice(0, this.#start)]
  }
}

function boundedDetails(details: TraceDetails): TraceDetails {
  return Object.fromEntries(
    Object.entries(details).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, typeof value === 'string' ? value.slice(0, MAX_TEXT) : value]],
    ),
  )
}
