import { createConnection } from 'mysql2/promise'
import type { RowDataPacket } from 'mysql2/promise'
import type { DatabaseServer } from '../sql/database-server.test.support.ts'
import { CONFIG, KeptSession } from '../sql/database-server.test.support.ts'
import { freePort, Home, makeCertificates, program, ServerProcess } from '../sql/server-process.test.support.ts'

const PASSWORD = `p'w "\\ %40?`

const SETTINGS = [
  '--no-defaults',
  '--bind-address=127.0.0.1',
  // The usual collation, which is not that of bytes, and a server that would cut what is too long.
  '--character-set-server=latin1',
  '--collation-server=latin1_swedish_ci',
  '--sql-mode=',
  // Only this machine's running on matters here, not that it could lose power.
  '--innodb-flush-log-at-trx-commit=2',
  '--innodb-buffer-pool-size=16M',
  '--innodb-log-file-size=4M',
  '--skip-innodb-doublewrite',
  '--skip-log-bin',
  '--skip-name-resolve',
]

/** A MariaDB server of its own, whose collation is not that of bytes. */
export async function startMysql(): Promise<DatabaseServer> {
  const install = program('mariadb-install-db', 'mariadb-server')
  const mariadbd = program('mariadbd', 'mariadb-server')
  const home = await Home.make('my-')
  const data = home.path('data')
  const init = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db']
  const [certificates] = await Promise.all([
    makeCertificates(home),
    home.run(install, [...init, '--innodb-log-file-size=4M', '--innodb-flush-log-at-trx-commit=0']),
  ])
  const port = await freePort()
  const server = new ServerProcess(home, mariadbd, /ready for connections/)
  const socketPath = home.path('my.sock')
  const fixed = [...SETTINGS, `--datadir=${data}`, `--port=${port}`, `--socket=${socketPath}`]
  const { authority, certificate, key } = certificates
  const encrypted = [`--ssl-ca=${authority}`, `--ssl-cert=${certificate}`, `--ssl-key=${key}`]
  const start = ({ tls = true } = {}) => server.start([...fixed, ...(tls ? encrypted : ['--skip-ssl'])])
  await start()

  const session = async (database: string) => {
    const connection = await createConnection({ socketPath, user: 'root', database, charset: 'utf8mb4' })
    return {
      async ask(sql: string, params: (string | number)[] = []) {
        const [rows] = await connection.query<RowDataPacket[]>(sql, params)
        return Array.isArray(rows) ? rows.map((row) => ({ ...row })) : []
      },
      end: () => connection.end(),
    }
  }
  const setup = await session('mysql')
  await setup.ask('CREATE DATABASE accounts')
  for (const user of ['owner', 'tls', 'reader']) await setup.ask(`CREATE USER ${user} IDENTIFIED BY ?`, [PASSWORD])
  await setup.ask('ALTER USER tls REQUIRE SSL')
  for (const user of ['owner', 'tls']) await setup.ask(`GRANT ALL ON accounts.* TO ${user}`)
  await setup.end()
  const kept = new KeptSession(() => session('accounts'))
  return {
    config: {
      ...CONFIG,
      driver: 'mysql',
      name: 'accounts',
      host: '127.0.0.1',
      port,
      username: 'owner',
      password: PASSWORD,
    },
    socketFolder: home.folder,
    authority,
    admin: (sql, params) => kept.ask(sql, params),
    session: () => session('accounts'),
    start,
    async kill() {
      await kept.forget()
      await server.kill('SIGKILL')
    },
    async remove() {
      await kept.forget()
      await server.kill('SIGKILL')
      await home.remove()
    },
  }
}
