/** A reply that is due: its bytes once they are there, and who wants to know that they left. */
interface Slot {
  /** Until it is answered: a reply that waits must not keep its request, a WRITE's data included. */
  request: object | undefined
  bytes: Buffer | undefined
  sent: (() => void) | undefined
}

/**
 * Lets replies leave in the order in which their requests arrived, whatever order they become ready in.
 * The draft permits any order (§6.1, §7), but OpenSSH's server has only this one, and clients rely on it:
 * scp of OpenSSH 9.2 cuts a download short, without an error, when replies to READs overtake each other.
 */
export class ReplyQueue {
  readonly #send: (bytes: Buffer, sent: () => void) => void
  /** In the order of arrival. Few are looked at to find one: most are answered in this order. */
  #due: Slot[] = []
  #readyBytes = 0
  #readyReplies = 0

  /** @param send passes bytes on, in order. */
  constructor(send: (bytes: Buffer, sent: () => void) => void) {
    this.#send = send
  }

  /** Bytes that are ready and wait for an earlier reply. */
  get readyBytes(): number {
    return this.#readyBytes
  }

  /** Replies that are ready and wait for an earlier one. */
  get readyReplies(): number {
    return this.#readyReplies
  }

  /** A request arrived; it is answered once, by {@link answer}. */
  expect(request: object): void {
    this.#due.push({ request, bytes: undefined, sent: undefined })
  }

  /** Every other reply that is due waits for this one. */
  isOldest(request: object): boolean {
    return this.#due[0]?.request === request
  }

  /** @param bytes framed; none for what gets no reply. @param sent as the driver's. */
  answer(request: object, bytes: Buffer, sent?: () => void): void {
    const slot = this.#due.find((due) => due.request === request)
    if (slot === undefined) return
    slot.request = undefined
    slot.bytes = bytes
    slot.sent = sent
    this.#readyBytes += bytes.length
    this.#readyReplies++
    if (slot === this.#due[0]) this.#leave()
  }

  /** The client is gone: nothing is due any more. */
  clear(): void {
    this.#due = []
    this.#readyBytes = 0
    this.#readyReplies = 0
  }

  #leave(): void {
    const waiting = this.#due.findIndex(({ bytes }) => bytes === undefined)
    for (const { bytes, sent } of this.#due.splice(0, waiting === -1 ? this.#due.length : waiting)) {
      if (bytes === undefined) continue
      this.#readyBytes -= bytes.length
      this.#readyReplies--
      if (bytes.length > 0) this.#send(bytes, sent ?? nobody)
    }
  }
}

function nobody(): void {}
