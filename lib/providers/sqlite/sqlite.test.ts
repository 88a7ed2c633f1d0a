import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sqlite3 from 'sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { providerContract, sampleUser } from '../contract.ts'
import { ProviderError } from '../provider.ts'
import { recordingLog } from '../recording-log.ts'
import { schemaScripts, sqlForTable } from '../scripts.ts'
import { initSqlite, openSqliteProvider } from './sqlite.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sqlite-provider-'))
  path = join(folder, 'users.db')
})
afterEach(() => rm(folder, { recursive: true }))

const open = (log = recordingLog(), usersTable = 'users') => openSqliteProvider({ path, usersTable, log })
const page = { limit: 100, offset: 0, order: 'ASC' } as const

/** What another program sees: a connection of its own, on which nothing was configured. */
async function foreign(sql: string, ...params: unknown[]): Promise<Record<string, unknown>[]> {
  const db = new sqlite3.Database(path)
  try {
    return await new Promise((resolve, reject) => {
      db.all<Record<string, unknown>>(sql, params, (error, rows) => (error === null ? resolve(rows) : reject(error)))
    })
  } finally {
    await new Promise((resolve) => {
      db.close(resolve)
    })
  }
}

const TABLE = [
  'id integer NOT NULL',
  'username varchar(255) NOT NULL',
  'password varchar(255)',
  'public_keys text',
  'home_dir varchar(255) NOT NULL',
  'uid integer NOT NULL',
  'gid integer NOT NULL',
  'max_sessions integer NOT NULL',
  'quota_size bigint NOT NULL',
  'quota_files integer NOT NULL',
  'permissions text NOT NULL',
  'used_quota_size bigint NOT NULL',
  'used_quota_files integer NOT NULL',
  'last_quota_update bigint NOT NULL',
  'upload_bandwidth integer NOT NULL',
  'download_bandwidth integer NOT NULL',
  'expiration_date bigint NOT NULL',
  'last_login bigint NOT NULL',
  'status integer NOT NULL',
]

const describeTable = async (table: string) =>
  (await foreign(`SELECT name, lower(type) AS type, "notnull", dflt_value FROM pragma_table_info('${table}')`)).map(
    ({ name, type, notnull, dflt_value: preset }) =>
      `${String(name)} ${String(type)}${notnull === 1 ? ' NOT NULL' : ''}${preset === null ? '' : ' DEFAULT'}`,
  )

/** A row of 0.9.4, written by hand; `permissions` and `public_keys` are SQL literals. */
const insert = (username: string, overrides: Record<string, unknown> = {}) => {
  const row: Record<string, unknown> = {
    username,
    password: '',
    public_keys: 'null',
    home_dir: `/srv/${username}`,
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
    expiration_date: 0,
    last_login: 0,
    status: 1,
    ...overrides,
  }
  const columns = Object.keys(row).filter((column) => row[column] !== undefined)
  const marks = columns.map(() => '?').join(', ')
  return foreign(`INSERT INTO users (${columns.join(', ')}) VALUES (${marks})`, ...columns.map((column) => row[column]))
}

describe('sqlite', () => {
  providerContract(() => open())
})

