import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { LOOPBACK } from '../harness/ports.ts'
import { Scope } from '../harness/scope.ts'
import { launchBrowser, openPage, type Watched } from './browser.ts'
import { login, PASSWORD, startSite, uploading, type Site } from '../harness/site.ts'

/** A browser on a busy machine takes its time; nothing here waits for it to pass. */
const SLOW = { timeout: 120_000 }
const WIDE = { width: 1280, height: 800 }
const HOSTILE = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>\u202Egnp.exe`
/** What of it must be read on the page. */
const SHOWN = `<script>alert(1)<\u2215script>"'><img src=x onerror=alert(2)>\\u202egnp.exe`

const scope = new Scope()
let browser: Browser
let site: Site
beforeAll(async () => {
  browser = await launchBrowser(scope)
  site = await startSite(scope)
}, SLOW.timeout)
afterAll(() => scope.close(), SLOW.timeout)

/** A page whose complaints fail the test at its end. */
async function pageOf(
  look: Partial<Parameters<typeof openPage>[1]> = {},
): Promise<Watched & { open(path: string): Promise<void> }> {
  const watched = await openPage(browser, { ...WIDE, colorScheme: 'light', ...look })
  onTestFinished(async () => {
    await watched.page.context().close()
  })
  return { ...watched, open: async (path) => void (await watched.page.goto(site.url + path)) }
}

function testScope(): Scope {
  const child = scope.child()
  onTestFinished(() => child.close())
  return child
}

async function stored(username: string): Promise<Record<string, unknown> | undefined> {
  const response = await fetch(`${site.url}/api/v1/user?username=${encodeURIComponent(username)}`)
  const [user] = (await response.json()) as Record<string, unknown>[]
  return user
}

