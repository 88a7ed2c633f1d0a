import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { Scope } from '../harness/scope.ts'
import { login, PASSWORD, startSite, uploading, type Site } from '../harness/site.ts'
import { SampleClient, type Answered } from './sample-client.test.support.ts'

const RESULT = ['error', 'message', 'status']
const USER =
  'id status username expiration_date home_dir uid gid max_sessions quota_size quota_files permissions ' +
  'used_quota_size used_quota_files last_quota_update upload_bandwidth download_bandwidth last_login'
const CONNECTION =
  'username connection_id client_version remote_address connection_time last_activity protocol active_transfers ' +
  'ssh_command'
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS anna'

const scope = new Scope()
let site: Site
let client: SampleClient
beforeAll(async () => {
  site = await startSite(scope)
  client = new SampleClient(site.url)
})
afterAll(() => scope.close())

const keysOf = (value: unknown): string => Object.keys(Object(value)).join(' ')

/** The generic object: three keys in their order, and nothing that is not said. */
function expectResult(answered: Answered, status: number, message: string): void {
  expect(Object.keys(Object(answered.json))).toEqual(RESULT)
  expect(answered.json).toMatchObject({ message, status })
  expect(answered.status).toBe(status)
}

async function added(username: string, options = {}): Promise<number> {
  const { status, json } = await client.addUser(username, { password: PASSWORD, permissions: ['*'], ...options })
  expect(status).toBe(200)
  const { id } = json as { id: number }
  onTestFinished(async () => void (await client.deleteUser(id)))
  return id
}

test('version and provider status', async () => {
  const version = await client.getVersion()
  expect([version.status, version.type]).toEqual([200, 'application/json; charset=utf-8'])
  expect(keysOf(version.json)).toBe('version build_date commit_hash')
  expect(version.text.endsWith('}\n')).toBe(true)
  expectResult(await client.getProviderStatus(), 200, 'Alive')
})

test('a user is added, shown, changed and removed', async () => {
  const answered = await client.addUser('anna', {
    password: PASSWORD,
    public_keys: [KEY],
    home_dir: join(site.homes, 'elsewhere'),
    max_sessions: 3,
    quota_files: 5,
    permissions: ['list', 'download'],
    status: 0,
    expiration_date: 4_102_444_800_000,
  })
  expect(answered.status).toBe(200)
  expect(keysOf(answered.json)).toBe(USER)
  const { id } = answered.json as { id: number }
  expect(id).toBeGreaterThan(0)

  const withKeys = USER.replace('home_dir', 'public_keys home_dir')
  const got = await client.getUserById(id)
  expect([got.status, keysOf(got.json)]).toEqual([200, withKeys])
  expect(got.text).not.toContain('password')
  const listed = await client.getUsers()
  expect([listed.status, listed.json]).toEqual([200, [got.json]])
  expect((await client.getUsers({ username: 'anna', order: 'DESC', limit: 1 })).json).toEqual([got.json])
  expect((await client.getUsers({ username: 'anna', offset: 1 })).json).toEqual([])
  expect((await client.getUsers({ username: 'nobody' })).text).toBe('[]\n')

  // Numbers are taken as they are sent, and what this client leaves out stays.
  expectResult(await client.updateUser(id, 'anna'), 200, 'User updated')
  expect((await client.getUserById(id)).json).toMatchObject({
    max_sessions: 0,
    quota_files: 0,
    status: 1,
    expiration_date: 0,
    permissions: ['list', 'download'],
    public_keys: [KEY],
    home_dir: join(site.homes, 'elsewhere'),
  })
  await login(scope, site, 'anna')

  expectResult(await client.deleteUser(id), 200, 'User deleted')
  expectResult(await client.deleteUser(id), 404, '')
  expect((await client.getUsers()).text).toBe('[]\n')
})

