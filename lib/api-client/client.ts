import { randomBytes } from 'node:crypto'
import { Agent, request as fetchAnswer } from 'undici'
import type { Dispatcher } from 'undici'
import { digestAuthorization } from './digest.ts'
import { ApiError, transportError } from './errors.ts'

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the base URL, without a slash in front. */
  path: string
  query?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  body?: unknown
}

export interface ApiAnswer {
  status: number
  text: string
  /** What the text says, undefined when it is not JSON. */
  json: unknown
}

export interface ApiClientOptions {
  /** As {@link parseBaseUrl} makes it. */
  baseUrl: URL
  auth?: { type: 'basic' | 'digest'; user: string; password: string }
  /** Takes any certificate. */
  insecure?: boolean
  /** For the connection, for the head of the answer, and between two parts of its body. */
  timeoutMs?: number
  /** Told what is sent and answered, without secrets. */
  trace?: (line: string) => void
}

/** Room for a dump of some hundred thousand accounts; an answer is held in memory as a whole. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024
const DEFAULT_TIMEOUT_MS = 60_000

/** Asks the REST API of a running server, one request at a time. */
export interface ApiClient {
  /**
   * @returns the answer to a request that succeeded.
   * @throws ApiError when the server cannot be reached, or answers with another status than 2xx.
   */
  send(request: ApiRequest): Promise<ApiAnswer>
  close(): Promise<void>
}

export function createApiClient(options: ApiClientOptions): ApiClient {
  const { baseUrl, auth, insecure = false, timeoutMs = DEFAULT_TIMEOUT_MS, trace } = options
  const agent = new Agent({
    connect: { rejectUnauthorized: !insecure, timeout: timeoutMs },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: MAX_ANSWER_BYTES,
  })

  async function exchange(request: ApiRequest, url: URL, authorization: string | undefined) {
    try {
      const answer = await fetchAnswer(url, {
        method: request.method,
        headers: {
          accept: 'application/json',
          ...(request.body !== undefined && { 'content-type': 'application/json' }),
          ...(authorization !== undefined && { authorization }),
        },
        body: request.body === undefined ? null : JSON.stringify(request.body),
        dispatcher: agent,
      })
      return { answer, text: await answer.body.text() }
    } catch (error) {
      throw transportError(error, baseUrl.origin, timeoutMs)
    }
  }

  return {
    async send(request) {
      const url = new URL(request.path, baseUrl)
      for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value)
      trace?.(`${request.method} ${url.href}`)
      if (request.body !== undefined) trace?.(JSON.stringify(withoutSecrets(request.body)))
      let { answer, text } = await exchange(request, url, auth?.type === 'basic' ? basic(auth) : undefined)
      if (answer.statusCode === 401 && auth?.type === 'digest') {
        const { user: username, password } = auth
        const authorization = digestAuthorization(headerValues(answer, 'www-authenticate'), {
          method: request.method,
          uri: `${url.pathname}${url.search}`,
          username,
          password,
          clientNonce: randomBytes(16).toString('hex'),
        })
        if (authorization !== undefined) ({ answer, text } = await exchange(request, url, authorization))
      }
      const status = answer.statusCode
      trace?.(`HTTP ${status}`)
      if (status < 200 || status > 299) throw refusal(answer, text, url)
      return { status, text, json: parsed(text) }
    },
    close: () => agent.close(),
  }
}

function basic({ user, password }: { user: string; password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function headerValues({ headers }: Dispatcher.ResponseData, name: string): string[] {
  return [headers[name] ?? []].flat()
}

/** What went wrong in one line: the server's own words where it has some. */
function refusal(answer: Dispatcher.ResponseData, text: string, url: URL): ApiError {
  const { statusCode: status } = answer
  const json = parsed(text)
  const said = (key: string) =>
    typeof json === 'object' && json !== null && key in json ? String(Reflect.get(json, key)) : ''
  const words = said('error') || said('message') || said('reason')
  const [location] = headerValues(answer, 'location')
  const hint =
    status === 401
      ? 'the server wants a login'
      : status >= 300 && status < 400 && location !== undefined
        ? `the server points to ${location}`
        : words || (json === undefined ? `no answer of the API at ${url.origin}${url.pathname}` : 'no reason given')
  return new ApiError('refused', `HTTP ${status}: ${hint}`, { json })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Told apart by its status: what lies in between us and the server answers in HTML.
    return undefined
  }
}

const SECRET = /^(password|public_keys)$/i

/** The body as it may be shown: also where accounts lie deeper in it. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, SECRET.test(key) ? '…' : withoutSecrets(child)]),
  )
}