test('an account from its making to its end: made, used, watched, disconnected, changed, removed', SLOW, async () => {
  const { page, complaints, open } = await pageOf()
  await open('/')
  expect(page.url()).toBe(`${site.url}/web/users`)
  await page.getByRole('link', { name: 'Add the first one' }).click()

  await page.getByLabel('Username').fill('anna')
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByLabel('Number of files').fill('many')
  await page.getByRole('button', { name: 'Add user' }).click()
  // What is wrong is read first, what was typed is still there, and the password is not.
  await page.getByRole('alert').getByText('Enter a whole number').waitFor()
  await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('problems')
  expect(await page.getByLabel('Username').inputValue()).toBe('anna')
  expect(await page.getByLabel('Number of files').getAttribute('aria-invalid')).toBe('true')
  expect(await page.content()).not.toContain(PASSWORD)
  await page.getByLabel('Number of files').fill('7')
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByLabel('Expires').fill('2099-12-31T23:59:58')
  await page.getByRole('button', { name: 'Add user' }).click()
  await page.getByText('The user was added.').waitFor()
  expect(await stored('anna')).toMatchObject({
    quota_files: 7,
    permissions: ['*'],
    expiration_date: Date.UTC(2099, 11, 31, 23, 59, 58),
    status: 1,
  })

  await page.getByRole('link', { name: 'Connections' }).click()
  await page.getByText('Nobody is connected').waitFor()
  const session = await login(testScope(), site, 'anna', 'Tester_1.0')
  const upload = await uploading(session, '/big.bin')
  const row = page.getByRole('row', { name: /anna/ })
  await row.getByText('SSH-2.0-Tester_1.0').waitFor()
  await row.getByText('/big.bin').waitFor()
  const moved = async () => Number(await row.locator('[data-bytes]').getAttribute('data-bytes'))
  const before = await moved()
  await expect.poll(moved, { timeout: 30_000 }).toBeGreaterThan(before)
  await expect
    .poll(async () => (await row.locator('polyline').getAttribute('points'))?.split(' ').length, { timeout: 30_000 })
    .toBeGreaterThan(1)
  expect(await row.locator('[data-field="speed"]').textContent()).toMatch(/ B\/s$| [KM]B\/s$/)

  const disconnect = page.getByRole('button', { name: 'Disconnect anna' })
  await disconnect.click()
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  expect(await moved()).toBeGreaterThan(0)
  await disconnect.click()
  await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click()
  await session.ended
  await upload.stop()
  await page.getByText('Nobody is connected').waitFor()

  await page.getByRole('link', { name: 'Quota scans' }).click()
  await page.getByText('No scan is running').waitFor()
  await writeFile(`${site.homes}/anna/by-other-means`, 'four')
  await page.getByLabel('Username').fill('anna')
  await page.getByRole('button', { name: 'Start scan' }).click()
  await page.getByText('The scan was started.').waitFor()
  const files = (await readdir(`${site.homes}/anna`)).length
  await expect.poll(async () => (await stored('anna'))?.['used_quota_files'], { timeout: 30_000 }).toBe(files)
  await page.getByLabel('Username').fill('nobody')
  await page.getByRole('button', { name: 'Start scan' }).click()
  await page.getByRole('heading', { name: 'Not found' }).waitFor()
  // What the browser says of every answer of 404.
  expect(complaints.splice(0)).toEqual([expect.stringContaining('404')])

  await open('/web/status')
  await page.getByRole('img', { name: /Bytes a second/ }).waitFor()

  await open('/web/users')
  await page.getByRole('link', { name: 'anna' }).click()
  await page.getByText('Add a directory').click()
  await page.getByLabel('Path').fill('/incoming')
  await page.getByRole('group', { name: 'A directory with' }).getByLabel('upload').check()
  await page.getByLabel('Status').selectOption('Disabled')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The user was updated.').waitFor()
  expect(await stored('anna')).toMatchObject({ status: 0, permissions: { '/': ['*'], '/incoming': ['upload'] } })
  await expect(login(testScope(), site, 'anna')).rejects.toThrow('authentication')

  await page.getByLabel('Actions for anna').click()
  await page.getByRole('button', { name: 'Enable' }).click()
  await page.getByText('The user can log in again.').waitFor()
  await login(testScope(), site, 'anna')

  await page.getByLabel('Actions for anna').click()
  await page.getByRole('link', { name: 'Clone' }).click()
  await page.getByText('With the settings of anna').waitFor()
  expect(await page.getByLabel('Number of files').inputValue()).toBe('7')

  await open('/web/users')
  await page.getByLabel('Actions for anna').click()
  await page.getByRole('button', { name: 'Delete…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByText('The user was deleted.').waitFor()
  expect(await stored('anna')).toBeUndefined()
  expect(complaints).toEqual([])
})

test('security 20: hostile names are inert text on every page', SLOW, async () => {
  const { page, complaints, open } = await pageOf()
  // No slash in a username; the one here only looks like it.
  const username = HOSTILE.replace('/', '\u2215')
  const id = await site.addUser({ username, home_dir: `${site.homes}/hostile`, public_keys: [] })
  onTestFinished(async () => void (await fetch(`${site.url}/api/v1/user/${id}`, { method: 'DELETE' })))
  const session = await login(testScope(), site, username, '<script>alert(3)</script>')
  const upload = await uploading(session, `/${username}`)
  onTestFinished(() => upload.stop())

  const alerts: string[] = []
  page.on('dialog', (dialog) => {
    alerts.push(dialog.message())
    void dialog.dismiss()
  })
  await open('/web/users')
  await page.getByRole('link', { name: SHOWN, exact: true }).click()
  await page.getByRole('heading', { name: SHOWN }).waitFor()
  expect(await page.getByLabel('Username').inputValue()).toBe(username)
  await page.getByRole('button', { name: 'Delete…' }).click()
  await page.getByRole('dialog').getByText(SHOWN).waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  await open('/web/connections')
  const row = page.getByRole('row')
  await row.getByText(SHOWN, { exact: true }).waitFor()
  await row.getByText(`/${SHOWN}`, { exact: true }).waitFor()
  await row.getByText('SSH-2.0-<script>alert(3)</script>').waitFor()
  await open(`/web/users?q=${encodeURIComponent(username)}`)
  await page.getByText(`1 user with`).getByText(SHOWN).waitFor()
  await open(`/web/user?clone=${id}`)
  await page.getByText('With the settings of').getByText(SHOWN).waitFor()
  await open('/web/status')
  expect(alerts).toEqual([])
  expect(complaints).toEqual([])
})

/** Every page, with an account to show. */
function pagesOf(id: number): string[] {
  return ['/web/users', '/web/user', `/web/user/${id}`, '/web/connections', '/web/scans', '/web/status', '/api/v1/docs']
}

/** Rules that somebody would be kept out by. @param only the rules that are tried, all when it is left out. */
async function violations(page: Page, only?: string[]): Promise<string[]> {
  await page.evaluate(axe.source)
  const options = { resultTypes: ['violations'], ...(only !== undefined && { runOnly: only }) }
  const found = (await page.evaluate(`axe.run(${JSON.stringify(options)})`)) as axe.AxeResults
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`)
}

test.each(['light', 'dark'] as const)('every page can be used by everybody, in %s', SLOW, async (colorScheme) => {
  const { page, complaints, open } = await pageOf({ colorScheme })
  const name = `axe-${colorScheme}`
  // The schemes differ in nothing else.
  const rules = colorScheme === 'dark' ? ['color-contrast'] : undefined
  const id = await site.addUser({
    username: name,
    quota_files: 10,
    quota_size: 1000,
    expiration_date: Date.now() + 86_400_000,
    permissions: { '/': ['*'], '/in': ['list'] },
  })
  const disabled = await site.addUser({ username: `${name}-off`, status: 0, expiration_date: 1 })
  onTestFinished(async () => {
    for (const one of [id, disabled]) await fetch(`${site.url}/api/v1/user/${one}`, { method: 'DELETE' })
  })
  const upload = await uploading(await login(testScope(), site, name), '/file')
  onTestFinished(() => upload.stop())
  const paths = ['/web/users?q=nobody-at-all', ...pagesOf(id)]
  for (const path of paths) {
    await open(path)
    expect({ path, found: await violations(page, rules) }).toEqual({ path, found: [] })
  }
  await open('/web/users')
  await page.getByLabel(`Actions for ${name}`, { exact: true }).click()
  expect({ what: 'an open menu', found: await violations(page, rules) }).toEqual({ what: 'an open menu', found: [] })
  await open('/web/user')
  await page.getByLabel('Username').fill('x')
  await page.getByLabel('Public keys').fill('no key')
  await page.getByRole('button', { name: 'Add user' }).click()
  await page.getByRole('alert').waitFor()
  expect({ what: 'a form with errors', found: await violations(page, rules) }).toEqual({
    what: 'a form with errors',
    found: [],
  })
  expect(complaints).toEqual([])
  await open('/web/nothing')
  expect({ what: 'an error', found: await violations(page, rules) }).toEqual({ what: 'an error', found: [] })
})

test('at 360 pixels nothing is wider than the screen', SLOW, async () => {
  const { page, complaints, open } = await pageOf({ width: 360, height: 740 })
  const id = await site.addUser({ username: 'n'.repeat(200), home_dir: `/srv/${'long'.repeat(50)}` })
  onTestFinished(async () => void (await fetch(`${site.url}/api/v1/user/${id}`, { method: 'DELETE' })))
  for (const path of pagesOf(id)) {
    await open(path)
    expect({ path, width: await page.evaluate('document.documentElement.scrollWidth') }).toEqual({ path, width: 360 })
  }
  expect(complaints).toEqual([])
})

test('the keyboard comes everywhere, and the first stop leads to the content', SLOW, async () => {
  const { page, open } = await pageOf()
  await open('/web/users')
  await page.keyboard.press('Tab')
  expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
  await page.keyboard.press('Enter')
  expect(await page.evaluate('document.activeElement.id')).toBe('main')
})

test('security 15: a page of another origin can neither change nor read anything', SLOW, async () => {
  const victim = await site.addUser({ username: 'victim' })
  onTestFinished(async () => void (await fetch(`${site.url}/api/v1/user/${victim}`, { method: 'DELETE' })))
  const session = await login(testScope(), site, 'victim')
  const [connection] = (await (await fetch(`${site.url}/api/v1/connection`)).json()) as { connection_id: string }[]
  const before = await stored('victim')

  const user = { username: 'mallory', password: 'p', home_dir: '/tmp/mallory', permissions: ['*'] }
  const fields = new URLSearchParams({
    username: 'mallory',
    password: 'p',
    home_dir: '/tmp/mallory',
    permissions: '*',
    status: '1',
    uid: '0',
    gid: '0',
    max_sessions: '0',
    quota_files: '0',
    quota_size: '0',
    upload_bandwidth: '0',
    download_bandwidth: '0',
    csrf_token: 'x',
    confirmed: '1',
    connection_id: connection?.connection_id ?? '',
  })
  const targets = [
    '/web/user',
    `/web/user/${victim}`,
    `/web/user/${victim}/delete`,
    `/web/user/${victim}/status`,
    '/web/connections/close',
  ]
  const inputs = [...fields].map(([name, value]) => `<input name="${name}" value="${value}">`).join('')
  const attack = `<!doctype html><title>attack</title>
    ${targets.map((path, at) => `<iframe name="f${at}"></iframe><form target="f${at}" method="post" action="${site.url}${path}">${inputs}</form>`).join('')}
    ${targets.map((path) => `<img src="${site.url}${path}?${fields.toString()}">`).join('')}
    <iframe src="${site.url}/web/users"></iframe>
    <script>
      const url = ${JSON.stringify(site.url)}
      const tries = []
      const attempt = (path, options) =>
        tries.push(fetch(url + path, options).then((answer) => answer.text(), () => '').then((text) => text))
      for (const path of ${JSON.stringify(targets)}) {
        attempt(path, { method: 'POST', mode: 'no-cors', body: new URLSearchParams(${JSON.stringify(fields.toString())}) })
      }
      attempt('/api/v1/user', { method: 'POST', mode: 'no-cors', headers: { 'Content-Type': 'text/plain' }, body: ${JSON.stringify(JSON.stringify(user))} })
      attempt('/api/v1/user/${victim}', { method: 'DELETE' })
      attempt('/web/users', { credentials: 'include' })
      attempt('/web/connections/events', { credentials: 'include' })
      for (const form of document.forms) form.submit()
      Promise.all(tries).then((texts) => { document.title = 'done:' + texts.join('') })
    </script>`
  const attacker = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end(attack)
  }).listen(0, LOOPBACK)
  await once(attacker, 'listening')
  onTestFinished(() => {
    attacker.closeAllConnections()
    attacker.close()
  })
  const address = attacker.address()
  if (address === null || typeof address === 'string') throw new Error('the attacker has no port')

  const { page } = await pageOf()
  const answers: number[] = []
  page.on('response', (response) => {
    if (response.url().startsWith(site.url)) answers.push(response.status())
  })
  await page.goto(`http://${LOOPBACK}:${address.port}/`)
  await expect.poll(() => page.title(), { timeout: 30_000 }).toMatch(/^done:/)
  // Nothing was read.
  expect(await page.title()).toBe('done:')
  await page.waitForLoadState('networkidle')
  expect(answers.length).toBeGreaterThan(targets.length)
  expect(answers.filter((status) => status !== 403)).toEqual([])

  // It is not that nobody may: with the same fields the page's own form does it.
  expect(await stored('mallory')).toBeUndefined()
  expect(await stored('victim')).toEqual(before)
  const still = (await (await fetch(`${site.url}/api/v1/connection`)).json()) as object[]
  expect(still).toMatchObject([{ username: 'victim' }])
  expect(session.sftp).toBeDefined()
})

test('without scripts the same can be done', SLOW, async () => {
  const id = await site.addUser({ username: 'plain' })
  const context = await browser.newContext({ javaScriptEnabled: false })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  await page.goto(`${site.url}/web/user/${id}`)
  await page.getByRole('button', { name: 'Delete…' }).click()
  await page.getByText('Delete the account plain?').waitFor()
  expect(await stored('plain')).toBeDefined()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByText('The user was deleted.').waitFor()
  expect(await stored('plain')).toBeUndefined()
})
