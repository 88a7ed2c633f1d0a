import type { NewUser, User } from '../../accounts/user.ts'
import type { Log } from '../../logging/log.ts'
import type { Outbox } from '../outbox.ts'
import { matching, sorted } from '../listing.ts'
import type { Provider, QuotaUse, UserFilter, UserQuery } from '../provider.ts'
import { ProviderError } from '../provider.ts'
import { BadRow } from '../rows.ts'
import { Database, idKey, nameKey, nameOfKey } from './database.ts'
import { prepareFile } from './file.ts'
import { BoltOutbox } from './outbox.ts'
import type { SortKey } from './records.ts'
import { recordOf, sortKeyOfRecord, userOfRecord } from './records.ts'

export interface BoltOptions {
  /** Of the file; made when there is none, its folder is not. */
  path: string
  log: Log
}

/**
 * Accounts in an embedded key/value file, which other processes of this server may use at the same time. The file is
 * LMDB's: bbolt, which SFTPGo keeps for this driver, is known and refused.
 * @throws ProviderError `unavailable`, naming the path and what is wrong with it.
 */
export async function openBoltProvider(options: BoltOptions): Promise<Provider> {
  return (await open(options)).provider
}

/**
 * Makes the file where there is none.
 * @returns what was made.
 * @throws as {@link openBoltProvider}.
 */
export async function initBolt(options: BoltOptions): Promise<string[]> {
  const { provider, isNew } = await open(options)
  await provider.close()
  return isNew ? ['new file'] : []
}

async function open({ path, log }: BoltOptions): Promise<{ provider: Provider; isNew: boolean }> {
  try {
    const isNew = await prepareFile(path)
    return { provider: new BoltProvider(new Database(path), log), isNew }
  } catch (error) {
    throw new ProviderError('unavailable', `cannot open the key/value database ${path}: ${reason(error)}`, {
      cause: error,
    })
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'ENOENT') return 'its folder does not exist'
  return error.message
}

class BoltProvider implements Provider {
  readonly driver = 'bolt'
  readonly #db: Database
  readonly #log: Log
  #closing: Promise<void> | undefined

  constructor(db: Database, log: Log) {
    this.#db = db
    this.#log = log
  }

  async checkAvailability(): Promise<void> {
    await this.users({ limit: 1, offset: 0, order: 'ASC' })
  }

  userByName(username: string): Promise<User | undefined> {
    return this.#read(() => this.#named(username))
  }

  userById(id: number): Promise<User | undefined> {
    return this.#read(() => this.#numbered(id))
  }

  /** Records that cannot be read are logged and left out. */
  users({ limit, offset, order, sort = 'username', username, search = '' }: UserQuery): Promise<User[]> {
    return this.#ask(async () => {
      if (username !== undefined) {
        const found = offset === 0 && matching(search)(username) ? this.#named(username) : undefined
        return found === undefined ? [] : [found]
      }
      const reverse = order === 'DESC'
      if (sort === 'username' && search === '') {
        const range = this.#db.users.getRange({ limit, offset, reverse })
        return [...range].flatMap(({ key, value }) => this.#orLeftOut(value, nameOfKey(key)))
      }
      const names = sort === 'username' ? await this.#namesWith(search) : await this.#namesBy({ sort, order, search })
      const page = sort === 'username' && reverse ? names.toReversed() : names
      return page.slice(offset, offset + limit).flatMap((name) => this.#shown(name))
    })
  }

