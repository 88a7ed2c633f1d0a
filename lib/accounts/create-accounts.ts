import pLimit from 'p-limit'
import type { Clock } from '../clock.ts'
import type { Log } from '../logging/log.ts'
import type { Provider } from '../providers/provider.ts'
import type { Accounts } from './accounts.ts'
import { asAccountError, invalid, methodDisabled, notFound } from './errors.ts'
import type { SentFields } from './fields.ts'
import { readFields } from './fields.ts'
import { createKeyring } from './keyring.ts'
import { LiveUsers } from './live-users.ts'
import { createLogins } from './logins.ts'
import type { Passwords } from './passwords.ts'
import { createPasswords } from './passwords.ts'
import type { User } from './user.ts'
import { validNewUser, validOverlay } from './validate.ts'

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
    const changed = await validOverlay(await stored(id), sent, rules)
    await provider.updateUser(changed)
    live.changed(changed)
    return withoutPassword(await stored(id))
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
        return withoutPassword(await provider.addUser(await validNewUser(sent, rules)))
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
        // Not looked up before: a row that cannot be read can still be removed.
        await provider.deleteUser(id)
        live.removed(id)
      }),

    get: (id) => asAccountError(async () => withoutPassword(await stored(id))),

    list: (query) => asAccountError(async () => (await provider.users(query)).map(withoutPassword)),

    count: (filter) => asAccountError(() => provider.countUsers(filter)),

    checkAvailability: () => asAccountError(() => provider.checkAvailability()),
  }
}

function withoutPassword(user: User): User {
  return { ...user, password: '' }
}
