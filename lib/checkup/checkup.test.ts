import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { configSchema } from '../config/schema.ts'
import { leavesOf } from '../config/tree.ts'
import { ed25519Pair, rsaKey } from '../sshd/sample-keys.test.support.ts'
import { checkConfig } from './check.ts'
import { FIXED_LIMITS } from './limits.ts'
import { showConfig } from './show.ts'

// Nothing here takes long by itself, but a machine with more to do than this takes its time.
vi.setConfig({ testTimeout: 30_000 })

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sftpgo-checkup-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

// Not "sftpgo", which a machine may hold in /etc.
const NAME = 'sftpgo-of-this-test'
const place = (env: NodeJS.ProcessEnv = {}) => ({ configDir: dir, configFile: NAME, env })
const write = (content: unknown) => writeFileSync(join(dir, `${NAME}.json`), JSON.stringify(content, null, 1))
const fileIn = (name: string, content: string, mode = 0o600): string => {
  writeFileSync(join(dir, name), content, { mode })
  return name
}

/** What is said of a configuration, DIR standing for its directory. */
async function said(content: unknown): Promise<{ problems: string[]; warnings: string[] }> {
  write(content)
  const { problems, warnings } = await checkConfig(place())
  const plain = (lines: string[]) => lines.map((line) => line.replaceAll(dir, 'DIR'))
  return { problems: plain(problems), warnings: plain(warnings) }
}

describe('config check', () => {
  test('finds nothing wrong with the built-in settings, and makes nothing', async () => {
    expect(await checkConfig(place())).toEqual({ problems: [], warnings: [] })
    expect(readdirSync(dir)).toEqual([])
  })

  test('tells every mistake of the file, each for itself', async () => {
    const { problems } = await said({ sftpd: { bind_prot: 1, upload_mode: 7 } })
    expect(problems).toEqual([
      `DIR/${NAME}.json: line 3: sftpd.bind_prot is not a setting, did you mean sftpd.bind_port?`,
      `DIR/${NAME}.json: line 4: sftpd.upload_mode is 7, allowed is 0, 1 or 2`,
    ])
  })

  test.each<[name: string, content: unknown, problem: string]>([
    ['an unknown cipher', { sftpd: { ciphers: ['rot13'] } }, 'sftpd.ciphers: "rot13" cannot be used, want some of '],
    ['an unknown key exchange', { sftpd: { kex_algorithms: ['x'] } }, 'sftpd.kex_algorithms: "x" cannot be used'],
    ['an unknown MAC', { sftpd: { macs: ['hmac-x'] } }, 'sftpd.macs: "hmac-x" cannot be used'],
    ['ports that meet', { sftpd: { bind_port: 8080 } }, 'sftpd.bind_port and httpd.bind_port are both 8080'],
    ['a missing key', { sftpd: { keys: [{ private_key: 'k' }] } }, 'host key DIR/k: no such file'],
    [
      'a missing banner',
      { sftpd: { login_banner_file: 'b' } },
      'sftpd.login_banner_file: DIR/b cannot be read (ENOENT)',
    ],
    [
      'a command that is not there',
      { data_provider: { actions: { command: '/no/such', execute_on: ['add'] } } },
      'data_provider.actions.command: /no/such cannot be run (ENOENT)',
    ],
    [
      'a store without its folder',
      { data_provider: { name: 'no/db' } },
      'data_provider.name: DIR/no cannot be written',
    ],
    ['a store without a name', { data_provider: { name: '' } }, 'data_provider.name is empty: driver sqlite needs'],
    [
      'a connection to a file',
      { data_provider: { driver: 'bolt', connection_string: 'hunter2' } },
      'data_provider.connection_string is set: driver bolt takes the path from data_provider.name',
    ],
    [
      'an HTTP server open to all',
      { httpd: { bind_address: '' } },
      'httpd.bind_address is "": the REST API and the web admin would be open to whoever reaches all interfaces',
    ],
    [
      'a certificate without its key',
      { httpd: { certificate_file: 'c.pem' } },
      'httpd.certificate_file is set and httpd.certificate_key_file is not',
    ],
    ['a missing file of users', { httpd: { auth_user_file: 'u' } }, 'httpd.auth_user_file: DIR/u cannot be read'],
    ['templates elsewhere', { httpd: { templates_path: 'no' } }, 'httpd.templates_path: DIR/no is no directory'],
  ])('%s is a problem', async (_, content, problem) => {
    const { problems } = await said(content)
    expect(problems).toEqual([expect.stringMatching(/^[^\n]+$/)])
    expect(problems[0]?.slice(0, problem.length)).toBe(problem)
    expect(problems[0]).not.toContain('hunter2')
  })

  test('every unknown algorithm is told', async () => {
    expect((await said({ sftpd: { ciphers: ['a', 'aes256-ctr', 'b'], macs: ['c'] } })).problems).toHaveLength(3)
  })

  test('a host key that the server made and somebody broke is a problem', async () => {
    fileIn('id_rsa', 'no key')
    expect((await said({})).problems).toEqual([expect.stringMatching(/^host key DIR\/id_rsa: is no private key/)])
  })

  test('what works and is doubtful is a warning', async () => {
    const keys = ['one', 'two'].map((name) => ({ private_key: fileIn(name, ed25519Pair().private) }))
    keys.push({ private_key: fileIn('open', rsaKey()) })
    chmodSync(join(dir, 'open'), 0o644)
    const { problems, warnings } = await said({
      sftpd: { keys, enable_scp: true, actions: { http_notification_url: 'http://127.0.0.1/' } },
      data_provider: { users_base_dir: '/no/such/base' },
    })
    expect(problems).toEqual([])
    expect(warnings).toEqual([
      'sftpd.enable_scp is deprecated: add "scp" to sftpd.enabled_ssh_commands instead',
      'sftpd.keys: DIR/one and DIR/two are both of type ssh-ed25519: one is used',
      'host key DIR/open can be read by others: chmod 600 it',
      'sftpd.actions has a command or URL and no event in execute_on: nothing is done',
      'data_provider.users_base_dir: /no/such/base does not exist yet',
    ])
  })

  test('ports of addresses that do not meet may be the same, and two that are chosen freely', async () => {
    const both = (port: number, sftp: string, http: string) =>
      said({
        sftpd: { bind_port: port, bind_address: sftp },
        httpd: { bind_port: port, bind_address: http, allow_unauthenticated: true },
      })
    expect((await both(22, '127.0.0.1', '127.0.0.2')).problems).toEqual([])
    expect((await both(0, '', '')).problems).toEqual([])
    expect((await both(22, '::', '127.0.0.2')).problems).toHaveLength(1)
  })
})

