import type { Clock } from './clock.ts'

/** Probes come from anywhere and as often as they like; the store is asked no more than this. */
export const ANSWER_TTL_MS = 1000
/** A store that is asked and does not answer by then is not there: probes do not wait much longer. */
export const ANSWER_DEADLINE_MS = 3000

type Phase = 'starting' | 'serving' | 'stopping'
type Answer = { ok: true } | { ok: false; reason: string }

/** Whether the server can take work: every listener is up, the store answers, and nobody has told it to stop. */
export class ServerReadiness {
  readonly #checkAvailability: () => Promise<void>
  readonly #clock: Clock
  #phase: Phase = 'starting'
  #store: { askedMs: number; pending: boolean; answer: Promise<Answer> } | undefined

  /** @param checkAvailability rejects when the store cannot be reached. */
  constructor(checkAvailability: () => Promise<void>, clock: Clock) {
    this.#checkAvailability = checkAvailability
    this.#clock = clock
  }

  /** There is no way back from `stopping`. */
  enter(phase: Phase): void {
    if (this.#phase !== 'stopping') this.#phase = phase
  }

  async ready(): Promise<Answer> {
    if (this.#phase !== 'serving') return { ok: false, reason: this.#phase }
    const known = this.#store
    const isStale = known === undefined || this.#clock.monotonic() - known.askedMs >= ANSWER_TTL_MS
    // One that hangs is not asked once more.
    if (known !== undefined && (known.pending || !isStale)) return known.answer
    return this.#askStore()
  }

  #askStore(): Promise<Answer> {
    const answer = new Promise<Answer>((resolve) => {
      const refuse = (reason: string): void => resolve({ ok: false, reason })
      const deadline = this.#clock.after(ANSWER_DEADLINE_MS, () => refuse('the data provider does not answer'))
      void this.#checkAvailability()
        .then(
          () => resolve({ ok: true }),
          () => refuse('the data provider is not available'),
        )
        .finally(() => {
          deadline.cancel()
          store.pending = false
        })
    })
    const store = { askedMs: this.#clock.monotonic(), pending: true, answer }
    this.#store = store
    return answer
  }
}
