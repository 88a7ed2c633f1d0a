import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createAccounts } from '../../accounts/create-accounts.ts'
import { systemClock } from '../../clock.ts'
import { VirtualClock } from '../../clock.test.support.ts'
import { cheapPasswords, connect, PASSWORD, watchForUnhandled } from '../../sshd/sshd.test.support.ts'
import { watchAvailability } from '../availability.ts'
import { providerContract, sampleUser } from '../contract.ts'
import { initProvider, openProvider } from '../open.ts'
import type { ProviderConfig } from '../open.ts'
import { recordingLog } from '../recording-log.ts'
import type { DatabaseServer } from './database-server.test.support.ts'
import { INIT_HINT } from './schema.ts'
import { openUpload, served } from './served.test.support.ts'

/** What differs between the servers' words, not between the rules. */
export interface Flavour {
  start(): Promise<DatabaseServer>
  /** Column, type and `NOT NULL` of each column of table `users`, and DEFAULT where it has one. */
  describe: string
  /** As `describe` gives them. */
  columns: readonly string[]
  /** Makes the table "users" as SFTPGo 0.9.4 has it, in a collation that takes A for a. */
  foreignTable: readonly string[]
  /** Makes of table "people" a view "users" that the account `reader` may read, and nothing else. */
  view: readonly string[]
  /** Counts as `n` the connections of the account `owner`. */
  connections: string
  /** Nobody reads or writes table `users` from the first statement to the second. */
  lock: readonly [string, string]
  /** Counts as `n` those who wait for it. */
  waiting: string
  /** Connection strings for a config. */
  strings: Record<string, (config: ProviderConfig, socketFolder: string) => string>
}

const STEPS = ['20190828.sql', '20191112.sql']
const OUTBOX_TABLES = ['users_outbox', 'users_outbox_owners']
const page = { limit: 100, offset: 0, order: 'ASC' } as const
/** Columns that SFTPGo 0.9.4 always fills. */
const ROW = {
  password: '',
  public_keys: 'null',
  home_dir: '/srv',
  uid: 0,
  gid: 0,
  max_sessions: 0,
  quota_size: 0,
  quota_files: 0,
  permissions: '["*"]',
  used_quota_size: 0,
  used_quota_files: 0,
  last_quota_update: 0,
  upload_bandwidth: 0,
  download_bandwidth: 0,
}

