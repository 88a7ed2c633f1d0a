import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../logging/log.ts'
import type { Outbox, OutboxEntry } from '../providers/outbox.ts'
import type { Owner } from './owner.ts'

/** Hundreds of bytes each: more would have to wait elsewhere than in memory. */
export const MAX_PENDING = 100_000
/** Of payloads: accounts with many keys are long. */
export const MAX_PENDING_BYTES = 64 * 1024 * 1024
/** How long an owner that says nothing is taken for alive. */
export const LEASE_MS = 30_000
/** How often an owner says that it is alive, and looks for others that are not. */
export const BEAT_MS = 10_000

/** To one call of the outbox. */
const MAX_BATCH = 500
const PAGE = 1_000

export interface JournalOptions {
  outbox: Outbox
  owner: Owner
  clock: Clock
  log: Log
  /** Once for each entry, in order of those of one owner; it is kept from now on until {@link Journal.settled}. */
  deliver(entry: OutboxEntry): void
  /** Told with every beat. */
  beat?(): void
}

/**
 * Keeps what is to be delivered, in the outbox too. {@link put} and {@link settled} return at once: what comes while
 * the outbox is busy is written in one go. What cannot be written is delivered all the same, and would be lost with the
 * process.
 */
export class Journal {
  readonly #options: JournalOptions
  /** Bytes of each payload that is kept. */
  readonly #kept = new Map<string, number>()
  #keptBytes = 0
  #fresh: OutboxEntry[] = []
  /** Not in the outbox, as far as is known: one that was `tried` may be, where the answer was lost. */
  readonly #unwritten = new Map<string, { entry: OutboxEntry; tried: boolean }>()
  /** Settled, and still in the outbox. */
  #gone: string[] = []
  #working: Promise<void> | undefined
  #beatDue = true
  /** The outbox knows us, and took what was written last. */
  #usable = false
  /** That it is not was said. */
  #troubleTold = false
  #dropped = 0
  #lastMs = 0
  #count = 0
  #timer: Timer | undefined
  #closed = false

  constructor(options: JournalOptions) {
    this.#options = options
  }

  /** Entries that are not settled. */
  get size(): number {
    return this.#kept.size
  }

  /** Resolves when what others left has been handed over, or cannot be had at the moment. */
  async start(): Promise<void> {
    await this.#wake()
  }

