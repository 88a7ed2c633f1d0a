import pLimit from 'p-limit'
import type { Clock } from '../clock.ts'
import type { Log } from '../logging/log.ts'
import type { Provider } from '../providers/provider.ts'
import type { Accounts, UserInput } from './accounts.ts'
import { asAccountError, asProblem, invalid, methodDisabled, notFound } from './errors.ts'
import type { SentFields } from './fields.ts'
import { readFields } from './fields.ts'
import { createKeyring } from './keyring.ts'
import { LiveUsers } from './live-users.ts'
import { createLogins } from './logins.ts'
import type { Passwords } from './passwords.ts'
import { createPasswords } from './passwords.ts'
import { shown } from './shown.ts'
import type { NewUser, User } from './user.ts'
import { validNewUser, validOverlay } from './validate.ts'

/** Users that a dump reads at a time. */
const DUMP_PAGE = 500

export interface AccountsOptions {
  /** Stays the caller's: closing it is not done here. */
  provider: Provider
  clock: Clock
  log: Log
  /** When false nothing is ever written: changes are refused, logins are not stamped. */
  manageUsers: boolean
  /** Absolute path below which homes are derived from usernames, `''` for none. */
  usersBaseDir: string
  passwords?: Passwords
  /** Told of what an administrator did, after it is stored; a password is none of its business. Must not throw. */
  notify?: (action: 'add' | 'update' | 'delete', user: User) => void
}

export function createAccounts(options: AccountsOptions): Accounts {
  const { provider, clock, log, manageUsers, usersBaseDir } = options
  const passwords = options.passwords ?? createPasswords()
  const rules = { usersBaseDir, passwords }
  const findKey = createKeyring(log)
  const live = new LiveUsers({ provider, clock, log, findKey })
  // An update reads, overlays and writes: two at once would undo each other, and one may be switching a user off.
  const oneUpdate = pLimit(1)

  async function stored(id: number): Promise<User> {
    const user = await provider.userById(id)
    if (user === undefined) throw notFound(id)
    return user
  }

  async function update(id: number, sent: SentFields): Promise<User> {
    return replace(await validOverlay(await stored(id), sent, rules))
  }

  async function replace(changed: User): Promise<User> {
    await provider.updateUser(changed)
    live.changed(changed)
    const now = withoutPassword(await stored(changed.id))
    options.notify?.('update', now)
    return now
  }

  async function add(user: NewUser): Promise<User> {
    const added = withoutPassword(await provider.addUser(user))
    options.notify?.('add', added)
    return added
  }

  /** @throws AccountError `validation` naming the first user that is not right, by its place and name. */
  async function judged(inputs: readonly UserInput[]): Promise<(User | NewUser)[]> {
    const names = new Set<string>()
    const users: (User | NewUser)[] = []
    for (const [index, input] of inputs.entries()) {
      try {
        const { id: _, ...sent } = readFields(input)
        const { username = '' } = sent
        if (names.has(username)) throw invalid('username is that of an earlier one')
        names.add(username)
        const found = username === '' ? undefined : await provider.userByName(username)
        users.push(found === undefined ? await validNewUser(sent, rules) : await validOverlay(found, sent, rules))
      } catch (error) {
        throw inUser(index, input, error)
      }
    }
    return users
  }

  async function storeAll(users: readonly (User | NewUser)[]): Promise<{ added: number; updated: number }> {
    const done = { added: 0, updated: 0 }
    for (const user of users) {
      if ('id' in user) {
        await replace(user)
        done.updated++
      } else {
        await add(user)
        done.added++
      }
    }
    return done
  }

  return {
    ...createLogins({ provider, clock, log, passwords, findKey }),

    async openSession(login, ended) {
      try {
        return await live.open(login, ended)
      } catch (error) {
        log.app('dataProvider', 'error', 'login refused: the account could not be read again', { error })
        return { ok: false, reason: 'provider unavailable' }
      }
    },

    loggedIn({ username }) {
      if (!manageUsers) return
      provider.setLastLogin(username, clock.now()).catch((error: unknown) => {
        log.app('dataProvider', 'warn', `last login of ${JSON.stringify(username)} not stored`, { error })
      })
    },

    add: (input) =>
      asAccountError(async () => {
        const sent = readFields(input)
        if (!manageUsers) throw methodDisabled()
        return add(await validNewUser(sent, rules))
      }),

    update: (id, input) =>
      asAccountError(async () => {
        await stored(id)
        const sent = readFields(input)
        if (sent.id !== undefined && sent.id !== id) throw invalid(`id is ${sent.id}, want ${id} or none`)
        if (!manageUsers) throw methodDisabled()
        return oneUpdate(() => update(id, sent))
      }),

    remove: (id) =>
      asAccountError(async () => {
        if (!manageUsers) {
          await stored(id)
          throw methodDisabled()
        }
        // A row that cannot be read can still be removed; then nobody can be told whose it was.
        const before = options.notify && (await provider.userById(id).catch(() => undefined))
        await provider.deleteUser(id)
        live.removed(id)
        if (before !== undefined) options.notify?.('delete', withoutPassword(before))
      }),

    get: (id) => asAccountError(async () => withoutPassword(await stored(id))),

    list: (query) => asAccountError(async () => (await provider.users(query)).map(withoutPassword)),

    count: (filter) => asAccountError(() => provider.countUsers(filter)),

    async *dump() {
      for (let offset = 0; ; offset += DUMP_PAGE) {
        const page = await asAccountError(() => provider.users({ limit: DUMP_PAGE, offset, order: 'ASC' }))
        yield* page
        if (page.length < DUMP_PAGE) return
      }
    },

    load: (inputs) =>
      asAccountError(async () => {
        if (!manageUsers) throw methodDisabled()
        // Judged and stored without another update in between.
        return oneUpdate(async () => storeAll(await judged(inputs)))
      }),

    checkAvailability: () => asAccountError(() => provider.checkAvailability()),
  }
}

/** What is wrong with one user of many, with its place and name. */
function inUser(index: number, { username }: UserInput, error: unknown): unknown {
  const problem = asProblem(error)
  if (problem === undefined) return error
  const name = typeof username === 'string' ? ` ${shown(username)}` : ''
  return invalid(`users[${index}]${name}: ${problem}`)
}

function withoutPassword(user: User): User {
  return { ...user, password: '' }
}
