import { Readable } from 'node:stream'
import type { Clock, Timer } from '../../clock.ts'
import type { Reply } from '../replies.ts'
import { HttpError } from '../errors.ts'

/** How often what is shown is looked at. */
export const TICK_MS = 1_000
/** Proxies cut connections on which nothing moves, usually after a minute. */
export const HEARTBEAT_MS = 15_000
/** Open pages; a browser opens some six to one server over HTTP/1.1. */
export const MAX_STREAMS = 64
/** An event that a page has not read yet: newer ones replace those that would wait behind it. */
const MAX_WAITING_BYTES = 64 * 1024

interface Listener {
  stream: Readable
  last: string
  quietSinceMs: number
}

/** Server-sent events: the state of a page, again whenever it has changed. */
export class Live {
  readonly #listeners = new Set<Listener>()
  readonly #clock: Clock
  readonly #snapshot: () => object
  #timer: Timer | undefined

  /** @param snapshot asked for once a second while somebody looks, however many they are. */
  constructor(clock: Clock, snapshot: () => object) {
    this.#clock = clock
    this.#snapshot = snapshot
  }

  get size(): number {
    return this.#listeners.size
  }

  /** @throws HttpError 503 when too many pages are open. */
  open(): Reply {
    if (this.#listeners.size >= MAX_STREAMS) throw new HttpError(503, `${MAX_STREAMS} live pages are open already`)
    const stream = new Readable({ read: () => undefined })
    const listener: Listener = { stream, last: '', quietSinceMs: this.#clock.monotonic() }
    this.#listeners.add(listener)
    stream.once('close', () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#rest()
    })
    stream.push('retry: 2000\n\n')
    this.#tell(listener, JSON.stringify(this.#snapshot()))
    this.#timer ??= this.#clock.after(TICK_MS, () => this.#tick())
    return {
      status: 200,
      // A proxy that collects an answer before it passes it on would show nothing.
      headers: { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' },
      stream,
      endless: true,
    }
  }

  #tick(): void {
    this.#timer = this.#clock.after(TICK_MS, () => this.#tick())
    const state = JSON.stringify(this.#snapshot())
    for (const listener of this.#listeners) this.#tell(listener, state)
  }

  #tell(listener: Listener, state: string): void {
    if (listener.stream.readableLength > MAX_WAITING_BYTES) return
    const now = this.#clock.monotonic()
    if (state !== listener.last) {
      listener.stream.push(`data: ${state}\n\n`)
      listener.last = state
    } else if (now - listener.quietSinceMs >= HEARTBEAT_MS) {
      listener.stream.push(': still here\n\n')
    } else {
      return
    }
    listener.quietSinceMs = now
  }

  #rest(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
