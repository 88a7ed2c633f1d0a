import type { ServerResponse } from 'node:http'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Log } from '../logging/log.ts'
import { SECURITY_HEADERS, type Reply, type StreamReply } from './replies.ts'

/** Writes answers to their sockets. */
export class Sender {
  readonly #log: Log
  readonly #endless = new Set<Readable>()
  #finished = false

  constructor(log: Log) {
    this.#log = log
  }

  /**
   * Resolves when the answer has been handed over, or the client has left; never rejects.
   * @returns the bytes of the body that were sent, or would have been to another method than HEAD.
   */
  async send(reply: Reply, response: ServerResponse): Promise<number> {
    const headers = { ...SECURITY_HEADERS, ...reply.headers, ...(this.#finished && { Connection: 'close' }) }
    if ('stream' in reply) return this.#stream(reply, headers, response)
    const { status, body } = reply
    const bytes = Buffer.byteLength(body)
    if (!this.#begin(response, status, { ...headers, 'Content-Length': bytes })) return 0
    response.end(body)
    return bytes
  }

  /** @returns false for a header that cannot be sent, which is a bug: the connection is cut then. */
  #begin(response: ServerResponse, status: number, headers: Record<string, string | number>): boolean {
    try {
      response.writeHead(status, headers)
      return true
    } catch (error) {
      this.#log.app('httpd', 'error', 'an answer could not be sent', { error })
      response.destroy()
      return false
    }
  }

  /** Answers end their connections from now on, and those that would not end do. */
  finish(): void {
    this.#finished = true
    for (const stream of this.#endless) stream.destroy()
  }

  async #stream(
    { status, stream, endless = false }: StreamReply,
    headers: Record<string, string>,
    response: ServerResponse,
  ): Promise<number> {
    let bytes = 0
    if (!this.#begin(response, status, headers)) {
      stream.destroy()
      return bytes
    }
    if (response.req.method === 'HEAD') {
      stream.destroy()
      response.end()
      return bytes
    }
    if (endless) {
      this.#endless.add(stream)
      // An event that comes much later shall not be the first that a client hears.
      response.flushHeaders()
      if (this.#finished) stream.destroy()
    }
    const counter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length
        done(null, chunk)
      },
    })
    try {
      await pipeline(stream, counter, response)
    } catch (error) {
      // The client left, or the source failed: what was promised cannot be sent, and a cut connection says so.
      this.#log.app('httpd', 'debug', 'an answer ended early', { error })
      response.destroy()
    } finally {
      this.#endless.delete(stream)
    }
    return bytes
  }
}
