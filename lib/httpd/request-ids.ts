import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

/** `<host name>/<10 random characters>-<6-digit counter>`: unique among servers and restarts, in order within one. */
export function createRequestIds(): () => string {
  const prefix = `${hostname()}/${randomBytes(32).toString('base64').replace(/[+/=]/g, '').slice(0, 10)}`
  let count = 0
  return () => `${prefix}-${String(++count).padStart(6, '0')}`
}
