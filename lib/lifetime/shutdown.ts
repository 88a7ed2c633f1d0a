import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../logging/log.ts'

/** How long one part may take to end: above what the parts allow themselves, the longest being the 10 s of sshd. */
export const STEP_DEADLINE_MS = 15_000

interface Step {
  what: string
  end(): Promise<void>
}

/** Undoes what was started, in reverse, also when the start fails half-way; no part keeps the rest waiting for ever. */
export class Shutdown {
  readonly #clock: Clock
  readonly #steps: Step[] = []
  #log: Log | undefined
  #running: Promise<void> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** From now on what fails on the way out is logged there, as long as the log is open. */
  reportTo(log: Log): void {
    this.#log = log
  }

  /** @param what names the part when it does not end. */
  add(end: () => Promise<void>, what = 'a part of the server'): void {
    this.#steps.push({ what, end })
  }

  /** @throws what the first step threw that failed or came too late; the others are taken all the same. */
  run(): Promise<void> {
    this.#running ??= this.#undoAll()
    return this.#running
  }

  async #undoAll(): Promise<void> {
    const failures: unknown[] = []
    for (const step of this.#steps.toReversed()) {
      try {
        await this.#inTime(step)
      } catch (error) {
        failures.push(error)
        this.#log?.app('service', 'error', `stopping: ${step.what} did not end as it should`, { error })
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  async #inTime({ what, end }: Step): Promise<void> {
    let deadline: Timer | undefined
    const late = new Promise<never>((_, reject) => {
      const reason = new Error(`${what} did not end within ${STEP_DEADLINE_MS / 1000} seconds`)
      deadline = this.#clock.after(STEP_DEADLINE_MS, () => reject(reason), { ref: true })
    })
    try {
      await Promise.race([end(), late])
    } finally {
      deadline?.cancel()
    }
  }
}
