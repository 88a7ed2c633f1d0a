import { mkdir } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runMain } from '../harness/scope.ts'
import { launchBrowser, openPage } from './browser.ts'
import { generateKey } from './sample.ts'
import { login, startSite, uploading } from '../harness/site.ts'

const FOLDER = fileURLToPath(new URL('../../../lib/httpd/web/screenshots/', import.meta.url))
const WIDE = { width: 1280, height: 800 }
const NARROW = { width: 360, height: 740 }
const DAY_MS = 86_400_000

/** Pictures of every page for the documentation, of a server with something to show. `--narrow` adds those at 360 px. */
await runMain(async (scope) => {
  const folder = process.argv[2] ?? FOLDER
  await mkdir(folder, { recursive: true })
  const site = await startSite(scope)
  const now = Date.now()
  const ids = new Map<string, number>()
  for (const [username, fields] of Object.entries({
    alice: { quota_size: 5e6, quota_files: 10, public_keys: [generateKey()] },
    backup: { quota_size: 2e12, permissions: { '/': ['list', 'download'], '/incoming': ['list', 'upload'] } },
    bob: { expiration_date: now + 3 * DAY_MS, quota_files: 4 },
    carol: { status: 0 },
    'press@example.com': { quota_size: 3e6, expiration_date: now + 90 * DAY_MS },
    zoë: { expiration_date: now - DAY_MS, public_keys: [generateKey()] },
  })) {
    ids.set(username, await site.addUser({ username, ...fields }))
  }
  const logins = async () => [
    await login(scope, site, 'alice', 'OpenSSH_9.2'),
    await login(scope, site, 'press@example.com', 'WinSCP_release_6.3'),
  ]
  for (const [at, session] of (await logins()).entries()) {
    const upload = await uploading(session, '/before.bin', { pieceBytes: 70_000, pauseMs: at === 0 ? 25 : 40 })
    await delay(1_500)
    await upload.stop()
  }
  // What is shown is a path that stands for any, not that of this run.
  const moveHomes = async (base: string) => {
    for (const [name, id] of ids) await site.changeUser(id, { home_dir: `${base}/${name}` })
  }
  const browser = await launchBrowser(scope)
  const narrow = process.argv.includes('--narrow')
  const take = async (views: Record<string, string>) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const size of narrow ? [WIDE, NARROW] : [WIDE]) {
        const { page } = await openPage(browser, { ...size, colorScheme })
        for (const [name, path] of Object.entries(views)) {
          await page.goto(site.url + path)
          // Sparklines want some seconds to be seen.
          if (name === 'connections') await delay(8_000)
          if (name === 'menu') await page.getByLabel('Actions for alice').click()
          const suffix = size === NARROW ? '-narrow' : ''
          await page.screenshot({ path: `${folder}/${name}-${colorScheme}${suffix}.png`, fullPage: narrow })
        }
        await page.context().close()
      }
    }
  }
  await moveHomes('/srv/sftp')
  await take({
    users: '/web/users',
    user: `/web/user/${ids.get('backup')}`,
    ...(narrow && {
      menu: '/web/users',
      key: `/web/user/${ids.get('alice')}`,
      add: '/web/user',
      missing: '/web/nothing',
      empty: '/web/users?q=nobody',
    }),
  })
  await moveHomes(site.homes)
  const [alice, press] = await logins()
  if (alice === undefined || press === undefined) throw new Error('two logins were expected')
  const first = await uploading(alice, '/photos-2026.tar', { pieceBytes: 10_000, pauseMs: 90 })
  const second = await uploading(press, '/report.pdf', { pieceBytes: 4_000, pauseMs: 150 })
  await take({ connections: '/web/connections', scans: '/web/scans', status: '/web/status', api: '/api/v1/docs' })
  await first.stop()
  await second.stop()
  return 0
})
