import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { DatabaseServer } from '../sql/database-server.test.support.ts'
import { CONFIG, KeptSession } from '../sql/database-server.test.support.ts'
import { freePort, Home, makeCertificates, program, ServerProcess } from '../sql/server-process.test.support.ts'

/** Debian keeps the programs of each version apart, and out of PATH. */
const VERSIONS = '/usr/lib/postgresql'

/** Who may come how: `plain` never over TLS, `tls` never without. */
const ACCESS = `
local     all  all              scram-sha-256
hostnossl all  plain 127.0.0.1/32 scram-sha-256
hostssl   all  tls   127.0.0.1/32 scram-sha-256
host      all  owner 127.0.0.1/32 scram-sha-256
host      all  reader 127.0.0.1/32 scram-sha-256
`

const SETTINGS = [
  // Only this machine's running on matters here, not that it could lose power.
  'fsync=off',
  'full_page_writes=off',
  'shared_buffers=16MB',
  'max_wal_size=64MB',
  'listen_addresses=127.0.0.1',
  'autovacuum=off',
]

const PASSWORD = `p'w "\\ %40?`

/** A PostgreSQL server of its own, whose collation is not that of bytes. */
export async function startPostgresql(): Promise<DatabaseServer> {
  const folders = existsSync(VERSIONS) ? readdirSync(VERSIONS).map((version) => join(VERSIONS, version, 'bin')) : []
  const initdb = program('initdb', 'postgresql', folders.toReversed())
  const postgres = program('postgres', 'postgresql', folders.toReversed())
  const home = await Home.make('pg-')
  const data = home.path('data')
  const passwords = await home.write('pwfile', PASSWORD)
  const language = ['--encoding=UTF8', '--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en']
  const [certificates] = await Promise.all([
    makeCertificates(home),
    home.run(initdb, ['-D', data, '-U', 'owner', '-A', 'scram-sha-256', `--pwfile=${passwords}`, '-N', ...language]),
  ])
  await home.write('data/pg_hba.conf', ACCESS)
  const port = await freePort()
  const server = new ServerProcess(home, postgres, /ready to accept connections/)
  const fixed = [...SETTINGS, `port=${port}`, `unix_socket_directories=${home.folder}`]
  const encrypted = [`ssl_cert_file=${certificates.certificate}`, `ssl_key_file=${certificates.key}`]
  const start = ({ tls = true } = {}) =>
    server.start([
      '-D',
      data,
      ...[...fixed, ...(tls ? ['ssl=on', ...encrypted] : [])].flatMap((setting) => ['-c', setting]),
    ])
  await start()

  const config = {
    ...CONFIG,
    driver: 'postgresql',
    name: 'accounts',
    host: '127.0.0.1',
    port,
    username: 'owner',
    password: PASSWORD,
  }
  const session = async (database: string) => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'owner', password: PASSWORD, database })
    // The server may be killed under it.
    client.on('error', () => undefined)
    await client.connect()
    return {
      ask: async (sql: string, params: (string | number)[] = []) =>
        (await client.query<Record<string, unknown>>(sql, params)).rows,
      end: () => client.end(),
    }
  }
  const setup = await session('postgres')
  await setup.ask('CREATE DATABASE accounts')
  await setup.end()
  const kept = new KeptSession(() => session('accounts'))
  for (const role of ['plain', 'tls', 'reader']) {
    await kept.ask(`CREATE ROLE ${role} LOGIN PASSWORD ${pg.escapeLiteral(PASSWORD)}`)
  }
  return {
    config,
    socketFolder: home.folder,
    authority: certificates.authority,
    admin: (sql, params) => kept.ask(sql, params),
    session: () => session('accounts'),
    start,
    async kill() {
      await kept.forget()
      // At once and without a farewell to anybody; its processes are gone when it is.
      await server.kill('SIGQUIT')
    },
    async remove() {
      await kept.forget()
      await server.kill('SIGQUIT')
      await home.remove()
    },
  }
}
