import { text } from 'node:stream/consumers'
import { AccountError, type Accounts, type UserInput } from '../accounts/accounts.ts'
import type { User } from '../accounts/user.ts'
import type { Clock } from '../clock.ts'
import { VirtualClock } from '../clock.test.support.ts'
import { Connections } from '../connections/connections.ts'
import type { HttpRecord, Log } from '../logging/log.ts'
import { Traces } from '../traces/traces.ts'
import type { Authenticate } from './basic-auth.ts'
import { apiRoutes, type ApiParts } from './api/api.ts'
import { expectDocumented } from './api/documented.test.support.ts'
import { MAX_BODY_BYTES } from './body.ts'
import { createDispatch } from './dispatch.ts'
import { HttpError } from './errors.ts'
import { createGuard, type GuardOptions } from './guards.ts'
import { healthRoutes, type Readiness } from './health.ts'
import type { Route } from './router.ts'
import type { Version } from './api/status.ts'

export const READY: Readiness = { ready: async () => ({ ok: true }) }
export const VERSION: Version = { version: '1.2.3', build_date: '2026-01-02', commit_hash: 'abc' }

export function aUser(fields: Partial<User> = {}): User {
  return {
    id: 1,
    status: 1,
    username: 'alice',
    expiration_date: 0,
    password: '$argon2id$secret',
    public_keys: ['ssh-ed25519 AAAA alice'],
    home_dir: '/srv/alice',
    uid: 0,
    gid: 0,
    max_sessions: 0,
    quota_size: 0,
    quota_files: 0,
    permissions: ['*'],
    used_quota_size: 0,
    used_quota_files: 0,
    last_quota_update: 0,
    upload_bandwidth: 0,
    download_bandwidth: 0,
    last_login: 0,
    ...fields,
  }
}

/** Keeps users in a list; `failure`, once set, is what every call throws. */
export class FakeAccounts implements Accounts {
  users: User[]
  failure: unknown = undefined
  /** The arguments of `add`, `update` and `list`, in order of arrival. */
  readonly calls: unknown[] = []

  constructor(users: User[] = [aUser()]) {
    this.users = users
  }

  async loginWithPassword(): Promise<{ ok: false; reason: 'unknown user' }> {
    return { ok: false, reason: 'unknown user' }
  }
  async openSession(): Promise<{ ok: false; reason: 'unknown user' }> {
    return { ok: false, reason: 'unknown user' }
  }
  async loginWithKey(): Promise<{ ok: false; reason: 'unknown user' }> {
    return { ok: false, reason: 'unknown user' }
  }
  loggedIn(): void {
    this.#mayFail()
  }
  async add(input: UserInput): Promise<User> {
    this.#mayFail()
    this.calls.push(input)
    const { username } = input
    if (typeof username !== 'string') throw new AccountError('validation', 'Validation error: username is required')
    if (this.users.some((user) => user.username === username)) {
      throw new AccountError('exists', `username ${username} already exists`)
    }
    const user = aUser({ id: this.users.length + 1, username })
    this.users.push(user)
    return user
  }
  async update(id: number, input: UserInput): Promise<User> {
    const user = await this.get(id)
    this.calls.push(input)
    if ('permissions' in input && !Array.isArray(input['permissions'])) {
      throw new AccountError('validation', 'Validation error: permissions must be a list')
    }
    return user
  }
  async remove(id: number): Promise<void> {
    const found = await this.get(id)
    this.users = this.users.filter((user) => user !== found)
  }
  async get(id: number): Promise<User> {
    this.#mayFail()
    const found = this.users.find((user) => user.id === id)
    if (found === undefined) throw new AccountError('not-found', `Not found: no user has the id ${id}`)
    return found
  }
  async list(query: Parameters<Accounts['list']>[0]): Promise<User[]> {
    this.#mayFail()
    this.calls.push(query)
    return this.users
  }
  async count({ search = '' }: Parameters<Accounts['count']>[0]): Promise<number> {
    this.#mayFail()
    return this.users.filter(({ username }) => username.includes(search)).length
  }
  async *dump(): AsyncGenerator<User, void, void> {
    this.#mayFail()
    yield* this.users
  }
  async load(inputs: readonly UserInput[]): Promise<{ added: number; updated: number }> {
    this.#mayFail()
    this.calls.push(inputs)
    return { added: inputs.length, updated: 0 }
  }
  async checkAvailability(): Promise<void> {
    this.#mayFail()
  }

