/** Writing a request to a file takes a moment, in which only a part of it can be seen. */
export const STEP_SECONDS = 0.02

/**
 * The rate of one transfer, from how its file grows. It grows by whole requests, some of them seconds apart, so it
 * is measured from one of its own steps to another: what came between them took exactly that long.
 */
export class Steps {
  #first: { seconds: number; bytes: number } | undefined
  #last: { seconds: number; bytes: number } | undefined
  #size = 0

  /** @param bytes the file's size at that time. */
  seen(seconds: number, bytes: number): void {
    if (bytes === this.#size) return
    this.#size = bytes
    if (this.#last !== undefined && seconds - this.#last.seconds < STEP_SECONDS) this.#last.bytes = bytes
    else this.#last = { seconds, bytes }
    this.#first ??= this.#last
  }

  get began(): boolean {
    return this.#first !== undefined
  }

  /** Of the same file, from its next step on. */
  anew(): Steps {
    const steps = new Steps()
    steps.#size = this.#size
    return steps
  }

  /** From the first step to the last one; 0 before there are two. */
  get seconds(): number {
    return (this.#last?.seconds ?? 0) - (this.#first?.seconds ?? 0)
  }

  /** @throws before there are two steps. */
  get bytesPerSecond(): number {
    if (this.seconds === 0) throw new Error('the file did not grow')
    return ((this.#last?.bytes ?? 0) - (this.#first?.bytes ?? 0)) / this.seconds
  }
}
