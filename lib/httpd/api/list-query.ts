import type { Accounts } from '../../accounts/accounts.ts'
import { HttpError } from '../errors.ts'

const DEFAULT_LIMIT = 100n
/** A larger limit is lowered to this one: a page of users is built in memory. */
const MAX_LIMIT = 500n

export type ListQuery = Parameters<Accounts['list']>[0]

/** `limit`, `offset`, `order` and `username` of GET /api/v1/user; the first of a repeated one counts. @throws HttpError 400. */
export function parseListQuery(query: URLSearchParams): ListQuery {
  const limit = integer(query, 'limit', DEFAULT_LIMIT, 1n)
  const offset = integer(query, 'offset', 0n, 0n)
  const order = query.get('order') ?? 'ASC'
  if (order !== 'ASC' && order !== 'DESC') throw new HttpError(400, 'order must be ASC or DESC')
  const username = query.get('username') ?? ''
  return {
    limit: Number(limit < MAX_LIMIT ? limit : MAX_LIMIT),
    // Further than any list is long, and a number that every provider can take.
    offset: Math.min(Number(offset), Number.MAX_SAFE_INTEGER),
    order,
    ...(username !== '' && { username }),
  }
}

/** Decimal digits with an optional sign, or undefined when it is anything else or beyond 64 bits. */
export function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?\d{1,40}$/.test(text)) return undefined
  const value = BigInt(text.replace(/^\+/, ''))
  return BigInt.asIntN(64, value) === value ? value : undefined
}

function integer(query: URLSearchParams, name: string, absent: bigint, min: bigint): bigint {
  const text = query.get(name)
  if (text === null) return absent
  const value = parseInt64(text)
  if (value === undefined || value < min) throw new HttpError(400, `${name} must be an integer of at least ${min}`)
  return value
}
