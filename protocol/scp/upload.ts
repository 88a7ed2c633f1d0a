import type { OpenFile } from '../filesystem.ts'
import type { Attrs } from '../sftp/attrs.ts'

/** Bytes that wait for the disk above which {@link Upload.append} asks for patience. */
const MAX_WAITING_BYTES = 1024 * 1024

/** One file on its way to the disk: what arrives while a write is under way goes together into the next one. */
export class Upload {
  readonly #file: OpenFile
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #offset = 0
  #writing: Promise<void> | undefined
  #failure: { error: unknown } | undefined

  constructor(file: OpenFile) {
    this.#file = file
  }

  /** Resolves when there is room for more; what went wrong is told by {@link close}. */
  async append(data: readonly Buffer[]): Promise<void> {
    // The rest of a file that failed is of no use, and must not be kept.
    if (this.#failure !== undefined) return
    for (const chunk of data) {
      this.#waiting.push(chunk)
      this.#waitingBytes += chunk.length
    }
    this.#writing ??= this.#drain()
    if (this.#waitingBytes >= MAX_WAITING_BYTES) await this.#writing
  }

  /**
   * The file is whole.
   * @param attrs given to it at the end, as writing changes the times.
   * @throws what the first write or the closing failed with, or the change of attributes: then the file is there.
   */
  async close(attrs: (file: OpenFile) => Promise<Attrs>): Promise<void> {
    await this.#writing
    if (this.#failure !== undefined) {
      await this.#file.abort()
      throw this.#failure.error
    }
    let refused: { error: unknown } | undefined
    try {
      const wanted = await attrs(this.#file)
      if (Object.keys(wanted).length > 0) await this.#file.setstat(wanted)
    } catch (error) {
      refused = { error }
    }
    await this.#file.close()
    if (refused !== undefined) throw refused.error
  }

  async abort(): Promise<void> {
    await this.#writing
    await this.#file.abort()
  }

  /** Never rejects. */
  async #drain(): Promise<void> {
    try {
      while (this.#waiting.length > 0 && this.#failure === undefined) {
        const chunks = this.#waiting
        const bytes = this.#waitingBytes
        this.#waiting = []
        this.#waitingBytes = 0
        await this.#file.write(chunks, this.#offset)
        this.#offset += bytes
      }
    } catch (error) {
      this.#failure = { error }
      this.#waiting = []
      this.#waitingBytes = 0
    }
    this.#writing = undefined
  }
}