  #mayFail(): void {
    if (this.failure !== undefined) throw this.failure
  }
}

/** Time that moves when a test says so; due callbacks run then. */
export class FakeClock implements Clock {
  #now = 1_700_000_000_000
  readonly #timers = new Set<{ due: number; callback: () => void }>()

  now(): number {
    return this.#now
  }
  monotonic(): number {
    return this.#now
  }
  after(delayMs: number, callback: () => void): { cancel(): void } {
    const timer = { due: this.#now + delayMs, callback }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }
  advance(ms: number): void {
    this.#now += ms
    for (const timer of [...this.#timers].filter(({ due }) => due <= this.#now)) {
      this.#timers.delete(timer)
      timer.callback()
    }
  }
}

export class FakeLog implements Log {
  readonly requests: HttpRecord[] = []
  readonly messages: string[] = []

  app(...[sender, level, message]: Parameters<Log['app']>): void {
    this.messages.push(`${sender} ${level} ${message}`)
  }
  http(record: HttpRecord): void {
    this.requests.push(record)
  }
  transfer(): void {
    throw new Error('httpd moves no files')
  }
  command(): void {
    throw new Error('httpd runs no commands')
  }
  connectionFailed(): void {
    throw new Error('httpd has no logins')
  }
  async close(): Promise<void> {
    await Promise.resolve()
  }
}

export interface Ask {
  method?: string
  headers?: Record<string, string | string[]>
  /** Sent with a JSON content type unless `headers` says otherwise. */
  body?: string | Uint8Array
}

export interface Answer {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}

/** An API of nothing: nobody is connected, banned or scanned. */
export function fakeRoutes(parts: Partial<ApiParts> = {}): Route[] {
  return apiRoutes({
    accounts: new FakeAccounts(),
    connections: new Connections(new FakeClock()),
    scans: { start: async () => 'unknown user', list: () => [] },
    bans: { list: async () => [], remove: async () => false },
    traces: new Traces({ clock: new VirtualClock(), eventsPerConnection: 0 }),
    version: VERSION,
    log: new FakeLog(),
    ...parts,
  })
}

interface FakeApiOptions {
  /** In place of fakes. */
  parts?: Partial<ApiParts>
  guard?: Partial<GuardOptions>
  users?: User[]
  /** Beside those of the REST API. */
  routes?: readonly Route[]
  authenticate?: Authenticate
  readiness?: Readiness
}

/** The API without a socket. Whatever it answers is held against its document. */
export function fakeApi(options: FakeApiOptions = {}) {
  const { parts = {}, guard = {}, users, authenticate, readiness = READY } = options
  const accounts = new FakeAccounts(users)
  const log = new FakeLog()
  const clock = new FakeClock()
  const connections = new Connections(clock)
  const api = fakeRoutes({ accounts, connections, log, ...parts })
  const routes = [...api, ...healthRoutes(readiness), ...(options.routes ?? [])]
  const dispatch = createDispatch({
    routes,
    guard: createGuard({ bindHost: '127.0.0.1', boundAddress: '127.0.0.1', allowedHosts: [], ...guard }),
    ...(authenticate !== undefined && { authenticate }),
    log,
  })

  async function ask(target: string, { method = 'GET', headers = {}, body = '' }: Ask = {}): Promise<Answer> {
    const bytes = Buffer.from(body)
    const defaults = {
      host: '127.0.0.1:8080',
      ...(bytes.length > 0 && { 'content-type': 'application/json', 'content-length': String(bytes.length) }),
    }
    const sent = Object.entries({ ...defaults, ...headers }).map(([name, value]) => [name, [value].flat()])
    const reply = await dispatch({
      id: 'test/0',
      method,
      target,
      ip: '127.0.0.1',
      headers: Object.fromEntries(sent),
      body: async (maxBytes = MAX_BODY_BYTES) => {
        if (bytes.length > maxBytes) throw new HttpError(413, 'the body is too long')
        return bytes
      },
    })
    const { status, headers: sentBack } = reply
    const answered = 'stream' in reply ? await text(reply.stream) : String(reply.body)
    expectDocumented({ method, target, status, type: sentBack['Content-Type'], body: answered })
    return { status, headers: sentBack, body: answered }
  }

  return { accounts, clock, connections, log, routes, ask }
}
