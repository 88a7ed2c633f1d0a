import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Exposition } from '../metrics/metrics.ts'
import type { Route } from './router.ts'
import { METHODS } from './router.ts'

const compressed = promisify(gzip)

/** What a monitoring system reads, by any method as in 0.9.4; compressed for whoever takes that. */
export function metricsRoutes(exposition: Exposition): Route[] {
  return METHODS.map((method) => ({
    method,
    path: '/metrics',
    handle: async ({ headers }) => {
      const text = await exposition.text()
      const head = { 'Content-Type': exposition.contentType, Vary: 'Accept-Encoding' }
      if (!takesGzip(headers['accept-encoding'] ?? [])) return { status: 200, headers: head, body: text }
      return { status: 200, headers: { ...head, 'Content-Encoding': 'gzip' }, body: await compressed(text) }
    },
  }))
}

function takesGzip(lines: readonly string[]): boolean {
  return lines
    .join(',')
    .split(',')
    .some((element) => {
      const [coding, ...parameters] = element.split(';').map((part) => part.trim().toLowerCase())
      // A weight of zero is a refusal (RFC 9110 section 12.4.2).
      return coding === 'gzip' && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
    })
}
