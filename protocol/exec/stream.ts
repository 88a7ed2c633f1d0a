/** The two-way stream of one command, as whoever owns its channel provides it. Nothing here throws or rejects. */
export interface CommandStream {
  /** The client's next bytes; undefined once it has ended its side, or is gone. */
  read(): Promise<Buffer | undefined>
  /** The client is gone: nobody takes what is written. */
  readonly lost: boolean
  /** Resolves when the client is gone, and only then. */
  readonly gone: Promise<void>
  /**
   * Queues bytes for the client; resolves when there is room for more.
   * @param sent called once, when the buffer may change again, whatever became of it.
   */
  write(bytes: Buffer, sent?: () => void): Promise<void>
  /** A few bytes that the client waits for: as {@link write}, but they wait for nothing that may leave with them. */
  answer(bytes: Buffer): Promise<void>
  /** A line on standard error, without its line feed. */
  complain(line: string): void
  /** What the client cannot be told, for the log. */
  report(message: string, error: unknown): void
}
