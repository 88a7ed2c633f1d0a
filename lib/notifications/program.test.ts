import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { Endpoint, Site } from './program.test.support.ts'
import { signature } from './request.ts'

/** Processes start slowly where others run. */
const LONG_MS = 60_000
const soon = { timeout: 30_000, interval: 20 }

/** Writes its environment, then its arguments in brackets on one line, each in one go: others may run beside it. */
const RECORD = `all=$(env)
printf '%s\\n\\n' "$all" >> "$0.env"
line=
for each in "$@"; do line="$line[$each]"; done
printf '%s\\n' "$line" >> "$0.args"`

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

test(
  'a command is told of uploads, downloads, renames and deletions over SFTP, SCP and nothing else',
  { timeout: LONG_MS },
  async () => {
    const site = await Site.make()
    const command = site.script('record', RECORD)
    await site.start({ sftpd: { actions: { execute_on: ['download', 'upload', 'delete', 'rename'], command } } })
    writeFileSync(path.join(site.root, 'local'), 'twelve bytes')
    await site.sftp([
      'put local up',
      'mkdir d',
      'get up back',
      'rename up "d/new name"',
      'ls',
      'chmod 600 "d/new name"',
    ])
    await site.ssh('md5sum "d/new name"')
    await site.scp('local', 'alice@127.0.0.1:/byscp')
    await site.scp('alice@127.0.0.1:/byscp', 'fetched')
    await site.sftp(['rm "d/new name"', 'rmdir d'])
    const at = (name: string) => path.join(site.home, name)
    const expected = [
      `[upload][alice][${at('up')}][]`,
      `[download][alice][${at('up')}][]`,
      `[rename][alice][${at('up')}][${at('d/new name')}]`,
      `[upload][alice][${at('byscp')}][]`,
      `[download][alice][${at('byscp')}][]`,
      `[delete][alice][${at('d/new name')}][]`,
    ]
    await vi.waitFor(() => expect(lines(site.read('record.args'))).toHaveLength(expected.length), soon)
    // Of one path in order; of others in any.
    expect(lines(site.read('record.args')).toSorted()).toEqual(expected.toSorted())
    const ofUp = lines(site.read('record.args')).filter((line) => line.includes(`[${at('up')}]`))
    expect(ofUp).toEqual(expected.slice(0, 3))

    const environments = site
      .read('record.env')
      .split('\n\n')
      .filter(Boolean)
      .map((text) =>
        Object.fromEntries(
          lines(text).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
        ),
      )
    const byScp = environments.find(
      (env) => env['SFTPGO_ACTION'] === 'upload' && env['SFTPGO_ACTION_PROTOCOL'] === 'SCP',
    )
    const { SFTPGO_ACTION_ID: id, PWD: _, ...rest } = byScp ?? {}
    expect(id).toMatch(/^[0-9a-z]{28}$/)
    // What a shell adds aside, nothing of the server's own environment.
    for (const added of ['SHLVL', '_', 'OLDPWD']) delete rest[added]
    expect(rest).toEqual({
      PATH: process.env['PATH'],
      SFTPGO_ACTION: 'upload',
      SFTPGO_ACTION_USERNAME: 'alice',
      SFTPGO_ACTION_PATH: at('byscp'),
      SFTPGO_ACTION_TARGET: '',
      SFTPGO_ACTION_SSH_CMD: 'scp',
      SFTPGO_ACTION_FILE_SIZE: '12',
      SFTPGO_ACTION_PROTOCOL: 'SCP',
    })
    await site.stop()
  },
)