  /** @returns false when there are too many: then it is lost, and said so. */
  put(kind: string, payload: string): boolean {
    const bytes = Buffer.byteLength(payload)
    if (this.#kept.size >= MAX_PENDING || this.#keptBytes + bytes > MAX_PENDING_BYTES) {
      if (this.#dropped++ === 0) this.#tellDropped('notifications are lost from now on')
      return false
    }
    const entry = { id: this.#nextId(), kind, createdMs: this.#options.clock.now(), payload }
    this.#keep(entry)
    this.#fresh.push(entry)
    void this.#wake()
    return true
  }

  settled(id: string): void {
    const bytes = this.#kept.get(id)
    if (bytes === undefined) return
    this.#kept.delete(id)
    this.#keptBytes -= bytes
    if (this.#unwritten.get(id)?.tried !== false) this.#gone.push(id)
    this.#unwritten.delete(id)
    void this.#wake()
  }

  /** Resolves when all that was put has been handed over, written where that is possible. */
  async written(): Promise<void> {
    while (this.#fresh.length > 0 || this.#working !== undefined) await this.#wake()
  }

  /** Writes what can be written, and lets others have the rest at once. {@link put} no more. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#beatDue = false
    await this.written()
    await this.#trying(async () => {
      if (this.#unwritten.size > 0) await this.#rewrite()
      await this.#options.outbox.letGo(this.#options.owner.name)
    })
    if (this.#unwritten.size > 0)
      this.#say('error', `${this.#unwritten.size} notifications could not be stored and are lost`)
  }

  #keep({ id, payload }: OutboxEntry): void {
    const bytes = Buffer.byteLength(payload)
    this.#kept.set(id, bytes)
    this.#keptBytes += bytes
  }

  /** In order, also where the wall clock is set back. */
  #nextId(): string {
    this.#lastMs = Math.max(this.#lastMs, this.#options.clock.now())
    const count = (this.#count++).toString(16).padStart(8, '0')
    return `${this.#lastMs.toString(16).padStart(12, '0')}${this.#options.owner.instance}${count}`
  }

  #wake(): Promise<void> {
    this.#working ??= (async () => {
      // What else this turn of the event loop puts goes with it.
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      try {
        await this.#work()
      } finally {
        this.#working = undefined
      }
    })()
    return this.#working
  }

  /** Never rejects. Nothing else asks the outbox: its calls come one after the other. */
  async #work(): Promise<void> {
    for (;;) {
      if (this.#beatDue) {
        await this.#beat()
      } else if (this.#fresh.length > 0) {
        await this.#write(this.#fresh.splice(0, MAX_BATCH))
      } else if (this.#gone.length > 0 && this.#usable) {
        const ids = this.#gone.slice(0, MAX_BATCH)
        if (!(await this.#trying(() => this.#options.outbox.remove(this.#options.owner.name, ids)))) continue
        this.#gone.splice(0, ids.length)
      } else {
        return
      }
    }
  }

  async #write(entries: OutboxEntry[]): Promise<void> {
    const { outbox, owner, deliver } = this.#options
    // Nothing waits for an outbox that is known to be of no use.
    const tried = this.#usable
    const written = tried && (await this.#trying(() => outbox.add(owner.name, entries)))
    for (const entry of entries) {
      if (!written) this.#unwritten.set(entry.id, { entry, tried })
      deliver(entry)
    }
  }

  async #beat(): Promise<void> {
    const { outbox, owner, clock, beat } = this.#options
    this.#beatDue = false
    const well = await this.#trying(async () => {
      await outbox.hold(owner.name, clock.now() + LEASE_MS)
      await this.#rewrite()
      await this.#inherit()
    })
    if (well && !this.#usable) {
      if (this.#troubleTold) this.#say('info', 'notifications can be stored again')
      this.#troubleTold = false
    }
    this.#usable = well
    beat?.()
    if (this.#dropped > 0) {
      this.#tellDropped(`${this.#dropped} notifications were lost`)
      this.#dropped = 0
    }
    if (this.#closed) return
    this.#timer = clock.after(BEAT_MS, () => {
      this.#beatDue = true
      void this.#wake()
    })
  }

  async #rewrite(): Promise<void> {
    const { outbox, owner } = this.#options
    while (this.#unwritten.size > 0) {
      const batch = [...this.#unwritten.values()].slice(0, MAX_BATCH)
      for (const each of batch) each.tried = true
      await outbox.add(
        owner.name,
        batch.map(({ entry }) => entry),
      )
      for (const { entry } of batch) this.#unwritten.delete(entry.id)
    }
  }

  /** Takes over what belongs to those that have ended. */
  async #inherit(): Promise<void> {
    const { outbox, owner, clock } = this.#options
    let taken = false
    for (const other of await outbox.owners()) {
      if (other.owner === owner.name) continue
      if (other.untilMs > clock.now() && !owner.isGone(other.owner)) continue
      await outbox.takeOver(other, owner.name)
      taken = true
    }
    if (taken) await this.#readTaken()
  }

  async #readTaken(): Promise<void> {
    const { outbox, owner, deliver } = this.#options
    let count = 0
    for (let after = ''; ;) {
      const page = await outbox.entries(owner.name, after, PAGE)
      const gone = new Set(this.#gone)
      for (const entry of page) {
        if (this.#kept.has(entry.id) || gone.has(entry.id)) continue
        this.#keep(entry)
        deliver(entry)
        count++
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) break
      after = last.id
    }
    if (count > 0) this.#say('info', `${count} notifications of a server that has ended are delivered here`)
  }

  async #trying(work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      this.#usable = false
      if (!this.#troubleTold)
        this.#say('warn', 'notifications cannot be stored: those that wait end with the process', error)
      this.#troubleTold = true
      return false
    }
  }

  #tellDropped(what: string): void {
    this.#say('error', `${what}: ${MAX_PENDING} of them, or ${MAX_PENDING_BYTES / (1024 * 1024)} MiB, may wait`)
  }

  #say(level: 'info' | 'warn' | 'error', message: string, error?: unknown): void {
    this.#options.log.app('service', level, message, error === undefined ? {} : { error })
  }
}
