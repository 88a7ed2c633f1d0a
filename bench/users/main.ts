import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createAccounts } from '../../lib/accounts/create-accounts.ts'
import { systemClock } from '../../lib/clock.ts'
import { defaultConfig } from '../../lib/config/schema.ts'
import { Connections } from '../../lib/connections/connections.ts'
import { watchThroughput } from '../../lib/connections/throughput.ts'
import { createCsrf } from '../../lib/httpd/csrf.ts'
import { createHttpd } from '../../lib/httpd/httpd.ts'
import { webAdmin } from '../../lib/httpd/web/web-admin.ts'
import { createLog } from '../../lib/logging/logger.ts'
import { openProvider } from '../../lib/providers/open.ts'
import { LOOPBACK } from '../../conformance/harness/ports.ts'
import { MEMORY_DIR } from '../../conformance/harness/temp.ts'

const USERS = 50_000
const REQUESTS = 21
const PAGES = [
  '/web/users',
  '/web/users?page=1000',
  '/web/users?page=2000',
  '/web/users?q=user-04',
  '/web/users?q=nobody',
  '/web/users?sort=last_login&order=desc',
  '/web/users?sort=home_dir&page=1000',
  '/web/users?qlimit=500',
]

/** How long pages of the web admin's list take with many accounts, by driver: those that are named, or all. Prints a table. */
export async function benchUsers(names: readonly string[]): Promise<number> {
  const rows: Record<string, string> = {}
  const drivers = (['sqlite', 'bolt', 'memory'] as const).filter((one) => names.length === 0 || names.includes(one))
  for (const driver of drivers) {
    for (const [page, ms] of await measure(driver)) rows[`${driver} ${page}`] = `${ms.toFixed(1)} ms`
  }
  console.table(rows)
  return 0
}

async function measure(driver: 'sqlite' | 'bolt' | 'memory'): Promise<[string, number][]> {
  const configDir = await mkdtemp(join(MEMORY_DIR, 'users-'))
  const log = createLog({
    destination: { kind: 'file', path: join(configDir, 'log') },
    verbose: false,
    now: systemClock,
  })
  const config = { ...defaultConfig().data_provider, driver, name: driver === 'memory' ? '' : 'users.db' }
  const clock = systemClock
  const provider = await openProvider(config, { configDir, log, env: {}, clock })
  const connections = new Connections(clock)
  const accounts = createAccounts({ provider, clock, log, manageUsers: true, usersBaseDir: '' })
  const throughput = watchThroughput(connections, clock)
  const web = { accounts, connections, throughput, csrf: createCsrf({ clock }), clock, log, configDir, driver }
  const bans = { list: async () => [], remove: async () => false }
  const routes = webAdmin(defaultConfig().httpd, { ...web, bans, version: '', listeners: () => [] })
  const httpd = createHttpd({ routes, log, clock })
  try {
    const { port } = await httpd.listen({ host: LOOPBACK, port: 0 })
    for (let at = 0; at < USERS; at++) {
      const username = `user-${String((at * 7919) % USERS).padStart(5, '0')}`
      const limits = { quota_size: 1e9, quota_files: 100, max_sessions: 0, upload_bandwidth: 0, download_bandwidth: 0 }
      const account = { username, password: '$6$x$x', public_keys: [], home_dir: `/srv/${username}`, uid: 0, gid: 0 }
      await provider.addUser({ ...account, ...limits, status: 1, expiration_date: 0, permissions: ['*'] })
    }
    const results: [string, number][] = []
    for (const page of PAGES) {
      const times: number[] = []
      for (let at = 0; at < REQUESTS; at++) {
        const start = performance.now()
        const response = await fetch(`http://${LOOPBACK}:${port}${page}`)
        await response.text()
        if (response.status !== 200) throw new Error(`${page} answers ${response.status}`)
        times.push(performance.now() - start)
      }
      results.push([page, times.toSorted((a, b) => a - b)[Math.floor(REQUESTS / 2)] ?? 0])
    }
    return results
  } finally {
    throughput.stop()
    await httpd.close()
    await provider.close()
    await rm(configDir, { recursive: true, force: true })
  }
}