test('an HTTP server is told likewise, with a signature that holds', { timeout: LONG_MS }, async () => {
  const site = await Site.make()
  const endpoint = await Endpoint.start()
  const secret = 'a secret of the two'
  const http_notification_url = `${endpoint.url}?token=a%20b`
  const actions = { execute_on: ['upload', 'rename'], http_notification_url, secret }
  await site.start({ sftpd: { actions } })
  writeFileSync(path.join(site.root, 'local'), 'x')
  await site.sftp(['put local up', 'rename up down', 'rm down'])
  await vi.waitFor(() => expect(endpoint.received).toHaveLength(2), soon)
  const query = `username=alice&path=${encodeURIComponent(path.join(site.home, 'up'))}`
  expect(endpoint.received).toMatchObject([
    { method: 'GET', url: `/hook?token=a%20b&action=upload&${query}`, body: '' },
    {
      method: 'GET',
      url: `/hook?token=a%20b&action=rename&${query}&target_path=${encodeURIComponent(path.join(site.home, 'down'))}`,
    },
  ])
  for (const { method, url, headers, body } of endpoint.received) {
    const [, t = '', v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-sftpgo-signature'])) ?? []
    const id = String(headers['x-sftpgo-delivery'])
    expect(v1).toBe(signature(secret, { timestamp: Number(t), id, method, target: url, body }))
    expect(Math.abs(Number(t) - Date.now() / 1000)).toBeLessThan(300)
  }
  expect(site.log()).not.toContain(secret)
  await site.stop()
})

test(
  'accounts that are added, changed and removed are told of, as JSON without password',
  { timeout: LONG_MS },
  async () => {
    const site = await Site.make()
    const endpoint = await Endpoint.start()
    const command = site.script('record', RECORD)
    const actions = { execute_on: ['add', 'update', 'delete'], http_notification_url: endpoint.url, command }
    await site.start({ data_provider: { actions } })
    const home_dir = path.join(site.root, 'homes', 'bob')
    const key = readFileSync(path.join(site.root, 'key.pub'), 'utf8').trim()
    const sent = {
      username: 'bob',
      password: 'hidden word',
      home_dir,
      permissions: ['*'],
      uid: 5,
      gid: 6,
      public_keys: [key],
    }
    const added = (await site.api('POST', 'user', sent)) as { id: number }
    await site.api('PUT', `user/${added.id}`, { status: 0, expiration_date: 1_900_000_000_000, public_keys: [] })
    await site.api('DELETE', `user/${added.id}`)
    // A login stamps the account, and an upload counts: neither is an update.
    writeFileSync(path.join(site.root, 'local'), 'x')
    await site.sftp(['put local up'])
    await vi.waitFor(() => expect(endpoint.received).toHaveLength(3), soon)
    await vi.waitFor(() => expect(lines(site.read('record.args'))).toHaveLength(3), soon)
    expect(endpoint.received).toMatchObject([
      { method: 'POST', url: '/hook?action=add', headers: { 'content-type': 'application/json' } },
      { method: 'POST', url: '/hook?action=update' },
      { method: 'POST', url: '/hook?action=delete' },
    ])
    const [first, second, third] = endpoint.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>)
    expect(first).toMatchObject({ id: added.id, username: 'bob', home_dir, status: 1, public_keys: [key], uid: 5 })
    expect(second).toMatchObject({ id: added.id, status: 0, expiration_date: 1_900_000_000_000 })
    expect(second).not.toHaveProperty('public_keys')
    expect(third).toEqual(second)
    for (const { body } of endpoint.received) expect(body).not.toMatch(/password|hidden word|argon2/)
    expect(lines(site.read('record.args'))).toEqual([
      `[add][bob][${added.id}][1][0][${home_dir}][5][6]`,
      `[update][bob][${added.id}][0][1900000000000][${home_dir}][5][6]`,
      `[delete][bob][${added.id}][0][1900000000000][${home_dir}][5][6]`,
    ])
    await site.stop()
  },
)

test(
  'names that would be arguments, headers or parameters elsewhere are names here',
  { timeout: LONG_MS },
  async () => {
    const site = await Site.make()
    const endpoint = await Endpoint.start()
    const command = site.script('record', RECORD)
    await site.start({
      sftpd: { actions: { execute_on: ['upload', 'rename'], command, http_notification_url: endpoint.url } },
    })
    const names = [
      '$(touch PWNED)',
      ';touch PWNED',
      '-rf',
      'a&action=delete&username=root#x',
      '%0d%0aX-Evil: 1',
      '`id`',
      'ü',
    ]
    for (const name of names) writeFileSync(path.join(site.root, 'local'), name)
    await site.sftp(names.map((name) => `put local "./${name}"`))
    // No UTF-8, as names on a disk may be.
    await site.sftp([Buffer.concat([Buffer.from('put local "'), Buffer.from([0x41, 0xff, 0xfe]), Buffer.from('"')])])
    await vi.waitFor(() => expect(endpoint.received).toHaveLength(names.length + 1), soon)
    await vi.waitFor(() => expect(lines(site.read('record.args'))).toHaveLength(names.length + 1), soon)
    expect(endpoint.received.at(-1)?.url).toMatch(/%2Falice%2FA%FF%FE$/)
    expect(lines(site.read('record.args'))).toContain(`[upload][alice][${path.join(site.home, 'A\ufffd\ufffd')}][]`)
    const exact = /^SFTPGO_ACTION_PATH_BASE64=(.*)$/m.exec(site.read('record.env'))?.[1] ?? ''
    expect(Buffer.from(exact, 'base64').toString('latin1')).toBe(path.join(site.home, 'A\u00ff\u00fe'))
    for (const name of names) {
      const real = path.join(site.home, name)
      expect(lines(site.read('record.args'))).toContain(`[upload][alice][${real}][]`)
      const request = endpoint.received.find(({ url }) => new URL(url, endpoint.url).searchParams.get('path') === real)
      const params = [...new URL(request?.url ?? '', endpoint.url).searchParams]
      expect(params).toEqual([
        ['action', 'upload'],
        ['username', 'alice'],
        ['path', real],
      ])
      expect(request?.headers).not.toHaveProperty('x-evil')
    }
    expect(site.read('PWNED')).toBe('')
    await site.stop()
  },
)
