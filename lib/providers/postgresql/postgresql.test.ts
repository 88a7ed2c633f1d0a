import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { initProvider, openProvider } from '../open.ts'
import { recordingLog } from '../recording-log.ts'
import { networkDriverTests } from '../sql/network-driver.test.support.ts'
import { startPostgresql } from './server.test.support.ts'

const COLUMNS = [
  'id integer NOT NULL DEFAULT',
  'username character varying(255) NOT NULL',
  'password character varying(255)',
  'public_keys text',
  'home_dir character varying(255) NOT NULL',
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

const inQuotes = (text: string) => `'${text.replaceAll(/[\\']/g, '\\$&')}'`

const { server } = networkDriverTests({
  start: startPostgresql,
  describe: `SELECT attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
    || CASE WHEN atthasdef THEN ' DEFAULT' ELSE '' END FROM pg_attribute
    WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
  columns: COLUMNS,
  foreignTable: [
    `CREATE COLLATION IF NOT EXISTS nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
    `CREATE TABLE users (id serial NOT NULL PRIMARY KEY, username varchar(255) COLLATE nocase NOT NULL UNIQUE,
      password varchar(255) NULL, public_keys text NULL, home_dir varchar(255) NOT NULL, uid integer NOT NULL,
      gid integer NOT NULL, max_sessions integer NOT NULL, quota_size bigint NOT NULL, quota_files integer NOT NULL,
      permissions text NOT NULL, used_quota_size bigint NOT NULL, used_quota_files integer NOT NULL,
      last_quota_update bigint NOT NULL, upload_bandwidth integer NOT NULL, download_bandwidth integer NOT NULL,
      expiration_date bigint NOT NULL, last_login bigint NOT NULL, status integer NOT NULL)`,
  ],
  view: [
    // A union cannot be written to by anybody.
    'CREATE VIEW users AS SELECT * FROM people UNION SELECT * FROM people',
    'GRANT SELECT ON users TO reader',
  ],
  connections: `SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'sftpgo'`,
  lock: ['BEGIN; LOCK TABLE users', 'ROLLBACK'],
  waiting: 'SELECT count(*) AS n FROM pg_locks WHERE NOT granted',
  strings: {
    pairs: ({ host, port, username, password, name }) =>
      `host=${host} port=${port} user = ${username} password=${inQuotes(password)} dbname=${name} sslmode=disable`,
    'pairs with a socket': ({ port, username, password, name }, folder) =>
      `host=${folder} port=${port} user=${username} password=${inQuotes(password)} dbname='${name}'`,
    'a URL': ({ host, port, username, password, name }) =>
      `postgres://${username}:${encodeURIComponent(password)}@${host}:${port}/${name}?sslmode=require`,
  },
})

describe('sslmode', () => {
  const around = (env = {}) => ({ configDir: '/', log: recordingLog(), env })
  /** Whether the connection was encrypted; else why there was none. */
  async function outcome(changes: object, env = {}): Promise<string> {
    await initProvider(server().config, around())
    await server().admin('GRANT ALL ON users TO plain, tls')
    const provider = await openProvider({ ...server().config, ...changes }, around(env))
    onTestFinished(() => provider.close())
    try {
      await provider.checkAvailability()
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
    const sql = `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'sftpgo'`
    return (await server().admin(sql)).every(({ ssl }) => ssl === true) ? 'encrypted' : 'plain'
  }

  const known = () => ({ SSL_CERT_FILE: server().authority })
  const extra = () => ({ NODE_EXTRA_CA_CERTS: server().authority })
  test.each([
    { sslmode: 0, username: 'plain', want: /^plain$/ },
    { sslmode: 0, username: 'tls', want: /no pg_hba\.conf entry .*no encryption/ },
    { sslmode: 1, username: 'tls', want: /^encrypted$/ },
    { sslmode: 1, username: 'plain', want: /no pg_hba\.conf entry .*SSL encryption/ },
    { sslmode: 2, username: 'tls', want: /unable to verify|self-signed|unable to get local issuer/ },
    { sslmode: 2, username: 'tls', env: known, want: /^encrypted$/ },
    { sslmode: 2, username: 'tls', env: extra, want: /^encrypted$/ },
    { sslmode: 3, username: 'tls', host: 'localhost', want: /unable to verify|self-signed|unable to get local issuer/ },
    { sslmode: 3, username: 'tls', env: known, want: /does not match|IP: 127\.0\.0\.1 is not in the cert's list/ },
    { sslmode: 3, username: 'tls', host: 'localhost', env: known, want: /^encrypted$/ },
  ])('$sslmode as $username by $host gives $want', async ({ want, env, ...changes }) => {
    expect(await outcome(changes, env?.())).toMatch(want)
  })

  test.each([
    { text: 'sslmode=verify-full', want: /unable to verify|self-signed|unable to get local issuer/ },
    { text: 'sslmode=verify-full sslrootcert=CA', want: /^encrypted$/ },
    { text: 'sslmode=require sslrootcert=CA', want: /^encrypted$/ },
    { text: '', want: /^encrypted$/ },
  ])('of a connection string: "$text" gives $want', async ({ text, want }) => {
    const { port, password, name } = server().config
    const who = `host=localhost port=${port} user=tls password=${inQuotes(password)} dbname=${name}`
    const connection_string = `${who} ${text.replace('CA', server().authority)}`
    expect(await outcome({ connection_string })).toMatch(want)
  })

  test('1 is refused by a server that has no TLS', async () => {
    await server().kill()
    await server().start({ tls: false })
    try {
      expect(await outcome({ sslmode: 1, username: 'owner' })).toBe('The server does not support SSL connections')
    } finally {
      await server().kill()
      await server().start()
    }
  })

  test('4 is not known, an authority that cannot be read is named by its variable', async () => {
    await expect(outcome({ sslmode: 4 })).rejects.toThrow('data_provider.sslmode is 4: want 0, 1, 2 or 3')
    const nowhere = { SSL_CERT_FILE: '/nowhere.pem' }
    await expect(outcome({ sslmode: 2 }, nowhere)).rejects.toThrow(
      'SSL_CERT_FILE: /nowhere.pem cannot be read (ENOENT)',
    )
    expect(readFileSync(server().authority, 'utf8')).toContain('BEGIN CERTIFICATE')
  })
})