describe('config show', () => {
  test('names every setting with its value and its origin, and masks secrets', async () => {
    write({
      sftpd: { bind_port: 22, actions: { http_notification_url: 'http://u:hunter2@host/' } },
      data_provider: { password: 'hunter2' },
    })
    const env = { SFTPGO_SFTPD__MACS: 'a,b', SFTPGO_DATA_PROVIDER__CONNECTION_STRING: 'hunter2' }
    const lines = await showConfig(place(env), false)
    expect(lines.join('\n')).not.toContain('hunter2')
    expect(lines).toEqual(
      expect.arrayContaining([
        `# configuration file: ${dir}/${NAME}.json`,
        `sftpd.bind_port = 22  # ${dir}/${NAME}.json:3`,
        'sftpd.umask = "0022"  # default',
        'sftpd.macs = ["a","b"]  # SFTPGO_SFTPD__MACS',
        `sftpd.actions.http_notification_url = "http://***@host/"  # ${dir}/${NAME}.json:5`,
        `data_provider.password = "***"  # ${dir}/${NAME}.json:9`,
        'data_provider.connection_string = "***"  # SFTPGO_DATA_PROVIDER__CONNECTION_STRING',
      ]),
    )
    for (const { path } of leavesOf(configSchema)) {
      expect(lines.filter((line) => line.startsWith(`${path.join('.')} = `))).toHaveLength(1)
    }
  })

  test('tells the same as JSON, the fixed limits too', async () => {
    mkdirSync(join(dir, 'x'))
    const shown: unknown = JSON.parse((await showConfig(place({ SFTPGO_HTTPD__BIND_PORT: '0' }), true)).join('\n'))
    expect(shown).toMatchObject({ directory: dir, file: null, fixed_limits: FIXED_LIMITS })
    expect(shown).toMatchObject({
      settings: expect.arrayContaining([
        { key: 'sftpd.keys', value: [], origin: { kind: 'default' } },
        { key: 'httpd.bind_port', value: 0, origin: { kind: 'environment', variable: 'SFTPGO_HTTPD__BIND_PORT' } },
      ]),
    })
    for (const { value } of FIXED_LIMITS) expect(value).toBeGreaterThan(0)
  })
})
