import { mkdir } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { generateKeys } from './sample.ts'
import { runMain } from '../harness/scope.ts'
import { launchBrowser, openPage } from './browser.ts'
import { login, startSite, uploading } from './site.ts'

const FOLDER = fileURLToPath(new URL('../../../lib/httpd/web/screenshots/', import.meta.url))
const DAY_MS = 86_400_000

/** Pictures of every page for the documentation, of a server with something to show. `--narrow` adds those at 360 px. */
await runMain(async (scope) => {
  const folder = process.argv[2] ?? FOLDER
  await mkdir(folder, { recursive: true })
  const site = await startSite(scope)
  const now = Date.now()
  const key = generateKeys()
  const ids = new Map<string, number>()
  for (const [username, fields] of Object.entries({
    alice: { quota_size: 5e9, quota_files: 1000, public_keys: [key] },
    backup: { quota_size: 2e12, permissions: { '/': ['list', 'download'], '/incoming': ['list', 'upload'] } },
    bob: { expiration_date: now + 3 * DAY_MS, quota_files: 4 },
    carol: { status: 0 },
    'press@example.com': { quota_size: 3e6, expiration_date: now + 90 * DAY_MS },
    用户: { expiration_date: now - DAY_MS },
  })) {
    // The accounts take only dates to come or none at all; one that has passed is a date like any other.
    ids.set(username, await site.addUser({ username, ...fields }))
  }
  const alice = await login(scope, site, 'alice', 'OpenSSH_9.2')
  const press = await login(scope, site, 'press@example.com', 'WinSCP_release_6.3')
  const first = await uploading(alice, '/photos-2026.tar', { pieceBytes: 250_000, pauseMs: 60 })
  const second = await uploading(press, '/report.pdf', { pieceBytes: 20_000, pauseMs: 300 })
  const browser = await launchBrowser(scope)
  const views = {
    users: '/web/users',
    user: `/web/user/${ids.get('backup')}`,
    add: '/web/user',
    connections: '/web/connections',
    status: '/web/status',
    scans: '/web/scans',
    missing: '/web/nothing',
  }
  const narrow = process.argv.includes('--narrow')
  const sizes = narrow
    ? [
        { width: 1280, height: 800 },
        { width: 360, height: 740 },
      ]
    : [{ width: 1280, height: 800 }]
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const size of sizes) {
      const { page } = await openPage(browser, { ...size, colorScheme })
      for (const [name, path] of Object.entries(views)) {
        await page.goto(site.url + path)
        if (name === 'connections') await delay(4_000)
        const suffix = size.width === 360 ? '-narrow' : ''
        await page.screenshot({ path: `${folder}/${name}-${colorScheme}${suffix}.png`, fullPage: narrow })
      }
      await page.context().close()
    }
  }
  await first.stop()
  await second.stop()
  return 0
})
