import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createAccounts } from '../../accounts/create-accounts.ts'
import { VirtualClock } from '../../clock.test.support.ts'
import { Connections } from '../../connections/connections.ts'
import { watchThroughput } from '../../connections/throughput.ts'
import type { Ban } from '../../defender/defender.ts'
import { MemoryProvider } from '../../providers/memory/memory.ts'
import type { ScanStart } from '../../quota-scans/quota-scans.ts'
import { packageRoot } from '../../version/root.ts'
import { createCsrf, CSRF_LIFETIME_MS } from '../csrf.ts'
import { FakeLog, fakeApi, type Ask } from '../fakes.test.support.ts'
import { webAdmin } from './web-admin.ts'

const DEFAULTS = { templates_path: 'templates', static_files_path: 'static' }
const HOSTILE = '<b>"&\'\u202E'
/** As the page has it. */
const SHOWN = '&lt;b&gt;&quot;&amp;&#39;\\u202e'

const BAN: Ban = { address: '192.0.2.7', sinceMs: 0, untilMs: 60_000, reason: '3 failed logins', refused: 2 }

function setUp({ manageUsers = true, user }: { manageUsers?: boolean; user?: string } = {}) {
  const clock = new VirtualClock()
  const log = new FakeLog()
  const provider = new MemoryProvider()
  const accounts = createAccounts({ provider, clock, log, manageUsers, usersBaseDir: '' })
  const connections = new Connections(clock)
  const bans = {
    list: async () => [BAN],
    remove: vi.fn<(ip: string) => Promise<boolean>>(async (ip) => ip === BAN.address),
  }
  const scans = {
    start: vi.fn<(username: string) => Promise<ScanStart>>(async (username) =>
      username === 'alice' ? 'started' : 'unknown user',
    ),
    list: () => [{ username: HOSTILE, startTimeMs: clock.now(), files: 12_345, size: 1_000_000 }],
  }
  const failed = { timeMs: 0, ip: '192.0.2.1', username: HOSTILE, method: 'password', reason: 'wrong password' }
  const csrf = createCsrf({ clock })
  const routes = webAdmin(DEFAULTS, {
    configDir: '/nowhere',
    accounts,
    connections,
    bans,
    throughput: watchThroughput(connections, clock),
    csrf,
    version: '1.2.3',
    driver: provider.driver,
    listeners: () => ['SFTP on [::]:2022'],
    scans,
    failedLogins: { recentFailedLogins: () => [failed] },
    clock,
    log,
  })
  const api = fakeApi({ routes, ...(user !== undefined && { authenticate: async () => ({ user }) }) })
  const post = (path: string, fields: Record<string, string>, more: Ask = {}) =>
    api.ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ csrf_token: csrf.token(user), ...fields }).toString(),
      ...more,
    })
  const fields = {
    username: 'alice',
    password: 'secret word',
    public_keys: '',
    permissions: '*',
    home_dir: '/srv/alice',
    uid: '0',
    gid: '0',
    max_sessions: '0',
    quota_files: '0',
    quota_size: '0',
    upload_bandwidth: '0',
    download_bandwidth: '0',
    status: '1',
    expiration_date: '',
  }
  return { ...api, accounts, bans, clock, connections, csrf, fields, log, post, provider, scans }
}

