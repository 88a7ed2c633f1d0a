import findMyWay from 'find-my-way'
import type { Reply } from './replies.ts'

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const

/** What a route's handler sees; the guards have passed. */
export interface RouteRequest {
  readonly method: string
  /** As it was sent, still percent-encoded. */
  readonly path: string
  /** The path's named segments, percent-decoded, never empty; what a `*` stands for has that name. */
  readonly params: Readonly<Record<string, string | undefined>>
  readonly query: URLSearchParams
  /** Header values by lower-case name, one entry for each line sent. */
  readonly headers: Readonly<NodeJS.Dict<string[]>>
  /** The authenticated name; absent where nobody has to log in. */
  readonly user?: string
  /** The whole body, read on demand. @param maxBytes 1 MiB where it is left out. @throws HttpError 400, 413. */
  body(maxBytes?: number): Promise<Buffer>
}

export interface Route {
  readonly method: (typeof METHODS)[number]
  /** `/api/v1/user/:id`, `/static/*`. */
  readonly path: string
  /** Content types of a body, without parameters; JSON alone when it is left out. Others are refused with 415. */
  readonly accepts?: readonly string[]
  /** For probes: neither a login nor a known Host is asked for, so it must tell nothing and change nothing. */
  readonly open?: boolean
  /** @throws HttpError, AccountError; anything else is a bug and answered 500. */
  readonly handle: (request: RouteRequest) => Reply | Promise<Reply>
}

export type Match =
  | { kind: 'route'; route: Route; params: RouteRequest['params'] }
  /** The path exists, for other methods: `allow` names them. */
  | { kind: 'wrong-method'; allow: readonly string[] }
  | { kind: 'not-found' }

/** Exact paths, case matters, a trailing slash is another path; HEAD is not GET, as in 0.9.4. */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => Match {
  // The longest id a request line can carry: a long one gets the answer of its route, not that of an unknown path.
  const router = findMyWay({ maxParamLength: 64 * 1024 })
  for (const route of routes) router.on(route.method, route.path, () => undefined, route)

  function find(method: (typeof METHODS)[number], path: string): Match & { kind: 'route' | 'not-found' } {
    const found = router.find(method, path)
    if (found === null || Object.values(found.params).includes('')) return { kind: 'not-found' }
    const route: Route = found.store
    return { kind: 'route', route, params: found.params }
  }

  return (method, path) => {
    const known = METHODS.find((candidate) => candidate === method)
    const match = known === undefined ? undefined : find(known, path)
    if (match?.kind === 'route') return match
    const allow = METHODS.filter((other) => find(other, path).kind === 'route')
    return allow.length > 0 ? { kind: 'wrong-method', allow } : { kind: 'not-found' }
  }
}