/** The rules that hold for a driver with a server, which the tests start, break and start again. */
export function networkDriverTests(flavour: Flavour): { server: () => DatabaseServer } {
  let shared: DatabaseServer
  beforeAll(async () => {
    shared = await flavour.start()
  }, 60_000)
  afterAll(() => shared.remove())
  afterEach(async () => {
    const mark = shared.config.driver === 'mysql' ? '`' : '"'
    for (const name of ['users', ...OUTBOX_TABLES, 'people', 'ordinary', `${mark}order${mark}`]) {
      await shared.admin(`DROP VIEW IF EXISTS ${name}`).catch(() => [])
      await shared.admin(`DROP TABLE IF EXISTS ${name}`)
    }
  })

  const around = (log = recordingLog()) => ({ configDir: '/', log, env: {} })
  const changed = (changes: Partial<ProviderConfig> = {}) => ({ ...shared.config, ...changes })
  const init = (changes: Partial<ProviderConfig> = {}) => initProvider(changed(changes), around())
  /** Open until the test ends. */
  const open = async (changes: Partial<ProviderConfig> = {}, parts: Partial<ReturnType<typeof around>> = {}) => {
    const provider = await openProvider(changed(changes), { ...around(), ...parts })
    onTestFinished(() => provider.close())
    return provider
  }
  const insert = (row: Record<string, string | number>) => {
    const columns = Object.keys(row)
    const marks = columns.map((_, index) => (shared.config.driver === 'mysql' ? '?' : `$${index + 1}`)).join(', ')
    return shared.admin(`INSERT INTO users (${columns.join(', ')}) VALUES (${marks})`, Object.values(row))
  }
  const run = async (statements: readonly string[]) => {
    for (const statement of statements) await shared.admin(statement)
  }

  describe('the contract', () => {
    providerContract(async () => {
      for (const name of ['users', ...OUTBOX_TABLES]) await shared.admin(`DROP TABLE IF EXISTS ${name}`)
      await initProvider(shared.config, around(), { outbox: true })
      return openProvider(shared.config, around())
    })
  })

  describe('initialising', () => {
    test('makes exactly the columns of SFTPGo 0.9.4, and the second time nothing', async () => {
      expect(await init()).toEqual(STEPS)
      const columns = (await shared.admin(flavour.describe)).map((row) => String(Object.values(row)[0]).trim())
      expect(columns.toSorted()).toEqual(flavour.columns.toSorted())
      const provider = await open()
      const stored = await provider.addUser(sampleUser('alice'))
      expect(await init()).toEqual([])
      expect(await provider.users(page)).toEqual([stored])
    })

    test('makes what notifications wait in where it is asked for, once, and leaves the accounts alone', async () => {
      await run(flavour.foreignTable)
      const before = await shared.admin(flavour.describe)
      const both = () => initProvider(shared.config, around(), { outbox: true })
      const applied = await Promise.all([both(), both(), both()])
      expect(applied.flat()).toEqual(['20261127.sql'])
      expect(await both()).toEqual([])
      expect(await init()).toEqual([])
      expect(await shared.admin(flavour.describe)).toEqual(before)
      const outbox = await (await open()).openOutbox()
      await outbox.hold('one', 1)
      expect(await outbox.owners()).toEqual([{ owner: 'one', untilMs: 1 }])
    })

    test('by several at once is done once', async () => {
      const applied = await Promise.all([init(), init(), init(), init()])
      expect(applied.flat().toSorted()).toEqual(STEPS)
    })

    test('completes a table of the first step: its accounts are active and do not expire', async () => {
      await init()
      await shared.admin('ALTER TABLE users DROP COLUMN expiration_date, DROP COLUMN last_login, DROP COLUMN status')
      await insert({ ...ROW, username: 'old' })
      expect(await init()).toEqual(['20191112.sql'])
      expect(await (await open()).userByName('old')).toMatchObject({ status: 1, expiration_date: 0, last_login: 0 })
    })

    test('leaves another table of that name alone', async () => {
      await shared.admin('CREATE TABLE users (id integer, username varchar(255))')
      await expect(init()).rejects.toThrow(/table users has only part of 20190828\.sql, no column password/)
      expect(await shared.admin(flavour.describe)).toHaveLength(2)
    })

    test('takes the configured table name, keywords included', async () => {
      const users_table = 'ordinary'
      expect(await init({ users_table })).toEqual(STEPS)
      await (await open({ users_table })).addUser(sampleUser('alice'))
      expect(await shared.admin('SELECT username FROM ordinary')).toEqual([{ username: 'alice' }])
      expect(await init({ users_table: 'order' })).toEqual(STEPS)
      const provider = await open({ users_table: 'order' })
      expect(await provider.addUser(sampleUser('alice'))).toEqual(await provider.userByName('alice'))
    })

    test('and opening say which table name is none', async () => {
      for (const users_table of ['', 'a-b', 'users; DROP TABLE users', 'a.b.c', '"', '`']) {
        const refusal = /data_provider\.users_table is .*: want letters/
        await expect(init({ users_table })).rejects.toThrow(refusal)
        await expect(open({ users_table })).rejects.toThrow(refusal)
      }
    })
  })

  describe('without the table', () => {
    test('the start is refused, naming the command that makes it', async () => {
      await expect(open()).rejects.toMatchObject({
        name: 'ProviderError',
        kind: 'unavailable',
        message: `driver ${shared.config.driver}: there is no table users: ${INIT_HINT}`,
      })
    })

    test('with only the first step likewise', async () => {
      await init()
      await shared.admin('ALTER TABLE users DROP COLUMN status')
      await expect(open()).rejects.toThrow(`table users has no column status: ${INIT_HINT}`)
    })

    test('that notifications wait in, its use says so', async () => {
      await init()
      const outbox = await (await open()).openOutbox()
      const hint = { kind: 'unavailable', message: expect.stringContaining(INIT_HINT) }
      await expect(outbox.hold('one', 1)).rejects.toMatchObject(hint)
      await expect(outbox.owners()).rejects.toMatchObject(hint)
    })

    test('a server that runs says so with each call', async () => {
      await init()
      const provider = await open()
      await shared.admin('DROP TABLE users')
      const calls = [
        () => provider.checkAvailability(),
        () => provider.userByName('a'),
        () => provider.addUser(sampleUser('a')),
      ]
      for (const call of calls) {
        await expect(call()).rejects.toMatchObject({ kind: 'unavailable', message: expect.stringContaining(INIT_HINT) })
      }
    })
  })

  describe('a database of SFTPGo 0.9.4', () => {
    test('opens as it is, names byte for byte although its collation is not', async () => {
      await run(flavour.foreignTable)
      const before = await shared.admin(flavour.describe)
      await insert({ ...ROW, username: 'Alice', used_quota_size: -5, expiration_date: 0, last_login: 7, status: 1 })
      await insert({ ...ROW, username: 'zoë', expiration_date: 0, last_login: 0, status: 0 })
      await insert({ ...ROW, username: 'Zoë2', expiration_date: 0, last_login: 0, status: 0 })
      expect(await init()).toEqual([])
      const provider = await open()
      expect(await provider.userByName('Alice')).toMatchObject({ used_quota_size: -5, last_login: 7, status: 1 })
      expect(await provider.userByName('alice')).toBeUndefined()
      expect(await provider.userByName('zoë')).toMatchObject({ status: 0, permissions: ['*'], public_keys: [] })
      expect(await provider.userByName('zoe')).toBeUndefined()
      expect(await provider.userByName('用')).toBeUndefined()
      const sorted = (await provider.users(page)).map(({ username }) => username)
      expect(sorted).toEqual(['Alice', 'Zoë2', 'zoë'])
      expect(await provider.users({ ...page, username: 'ALICE' })).toEqual([])
      await provider.addUse('ALICE', { size: 100, files: 1 }, 1)
      await provider.addUse('Alice', { size: 3, files: 1 }, 1)
      expect(await provider.usedQuota('Alice')).toEqual({ size: 0, files: 1 })
      expect(await shared.admin(flavour.describe)).toEqual(before)
    })

    test('where names that differ in case alone collide, says that the name is taken', async () => {
      await run(flavour.foreignTable)
      const provider = await open()
      await provider.addUser(sampleUser('Alice'))
      await expect(provider.addUser(sampleUser('alice'))).rejects.toMatchObject({ kind: 'exists' })
    })

    test('reads what was written here', async () => {
      await run(flavour.foreignTable)
      const provider = await open()
      await provider.addUser(sampleUser('alice', { password: '', public_keys: [], permissions: ['list', 'upload'] }))
      await provider.addUser(sampleUser('bob', { public_keys: ['ssh-rsa A', 'ssh-rsa B'] }))
      const sql = 'SELECT password, public_keys, permissions, used_quota_files FROM users ORDER BY username'
      expect(await shared.admin(sql)).toEqual([
        { password: '', public_keys: 'null', permissions: '["list","upload"]', used_quota_files: 0 },
        {
          password: sampleUser('bob').password,
          public_keys: '["ssh-rsa A","ssh-rsa B"]',
          permissions: '["list","download"]',
          used_quota_files: 0,
        },
      ])
    })
  })

  describe('a view that may only be read', () => {
    const asReader = async (parts = {}) => {
      await init({ users_table: 'people' })
      const owner = await open({ users_table: 'people' })
      const stored = await owner.addUser(sampleUser('alice', { password: await cheapPasswords.toStore(PASSWORD) }))
      await run(flavour.view)
      return { owner, stored, provider: await open({ username: 'reader', ...parts }) }
    }

    test('is enough to log in, and nothing is written to it', async () => {
      const { owner, stored, provider } = await asReader()
      const log = recordingLog()
      const parts = { clock: systemClock, log, usersBaseDir: '', passwords: cheapPasswords }
      const accounts = createAccounts({ provider, manageUsers: false, ...parts })
      const login = await accounts.loginWithPassword('alice', PASSWORD)
      expect(login).toMatchObject({ ok: true, method: 'password' })
      if (login.ok) accounts.loggedIn(login.user)
      await expect(accounts.remove(stored.id)).rejects.toMatchObject({ kind: 'method-disabled' })
      expect(await provider.users(page)).toEqual([stored])
      await provider.checkAvailability()
      expect(await owner.userByName('alice')).toEqual(stored)
      expect(log.lines).toEqual([])
    })

    test('is left alone by the initialisation', async () => {
      await asReader()
      expect(await init({ username: 'reader' })).toEqual([])
    })

    test('refuses what is written all the same, and stays', async () => {
      const { owner, stored, provider } = await asReader()
      const writes = [
        () => provider.addUser(sampleUser('bob')),
        () => provider.updateUser({ ...stored, uid: 5 }),
        () => provider.deleteUser(stored.id),
        () => provider.addUse('alice', { size: 1, files: 1 }, 1),
        () => provider.setLastLogin('alice', 1),
      ]
      for (const write of writes) await expect(write()).rejects.toMatchObject({ kind: 'unavailable' })
      expect(await owner.users(page)).toEqual([stored])
    })
  })

  describe('what does not fit', () => {
    test('is refused instead of cut', async () => {
      await init()
      const provider = await open()
      const tooMuch = [{ home_dir: `/${'x'.repeat(255)}` }, { max_sessions: 2 ** 31 }, { quota_size: 2 ** 63 }]
      for (const field of tooMuch) {
        await expect(provider.addUser(sampleUser('alice', field))).rejects.toMatchObject({ kind: 'unavailable' })
      }
      expect(await provider.users(page)).toEqual([])
    })

    test('a number with more digits than JavaScript has is not rounded', async () => {
      await init()
      const full = { ...ROW, expiration_date: 0, last_login: 0, status: 1 }
      await insert({ ...full, username: 'a', quota_size: '9007199254740993' })
      await insert({ ...full, username: 'b', quota_size: '9007199254740991' })
      const log = recordingLog()
      const provider = await open({}, { log })
      expect((await provider.users(page)).map(({ quota_size: size }) => size)).toEqual([Number.MAX_SAFE_INTEGER])
      expect(log.lines).toEqual([expect.stringMatching(/^error stored user "a" .*quota_size/)])
    })

    test('an id that comes back from a counter set back is no taken name', async () => {
      await init()
      const provider = await open()
      const { id } = await provider.addUser(sampleUser('alice'))
      await insert({ ...ROW, id: id + 1, username: 'bob', expiration_date: 0, last_login: 0, status: 1 })
      const added = provider.addUser(sampleUser('carol'))
      // MySQL moves its counter along by itself.
      if (shared.config.driver === 'mysql') await expect(added).resolves.toMatchObject({ id: id + 2 })
      else await expect(added).rejects.toMatchObject({ kind: 'unavailable' })
    })
  })

  describe('connections', () => {
    const count = async () => Number((await shared.admin(flavour.connections))[0]?.['n'])

    test.each([
      { pool_size: 2, most: 2 },
      { pool_size: 0, most: 10 },
    ])('pool_size $pool_size opens at most $most', async ({ pool_size, most }) => {
      await init()
      await vi.waitFor(async () => expect(await count()).toBe(0))
      const provider = await open({ pool_size })
      await Promise.all(Array.from({ length: 100 }, () => provider.userByName('alice')))
      expect(await count()).toBe(most)
      await provider.close()
      await vi.waitFor(async () => expect(await count()).toBe(0))
    })

    test('one that gives no answer is given up after 10 s, and another one takes its place', async () => {
      await init()
      const clock = new VirtualClock()
      const provider = await open({ pool_size: 1 }, { clock } as object)
      await provider.checkAvailability()
      const [take, give] = flavour.lock
      const holder = await shared.session()
      try {
        await holder.ask(take)
        const asked = provider.userByName('alice')
        asked.catch(() => undefined)
        await vi.waitFor(async () => expect(Number((await shared.admin(flavour.waiting))[0]?.['n'])).toBe(1))
        clock.advance(9_999)
        expect(clock.timers).toBe(1)
        clock.advance(1)
        await expect(asked).rejects.toMatchObject({
          kind: 'unavailable',
          message: 'no answer of the database within 10 s',
        })
        await holder.ask(give)
      } finally {
        await holder.end()
      }
      expect(await provider.userByName('alice')).toBeUndefined()
    })

    test('a server that accepts and says nothing is given up after 10 s', async () => {
      const sockets: Socket[] = []
      const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1')
      await once(silent, 'listening')
      onTestFinished(() => {
        for (const socket of sockets) socket.destroy()
        silent.close()
      })
      const clock = new VirtualClock()
      const log = recordingLog()
      const { port } = silent.address() as AddressInfo
      const opening = open({ port, host: '127.0.0.1' }, { clock, log } as object)
      await vi.waitFor(() => expect(sockets).toHaveLength(1))
      clock.advance(10_000)
      await opening
      expect(log.lines).toEqual([expect.stringMatching(/^warn .*no connection to the database within 10 s$/)])
      for (const socket of sockets) socket.destroy()
    })

    test('to nobody do not stop the start: it is said, and each call is unavailable', async () => {
      const log = recordingLog()
      const provider = await open({ port: 1 }, { log })
      expect(log.lines).toEqual([expect.stringMatching(/^warn the \w+ database cannot be used yet .*ECONNREFUSED/)])
      await expect(provider.userByName('alice')).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringContaining('ECONNREFUSED'),
      })
      await expect(init({ port: 1 })).rejects.toThrow(/ECONNREFUSED/)
    })

    test('of whoever has another password are refused, and no password is told', async () => {
      await init()
      const log = recordingLog()
      const password = 'not-the-password'
      const provider = await open({ password }, { log })
      const error = await provider.checkAvailability().catch((refusal: unknown) => refusal)
      expect(error).toMatchObject({ kind: 'unavailable' })
      const told = [...log.lines, String(error), String(await init({ password }).catch((refusal: unknown) => refusal))]
      expect(told.join('\n')).toMatch(/owner/)
      expect(told.join('\n')).not.toContain(password)
    })
  })

  describe('a connection string', () => {
    test.each(Object.entries(flavour.strings))('in the form of %s replaces the other keys', async (_, make) => {
      const connection_string = make(shared.config, shared.socketFolder)
      const elsewhere = { host: '192.0.2.1', port: 1, username: 'x', password: 'x', name: 'x' }
      expect(await init({ ...elsewhere, connection_string })).toEqual(STEPS)
      const provider = await open({ ...elsewhere, connection_string })
      expect((await provider.addUser(sampleUser('alice'))).username).toBe('alice')
    })
  })

  describe('when the database is killed', () => {
    async function outage(between: () => Promise<void>): Promise<void> {
      await shared.kill()
      try {
        await between()
      } finally {
        await shared.start()
      }
    }

    test('calls are unavailable until it is back, and what was stored is there', async () => {
      watchForUnhandled()
      await init()
      const clock = new VirtualClock()
      const log = recordingLog()
      const provider = await open({}, { log })
      const accounts = createAccounts({
        provider,
        clock,
        log,
        manageUsers: true,
        usersBaseDir: '',
        passwords: cheapPasswords,
      })
      const password = await cheapPasswords.toStore(PASSWORD)
      const stored = await provider.addUser(sampleUser('alice', { password }))
      const checks: boolean[] = []
      const availability = watchAvailability({ provider, clock, log, onCheck: (ok) => checks.push(ok) })
      onTestFinished(() => availability.stop())
      await vi.waitFor(() => expect(checks).toEqual([true]))
      // Several connections, some in use when it goes.
      const before = Promise.allSettled(Array.from({ length: 30 }, () => provider.userByName('alice')))
      await outage(async () => {
        await before
        for (let attempt = 0; attempt < 3; attempt++) {
          const login = await accounts.loginWithPassword('alice', PASSWORD)
          expect(login).toEqual({ ok: false, reason: 'provider unavailable' })
        }
        await expect(provider.addUse('alice', { size: 1, files: 1 }, 1)).rejects.toMatchObject({ kind: 'unavailable' })
        clock.advance(30_000)
        await vi.waitFor(() => expect(checks).toEqual([true, false]))
      })
      clock.advance(30_000)
      await vi.waitFor(() => expect(checks).toEqual([true, false, true]))
      expect(await accounts.loginWithPassword('alice', PASSWORD)).toMatchObject({ ok: true })
      await Promise.all(Array.from({ length: 30 }, () => provider.addUse('alice', { size: 1, files: 1 }, 1)))
      expect(await provider.userById(stored.id)).toMatchObject({ used_quota_size: 30, used_quota_files: 30 })
    })

    test('a transfer goes on, logins wait for it to be back, nothing else ends', async () => {
      watchForUnhandled()
      await init()
      const { root, running, addAlice } = await served(shared.config)
      await addAlice()
      const client = await connect(running.sftpAddress)
      const upload = await openUpload(client, '/file')
      await upload.write('before ')
      await outage(async () => {
        await upload.write('during ')
        await expect(connect(running.sftpAddress)).rejects.toThrow(/authentication methods failed/)
        await upload.write('during ')
      })
      // A login computes a hash: on a busy machine that is more than waitFor's second.
      await vi.waitFor(async () => (await connect(running.sftpAddress)).end(), { timeout: 20_000 })
      await upload.write('after')
      await upload.close()
      expect(readFileSync(path.join(root, 'homes', 'alice', 'file'), 'utf8')).toBe('before during during after')
      client.end()
      const log = readFileSync(path.join(root, 'log'), 'utf8')
      expect(log).toContain('login refused: it could not be checked')
      expect(log).not.toContain(shared.config.password)
    }, 60_000)
  })

  return { server: () => shared }
}