describe('routes of 0.9.4', () => {
  test.each(['/', '/web'])('GET %s is 301 to the users', async (path) => {
    expect(await setUp().ask(path)).toMatchObject({ status: 301, headers: { Location: '/web/users' } })
  })

  test('a user is added and changed: 303 to the list', async () => {
    const { post, fields, provider } = setUp()
    const added = await post('/web/user', fields)
    expect(added.status).toBe(303)
    expect(added.headers['Location']).toMatch(/^\/web\/users(\?|$)/)
    const stored = await provider.userByName('alice')
    expect(stored).toMatchObject({ home_dir: '/srv/alice', password: expect.stringMatching(/^\$argon2id\$/) })

    const { password: _, ...kept } = fields
    const changed = await post(`/web/user/${stored?.id}`, { ...kept, quota_files: '5', password: '' })
    expect(changed.status).toBe(303)
    expect(await provider.userByName('alice')).toEqual({ ...stored, quota_files: 5 })
  })

  test('what cannot be stored is 200, with the error beside its field and all that was typed but the password', async () => {
    const { post, fields, provider } = setUp()
    const { status, body } = await post('/web/user', { ...fields, home_dir: 'relative', quota_size: '123' })
    expect(status).toBe(200)
    expect(body).toMatch(/aria-invalid="true"[^>]*aria-describedby="home_dir-help home_dir-error"/)
    expect(body).toContain('want an absolute path')
    expect(body).toContain('value="relative"')
    expect(body).toContain('value="123"')
    expect(body).not.toContain('secret word')
    expect(await provider.countUsers({})).toBe(0)
  })

  test('a name that is taken is said at its field', async () => {
    const { post, fields } = setUp()
    await post('/web/user', fields)
    const { status, body } = await post('/web/user', fields)
    expect(status).toBe(200)
    expect(body).toContain('This username is taken.')
  })

  test('a username is not changed', async () => {
    const { post, fields, provider } = setUp()
    await post('/web/user', fields)
    const { id } = (await provider.userByName('alice')) ?? { id: 0 }
    const { status, body } = await post(`/web/user/${id}`, { ...fields, username: 'bob' })
    expect(status).toBe(200)
    expect(body).toContain('Username cannot be changed')
  })

  test.each(['GET', 'POST'])('%s of a user: no integer is 400, an unknown one 404', async (method) => {
    const { ask, post, fields } = setUp()
    const call = (path: string) => (method === 'GET' ? ask(path) : post(path, fields))
    for (const [path, expected, title] of [
      ['/web/user/x', 400, 'Bad request'],
      ['/web/user/1.5', 400, 'Bad request'],
      ['/web/user/77', 404, 'Not found'],
      ['/web/user/9223372036854775807', 404, 'Not found'],
    ] as const) {
      const { status, body, headers } = await call(path)
      expect({ path, status }).toEqual({ path, status: expected })
      expect(body).toContain(`<h1>${title}</h1>`)
      expect(headers['Content-Type']).toBe('text/html; charset=utf-8')
    }
  })

  test('while manage_users is 0 the form says so', async () => {
    const { post, fields } = setUp({ manageUsers: false })
    const { status, body } = await post('/web/user', fields)
    expect(status).toBe(200)
    expect(body).toContain('users cannot be changed while manage_users is 0')
  })

  test('a page that does not exist is 404, as a page', async () => {
    const { status, body } = await setUp().ask('/web/nothing')
    expect(status).toBe(404)
    expect(body).toContain('<h1>Not found</h1>')
  })
})

describe('errors', () => {
  test('a store that is gone is 500, without its words, and in the log', async () => {
    const { ask, provider, log } = setUp()
    await provider.close()
    const { status, body } = await ask('/web/users')
    expect(status).toBe(500)
    expect(body).toContain('<h1>Internal server error</h1>')
    expect(log.messages).toEqual([expect.stringContaining('a page cannot be shown')])
    expect((await ask('/web/status')).body).toContain('does not answer')
  })

  test('a bug is 500 without details, and the log has its stack', async () => {
    const { ask, provider, log } = setUp()
    vi.spyOn(provider, 'countUsers').mockImplementation(() => {
      throw new TypeError('secret detail')
    })
    const { status, body } = await ask('/web/status')
    expect(status).toBe(500)
    expect(body).not.toContain('secret detail')
    expect(log.messages).not.toEqual([])
  })

  test('a query that is none is 400', async () => {
    const { status, body } = await setUp().ask('/web/users?sort=<script>')
    expect(status).toBe(400)
    expect(body).not.toContain('<script>')
  })
})

