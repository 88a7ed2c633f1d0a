/** A reply that is due: its bytes once they are there, and who wants to know that they left. */
interface Slot {
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
  /** By request, in the order of arrival. */
  readonly #slots = new Map<object, Slot>()
  #readyBytes = 0

  /** @param send passes bytes on, in order. */
  constructor(send: (bytes: Buffer, sent: () => void) => void) {
    this.#send = send
  }

  /** Bytes that are ready and wait for an earlier reply. */
  get readyBytes(): number {
    return this.#readyBytes
  }

  /** A request arrived; it is answered once, by {@link answer}. */
  expect(request: object): void {
    this.#slots.set(request, { bytes: undefined, sent: undefined })
  }

  /** Every other reply that is due waits for this one. */
  isOldest(request: object): boolean {
    for (const oldest of this.#slots.keys()) return oldest === request
    return false
  }

  /** @param bytes framed; none for what gets no reply. @param sent as the driver's. */
  answer(request: object, bytes: Buffer, sent?: () => void): void {
    const slot = this.#slots.get(request)
    if (slot === undefined) return
    slot.bytes = bytes
    slot.sent = sent
    this.#readyBytes += bytes.length
    for (const [first, { bytes: ready, sent: told }] of this.#slots) {
      if (ready === undefined) return
      this.#slots.delete(first)
      this.#readyBytes -= ready.length
      if (ready.length > 0) this.#send(ready, told ?? nobody)
    }
  }

  /** The client is gone: nothing is due any more. */
  clear(): void {
    this.#slots.clear()
    this.#readyBytes = 0
  }
}

function nobody(): void {}
