import type { Agent } from 'undici'
import type { Clock } from '../clock.ts'
import { describeError } from '../logging/describe.ts'
import type { Outcome } from './channel.ts'
import type { HookRequest } from './request.ts'

/** From the beginning of an attempt to the end of its answer; as SFTPGo's. */
export const HTTP_LIMIT_MS = 15_000
/** What is read of an answer, so that its connection can be used again. */
const MAX_ANSWER_BYTES = 64 * 1024
/** A server that asks for more patience is asked again after this time. */
const MAX_RETRY_AFTER_MS = 10 * 60_000

export interface HttpSender {
  /** Never rejects. */
  send(request: HookRequest, signal: AbortSignal): Promise<Outcome>
  close(): Promise<void>
}

/** @param connections most of them to one origin. */
export function createHttpSender({ clock, connections }: { clock: Clock; connections: number }): HttpSender {
  // Loaded with the first request: most servers notify nobody, and it takes 4 MiB.
  let agent: Promise<Agent> | undefined
  return {
    async send({ origin, method, target, headers, body }, signal) {
      const limit = new AbortController()
      const timer = clock.after(HTTP_LIMIT_MS, () =>
        limit.abort(new Error(`no answer within ${HTTP_LIMIT_MS / 1000} s`)),
      )
      try {
        agent ??= createAgent(connections)
        const response = await (
          await agent
        ).request({
          origin,
          path: target,
          method,
          headers,
          body: body === '' ? null : body,
          signal: AbortSignal.any([signal, limit.signal]),
        })
        const { statusCode } = response
        await response.body.dump({ limit: MAX_ANSWER_BYTES }).catch(() => undefined)
        return outcomeOf(statusCode, response.headers['retry-after'])
      } catch (error) {
        const reason: unknown = limit.signal.aborted ? limit.signal.reason : error
        return { kind: 'down', reason: describeError(reason) }
      } finally {
        timer.cancel()
      }
    },
    close: async () => (await agent)?.destroy(),
  }
}

async function createAgent(connections: number): Promise<Agent> {
  const undici = await import('undici')
  return new undici.Agent({
    connections,
    pipelining: 1,
    connect: { timeout: HTTP_LIMIT_MS },
    // One limit for all, by our own clock.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 16 * 1024,
  })
}

function outcomeOf(status: number, retryAfter: string | string[] | undefined): Outcome {
  if (status >= 200 && status < 300) return { kind: 'done' }
  const reason = `status ${status}`
  // Overloaded, or a proxy before a server that is down: whatever is sent now gets the same.
  if ([429, 502, 503, 504].includes(status)) return { kind: 'down', reason, ...patience(retryAfter) }
  if (status >= 500 || status === 408) return { kind: 'again', reason }
  return { kind: 'refused', reason }
}

/** RFC 9110 section 10.2.3, in seconds; a date is left aside. */
function patience(retryAfter: string | string[] | undefined): { retryAfterMs?: number } {
  if (typeof retryAfter !== 'string' || !/^\d{1,9}$/.test(retryAfter)) return {}
  return { retryAfterMs: Math.min(MAX_RETRY_AFTER_MS, Number(retryAfter) * 1000) }
}
