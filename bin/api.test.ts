import { EventEmitter, once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { run } from './cli.ts'

interface Seen {
  method: string
  url: string
  headers: IncomingHttpHeaders
  /** The JSON that came, `''` for none. */
  body: unknown
}

interface Answer {
  status?: number
  body?: unknown
  /** Instead of a body in JSON. */
  raw?: string
  headers?: Record<string, string>
}

/** A server that remembers what it was asked and answers as it is told to, the last answer again and again. */
async function recorder(...answers: Answer[]) {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const answer = (sent: string): void => {
      const { method = '', url = '', headers } = request
      seen.push({ method, url, headers, body: sent === '' ? '' : JSON.parse(sent) })
      const { status = 200, body = {}, raw, headers: extra = {} } = answers[seen.length - 1] ?? answers.at(-1) ?? {}
      response.writeHead(status, { 'Content-Type': 'application/json', ...extra })
      response.end(raw ?? `${JSON.stringify(body)}\n`)
    }
    void text(request).then(answer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { seen, url: `http://127.0.0.1:${port}` }
}

const TERMINAL = { size: () => ({ columns: 80, rows: 24 }), write: () => undefined }

interface Surroundings {
  env?: NodeJS.ProcessEnv
  stdin?: string
  terminal?: boolean
}

async function cli(argv: readonly string[], { env = {}, stdin = '', terminal = false }: Surroundings = {}) {
  const stdout: string[] = []
  const stderr: string[] = []
  const unexpected = () => Promise.reject(new Error('nothing of the kind was asked for'))
  const code = await run(argv, {
    env,
    stdout: (line) => stdout.push(line),
    stderr: (line) => stderr.push(line),
    stdin: () => Promise.resolve(Buffer.from(stdin)),
    ...(terminal && { terminal: TERMINAL }),
    serve: unexpected,
    portable: unexpected,
    service: unexpected,
    program: ['node', 'sftpgo'],
    initProvider: unexpected,
    checkConfig: unexpected,
    showConfig: unexpected,
    signals: new EventEmitter(),
    exit: () => undefined,
  })
  return { code, stdout, stderr }
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'sftpgo-api-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

const EXPIRES = Date.UTC(2030, 1, 28)

describe('a command line is one request', () => {
  test.each<{ argv: string[]; request: [method: string, url: string, body?: unknown]; stdin?: string }>([
    { argv: ['add-user', 'alice'], request: ['POST', '/api/v1/user', { username: 'alice', status: 1 }] },
    {
      argv: [
        'add-user',
        'alice',
        '-P',
        'pw',
        '-K',
        'ssh-rsa AAA a',
        'ssh-rsa BBB',
        '-H',
        '/srv/a',
        '--uid',
        '33',
        '--gid=34',
        '-C',
        '1',
        '-S',
        '2',
        '-F',
        '3',
        '-G',
        'list',
        'download',
        '-U',
        '4',
        '-D',
        '5',
        '--status',
        '0',
        '-E',
        '2030-02-28',
      ],
      request: [
        'POST',
        '/api/v1/user',
        {
          username: 'alice',
          password: 'pw',
          public_keys: ['ssh-rsa AAA a', 'ssh-rsa BBB'],
          home_dir: '/srv/a',
          uid: 33,
          gid: 34,
          max_sessions: 1,
          quota_size: 2,
          quota_files: 3,
          permissions: ['list', 'download'],
          upload_bandwidth: 4,
          download_bandwidth: 5,
          status: 0,
          expiration_date: EXPIRES,
        },
      ],
    },
    {
      argv: [
        'add-user',
        '--password',
        '007',
        '--public-keys=k 1',
        '--public-keys',
        'k 2',
        '--home-dir',
        '/h',
        '--max-sessions',
        '1',
        '--quota-size',
        '2',
        '--quota-files',
        '3',
        '--permissions',
        '*',
        '--upload-bandwidth',
        '4',
        '--download-bandwidth',
        '5',
        '--expiration-date',
        '',
        '12',
      ],
      request: [
        'POST',
        '/api/v1/user',
        {
          username: '12',
          password: '007',
          public_keys: ['k 1', 'k 2'],
          home_dir: '/h',
          max_sessions: 1,
          quota_size: 2,
          quota_files: 3,
          permissions: ['*'],
          upload_bandwidth: 4,
          download_bandwidth: 5,
          status: 1,
          expiration_date: 0,
        },
      ],
    },
    {
      argv: ['add-user', 'a', '-G', 'list', '--subdirs-permissions', '/in:upload,list', '/a:b:*', '/none:'],
      request: [
        'POST',
        '/api/v1/user',
        {
          username: 'a',
          status: 1,
          permissions: { '/': ['list'], '/in': ['upload', 'list'], '/a:b': ['*'], '/none': [] },
        },
      ],
    },
    {
      argv: ['add-user', 'a', '--password-stdin'],
      stdin: 'pass word\r\nmore\n',
      request: ['POST', '/api/v1/user', { username: 'a', password: 'pass word', status: 1 }],
    },
    {
      argv: ['add-user', '-P', 'x', '--', '-a'],
      request: ['POST', '/api/v1/user', { username: '-a', password: 'x', status: 1 }],
    },
    { argv: ['update-user', '7', '--uid', '0'], request: ['PUT', '/api/v1/user/7', { id: 7, uid: 0 }] },
    {
      argv: ['update-user', '7', 'alice', '-K', '', '-P', '', '-E', '2000-02-29'],
      request: [
        'PUT',
        '/api/v1/user/7',
        { id: 7, username: 'alice', public_keys: [], password: '', expiration_date: Date.UTC(2000, 1, 29) },
      ],
    },
    { argv: ['delete-user', '7'], request: ['DELETE', '/api/v1/user/7'] },
    { argv: ['get-users'], request: ['GET', '/api/v1/user?limit=100&offset=0&order=ASC&username='] },
    {
      argv: ['get-users', '-L', '1', '-O', '2', '-U', 'a&b', '-S', 'DESC'],
      request: ['GET', '/api/v1/user?limit=1&offset=2&order=DESC&username=a%26b'],
    },
    { argv: ['get-user-by-id', '7'], request: ['GET', '/api/v1/user/7'] },
    { argv: ['get-connections'], request: ['GET', '/api/v1/connection'] },
    { argv: ['close-connection', 'ab/c'], request: ['DELETE', '/api/v1/connection/ab%2Fc'] },
    { argv: ['get-quota-scans'], request: ['GET', '/api/v1/quota_scan'] },
    { argv: ['start-quota-scan', 'alice'], request: ['POST', '/api/v1/quota_scan', { username: 'alice' }] },
    { argv: ['get-version'], request: ['GET', '/api/v1/version'] },
    { argv: ['get-provider-status'], request: ['GET', '/api/v1/providerstatus'] },
    { argv: ['dumpdata'], request: ['GET', '/api/v1/dumpdata'] },
    { argv: ['loaddata', '-'], stdin: '\ufeff{"users":[]}', request: ['POST', '/api/v1/loaddata', { users: [] }] },
    { argv: ['get-bans'], request: ['GET', '/api/v1/defender/bans'] },
    { argv: ['delete-ban', '2001:db8::1'], request: ['DELETE', '/api/v1/defender/bans/2001%3Adb8%3A%3A1'] },
  ])('$argv', async ({ argv, stdin = '', request: [method, url, body = ''] }) => {
    const { seen, url: baseUrl } = await recorder()
    const { code, stderr } = await cli(['api', ...argv.slice(0, 1), '-b', baseUrl, ...argv.slice(1)], { stdin })
    expect([code, stderr]).toEqual([0, []])
    expect(seen.map((one) => [one.method, one.url, one.body])).toEqual([[method, url, body]])
    expect(seen[0]?.headers['content-type']).toBe(body === '' ? undefined : 'application/json')
    expect(seen[0]?.headers.authorization).toBeUndefined()
  })
})

describe('options of every command', () => {
  test.each([
    ['before the command', (url: string) => ['api', '-b', url, '-u', 'adm', '-p', 'pö:w', 'get-version']],
    [
      'after it',
      (url: string) => ['api', 'get-version', `--base-url=${url}`, '--auth-user=adm', '--auth-password', 'pö:w'],
    ],
    ['on both sides', (url: string) => ['api', '-uadm', 'get-version', '-b', url, '-a', 'basic', '-ppö:w']],
  ])('stand %s', async (_, argv) => {
    const { seen, url } = await recorder()
    expect(await cli(argv(url))).toMatchObject({ code: 0, stderr: [] })
    const credentials = Buffer.from('adm:pö:w').toString('base64')
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([`Basic ${credentials}`])
  })

  test('come from the environment where they are not given', async () => {
    const { seen, url } = await recorder()
    const env = { SFTPGO_API_BASE_URL: url, SFTPGO_API_USER: 'env', SFTPGO_API_PASSWORD: 'secret' }
    await cli(['api', 'get-version'], { env })
    await cli(['api', 'get-version', '-u', 'flag'], { env })
    const logins = seen.map(({ headers }) => Buffer.from(headers.authorization?.slice(6) ?? '', 'base64').toString())
    expect(logins).toEqual(['env:secret', 'flag:secret'])
  })

  test('a path in the base URL is kept', async () => {
    const { seen, url } = await recorder()
    for (const path of ['/a/b', '/a/b/']) await cli(['api', 'get-user-by-id', '1', '-b', `${url}${path}`])
    expect(seen.map((one) => one.url)).toEqual(['/a/b/api/v1/user/1', '/a/b/api/v1/user/1'])
  })

  test('digest answers the challenge of the server, basic is never sent then', async () => {
    const challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'
    const { seen, url } = await recorder({ status: 401, headers: { 'WWW-Authenticate': challenge } }, { body: {} })
    expect(await cli(['api', '-b', url, '-a', 'digest', '-u', 'adm', '-p', 'pw', 'get-users'])).toMatchObject({
      code: 0,
    })
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      expect.stringMatching(
        /^Digest username="adm", realm="r", nonce="n", uri="\/api\/v1\/user\?limit=100&offset=0&order=ASC&username=", response="[0-9a-f]{64}", algorithm=SHA-256, qop=auth, nc=00000001, cnonce="[0-9a-f]{32}"$/,
      ),
    ])
  })

  test('debug tells of requests and answers on standard error, without secrets', async () => {
    const { url } = await recorder({ body: { id: 1 } })
    const { stdout, stderr } = await cli([
      'api',
      '-d',
      '-b',
      url,
      '-u',
      'adm',
      '-p',
      'topsecret',
      'add-user',
      'a',
      '-P',
      'hidden',
    ])
    expect(stderr).toEqual([`POST ${url}/api/v1/user`, '{"status":1,"username":"a","password":"…"}', 'HTTP 200'])
    expect(stdout).toEqual(['{', '  "id": 1', '}'])
  })
})

describe('output', () => {
  const alice = {
    id: 1,
    status: 1,
    username: 'al\u001b[31mice',
    expiration_date: 0,
    home_dir: '/srv/日本',
    uid: 0,
    gid: 0,
    quota_size: 5_000_000,
    used_quota_size: 1500,
    quota_files: 0,
    used_quota_files: 3,
    last_login: 1_000_000_000_000,
    permissions: { '/': ['list'], '/in': ['*'] },
  }
  const bob = {
    ...alice,
    id: 22,
    status: 0,
    username: 'bob',
    expiration_date: EXPIRES,
    home_dir: '/b',
    last_login: 0,
    permissions: ['*'],
  }

  test('is a table on a terminal, names harmless and columns straight', async () => {
    const { url } = await recorder({ body: [alice, bob] })
    expect((await cli(['api', 'get-users', '-b', url, '--no-color'], { terminal: true })).stdout).toEqual([
      'ID  USERNAME         STATUS    EXPIRES     HOME       PERMISSIONS   SIZE           FILES  LAST LOGIN',
      '1   al\\u001b[31mice  active    -           /srv/日本  /:list /in:*  1.5 KB/5.0 MB  3      2001-09-09 01:46:40',
      '22  bob              inactive  2030-02-28  /b         *             1.5 KB/5.0 MB  3      -',
    ])
  })

  test('is JSON with sorted keys elsewhere, and on a terminal when that is asked for', async () => {
    const { url } = await recorder({ body: { b: ['x\u009b'], a: { d: null, c: 1 } } })
    const json = ['{', '  "a": {', '    "c": 1,', '    "d": null', '  },', '  "b": [', '    "x\\u009b"', '  ]', '}']
    const plain = ['api', 'get-version', '-b', url]
    expect((await cli(plain)).stdout).toEqual(json)
    expect((await cli([...plain, '--json', '-t'], { terminal: true })).stdout).toEqual(json)
    expect((await cli([...plain, '--json=false'])).stdout).toEqual(['b  ["x\\u009b"]', 'a  {"d":null,"c":1}'])
  })

  test.each([
    { name: 'on a terminal', argv: [], terminal: true, env: {}, colored: true },
    { name: 'elsewhere', argv: [], terminal: false, env: {}, colored: false },
    { name: 'with NO_COLOR', argv: [], terminal: true, env: { NO_COLOR: '1' }, colored: false },
    { name: 'with --no-color', argv: ['--no-color'], terminal: true, env: {}, colored: false },
    { name: 'with -t', argv: ['-t'], terminal: true, env: {}, colored: false },
    { name: 'with --color', argv: ['--color'], terminal: false, env: { NO_COLOR: '1' }, colored: true },
  ])('has colors? $name', async ({ argv, terminal, env, colored }) => {
    const { url } = await recorder({ body: { a: 'text' } })
    const { stdout } = await cli(['api', 'get-version', '--json', '-b', url, ...argv], { terminal, env })
    expect(stdout[1]).toBe(colored ? '  \u001b[36m"a"\u001b[39m: \u001b[32m"text"\u001b[39m' : '  "a": "text"')
  })

  test.each([
    ['get-users', 'no accounts'],
    ['get-connections', 'nobody is connected'],
    ['get-quota-scans', 'no quota scan is running'],
    ['get-bans', 'no address is banned'],
  ])('of %s without any says so', async (command, line) => {
    const { url } = await recorder({ body: [] })
    expect((await cli(['api', command, '-b', url], { terminal: true })).stdout).toEqual([line])
  })

  test('of connections tells what they do', async () => {
    const { url } = await recorder({
      body: [
        {
          username: 'a',
          connection_id: 'ff',
          client_version: 'SSH-2.0-x',
          remote_address: '1.2.3.4:5',
          connection_time: 0,
          protocol: 'SFTP',
          ssh_command: '',
          active_transfers: [{ operation_type: 'upload', path: '/f', size: 1234, start_time: 0, last_activity: 0 }],
        },
      ],
    })
    expect((await cli(['api', 'get-connections', '-tb', url], { terminal: true })).stdout).toEqual([
      'USERNAME  PROTOCOL  ADDRESS    CLIENT     SINCE  DOING               CONNECTION ID',
      'a         SFTP      1.2.3.4:5  SSH-2.0-x  -      upload /f (1.2 KB)  ff',
    ])
  })

  test('of bans tells since when, until when and why', async () => {
    const { url } = await recorder({
      body: [
        { address: '192.0.2.1', since: 1_000_000_000_000, until: 1_000_000_060_000, reason: 'x\u202e', refused: 3 },
      ],
    })
    expect((await cli(['api', 'get-bans', '-tb', url], { terminal: true })).stdout).toEqual([
      'ADDRESS    DETAILS',
      '192.0.2.1  since 2001-09-09 01:46:40, until 2001-09-09 01:47:40, reason x\\u202e, refused 3',
    ])
  })

  test('that does not look as expected is shown as JSON', async () => {
    const { url } = await recorder({ body: [{ id: 'x' }] })
    expect((await cli(['api', 'get-users', '-tb', url], { terminal: true })).stdout.join('')).toBe(
      '[  {    "id": "x"  }]',
    )
  })

  test('of dumpdata goes to a new file that only its owner reads', async () => {
    const { url } = await recorder({ body: { users: [{ password: 'hash' }] } })
    const file = join(directory(), 'dump.json')
    expect(await cli(['api', 'dumpdata', file, '-b', url])).toEqual({ code: 0, stdout: [], stderr: [] })
    expect(readFileSync(file, 'utf8')).toBe('{"users":[{"password":"hash"}]}\n')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(await cli(['api', 'dumpdata', file, '-b', url])).toMatchObject({
      code: 1,
      stderr: [`Error: ${file} cannot be written: it exists already`],
    })
    expect((await cli(['api', 'dumpdata', '-', '-b', url])).stdout).toEqual(['{"users":[{"password":"hash"}]}'])
  })
})

describe('what fails is exit code 1 and one line', () => {
  test.each<{ name: string; answer: Answer; stderr: string | RegExp; stdout?: string[] }>([
    {
      name: 'a refusal of the server, whose answer is printed too',
      answer: { status: 400, body: { error: 'Validation error: no', message: '', status: 400 } },
      stderr: 'Error: HTTP 400: Validation error: no',
      stdout: ['{', '  "error": "Validation error: no",', '  "message": "",', '  "status": 400', '}'],
    },
    {
      name: 'a refusal in the message',
      answer: { status: 404, body: { error: '', message: 'Not Found\n\u001b[2J', status: 404 } },
      stderr: 'Error: HTTP 404: Not Found\\u000a\\u001b[2J',
    },
    {
      name: 'a login that is wanted',
      answer: { status: 401, raw: 'no' },
      stderr: 'Error: HTTP 401: the server wants a login',
    },
    {
      name: 'a redirection',
      answer: { status: 301, raw: '', headers: { Location: 'https://x/' } },
      stderr: 'Error: HTTP 301: the server points to https://x/',
    },
    {
      name: 'a page of a proxy',
      answer: { status: 502, raw: '<html>' },
      stderr: /^Error: HTTP 502: no answer of the API at /,
    },
    {
      name: 'an answer that is no JSON',
      answer: { raw: '<html>\u001b' },
      stderr: 'Error: no JSON came: <html>\\u001b',
    },
  ])('$name', async ({ answer, stderr, stdout }) => {
    const { url } = await recorder(answer)
    const result = await cli(['api', 'get-version', '-b', url])
    expect(result.code).toBe(1)
    expect(result.stderr).toEqual([typeof stderr === 'string' ? stderr : expect.stringMatching(stderr)])
    if (stdout !== undefined) expect(result.stdout).toEqual(stdout)
  })

  test('nobody listens', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    expect(await cli(['api', 'get-version', '-b', `http://127.0.0.1:${port}`])).toEqual({
      code: 1,
      stdout: [],
      stderr: [`Error: http://127.0.0.1:${port} refuses the connection`],
    })
  })

  test('something else than HTTP listens', async () => {
    const server = createTcpServer((socket) => socket.end('SSH-2.0-x\r\n')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const { code, stderr } = await cli(['api', 'get-version', '-b', `http://127.0.0.1:${port}`])
    expect([code, stderr]).toEqual([
      1,
      [expect.stringMatching(/^Error: http:\/\/127\.0\.0\.1:\d+ does not speak http$/)],
    ])
  })

  test('a file is no JSON, and is not quoted', async () => {
    const file = join(directory(), 'dump.json')
    writeFileSync(file, 'secret')
    expect((await cli(['api', 'loaddata', file])).stderr).toEqual([`Error: ${file} holds no JSON`])
    expect((await cli(['api', 'loaddata', `${file}x`])).stderr).toEqual([
      `Error: ${file}x cannot be read: no such file`,
    ])
  })
})

describe('what means nothing is exit code 2, and nothing is asked', () => {
  test.each([
    [[], '"sftpgo api" needs one of add-user, update-user, '],
    [['add_user', 'a'], 'unknown command "api add_user" for "sftpgo"'],
    [['-x', 'get-version'], "unknown shorthand flag: 'x' in -x"],
    [['get-version', 'x'], 'unexpected argument "x" for "sftpgo api get-version"'],
    [['add-user'], '"sftpgo api add-user" needs <username>'],
    [['update-user', 'alice', '--uid', '1'], 'id is "alice", a whole number is allowed'],
    [['update-user', '1'], 'nothing is given that should change'],
    [['delete-user', '../connection'], 'id is "../connection", a whole number is allowed'],
    [['close-connection', '..'], '".." names nothing'],
    [['get-users', '-L', '501'], 'invalid value "501" for --limit: a whole number from 1 to 500 is allowed'],
    [['get-users', '-S', 'asc'], 'invalid value "asc" for --order: allowed is ASC, DESC'],
    [['add-user', 'a', '-G', 'fly'], 'invalid value "fly" for --permissions: allowed is *, list, '],
    [['add-user', 'a', '--status', '2'], 'invalid value "2" for --status: a whole number from 0 to 1 is allowed'],
    [['add-user', 'a', '-E', '2030-02-29'], 'invalid value "2030-02-29" for --expiration-date: a day as YYYY-MM-DD'],
    [['add-user', 'a', '-E', '1/2/2030'], 'invalid value "1/2/2030" for --expiration-date'],
    [['add-user', 'a', '-P', 'x', '--password-stdin'], '--password and --password-stdin exclude each other'],
    [['add-user', 'a', '--password-stdin'], '--password-stdin: there is no password on the standard input'],
    [['add-user', 'a', '--subdirs-permissions', '/a:*'], '--subdirs-permissions needs --permissions'],
    [['add-user', 'a', '-G', '*', '--subdirs-permissions', 'a:*'], 'invalid value "a:*" for --subdirs-permissions'],
    [['get-version', '--no-color=false'], '--no-color takes no value'],
    [['get-version', '-a', 'ntlm', '-u', 'x'], 'invalid value "ntlm" for --auth-type: allowed is basic, digest'],
    [['get-version', '-a', 'basic'], '--auth-type needs --auth-user'],
    [['get-version', '-u', 'a:b'], '--auth-user cannot hold ":"'],
    [['get-version', '-b', 'localhost'], '--base-url: "localhost" is no URL'],
    [['get-version', '-b', 'ftp://localhost'], '--base-url: "ftp://localhost" is not HTTP'],
    [['get-version', '-b', 'http://a:geheim@localhost'], '--base-url: the URL holds a login'],
    [['get-version', '-b', 'http://localhost/?x'], '--base-url: "http://localhost/?x" has a query or a fragment'],
  ])('%j', async (argv, message) => {
    const { seen, url } = await recorder()
    const { code, stdout, stderr } = await cli(['api', ...argv], { env: { SFTPGO_API_BASE_URL: url } })
    expect([code, stdout]).toEqual([2, []])
    expect(stderr).toEqual([expect.stringContaining(`Error: ${message}`)])
    expect(seen).toEqual([])
    expect(stderr[0]).not.toContain('geheim')
  })
})

describe('convert-users', () => {
  const SHA512 = '$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1'

  function files() {
    const path = directory()
    const passwd = join(path, 'passwd')
    writeFileSync(passwd, 'alice:x:1000:1000::/home/alice:/bin/sh\nbob\u001b:x:1001:1001::/home/bob:/bin/sh\n')
    writeFileSync(join(path, 'shadow'), `alice:${SHA512}:1:0:99999:7:::\nbob\u001b:*:1:0:99999:7:::\n`)
    return { passwd, output: join(path, 'dump.json') }
  }
  const told = [
    'line 2, bob\\u001b: left out, username is "bob\\u001b", want no "/", no control characters, not "." or ".."',
    '1 accounts converted, 1 left out, 0 not asked for',
  ]

  test('writes a dump that only its owner reads, and tells of each account that is not in it', async () => {
    const { passwd, output } = files()
    expect(await cli(['api', 'convert-users', passwd, 'unix-passwd', output])).toEqual({
      code: 0,
      stdout: [],
      stderr: told,
    })
    expect(JSON.parse(readFileSync(output, 'utf8'))).toMatchObject({
      users: [{ username: 'alice', password: SHA512, home_dir: '/home/alice', permissions: ['*'], status: 1 }],
    })
    expect(statSync(output).mode & 0o777).toBe(0o600)
  })

  test('writes to the standard output, and sends with --load', async () => {
    const { passwd } = files()
    const { stdout } = await cli(['api', 'convert-users', passwd, 'unix-passwd', '-'])
    const { seen, url } = await recorder({ body: { message: 'Data restored' } })
    const loaded = await cli(['api', 'convert-users', '-b', url, passwd, 'unix-passwd', '--load', '--force-uid', '5'])
    expect(loaded).toEqual({ code: 0, stdout: ['{', '  "message": "Data restored"', '}'], stderr: told })
    const dump = JSON.parse(stdout.join('\n')) as { users: object[] }
    expect(seen).toMatchObject([
      { method: 'POST', url: '/api/v1/loaddata', body: { users: [{ ...dump.users[0], uid: 5 }] } },
    ])
  })

  test.each([
    [['unix', 'out'], 2, 'format is "unix", allowed is unix-passwd, pure-ftpd, proftpd'],
    [['unix-passwd'], 2, 'neither an output nor --load is given'],
    [['unix-passwd', 'out', '--force-uid', '65536'], 2, 'invalid value "65536" for --force-uid'],
    [['unix-passwd', 'out', '--shadow', '/nonexistent'], 1, '/nonexistent cannot be read: no such file'],
    [['unix-passwd', 'out', '--min-uid', '2000'], 1, 'there is no account to convert'],
  ])('%j is exit code %d', async (argv, code, message) => {
    const result = await cli(['api', 'convert-users', files().passwd, ...argv])
    expect([result.code, result.stdout]).toEqual([code, []])
    expect(result.stderr.at(-1)).toContain(`Error: ${message}`)
  })
})

test('healthcheck is exit code 0 for a server that is well, 1 for one that is not', async () => {
  const { seen, url } = await recorder({ body: { ok: true } }, { status: 503, body: { ok: false, reason: 'stopping' } })
  expect(await cli(['healthcheck', '--url', url])).toEqual({ code: 0, stdout: [`ok: ${url}/healthz`], stderr: [] })
  expect(await cli(['healthcheck', '-ru', url])).toEqual({ code: 1, stdout: [], stderr: ['Error: HTTP 503: stopping'] })
  expect(seen.map((one) => one.url)).toEqual(['/healthz', '/readyz'])
  expect(await cli(['healthcheck', '-t', '0'])).toMatchObject({ code: 1 })
})

test('help of the group names its commands and its options, and that of each command too', async () => {
  const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  onTestFinished(() => void vi.restoreAllMocks())
  for (const argv of [
    ['api', '--help'],
    ['help', 'api'],
    ['api', '-d', '-h'],
  ]) {
    expect(await cli(argv)).toEqual({ code: 0, stdout: [], stderr: [] })
    expect(printed.mock.lastCall?.[0]).toMatch(/^ +update-user +Change what is given/m)
    expect(printed.mock.lastCall?.[0]).toMatch(/-b, --base-url .*\(default http:\/\/127\.0\.0\.1:8080\)/)
  }
  for (const argv of [
    ['api', 'add-user', '-h'],
    ['help', 'api', 'add-user'],
  ]) {
    expect((await cli(argv)).code).toBe(0)
    expect(printed.mock.lastCall?.[0]).toMatch(/\$ sftpgo api add-user <username> \[options\]/)
    expect(printed.mock.lastCall?.[0]).toMatch(/-G, --permissions /)
  }
  expect((await cli(['help'])).code).toBe(0)
  expect(printed.mock.lastCall?.[0]).not.toContain('add-user')
})
