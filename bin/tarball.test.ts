import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { rsaKey } from '../lib/sshd/sample-keys.test.support.ts'
import { connect } from '../lib/sshd/sshd.test.support.ts'
import { packageRoot } from '../lib/version/root.ts'
import { versionText } from '../lib/version/version.ts'

const execute = promisify(execFile)
/** Packing reads everything, and another machine is slower. */
const PATIENCE_MS = 180_000

let folder: string
let installed: string
let names: string[]
let sftpPort: number
let httpPort: number

/** Ends what was started, in reverse. */
const endings: (() => unknown)[] = []

beforeAll(async () => {
  const root = packageRoot()
  if (!existsSync(join(root, 'dist/bin/sftpgo.cjs'))) throw new Error('dist/ is not built: npm run build')
  folder = mkdtempSync(join(tmpdir(), 'sftpgo-tarball-'))
  endings.push(() => rmSync(folder, { recursive: true, force: true }))
  const packed = await execute('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
  })
  const [{ filename }] = z.tuple([z.object({ filename: z.string() })]).parse(JSON.parse(packed.stdout))
  installed = join(folder, 'node_modules', 'sftpgo')
  mkdirSync(installed, { recursive: true })
  await execute('tar', ['-xzf', join(folder, filename), '-C', installed, '--strip-components=1'])
  const listed = await execute('tar', ['-tzf', join(folder, filename)])
  names = listed.stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.replace(/^package\//, '')]))
  linkDependencies(root)
}, PATIENCE_MS)

afterAll(async () => {
  for (const end of endings.toReversed()) await end()
})

/**
 * What an installation would fetch and compile for minutes is linked from here as it is, and nothing beside it: a package
 * that only development needs is missing there as well.
 */
function linkDependencies(root: string): void {
  const { dependencies } = z
    .object({ dependencies: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')))
  for (const name of Object.keys(dependencies)) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), link)
  }
}

const CONFIG = () => join(folder, 'etc')

interface Ran {
  code: number
  stdout: string
  stderr: string
}

function sftpgo(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const program = join(installed, 'dist/bin/sftpgo.cjs')
  return new Promise((resolve) => {
    const options = { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, ...env } }
    execFile(process.execPath, [program, ...args], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    )
  })
}

const api = (...args: string[]) => sftpgo(['api', ...args], { SFTPGO_API_BASE_URL: `http://127.0.0.1:${httpPort}` })

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** The installed server, on ports that were free a moment ago. */
async function startServer(): Promise<void> {
  ;[sftpPort, httpPort] = [await freePort(), await freePort()]
  mkdirSync(CONFIG(), { recursive: true })
  // Making one of 4096 bits takes seconds.
  writeFileSync(join(CONFIG(), 'id_rsa'), rsaKey(), { mode: 0o600 })
  const config = {
    sftpd: { bind_address: '127.0.0.1', bind_port: sftpPort },
    httpd: { bind_address: '127.0.0.1', bind_port: httpPort },
    data_provider: { users_base_dir: join(folder, 'homes') },
  }
  writeFileSync(join(CONFIG(), 'sftpgo.json'), JSON.stringify(config))
  const program = join(installed, 'dist/bin/sftpgo.cjs')
  const child = spawn(process.execPath, [program, 'serve', '-c', CONFIG(), '-l', ''], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const exit = once(child, 'exit')
  endings.push(async () => {
    child.kill('SIGTERM')
    await exit
  })
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (/ready: SFTP on /.test(output)) resolve()
      })
    void exit.then(() => reject(new Error(`the server ended: ${output}`)))
  })
}