describe('forms', () => {
  const CHANGES = [
    '/web/user',
    '/web/user/1',
    '/web/user/1/delete',
    '/web/user/1/status',
    '/web/user/1/scan',
    '/web/connections/close',
    '/web/status/unban',
    '/web/scans/start',
  ]

  test.each(CHANGES)('POST %s needs a token that is fresh, ours and of the same user', async (path) => {
    const { post, clock, csrf, fields, provider, bans, scans, connections } = setUp({ user: 'admin' })
    await post('/web/user', fields)
    const close = vi.fn<() => void>()
    const connection = { username: 'a', clientVersion: '', remoteAddress: '', protocol: 'SFTP' as const }
    connections.add({ ...connection, connectionId: 'c', close })
    const before = await provider.users({ limit: 10, offset: 0, order: 'ASC' })
    const old = csrf.token('admin')
    clock.advance(CSRF_LIFETIME_MS)
    const foreign = createCsrf({ clock }).token('admin')
    for (const token of ['', 'x', old, foreign, csrf.token(), csrf.token('other')]) {
      const more = { confirmed: '1', connection_id: 'c', address: BAN.address, quota_files: '9' }
      const { status } = await post(path, { ...fields, username: 'alice', ...more, csrf_token: token })
      expect(status).toBe(403)
    }
    expect(await provider.users({ limit: 10, offset: 0, order: 'ASC' })).toEqual(before)
    expect(close).not.toHaveBeenCalled()
    expect(bans.remove).not.toHaveBeenCalled()
    expect(scans.start).not.toHaveBeenCalled()
  })

  test('a form that is too old keeps what was typed', async () => {
    const { post, fields } = setUp()
    const { status, body } = await post('/web/user', { ...fields, csrf_token: 'old', quota_files: '42' })
    expect(status).toBe(403)
    expect(body).toContain('value="42"')
    expect(body).toContain('Nothing was changed')
  })

  test.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x'])('%s is no form', async (type) => {
    const { post, fields } = setUp()
    expect((await post('/web/user', fields, { headers: { 'content-type': type } })).status).toBe(415)
  })

  test('what cannot be undone is asked first', async () => {
    const { post, fields, provider } = setUp()
    await post('/web/user', fields)
    const asked = await post('/web/user/1/delete', {})
    expect(asked.status).toBe(200)
    expect(asked.body).toContain('Delete the account alice?')
    expect(await provider.countUsers({})).toBe(1)
    expect((await post('/web/user/1/delete', { confirmed: '1' })).status).toBe(303)
    expect(await provider.countUsers({})).toBe(0)
  })

  test('an account is disabled and enabled', async () => {
    const { post, fields, provider } = setUp()
    await post('/web/user', fields)
    await post('/web/user/1/status', { status: '0' })
    expect(await provider.userById(1)).toMatchObject({ status: 0 })
    await post('/web/user/1/status', { status: '1' })
    expect(await provider.userById(1)).toMatchObject({ status: 1 })
    expect((await post('/web/user/1/status', { status: '2' })).status).toBe(400)
  })

  test('a connection is closed, one that has ended is no error', async () => {
    const { post, connections } = setUp()
    const close = vi.fn<() => void>()
    const connection = { username: HOSTILE, clientVersion: '', remoteAddress: '', protocol: 'SFTP' as const }
    connections.add({ ...connection, connectionId: 'c', close })
    expect((await post('/web/connections/close', { connection_id: 'c' })).body).toContain(SHOWN)
    expect(close).not.toHaveBeenCalled()
    const closed = await post('/web/connections/close', { connection_id: 'c', confirmed: '1' })
    expect(closed.headers['Location']).toBe('/web/connections?done=closed')
    expect(close).toHaveBeenCalledOnce()
    const gone = await post('/web/connections/close', { connection_id: 'x', confirmed: '1' })
    expect(gone.headers['Location']).toBe('/web/connections?done=gone')
  })

  test('a ban is lifted', async () => {
    const { post, ask } = setUp()
    expect((await ask('/web/status')).body).toContain('3 failed logins')
    const lifted = await post('/web/status/unban', { address: BAN.address })
    expect(lifted.headers['Location']).toBe('/web/status?done=unbanned')
    expect((await post('/web/status/unban', { address: 'x' })).headers['Location']).toContain('unbanned-before')
  })

  test.each([
    ['started', 303],
    ['running', 303],
    ['unknown user', 404],
    ['not tracked', 403],
    ['stopping', 503],
  ] as const)('a scan that is %s answers %d', async (outcome, status) => {
    const { post, scans } = setUp()
    scans.start.mockResolvedValue(outcome)
    expect((await post('/web/scans/start', { username: 'alice' })).status).toBe(status)
    expect((await post('/web/scans/start', { username: '' })).status).toBe(400)
  })
})

describe('security 20: what others chose is text', () => {
  test('on every page', async () => {
    const { ask, post, fields, connections } = setUp({ user: HOSTILE })
    await post('/web/user', { ...fields, username: HOSTILE, home_dir: `/srv/${HOSTILE}` })
    const connection = connections.add({
      connectionId: 'c',
      username: HOSTILE,
      clientVersion: HOSTILE,
      remoteAddress: '192.0.2.1:1',
      protocol: 'SSH',
      sshCommand: HOSTILE,
      close: () => undefined,
    })
    connection.startTransfer('upload', Buffer.from(`/${HOSTILE}`).toString('latin1')).moved(1)
    const pages = [
      'users',
      'user/1',
      'user?clone=1',
      'connections',
      'scans',
      'status',
      `users?q=${encodeURIComponent(HOSTILE)}`,
    ]
    for (const page of pages) {
      const { status, body } = await ask(`/web/${page}`)
      expect({ page, status }).toEqual({ page, status: 200 })
      expect(body).toContain(SHOWN)
      expect(body).not.toContain('<b>')
      // Nothing for which a strict policy would need an exception.
      expect(body).not.toMatch(/<script(?! type="module" src=)| style=| on\w+=|javascript:/)
    }
  })

  test('an address brings no text of its own', async () => {
    const { body } = await setUp().ask('/web/users?done=<b>evil')
    expect(body).not.toContain('evil')
    expect((await setUp().ask('/web/users?done=constructor')).status).toBe(200)
  })
})

