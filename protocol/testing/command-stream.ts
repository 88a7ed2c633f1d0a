import type { CommandStream } from '../exec/stream.ts'

/** A client of a command, in memory: what it sends is read as it comes, what it is sent is kept. */
export class MemoryStream implements CommandStream {
  readonly complaints: string[] = []
  readonly reports: { message: string; error: unknown }[] = []
  lost = false
  readonly gone: Promise<void>
  #leave = (): void => undefined
  #output: Buffer[] = []
  readonly #input: Buffer[] = []
  #ended = false
  #waiting: (() => void)[] = []

  constructor() {
    this.gone = new Promise((resolve) => (this.#leave = resolve))
  }

  /** Bytes of the client. */
  send(data: Buffer | string): void {
    this.#input.push(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    this.#wake()
  }

  /** The client ends its side. */
  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** The client vanishes. */
  vanish(): void {
    this.lost = true
    this.#leave()
    this.end()
  }

  /** What the client was sent since the last call, one character a byte. */
  received(): string {
    return Buffer.concat(this.#output.splice(0)).toString('latin1')
  }

  /** Resolves when the command waits for input that is not here. */
  async idle(): Promise<void> {
    // Everything here moves in microtasks; each turn lets all of them run.
    for (let turn = 0; turn < 100; turn++) await Promise.resolve()
  }

  async read(): Promise<Buffer | undefined> {
    while (this.#input.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    return this.#input.shift()
  }

  async write(bytes: Buffer, sent?: () => void): Promise<void> {
    if (!this.lost) this.#output.push(Buffer.from(bytes))
    sent?.()
  }

  answer(bytes: Buffer): Promise<void> {
    return this.write(bytes)
  }

  complain(line: string): void {
    this.complaints.push(line)
  }

  report(message: string, error: unknown): void {
    this.reports.push({ message, error })
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
