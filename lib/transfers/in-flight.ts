import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../logging/log.ts'

/** Where accounts with unfinished work are remembered beyond the end of the process. */
export interface InFlightStore {
  remember(username: string): Promise<void>
  forget(username: string): Promise<void>
}

/** For accounts that end with the process. */
export const forgetful: InFlightStore = { remember: async () => undefined, forget: async () => undefined }

/** How long an account stays remembered after its last work: the next upload often follows. */
export const LINGER_MS = 1_000

interface Mark {
  works: number
  remembered: Promise<void>
  timer: Timer | undefined
}

/**
 * Which accounts have files or usage under way. Should the process be killed, the next one finds them in the
 * store, and looks after what was left: temporary files, and usage that was never written.
 */
export class InFlight {
  readonly #store: InFlightStore
  readonly #clock: Clock
  readonly #log: Log
  readonly #marks = new Map<string, Mark>()
  readonly #forgetting = new Map<string, Promise<void>>()

  constructor(store: InFlightStore, { clock, log }: { clock: Clock; log: Log }) {
    this.#store = store
    this.#clock = clock
    this.#log = log
  }

  /** Resolves when the account is remembered: change nothing before. Never rejects; {@link end} once for each. */
  begin(username: string): Promise<void> {
    let mark = this.#marks.get(username)
    if (mark === undefined) {
      mark = { works: 0, remembered: this.#remember(username), timer: undefined }
      this.#marks.set(username, mark)
    }
    mark.timer?.cancel()
    mark.timer = undefined
    mark.works++
    return mark.remembered
  }

  end(username: string): void {
    const mark = this.#marks.get(username)
    if (mark === undefined || --mark.works > 0) return
    mark.timer = this.#clock.after(LINGER_MS, () => this.#forget(username))
  }

  /** At the end of the process: forgets whoever has nothing under way. */
  async close(): Promise<void> {
    for (const [username, mark] of this.#marks) {
      if (mark.works > 0) continue
      mark.timer?.cancel()
      this.#forget(username)
    }
    await Promise.all(this.#forgetting.values())
  }

  async #remember(username: string): Promise<void> {
    // In this order, or the account would be forgotten last.
    await this.#forgetting.get(username)
    await this.#trying(() => this.#store.remember(username))
  }

  #forget(username: string): void {
    const mark = this.#marks.get(username)
    this.#marks.delete(username)
    const forgetting = (async () => {
      await mark?.remembered
      await this.#trying(() => this.#store.forget(username))
    })()
    this.#forgetting.set(username, forgetting)
    void forgetting.finally(() => {
      if (this.#forgetting.get(username) === forgetting) this.#forgetting.delete(username)
    })
  }

  async #trying(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#log.app('service', 'warn', 'after a crash now, used quota and temporary files would not be put right', {
        error,
      })
    }
  }
}