test('a page has a strict policy', async () => {
  const { headers } = await setUp().ask('/web/users')
  expect(headers['Content-Security-Policy']).toMatch(
    /^default-src 'self'; img-src 'self' data:;.*frame-ancestors 'none'/,
  )
  expect(headers['Content-Security-Policy']).not.toContain('unsafe')
})

test('the API is explained, every link of it leads somewhere, and its document is served', async () => {
  const { ask } = setUp()
  const { status, headers, body } = await ask('/api/v1/docs')
  expect([status, headers['Content-Type']]).toEqual([200, 'text/html; charset=utf-8'])
  expect(body).toContain('<code>/api/v1/user/{id}</code>')
  const links = [...body.matchAll(/href="#([^"]*)"/g)].map(([, name]) => name)
  expect(links.length).toBeGreaterThan(40)
  for (const name of links) expect(body).toContain(` id="${name}"`)
  const document = await ask('/static/openapi.yaml')
  expect([document.status, document.headers['Content-Type']]).toEqual([200, 'application/yaml; charset=utf-8'])
  expect(document.body).toContain('openapi: 3.1')
})

test('fifty thousand users are pages', async () => {
  const { ask, provider } = setUp()
  vi.spyOn(provider, 'countUsers').mockResolvedValue(50_000)
  const users = vi.spyOn(provider, 'users')
  const { body } = await ask('/web/users?page=2000')
  expect(users).toHaveBeenCalledWith({ search: '', sort: 'username', order: 'ASC', limit: 25, offset: 49_975 })
  expect(body).toContain('Page 2,000 of 2,000')
})

describe('static files', () => {
  test('are served with their type, and not again while they are the same', async () => {
    const { ask } = setUp()
    const { status, headers } = await ask('/static/css/web.css')
    expect({ status, type: headers['Content-Type'] }).toEqual({ status: 200, type: 'text/css; charset=utf-8' })
    const again = await ask('/static/css/web.css', { headers: { 'if-none-match': headers['ETag'] ?? '' } })
    expect({ status: again.status, body: again.body }).toEqual({ status: 304, body: '' })
  })

  test.each([
    '/static/',
    '/static/css',
    '/static/css/',
    '/static/../package.json',
    '/static/%2e%2e/package.json',
    '/static/..%2fpackage.json',
    '/static//etc/passwd',
    '/static/css/../../package.json',
    '/static/nothing.css',
    '/static/css/web.css%00',
  ])('%s is none', async (path) => {
    expect((await setUp().ask(path)).status).toBe(404)
  })

  test('the copy of Pico is that of its package', () => {
    const ours = readFileSync(join(packageRoot(), 'static/vendor/pico.min.css'))
    expect(ours.equals(readFileSync(join(packageRoot(), 'node_modules/@picocss/pico/css/pico.min.css')))).toBe(true)
  })
})

describe('folders', () => {
  function folder(): string {
    const made = mkdtempSync(join(tmpdir(), 'sftpgo-web-'))
    onTestFinished(() => rmSync(made, { recursive: true, force: true }))
    return made
  }

  const start = (settings: typeof DEFAULTS, configDir: string) => {
    const { accounts, bans, clock, connections, csrf, log } = setUp()
    const throughput = watchThroughput(connections, clock)
    const shared = { accounts, bans, clock, connections, csrf, log, throughput }
    return webAdmin(settings, { ...shared, configDir, version: '', driver: '', listeners: () => [] })
  }

  test('of the configuration come before those of the package', () => {
    const configDir = folder()
    mkdirSync(join(configDir, 'templates'))
    expect(() => start(DEFAULTS, configDir)).toThrow(
      /^httpd\.templates_path: \S+\/templates lacks api\.eta, .*users\.eta; templates of SFTPGo itself cannot be used/,
    )
  })

  test('that were configured are not replaced by others', () => {
    const configDir = folder()
    expect(() => start({ ...DEFAULTS, templates_path: 'mine' }, configDir)).toThrow(/mine lacks api\.eta/)
    expect(() => start({ ...DEFAULTS, static_files_path: 'mine' }, configDir)).toThrow(
      /^httpd\.static_files_path: \S+\/mine cannot be read \(ENOENT\)$/,
    )
  })

  test('a template that is malformed stops the start in one line', () => {
    const configDir = folder()
    const shipped = join(packageRoot(), 'templates')
    mkdirSync(join(configDir, 'templates'))
    for (const name of readdirSync(shipped).filter((one) => one !== 'users.eta')) {
      symlinkSync(join(shipped, name), join(configDir, 'templates', name))
    }
    writeFileSync(join(configDir, 'templates', 'users.eta'), '<% if (')
    expect(() => start(DEFAULTS, configDir)).toThrow(/^httpd\.templates_path: \S+users\.eta is malformed: .+$/)
  })
})