describe('a new database', () => {
  test('has exactly the columns of SFTPGo 0.9.4, as another program sees them', async () => {
    await (await open()).close()
    expect((await describeTable('users')).toSorted()).toEqual(TABLE.toSorted())
    const tables = await foreign(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
    expect(tables.map(({ name }) => name)).toEqual(['sqlite_sequence', 'users'])
    expect(await foreign(`SELECT sql FROM sqlite_master WHERE name = 'users'`)).toEqual([
      { sql: expect.stringMatching(/"id" integer NOT NULL PRIMARY KEY AUTOINCREMENT/) },
    ])
  })

  test('is readable by its owner only', async () => {
    await (await open()).close()
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  test('keeps a write-ahead log, so that readers do not wait for writers', async () => {
    await (await open()).close()
    expect(await foreign('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }])
  })

  test('opens again with what was stored, and no step is run twice', async () => {
    const first = await open()
    const stored = await first.addUser(sampleUser('alice'))
    await first.close()
    const log = recordingLog()
    const second = await open(log)
    expect(await second.users(page)).toEqual([stored])
    expect(log.lines).toEqual([])
    await second.close()
  })

  test('another program reads what was written, as SFTPGo writes it', async () => {
    const provider = await open()
    await provider.addUser(sampleUser('alice', { password: '', public_keys: [], permissions: ['list', 'upload'] }))
    await provider.addUser(sampleUser('bob', { public_keys: ['ssh-rsa A', 'ssh-rsa B'] }))
    await provider.addUse('alice', { size: 2 ** 40, files: 1 }, 1_700_000_000_000)
    const sql = `SELECT password, public_keys, permissions, typeof(used_quota_size) AS size,
      typeof(last_quota_update) AS stamp, typeof(quota_size) AS quota FROM users ORDER BY username`
    const integers = { size: 'integer', stamp: 'integer', quota: 'integer' }
    expect(await foreign(sql)).toEqual([
      { password: '', public_keys: 'null', permissions: '["list","upload"]', ...integers },
      {
        password: sampleUser('bob').password,
        public_keys: '["ssh-rsa A","ssh-rsa B"]',
        permissions: '["list","download"]',
        ...integers,
      },
    ])
    await provider.close()
  })

  test('takes the configured table name, keywords included', async () => {
    const provider = await open(recordingLog(), 'order')
    await provider.addUser(sampleUser('alice'))
    expect(await describeTable('order')).toHaveLength(TABLE.length)
    await provider.close()
  })

  test('two servers that start together make one table', async () => {
    const [one, two] = await Promise.all([open(), open()])
    await one.addUser(sampleUser('alice'))
    expect(await two.users(page)).toHaveLength(1)
    await Promise.all([one.addUse('alice', { size: 1, files: 1 }, 1), two.addUse('alice', { size: 1, files: 1 }, 1)])
    expect(await one.usedQuota('alice')).toEqual({ size: 2, files: 2 })
    await Promise.all([one.close(), two.close()])
  })
})

describe('what notifications wait in', () => {
  const tables = async () =>
    (await foreign(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)).map(({ name }) => name)

  test('is made when it is first asked for, under the name of the accounts’ table', async () => {
    const provider = await open(recordingLog(), 'people')
    expect(await tables()).toEqual(['people', 'sqlite_sequence'])
    const outbox = await provider.openOutbox()
    await outbox.add('one', [{ id: '1', kind: 'file-http', createdMs: 1, payload: '{}' }])
    expect(await tables()).toEqual(['people', 'people_outbox', 'people_outbox_owners', 'sqlite_sequence'])
    await provider.close()
    const again = await open(recordingLog(), 'people')
    expect(await (await again.openOutbox()).entries('one', '', 1)).toHaveLength(1)
    await again.close()
  })

  test('leaves the accounts’ table of SFTPGo 0.9.4 as it is', async () => {
    await (await open()).close()
    const before = await foreign(`SELECT sql FROM sqlite_master WHERE name = 'users'`)
    expect(await initSqlite({ path, usersTable: 'users', log: recordingLog() }, { outbox: true })).toEqual([
      '20261127.sql',
    ])
    expect(await foreign(`SELECT sql FROM sqlite_master WHERE name = 'users'`)).toEqual(before)
  })
})

describe('an existing database', () => {
  const HAND_MADE = `CREATE TABLE users (id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    username varchar(255) NOT NULL UNIQUE, password varchar(255) NULL, public_keys text NULL,
    home_dir varchar(255) NOT NULL, uid integer NOT NULL, gid integer NOT NULL, max_sessions integer NOT NULL,
    quota_size bigint NOT NULL, quota_files integer NOT NULL, permissions text NOT NULL,
    used_quota_size bigint NOT NULL, used_quota_files integer NOT NULL, last_quota_update bigint NOT NULL,
    upload_bandwidth integer NOT NULL, download_bandwidth integer NOT NULL, expiration_date bigint NOT NULL,
    last_login bigint NOT NULL, status integer NOT NULL)`

  test('of SFTPGo 0.9.4 opens as it is: no schema write, rows readable', async () => {
    await foreign(HAND_MADE)
    await insert('alice', { id: 41, used_quota_size: -5, public_keys: '["ssh-rsa A"]', last_login: 1_577_000_000_000 })
    const [before] = await foreign('PRAGMA schema_version')
    const log = recordingLog()
    const provider = await open(log)
    expect(await provider.userByName('alice')).toMatchObject({
      id: 41,
      used_quota_size: -5,
      public_keys: ['ssh-rsa A'],
      permissions: ['*'],
      last_login: 1_577_000_000_000,
    })
    expect((await provider.addUser(sampleUser('bob'))).id).toBe(42)
    await provider.close()
    expect(await foreign('PRAGMA schema_version')).toEqual([before])
    expect(await foreign(`SELECT sql FROM sqlite_master WHERE name = 'users'`)).toEqual([{ sql: HAND_MADE }])
    expect(log.lines).toEqual([])
  })

  test('before the second step gets it: accounts stay, are active and never expire, ids go on', async () => {
    const [first] = await schemaScripts('sqlite')
    if (first === undefined) throw new Error('no first step')
    await foreign(sqlForTable(first, 'users'))
    const earlier = { expiration_date: undefined, last_login: undefined, status: undefined }
    await insert('alice', { ...earlier, used_quota_size: 9 })
    await insert('bob', earlier)
    await foreign(`DELETE FROM users WHERE username = 'bob'`)
    await foreign('CREATE VIEW active AS SELECT username FROM users')
    const log = recordingLog()
    const provider = await open(log)
    expect(log.lines).toEqual([`info ${path}: schema steps applied: 20191112.sql`])
    const kept = { id: 1, status: 1, expiration_date: 0, last_login: 0, used_quota_size: 9 }
    expect(await provider.users(page)).toEqual([expect.objectContaining(kept)])
    expect((await provider.addUser(sampleUser('carol'))).id).toBe(3)
    await provider.close()
    expect(await describeTable('users')).toEqual(TABLE)
    expect(await foreign('SELECT username FROM active ORDER BY username')).toEqual([
      { username: 'alice' },
      { username: 'carol' },
    ])
  })

  test('with a view in place of the table is read', async () => {
    await foreign(HAND_MADE.replace('TABLE users', 'TABLE people'))
    await foreign('CREATE VIEW users AS SELECT * FROM people')
    const provider = await open()
    expect(await provider.users(page)).toEqual([])
    await expect(provider.addUser(sampleUser('alice'))).rejects.toMatchObject({ kind: 'unavailable' })
    await provider.close()
  })

  test('that another program is reading is used with the journal it has', async () => {
    await foreign(HAND_MADE)
    await insert('alice')
    const reader = new sqlite3.Database(path)
    const ask = (sql: string) =>
      new Promise<void>((resolve, reject) => {
        reader.get(sql, (error) => (error === null ? resolve() : reject(error)))
      })
    await ask('BEGIN')
    await ask('SELECT * FROM users')
    const log = recordingLog()
    const provider = await open(log)
    expect(await provider.userByName('alice')).toBeDefined()
    expect(log.lines).toEqual([expect.stringMatching(/^warn .*users\.db: no write-ahead log \(journal mode delete\)/)])
    await provider.close()
    await new Promise((resolve) => {
      reader.close(resolve)
    })
  })

  test('with another table of that name is refused and not changed', async () => {
    await foreign('CREATE TABLE users (id integer PRIMARY KEY, username text)')
    await expect(open()).rejects.toThrow(/users\.db: table users has only part of 20190828\.sql, no column password/)
    expect(await describeTable('users')).toHaveLength(2)
  })

  test('a step that fails leaves nothing behind', async () => {
    const scripts = [...(await schemaScripts('sqlite')), { name: '20300101.sql', sql: '-- adds: later\nNOT SQL;' }]
    await expect(openSqliteProvider({ path, usersTable: 'users', log: recordingLog(), scripts })).rejects.toThrow(
      /syntax error/,
    )
    expect(await foreign('SELECT name FROM sqlite_master')).toEqual([])
  })
})

describe('a stored row', () => {
  test('may have NULL where 0.9.4 reads it', async () => {
    await foreign(`CREATE VIEW users AS SELECT 1 AS id, 'alice' AS username, NULL AS password, NULL AS public_keys,
      '/srv' AS home_dir, 0 AS uid, 0 AS gid, 0 AS max_sessions, 0 AS quota_size, 0 AS quota_files,
      NULL AS permissions, 0 AS used_quota_size, 0 AS used_quota_files, 0 AS last_quota_update,
      0 AS upload_bandwidth, 0 AS download_bandwidth, 0 AS expiration_date, 0 AS last_login, 1 AS status`)
    const provider = await open()
    expect(await provider.userByName('alice')).toMatchObject({ password: '', public_keys: [], permissions: [] })
    await provider.close()
  })

  test.each([
    '',
    'list',
    '[1]',
    '["*"',
    '{}',
    '{"/a":["*"]}',
    '{"/":"*"}',
    '{"/":["*"],"/a/":[]}',
    '{"/":["*"],"a":[]}',
    '{"/":["*"],"/a/../b":[]}',
  ])('with %j for permissions is skipped in a list', async (bad) => {
    const log = recordingLog()
    const provider = await open(log)
    for (const name of ['a', 'b', 'c']) await insert(name, name === 'b' ? { permissions: bad } : {})
    expect((await provider.users(page)).map(({ username }) => username)).toEqual(['a', 'c'])
    expect(log.lines.filter((line) => line.startsWith('error'))).toEqual([
      'error stored user "b" (id 2) is not readable: permissions is neither a JSON array of strings ' +
        'nor an object of such arrays by absolute path, "/" among them',
    ])
    await expect(provider.userByName('b')).rejects.toMatchObject({ kind: 'unavailable', message: /user "b"/ })
    await expect(provider.userByName('a')).resolves.toBeDefined()
    await provider.close()
  })

  test('with numbers that are none is not readable', async () => {
    const provider = await open()
    await insert('a', { uid: 'root', quota_size: 1.5 })
    await expect(provider.userByName('a')).rejects.toThrow(/user "a" \(id 1\) is not readable: .*uid.*quota_size/)
    await provider.close()
  })

  test('with unknown permissions or unreadable keys is used without them, and logged', async () => {
    const log = recordingLog()
    const provider = await open(log)
    await insert('a', { permissions: '["list","fly"]', public_keys: '[oops' })
    expect(await provider.userByName('a')).toMatchObject({ permissions: ['list'], public_keys: [] })
    expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([
      expect.stringContaining('permissions that are not known'),
      expect.stringContaining('public_keys is not a JSON array'),
    ])
    await provider.close()
  })
})

const refusal = async (at: string) => {
  const opening = openSqliteProvider({ path: at, usersTable: 'users', log: recordingLog() })
  const error: unknown = await opening.catch((refused: unknown) => refused)
  if (!(error instanceof ProviderError)) throw new Error(`${at} was opened`)
  return `${error.kind}: ${error.message}`
}
const cannotOpen = (at: string, why: string) => `unavailable: cannot open the SQLite database ${at}: ${why}`

describe('opening fails with one clear error naming the path when', () => {
  test('the folder does not exist', async () => {
    const at = join(folder, 'missing', 'users.db')
    expect(await refusal(at)).toBe(cannotOpen(at, 'its folder does not exist'))
  })

  test('a folder stands in its place', async () => {
    await mkdir(path)
    expect(await refusal(path)).toBe(cannotOpen(path, 'SQLITE_CANTOPEN: unable to open database file'))
  })

  test('a file stands where the folder should be', async () => {
    await writeFile(join(folder, 'file'), '')
    const at = join(folder, 'file', 'users.db')
    expect(await refusal(at)).toContain(cannotOpen(at, 'ENOTDIR'))
  })

  test('the file is something else, which is not changed', async () => {
    const text = 'This is a letter, not a database. '.repeat(100)
    await writeFile(path, text)
    expect(await refusal(path)).toBe(cannotOpen(path, 'SQLITE_NOTADB: file is not a database'))
    expect(await readFile(path, 'utf8')).toBe(text)
  })

  test('the database cannot be written', async () => {
    await (await open()).close()
    await foreign('PRAGMA journal_mode = DELETE')
    // A database of a newer format version is read only to every SQLite, and to root as well.
    const file = await readFile(path)
    file[18] = 9
    await writeFile(path, file)
    expect(await refusal(path)).toBe(cannotOpen(path, 'SQLITE_READONLY: attempt to write a readonly database'))
  })
})

test.each(['', '1users', 'a-b', 'users; DROP TABLE users', 'a b', '"', 'ü'])(
  'a table name that is no identifier is refused: %j',
  async (name) => {
    await expect(open(recordingLog(), name)).rejects.toThrow(/data_provider\.users_table is .*: want letters/)
  },
)
