import { jsonReply } from './replies.ts'
import type { Route } from './router.ts'

/** Whether the server can do its work. */
export interface Readiness {
  /** Never rejects. @returns `reason` is shown to anybody: it names no host, path or user. */
  ready(): Promise<{ ok: boolean; reason?: string }>
}

/**
 * For probes, which have no login and ask by an address that nobody configured: `/healthz`, the process answers;
 * `/readyz`, it can serve.
 */
export function healthRoutes(readiness: Readiness): Route[] {
  return (['GET', 'HEAD'] as const).flatMap((method): Route[] => [
    {
      method,
      path: '/healthz',
      open: true,
      handle: () => jsonReply(200, { ok: true }),
    },
    {
      method,
      path: '/readyz',
      open: true,
      handle: async () => {
        const { ok, reason } = await readiness.ready()
        return ok ? jsonReply(200, { ok }) : jsonReply(503, { ok, reason: reason ?? 'not ready' })
      },
    },
  ])
}
