import { describe, expect, onTestFinished, test } from 'vitest'
import { initProvider, openProvider } from '../open.ts'
import { recordingLog } from '../recording-log.ts'
import { networkDriverTests } from '../sql/network-driver.test.support.ts'
import { startMysql } from './server.test.support.ts'

const COLUMNS = [
  'id int NOT NULL',
  'username varchar(255) NOT NULL',
  'password varchar(255)',
  'public_keys longtext',
  'home_dir varchar(255) NOT NULL',
  'uid int NOT NULL',
  'gid int NOT NULL',
  'max_sessions int NOT NULL',
  'quota_size bigint NOT NULL',
  'quota_files int NOT NULL',
  'permissions longtext NOT NULL',
  'used_quota_size bigint NOT NULL',
  'used_quota_files int NOT NULL',
  'last_quota_update bigint NOT NULL',
  'upload_bandwidth int NOT NULL',
  'download_bandwidth int NOT NULL',
  'expiration_date bigint NOT NULL',
  'last_login bigint NOT NULL',
  'status int NOT NULL',
]

const { server } = networkDriverTests({
  start: startMysql,
  describe: `SELECT CONCAT(column_name, ' ', REGEXP_REPLACE(column_type, 'int\\\\([0-9]+\\\\)', 'int'),
    IF(is_nullable = 'NO', ' NOT NULL', ''), IF(column_default IS NULL OR column_default = 'NULL', '', ' DEFAULT'))
    FROM information_schema.columns WHERE table_schema = 'accounts' AND table_name = 'users' ORDER BY ordinal_position`,
  columns: COLUMNS,
  foreignTable: [
    `CREATE TABLE users (id integer AUTO_INCREMENT NOT NULL PRIMARY KEY, username varchar(255) NOT NULL UNIQUE,
      password varchar(255) NULL, public_keys longtext NULL, home_dir varchar(255) NOT NULL, uid integer NOT NULL,
      gid integer NOT NULL, max_sessions integer NOT NULL, quota_size bigint NOT NULL, quota_files integer NOT NULL,
      permissions longtext NOT NULL, used_quota_size bigint NOT NULL, used_quota_files integer NOT NULL,
      last_quota_update bigint NOT NULL, upload_bandwidth integer NOT NULL, download_bandwidth integer NOT NULL,
      expiration_date bigint NOT NULL, last_login bigint NOT NULL, status integer NOT NULL) DEFAULT CHARACTER SET utf8`,
  ],
  view: [
    // A union cannot be written to by anybody.
    'CREATE VIEW users AS SELECT * FROM people UNION SELECT * FROM people',
    'GRANT SELECT ON accounts.users TO reader',
  ],
  connections: `SELECT count(*) AS n FROM information_schema.processlist WHERE user = 'owner'`,
  lock: ['LOCK TABLES users WRITE', 'UNLOCK TABLES'],
  waiting: `SELECT count(*) AS n FROM information_schema.processlist WHERE state LIKE 'Waiting for table%lock'`,
  strings: {
    "SFTPGo's driver": ({ host, port, username, password, name }) =>
      `${username}:${password}@tcp([${host}]:${port})/${name}?charset=utf8&interpolateParams=true&tls=false`,
    "SFTPGo's driver, with a socket": ({ username, password, name }, folder) =>
      `${username}:${password}@unix(${folder}/my.sock)/${name}`,
    'a URL': ({ host, port, username, password, name }) =>
      `mysql://${username}:${encodeURIComponent(password)}@${host}:${port}/${name}?tls=skip-verify`,
  },
})

const around = (env = {}) => ({ configDir: '/', log: recordingLog(), env })

describe('the character set of a table', () => {
  test('that has no letter for a name does not break looking for it', async () => {
    await initProvider(server().config, around())
    await server().admin('ALTER TABLE users CONVERT TO CHARACTER SET latin1')
    const provider = await openProvider(server().config, around())
    onTestFinished(() => provider.close())
    expect(await provider.userByName('用户')).toBeUndefined()
    expect(await provider.users({ limit: 10, offset: 0, order: 'ASC', username: '🗂️' })).toEqual([])
    await expect(provider.addUse('用', { size: 1, files: 1 }, 1)).resolves.toBeUndefined()
  })
})

describe('sslmode', () => {
  /** Whether the connections were encrypted; else why there was none. */
  async function outcome(changes: object, env = {}): Promise<string> {
    await initProvider(server().config, around())
    const provider = await openProvider({ ...server().config, ...changes }, around(env))
    onTestFinished(() => provider.close())
    const encrypted = async () => {
      const sql = `SELECT variable_value AS n FROM information_schema.global_status WHERE variable_name = 'Ssl_accepts'`
      return Number((await server().admin(sql))[0]?.['n'])
    }
    const before = await encrypted()
    try {
      // Two connections: how the first one was made must not decide about the others.
      await Promise.all([provider.checkAvailability(), provider.checkAvailability()])
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
    return (await encrypted()) > before ? 'encrypted' : 'plain'
  }

  const known = () => ({ SSL_CERT_FILE: server().authority })
  const unknownAuthority = /unable to verify|self-signed|unable to get local issuer/
  test.each([
    { sslmode: 0, username: 'owner', want: /^plain$/ },
    { sslmode: 0, username: 'tls', want: /Access denied/ },
    { sslmode: 1, username: 'tls', host: 'localhost', want: unknownAuthority },
    { sslmode: 1, username: 'tls', host: 'localhost', env: known, want: /^encrypted$/ },
    // The certificate is for "localhost", and no address is that.
    { sslmode: 1, username: 'tls', host: '127.0.0.1', env: known, want: /IP: 127\.0\.0\.1 is not in the cert's list/ },
    { sslmode: 2, username: 'tls', want: /^encrypted$/ },
    { sslmode: 3, username: 'tls', want: /^encrypted$/ },
  ])('$sslmode as $username by $host gives $want', async ({ want, env, ...changes }) => {
    expect(await outcome(changes, env?.())).toMatch(want)
  })

  test('of a server that has no TLS: 0 and 3 go without, 1 and 2 are refused', async () => {
    await server().kill()
    await server().start({ tls: false })
    try {
      expect(await outcome({ sslmode: 0 })).toBe('plain')
      expect(await outcome({ sslmode: 1 }, known())).toBe('Server does not support secure connection')
      expect(await outcome({ sslmode: 2 })).toBe('Server does not support secure connection')
      expect(await outcome({ sslmode: 3 })).toBe('plain')
    } finally {
      await server().kill()
      await server().start()
    }
  })
})
