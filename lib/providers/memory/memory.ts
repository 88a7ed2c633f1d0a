import type { NewUser, User } from '../../accounts/user.ts'
import type { Outbox } from '../outbox.ts'
import { byBytes, matching, sorted } from '../listing.ts'
import type { Provider, QuotaUse, UserFilter, UserQuery } from '../provider.ts'
import { ProviderError } from '../provider.ts'
import { MemoryOutbox } from './outbox.ts'

/** Accounts that end with the process. */
export class MemoryProvider implements Provider {
  readonly driver = 'memory'
  readonly #users = new Map<number, User>()
  readonly #ids = new Map<string, number>()
  readonly #outbox = new MemoryOutbox(() => this.#open())
  /** In byte order; undefined when users have come or gone since. */
  #names: string[] | undefined
  #lastId = 0
  #closed = false

  async checkAvailability(): Promise<void> {
    this.#open()
  }

  async userByName(username: string): Promise<User | undefined> {
    this.#open()
    const user = this.#named(username)
    return user && structuredClone(user)
  }

  async userById(id: number): Promise<User | undefined> {
    this.#open()
    const user = this.#users.get(id)
    return user && structuredClone(user)
  }

  async users({ limit, offset, order, sort = 'username', username, search = '' }: UserQuery): Promise<User[]> {
    this.#open()
    const has = matching(search)
    if (username !== undefined) {
      const found = offset === 0 && has(username) ? this.#named(username) : undefined
      return found === undefined ? [] : [structuredClone(found)]
    }
    if (sort !== 'username') {
      const found = [...this.#users.values()].filter((user) => has(user.username))
      return structuredClone(sorted(found, { sort, order }).slice(offset, offset + limit))
    }
    const found = search === '' ? this.#inOrder() : this.#inOrder().filter(has)
    const names = order === 'DESC' ? found.toReversed() : found
    return names.slice(offset, offset + limit).flatMap((name) => structuredClone(this.#named(name)) ?? [])
  }

  async countUsers({ search }: UserFilter): Promise<number> {
    this.#open()
    return [...this.#ids.keys()].filter(matching(search)).length
  }

  async addUser(user: NewUser): Promise<User> {
    this.#open()
    if (this.#ids.has(user.username)) throw new ProviderError('exists', 'the username is taken')
    this.#lastId += 1
    const counters = { used_quota_size: 0, used_quota_files: 0, last_quota_update: 0, last_login: 0 }
    const stored: User = { ...structuredClone(user), id: this.#lastId, ...counters }
    this.#users.set(stored.id, stored)
    this.#ids.set(stored.username, stored.id)
    this.#names = undefined
    return structuredClone(stored)
  }

  async updateUser(user: User): Promise<void> {
    this.#open()
    const { username, used_quota_size, used_quota_files, last_quota_update, last_login } = this.#numbered(user.id)
    const kept = { username, used_quota_size, used_quota_files, last_quota_update, last_login }
    this.#users.set(user.id, { ...structuredClone(user), ...kept })
  }

  async deleteUser(id: number): Promise<void> {
    this.#open()
    const { username } = this.#numbered(id)
    this.#users.delete(id)
    this.#ids.delete(username)
    this.#names = undefined
  }

  async addUse(username: string, change: QuotaUse, nowMs: number): Promise<void> {
    this.#open()
    const user = this.#named(username)
    if (user === undefined) return
    user.used_quota_size = Math.max(0, user.used_quota_size + change.size)
    user.used_quota_files = Math.max(0, user.used_quota_files + change.files)
    user.last_quota_update = nowMs
  }

  async resetUse(username: string, use: QuotaUse, nowMs: number): Promise<void> {
    this.#open()
    const user = this.#named(username)
    if (user === undefined) return
    user.used_quota_size = use.size
    user.used_quota_files = use.files
    user.last_quota_update = nowMs
  }

  async usedQuota(username: string): Promise<QuotaUse> {
    this.#open()
    const user = this.#named(username)
    if (user === undefined) throw new ProviderError('not-found', `no user with ${JSON.stringify(username)}`)
    return { size: user.used_quota_size, files: user.used_quota_files }
  }

  async setLastLogin(username: string, nowMs: number): Promise<void> {
    this.#open()
    const user = this.#named(username)
    if (user !== undefined) user.last_login = nowMs
  }

  async openOutbox(): Promise<Outbox> {
    this.#open()
    return this.#outbox
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #open(): void {
    if (this.#closed) throw new ProviderError('unavailable', 'the data provider is closed')
  }

  #inOrder(): string[] {
    this.#names ??= [...this.#ids.keys()].toSorted(byBytes)
    return this.#names
  }

  #named(username: string): User | undefined {
    const id = this.#ids.get(username)
    return id === undefined ? undefined : this.#users.get(id)
  }

  #numbered(id: number): User {
    const user = this.#users.get(id)
    if (user === undefined) throw new ProviderError('not-found', `no user with id ${id}`)
    return user
  }
}
