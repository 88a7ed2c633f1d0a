import { inspect } from 'node:util'
import type { Log } from '../logging/log.ts'
import type { Authenticate } from './basic-auth.ts'
import { HttpError, refusalOf } from './errors.ts'
import { requireBodyType, type Guard } from './guards.ts'
import { genericReply, type Reply } from './replies.ts'
import { createRouter, type Route } from './router.ts'

/** A request as it came, free of sockets. */
interface HttpRequest {
  /** For the log. */
  readonly id: string
  readonly method: string
  /** Request target of the request line: `/path?query`, or an absolute URL. */
  readonly target: string
  /** Header values by lower-case name, one entry for each line sent. */
  readonly headers: Readonly<NodeJS.Dict<string[]>>
  /** The client's address. */
  readonly ip: string
  /** The authority that a trusted proxy was asked for. */
  readonly forwardedHost?: string | undefined
  /** The whole body, read on demand. @param maxBytes 1 MiB where it is left out. @throws HttpError 400, 413. */
  body(maxBytes?: number): Promise<Buffer>
}

/** Answers any request and never rejects. */
export type Dispatch = (request: HttpRequest) => Promise<Reply>

export interface DispatchOptions {
  routes: readonly Route[]
  guard: Guard
  /** Absent: nobody has to log in. */
  authenticate?: Authenticate
  log: Log
}

export function createDispatch({ routes, guard, authenticate, log }: DispatchOptions): Dispatch {
  const match = createRouter(routes)

  async function answer(request: HttpRequest): Promise<Reply> {
    const { method, headers } = request
    const { path, query, authority } = parseTarget(request.target)
    const found = match(method, path)
    let user: string | undefined
    // Before anything is told, also whether there is such a path.
    if (found.kind !== 'route' || found.route.open !== true) {
      guard({ headers, authority, forwardedHost: request.forwardedHost })
      const login = await authenticate?.({ headers, ip: request.ip })
      if (login !== undefined && 'refusal' in login) return login.refusal
      user = login?.user
    }
    if (found.kind === 'not-found') return genericReply(404, { message: 'Not Found' })
    if (found.kind === 'wrong-method') {
      return genericReply(405, { message: 'Method not allowed' }, { Allow: found.allow.join(', ') })
    }
    requireBodyType(headers, found.route.accepts)
    return await found.route.handle({
      method,
      path,
      params: found.params,
      query,
      headers,
      ...(user !== undefined && { user }),
      body: (maxBytes) => request.body(maxBytes),
    })
  }

  return async (request) => {
    try {
      return await answer(request)
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal === undefined) {
        log.app('httpd', 'error', `request ${request.id} met a bug: ${inspect(error)}`)
        return genericReply(500, { error: 'internal server error' })
      }
      if (refusal.status >= 500) log.app('httpd', 'error', `request ${request.id} failed`, { error })
      return genericReply(refusal.status, { error: refusal.message, message: refusal.note })
    }
  }
}

function parseTarget(target: string): { path: string; query: URLSearchParams; authority?: string | undefined } {
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target)
  const local = absolute === null ? target : `/${absolute[2]?.replace(/^\//, '')}`
  if (!local.startsWith('/') || local.includes('#'))
    throw new HttpError(400, 'the request target must be a path or an http URL, without fragment')
  const mark = local.indexOf('?')
  const path = mark < 0 ? local : local.slice(0, mark)
  return { path, query: new URLSearchParams(mark < 0 ? '' : local.slice(mark + 1)), authority: absolute?.[1] }
}