test('what is refused says so in the generic object', async () => {
  const id = await added('taken')
  expectResult(await client.addUser('taken', { password: PASSWORD, permissions: ['*'] }), 409, '')
  expectResult(await client.addUser('nothing', {}), 400, '')
  expectResult(await client.addUser('fly', { password: PASSWORD, permissions: ['fly'] }), 400, '')
  expectResult(await client.updateUser(id, 'renamed'), 400, '')
  expectResult(await client.updateUser(id + 1000, 'taken'), 404, '')
  expectResult(await client.getUserById(id + 1000), 404, '')
  expectResult(await client.getUsers({ limit: 0 }), 400, '')
  expectResult(await client.getUsers({ order: 'asc' }), 400, '')
  expectResult(await client.closeConnection('0123'), 404, 'Not Found')
  expectResult(await client.startQuotaScan('nobody'), 404, '')
})

test('a scan counts what came into the home by other means', async () => {
  const id = await added('scanned')
  const session = await login(scope, site, 'scanned')
  await writeFile(join(site.homes, 'scanned', 'by-other-means'), 'four')
  const started = await client.startQuotaScan('scanned')
  expectResult(started, 201, 'Scan started')
  const scans = await client.getQuotaScans()
  expect(scans.status).toBe(200)
  for (const scan of scans.json as object[]) expect(keysOf(scan)).toMatch(/^username start_time\b/)
  await expect
    .poll(async () => (await client.getUserById(id)).json, { timeout: 20_000 })
    .toMatchObject({ used_quota_files: 1, used_quota_size: 4 })
  await expect.poll(async () => (await client.getQuotaScans()).text, { timeout: 20_000 }).toBe('[]\n')
  session.sftp.end()
})

test.each([
  { mode: 0, left: ['big.bin'], counted: 1 },
  { mode: 1, left: [], counted: 0 },
])(
  'closing a connection ends its upload as failed at once, upload_mode $mode',
  { timeout: 60_000 },
  async ({ mode, left, counted }) => {
    const own = scope.child()
    onTestFinished(() => own.close())
    const other = await startSite(own, {
      sftpd: { bind_port: 0, bind_address: '127.0.0.1', upload_mode: mode },
    })
    const sample = new SampleClient(other.url)
    const id = await other.addUser({ username: 'mover', quota_files: 9 })
    const session = await login(own, other, 'mover', 'Tester_1.0')
    const upload = await uploading(session, '/big.bin')
    const shown = async () => {
      const [connection] = (await sample.getConnections()).json as Record<string, unknown>[]
      return connection
    }
    await expect
      .poll(async () => (await shown())?.['active_transfers'], { timeout: 20_000 })
      .toMatchObject([{ operation_type: 'upload', path: '/big.bin', size: expect.any(Number) }])
    const connection = await shown()
    expect(keysOf(connection)).toBe(CONNECTION)
    const { active_transfers: [transfer] = [] } = connection as { active_transfers?: object[] }
    expect(keysOf(transfer)).toBe('operation_type start_time size last_activity path')

    const before = performance.now()
    expectResult(await sample.closeConnection(String(connection?.['connection_id'])), 200, 'Connection closed')
    await session.ended
    expect(performance.now() - before).toBeLessThan(5000)
    await upload.stop()
    await expect.poll(async () => (await sample.getConnections()).text).toBe('[]\n')

    await expect.poll(() => readdir(join(other.homes, 'mover'))).toEqual(left)
    const bytes = left.length === 0 ? 0 : (await stat(join(other.homes, 'mover', 'big.bin'))).size
    await expect
      .poll(async () => (await sample.getUserById(id)).json)
      .toMatchObject({ used_quota_files: counted, used_quota_size: bytes })
    const uploads = async () =>
      (await readFile(other.logPath, 'utf8')).split('\n').filter((line) => line.includes('"sender":"Upload"'))
    await expect.poll(async () => (await uploads()).length, { timeout: 20_000 }).toBe(1)
    expect(JSON.parse((await uploads())[0] ?? '')).toMatchObject({ username: 'mover', error: expect.any(String) })
  },
)