  countUsers({ search = '' }: UserFilter): Promise<number> {
    return this.#ask(async () =>
      search === '' ? this.#db.users.getKeysCount() : (await this.#namesWith(search)).length,
    )
  }

  addUser(user: NewUser): Promise<User> {
    return this.#change(() => {
      const key = nameKey(user.username)
      if (key === undefined) throw new ProviderError('unavailable', 'the username is too long for this driver')
      if (this.#db.users.doesExist(key)) throw new ProviderError('exists', 'the username is taken')
      const counters = { used_quota_size: 0, used_quota_files: 0, last_quota_update: 0, last_login: 0 }
      const stored: User = { ...structuredClone(user), id: this.#db.nextId(), ...counters }
      this.#db.users.putSync(key, recordOf(stored))
      this.#db.ids.putSync(idKey(stored.id), stored.username)
      return stored
    })
  }

  async updateUser(user: User): Promise<void> {
    await this.#change(() => {
      const stored = this.#numbered(user.id)
      if (stored === undefined) throw notFound(`id ${user.id}`)
      const { username, used_quota_size, used_quota_files, last_quota_update, last_login } = stored
      this.#store({ ...user, username, used_quota_size, used_quota_files, last_quota_update, last_login })
    })
  }

  /** Also one whose record cannot be read. */
  async deleteUser(id: number): Promise<void> {
    await this.#change(() => {
      const username = this.#db.ids.get(idKey(id))
      const key = username === undefined ? undefined : nameKey(username)
      if (key === undefined) throw notFound(`id ${id}`)
      this.#db.users.removeSync(key)
      this.#db.ids.removeSync(idKey(id))
    })
  }

  addUse(username: string, change: QuotaUse, nowMs: number): Promise<void> {
    return this.#changeNamed(username, (user) => ({
      used_quota_size: Math.max(0, user.used_quota_size + change.size),
      used_quota_files: Math.max(0, user.used_quota_files + change.files),
      last_quota_update: nowMs,
    }))
  }

  resetUse(username: string, use: QuotaUse, nowMs: number): Promise<void> {
    return this.#changeNamed(username, () => ({
      used_quota_size: use.size,
      used_quota_files: use.files,
      last_quota_update: nowMs,
    }))
  }

  async usedQuota(username: string): Promise<QuotaUse> {
    const user = await this.userByName(username)
    if (user === undefined) throw notFound(JSON.stringify(username))
    return { size: user.used_quota_size, files: user.used_quota_files }
  }

  setLastLogin(username: string, nowMs: number): Promise<void> {
    return this.#changeNamed(username, () => ({ last_login: nowMs }))
  }

  openOutbox(): Promise<Outbox> {
    return this.#ask(
      async () =>
        new BoltOutbox({
          ...this.#db.outbox(),
          read: (question) => this.#read(question),
          change: (change) => this.#change(change),
        }),
    )
  }

  close(): Promise<void> {
    this.#closing ??= this.#db.close()
    return this.#closing
  }

  #shown(username: string): User[] {
    const key = nameKey(username)
    const record = key === undefined ? undefined : this.#db.users.get(key)
    return record === undefined ? [] : this.#orLeftOut(record, username)
  }

  #orLeftOut(record: string, username: string): User[] {
    try {
      return [userOfRecord(record, username)]
    } catch (error) {
      if (!(error instanceof BadRow)) throw error
      this.#log.app('dataProvider', 'error', error.message)
      return []
    }
  }

  /** In byte order. */
  async #namesWith(search: string): Promise<string[]> {
    const has = matching(search)
    const found: string[] = []
    for await (const entries of this.#db.slices()) {
      for (const { key } of entries) {
        const name = nameOfKey(key)
        if (has(name)) found.push(name)
      }
    }
    return found
  }

  /** Only what the order needs is looked at; whole records are read of the page that is shown. */
  async #namesBy({ sort, order, search }: Required<Pick<UserQuery, 'sort' | 'order' | 'search'>>): Promise<string[]> {
    const has = matching(search)
    const found: SortKey[] = []
    for await (const entries of this.#db.slices()) {
      for (const { key, value } of entries) {
        const username = nameOfKey(key)
        if (has(username)) found.push({ username, ...sortKeyOfRecord(value) })
      }
    }
    return sorted(found, { sort, order }).map(({ username }) => username)
  }

  #named(username: string): User | undefined {
    const key = nameKey(username)
    const record = key === undefined ? undefined : this.#db.users.get(key)
    return record === undefined ? undefined : userOfRecord(record, username)
  }

  #numbered(id: number): User | undefined {
    const username = this.#db.ids.get(idKey(id))
    return username === undefined ? undefined : this.#named(username)
  }

  /** Of a user that exists. */
  #store(user: User): void {
    const key = nameKey(user.username)
    if (key !== undefined) this.#db.users.putSync(key, recordOf(user))
  }

  async #changeNamed(username: string, changed: (user: User) => Partial<User>): Promise<void> {
    await this.#change(() => {
      const user = this.#named(username)
      if (user !== undefined) this.#store({ ...user, ...changed(user) })
    })
  }

  #change<T>(change: () => T): Promise<T> {
    return this.#ask(() => this.#db.transaction(change))
  }

  #read<T>(question: () => T): Promise<T> {
    return this.#ask(async () => question())
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw new ProviderError('unavailable', 'the data provider is closed')
    try {
      return await question()
    } catch (error) {
      if (error instanceof ProviderError) throw error
      const message = error instanceof Error ? error.message : String(error)
      throw new ProviderError('unavailable', message, { cause: error })
    }
  }
}

function notFound(who: string): ProviderError {
  return new ProviderError('not-found', `no user with ${who}`)
}