test('the tarball holds what is needed, and nothing else', () => {
  const allowed =
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|lib\/service\/.*|lib\/logging\/fail2ban\/.*|dist\/(build\.json|(bin|lib|protocol|conformance)\/.*\.c?js)|(sql|templates|static)\/.*)$/
  expect(names.filter((name) => !allowed.test(name) || /\.test\.|\/bench\//.test(name))).toEqual([])
  const root = packageRoot()
  for (const directory of ['sql', 'templates', 'static'])
    if (existsSync(join(root, directory))) expect(names.some((name) => name.startsWith(`${directory}/`))).toBe(true)
  const needed = ['dist/bin/sftpgo.cjs', 'dist/conformance/cli.js', 'lib/service/sftpgo.1', 'README.md', 'LICENSE']
  expect(names).toEqual(expect.arrayContaining(needed))
})

test('the installed program serves, and its client manages it', { timeout: PATIENCE_MS }, async () => {
  expect(await sftpgo(['--version'])).toEqual({ code: 0, stdout: `SFTPGo version: ${versionText()}\n`, stderr: '' })
  await startServer()
  expect(await sftpgo(['healthcheck', '-c', CONFIG()])).toMatchObject({
    code: 0,
    stdout: `ok: http://127.0.0.1:${httpPort}/healthz\n`,
  })
  expect(await sftpgo(['healthcheck', '--ready', '-c', CONFIG()])).toMatchObject({ code: 0, stderr: '' })

  const added = await api('add-user', 'alice', '-P', 'correct horse', '-G', '*', '-E', '2100-01-01')
  expect([added.code, added.stderr]).toEqual([0, ''])
  expect(JSON.parse(added.stdout)).toMatchObject({ id: 1, username: 'alice', expiration_date: Date.UTC(2100, 0, 1) })
  expect(await api('add-user', 'alice', '-P', 'x', '-G', '*')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^Error: HTTP 409: User already exists: .*\n$/),
  })

  // What is not given stays: the password with which alice logs in below.
  expect(await api('update-user', '1', '--quota-files', '9')).toMatchObject({ code: 0, stderr: '' })
  const shown = await api('get-user-by-id', '1')
  expect(JSON.parse(shown.stdout)).toMatchObject({
    quota_files: 9,
    permissions: ['*'],
    expiration_date: Date.UTC(2100, 0, 1),
  })

  const client = await connect({ port: sftpPort }, { username: 'alice', password: 'correct horse' })
  const content = Buffer.from('moved through the installed server')
  const received = await new Promise<Buffer>((resolve, reject) => {
    client.sftp((failed, sftp) => {
      if (failed !== undefined) return reject(failed)
      return sftp.writeFile('/file', content, (error) => {
        if (error) return reject(error)
        return sftp.readFile('/file', (unread, data) => (unread === undefined ? resolve(data) : reject(unread)))
      })
    })
  })
  expect(received).toEqual(content)
  expect(readFileSync(join(folder, 'homes', 'alice', 'file'))).toEqual(content)

  const connections = z.array(z.object({ username: z.string(), connection_id: z.string() }))
  const [connection] = connections.parse(JSON.parse((await api('get-connections')).stdout))
  expect(connection?.username).toBe('alice')
  const gone = once(client, 'close')
  expect(await api('close-connection', connection?.connection_id ?? '')).toMatchObject({ code: 0 })
  await gone
  expect(await api('close-connection', 'ff')).toMatchObject({ code: 1, stderr: 'Error: HTTP 404: Not Found\n' })
  expect(await api('get-connections', '--json=false')).toMatchObject({ code: 0, stdout: 'nobody is connected\n' })

  expect(await api('start-quota-scan', 'alice')).toMatchObject({ code: 0, stderr: '' })
  expect(await api('get-bans', '--json=false')).toMatchObject({ code: 0, stdout: 'no address is banned\n' })
  expect(await api('delete-ban', '192.0.2.1')).toMatchObject({ code: 1 })
  for (const command of ['get-quota-scans', 'get-version', 'get-provider-status'])
    expect(await api(command)).toMatchObject({ code: 0, stderr: '' })

  const passwd = join(folder, 'passwd')
  const hash = '$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA'
  writeFileSync(passwd, `bob:${hash}:1000:1000::${join(folder, 'homes', 'bob')}:/bin/false\n`)
  const loaded = await api('convert-users', passwd, 'proftpd', '--load', '--force-uid', '0', '--force-gid', '0')
  expect(loaded).toMatchObject({ code: 0, stdout: expect.stringContaining('1 users added') })
  const bob = await connect({ port: sftpPort }, { username: 'bob', password: 'secret' })
  bob.end()

  const dump = join(folder, 'dump.json')
  expect(await api('dumpdata', dump)).toMatchObject({ code: 0, stdout: '', stderr: '' })
  expect(statSync(dump).mode & 0o777).toBe(0o600)
  expect(JSON.parse(readFileSync(dump, 'utf8'))).toMatchObject({
    users: [{ username: 'alice' }, { username: 'bob', password: hash }],
  })
  expect(await api('delete-user', '2')).toMatchObject({ code: 0 })
  expect(await api('loaddata', dump)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('1 users added, 1 updated'),
  })
  const listed = await api('get-users', '--json=false', '-S', 'DESC')
  expect(listed.stdout.split('\n').map((line) => /^\d+ +(\w+)/.exec(line)?.[1])).toEqual([
    undefined,
    'bob',
    'alice',
    undefined,
  ])
})
