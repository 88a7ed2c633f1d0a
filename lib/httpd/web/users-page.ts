import type { User } from '../../accounts/user.ts'
import { USER_SORTS, type UserQuery, type UserSort } from '../../providers/provider.ts'
import { HttpError } from '../errors.ts'
import { bytes, count, date, dateTime, plural, visible } from './show.ts'

const DEFAULT_PAGE_SIZE = 25
/** As many as a page of the REST API has. */
const MAX_PAGE_SIZE = 500
/** Characters; no username is longer. */
const MAX_SEARCH = 255
const SOON_MS = 7 * 86_400_000

/** What the address of the page asks for. */
export interface UsersQuery {
  search: string
  sort: UserSort
  order: UserQuery['order']
  /** From 1. */
  page: number
  pageSize: number
}

/** @throws HttpError 400 naming the parameter. */
export function readUsersQuery(query: URLSearchParams): UsersQuery {
  const search = query.get('q') ?? ''
  if (search.length > MAX_SEARCH) throw new HttpError(400, `q is longer than ${MAX_SEARCH} characters`)
  const sort = USER_SORTS.find((known) => known === (query.get('sort') ?? 'username'))
  if (sort === undefined) throw new HttpError(400, `sort must be one of ${USER_SORTS.join(', ')}`)
  const order = query.get('order') ?? 'asc'
  if (order !== 'asc' && order !== 'desc') throw new HttpError(400, 'order must be asc or desc')
  return {
    search,
    sort,
    order: order === 'asc' ? 'ASC' : 'DESC',
    page: wholeNumber(query, 'page', 1, Number.MAX_SAFE_INTEGER),
    pageSize: wholeNumber(query, 'qlimit', DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE),
  }
}

function wholeNumber(query: URLSearchParams, name: string, initial: number, max: number): number {
  const text = query.get(name)
  if (text === null) return initial
  const value = /^\d{1,16}$/.test(text) ? Number(text) : 0
  if (value < 1 || value > max) throw new HttpError(400, `${name} must be a whole number, 1 to ${max}`)
  return value
}

/** The page that is shown: the last one when there are not so many. */
export function pageWithin({ page, pageSize }: UsersQuery, total: number): number {
  return Math.min(page, Math.max(1, Math.ceil(total / pageSize)))
}

/** What the template shows. */
export function usersPage(query: UsersQuery, users: readonly User[], total: number, nowMs: number): object {
  const { search, sort, order, page, pageSize } = query
  const pages = Math.max(1, Math.ceil(total / pageSize))
  const columns: { key: UserSort; label: string }[] = [
    { key: 'username', label: 'User' },
    { key: 'status', label: 'Status' },
    { key: 'expiration_date', label: 'Expires' },
    { key: 'used_quota_size', label: 'Storage' },
    { key: 'used_quota_files', label: 'Files' },
    { key: 'last_login', label: 'Last login' },
  ]
  return {
    search,
    searchShown: visible(search),
    total: plural(total, 'user'),
    none: total === 0,
    sort,
    order: order.toLowerCase(),
    columns: columns.map(({ key, label }) => ({
      label,
      ariaSort: key === sort ? (order === 'ASC' ? 'ascending' : 'descending') : 'none',
      href: link({ ...query, page: 1, sort: key, order: key === sort && order === 'ASC' ? 'DESC' : 'ASC' }),
    })),
    rows: users.map((user) => userRow(user, nowMs)),
    range: total === 0 ? '' : `${count((page - 1) * pageSize + 1)}–${count((page - 1) * pageSize + users.length)}`,
    page: count(page),
    pages: count(pages),
    first: page > 1 ? link({ ...query, page: 1 }) : '',
    previous: page > 1 ? link({ ...query, page: page - 1 }) : '',
    next: page < pages ? link({ ...query, page: page + 1 }) : '',
    last: page < pages ? link({ ...query, page: pages }) : '',
  }
}

function link({ search, sort, order, page, pageSize }: UsersQuery): string {
  const parameters = new URLSearchParams({
    ...(search !== '' && { q: search }),
    ...(sort !== 'username' && { sort }),
    ...(order !== 'ASC' && { order: 'desc' }),
    ...(page !== 1 && { page: String(page) }),
    ...(pageSize !== DEFAULT_PAGE_SIZE && { qlimit: String(pageSize) }),
  }).toString()
  return parameters === '' ? '/web/users' : `/web/users?${parameters}`
}

function userRow(user: User, nowMs: number): object {
  const expired = user.expiration_date > 0 && user.expiration_date <= nowMs
  const active = user.status === 1
  return {
    id: user.id,
    username: visible(user.username),
    home: visible(user.home_dir),
    active,
    status: active ? (expired ? 'Expired' : 'Active') : 'Disabled',
    tone: active ? (expired ? 'bad' : 'good') : 'off',
    expires: expiry(user.expiration_date, nowMs),
    storage: bar(user.used_quota_size, user.quota_size, bytes),
    files: bar(user.used_quota_files, user.quota_files, count),
    lastLogin: user.last_login > 0 ? dateTime(user.last_login).slice(0, 16) : 'Never',
  }
}

function expiry(timeMs: number, nowMs: number): { text: string; tone: string } {
  if (timeMs <= 0) return { text: 'Never', tone: '' }
  if (timeMs <= nowMs) return { text: date(timeMs), tone: 'bad' }
  return { text: date(timeMs), tone: timeMs - nowMs < SOON_MS ? 'warn' : '' }
}

/** What is used of a limit; without a limit there is no bar. */
function bar(used: number, limit: number, shown: (value: number) => string): object {
  if (limit <= 0) return { text: shown(used), limited: false }
  return {
    text: `${shown(used)} of ${shown(limit)}`,
    limited: true,
    share: Math.min(1, used / limit).toFixed(3),
    percent: `${Math.round((100 * used) / limit)} %`,
  }
}
