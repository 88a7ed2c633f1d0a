import type { Readable } from 'node:stream'
import { HttpError } from './errors.ts'

/** Room for a user with some thousand keys; a body is held in memory as a whole. */
export const MAX_BODY_BYTES = 1024 * 1024

/**
 * Reads a request's whole body. What is left of a refused one is the caller's to drain; it is no longer kept.
 *
 * @param declaredBytes Content-Length, when there is one: a longer body is refused before any of it is read.
 * @throws HttpError 413 over `maxBytes`, 400 when the client leaves before the end.
 */
export function readBody(stream: Readable, declaredBytes = 0, maxBytes = MAX_BODY_BYTES): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const cutShort = (): void => reject(new HttpError(400, 'the connection ended before the end of the body'))
    const tooLong = (): void => reject(new HttpError(413, `the body is longer than ${maxBytes} bytes`))
    if (declaredBytes > maxBytes) {
      tooLong()
      return
    }
    // A stream that is gone emits nothing more.
    if (stream.destroyed) {
      cutShort()
      return
    }
    const chunks: Buffer[] = []
    let bytes = 0
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) {
        chunks.push(chunk)
      } else {
        chunks.length = 0
        tooLong()
      }
    })
    stream.on('end', () => resolve(Buffer.concat(chunks)))
    stream.on('error', cutShort)
    stream.on('close', cutShort)
  })
}

/**
 * The object that a JSON body holds, keys in lower case: 0.9.4 matches them so. A key named twice counts once, with its
 * last value; `__proto__` is a key like any other.
 *
 * @throws HttpError 400: empty (`EOF`), not UTF-8, not exactly one JSON value, not an object.
 */
export function parseJsonObject(body: Buffer): Record<string, unknown> {
  const value = parseJson(body)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HttpError(400, `the body must be a JSON object, not ${kindOf(value)}`)
  }
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key.toLowerCase(), field]))
}

function parseJson(body: Buffer): unknown {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (error) {
    throw new HttpError(400, 'the body is not valid UTF-8', '', { cause: error })
  }
  if (text.trim() === '') throw new HttpError(400, 'EOF')
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown error'
    throw new HttpError(400, `the body is not one JSON value: ${reason}`, '', { cause: error })
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`
}
