import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Client, ClientChannel } from 'ssh2'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Config } from '../config/schema.ts'
import { createHasher } from '../hashing/hasher.ts'
import { nodeStorage } from '../vfs/storage.ts'
import {
  connect,
  deferred,
  eventually,
  openDescriptors,
  openSftp,
  serverSockets,
  startSshd,
  vanish,
  watchForUnhandled,
} from './sshd.test.support.ts'
import type { TestServer } from './sshd.test.support.ts'

beforeEach(watchForUnhandled)

const MIB = 1024 * 1024

interface Run {
  channel: ClientChannel
  /** What came so far, one character a byte. */
  out(): string
  err(): string
  /** The exit status, undefined when there was none; resolves when the channel is closed. */
  exit: Promise<number | undefined>
}

function exec(client: Client, line: string): Promise<Run> {
  return new Promise((resolve, reject) => {
    client.exec(line, (error, channel) => {
      if (error !== undefined) return reject(error)
      const out: Buffer[] = []
      const err: Buffer[] = []
      let status: number | undefined
      channel.on('data', (chunk: Buffer) => out.push(chunk))
      channel.stderr.on('data', (chunk: Buffer) => err.push(chunk))
      channel.on('exit', (code: number) => (status = code))
      channel.on('error', () => undefined)
      const exit = new Promise<number | undefined>((done) => channel.once('close', () => done(status)))
      const text = (chunks: Buffer[]) => (): string => Buffer.concat(chunks).toString('latin1')
      return resolve({ channel, out: text(out), err: text(err), exit })
    })
  })
}

/** Sends all of the input and its end, and waits for the command's. */
async function complete(
  client: Client,
  line: string,
  input = '',
): Promise<{ out: string; err: string; exit: unknown }> {
  const run = await exec(client, line)
  run.channel.end(Buffer.from(input, 'latin1'))
  const exit = await run.exit
  return { out: run.out(), err: run.err(), exit }
}

async function refused(client: Client, line: string): Promise<void> {
  await expect(exec(client, line)).rejects.toThrow('Unable to exec')
}

/** Alice's home, with a file in it. */
async function withFiles(
  options: Parameters<typeof startSshd>[0] = {},
): Promise<{ server: TestServer; client: Client }> {
  const server = await startSshd(options)
  const client = await connect(server)
  await eventually(() => expect(existsSync(server.home)).toBe(true))
  writeFileSync(path.join(server.home, 'a'), 'hello')
  return { server, client }
}

const md5 = (data: string | Buffer): string => createHash('md5').update(data).digest('hex')

describe('commands', () => {
  test('pwd, cd and hashes tell their exit status', async () => {
    const { client } = await withFiles()
    expect(await complete(client, 'pwd')).toEqual({ out: '/\n', err: '', exit: 0 })
    expect(await complete(client, 'cd /anywhere')).toEqual({ out: '', err: '', exit: 0 })
    expect(await complete(client, 'md5sum a')).toEqual({ out: `${md5('hello')}  a\n`, err: '', exit: 0 })
    expect(await complete(client, 'md5sum a missing')).toEqual({
      out: `${md5('hello')}  a\n`,
      err: 'md5sum: missing: No such file or directory\n',
      exit: 1,
    })
    const sha512 = createHash('sha512').update('typed').digest('hex')
    expect(await complete(client, 'sha512sum', 'typed')).toEqual({ out: `${sha512}  -\n`, err: '', exit: 0 })
  })

  test('a command with arguments it does not take says so', async () => {
    const { client } = await withFiles()
    expect(await complete(client, 'md5sum --check a')).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/unknown option --check/),
    })
    expect(await complete(client, 'scp a b')).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/exactly one of -t and -f/),
    })
  })

  test('what is no command, or not enabled, is refused and logged', async () => {
    const { server, client } = await withFiles({ config: { enabled_ssh_commands: ['pwd'] } })
    for (const line of ['id', 'md5sum a', 'scp -t .', 'pwd;id', '/bin/pwd', 'PWD', '', '"pwd', 'pwd\ufffd']) {
      await refused(client, line)
    }
    expect(await complete(client, 'pwd')).toMatchObject({ exit: 0 })
    const refusals = server.log.commands.filter(({ error }) => error !== undefined)
    expect(refusals).toHaveLength(9)
    expect(refusals[0]).toEqual({
      sender: 'SSHCommand',
      username: 'alice',
      filePath: '',
      sshCommand: 'id',
      connectionId: expect.stringMatching(/^[0-9a-f]{64}$/),
      protocol: 'SSH',
      error: 'there is no such command',
    })
    expect(refusals[1]).toMatchObject({ sshCommand: 'md5sum a', error: 'md5sum is not enabled' })
    expect(refusals[7]).toMatchObject({ error: expect.stringMatching(/a double quote has no end/) })
    expect(refusals[8]).toMatchObject({ error: 'the command line is not UTF-8' })
  })

  test.each<[string, Pick<Config['sftpd'], 'enabled_ssh_commands' | 'enable_scp'>, boolean]>([
    ['the default list', { enabled_ssh_commands: ['md5sum', 'sha1sum', 'cd', 'pwd'], enable_scp: false }, false],
    ['scp in the list', { enabled_ssh_commands: ['scp'], enable_scp: false }, true],
    ['*', { enabled_ssh_commands: ['*'], enable_scp: false }, true],
    ['enable_scp', { enabled_ssh_commands: [], enable_scp: true }, true],
  ])('scp with %s', async (_, config, allowed) => {
    const { client } = await withFiles({ config })
    const outcome = complete(client, 'scp -t .', 'C0644 1 b\nx\0').catch((error: Error) => error.message)
    expect(await outcome).toEqual(allowed ? { out: '\0\0\0', err: '', exit: 0 } : 'Unable to exec')
  })

  test('success has a record, and so has failure, with its reason', async () => {
    const { server, client } = await withFiles()
    await complete(client, 'md5sum a')
    await complete(client, 'pwd')
    await complete(client, 'scp -f a', '\0\0\0')
    await complete(client, "md5sum 'missing'")
    await complete(client, 'scp -f missing', '\0')
    await eventually(() => expect(server.connections.size).toBe(0))
    expect(server.log.commands).toMatchObject([
      { sender: 'SSHCommand', username: 'alice', filePath: '/a', sshCommand: 'md5sum a', protocol: 'SSH' },
      { sender: 'SSHCommand', filePath: '', sshCommand: 'pwd', protocol: 'SSH' },
      { sender: 'SSHCommand', filePath: '/a', sshCommand: 'scp -f a', protocol: 'SSH' },
      {
        sender: 'SSHCommand',
        filePath: '/missing',
        sshCommand: "md5sum 'missing'",
        protocol: 'SSH',
        error: expect.stringMatching(/missing: No such file/),
      },
      { sender: 'SSHCommand', filePath: '/missing', sshCommand: 'scp -f missing', error: expect.any(String) },
    ])
    // A hash moves nothing.
    expect(server.log.transfers).toMatchObject([
      { sender: 'Download', protocol: 'SCP', sizeBytes: 5 },
      { sender: 'Download', protocol: 'SCP', sizeBytes: 0, error: 'No such file or directory' },
    ])
  })

  test('what runs is in the list of connections', async () => {
    const { server, client } = await withFiles()
    const hash = await exec(client, 'sha256sum')
    const scp = await exec(client, 'scp -t b')
    await eventually(() =>
      expect(server.connections.list()).toMatchObject([
        { username: 'alice', protocol: 'SSH', sshCommand: 'sha256sum', transfers: [] },
        { protocol: 'SCP', sshCommand: 'scp -t b' },
      ]),
    )
    scp.channel.write('C0644 5 b\nhe')
    await eventually(() =>
      expect(server.connections.list()[1]?.transfers).toMatchObject([
        { operationType: 'upload', path: '/b', sizeBytes: 2 },
      ]),
    )
    scp.channel.end('llo\0')
    hash.channel.end()
    expect(await Promise.all([scp.exit, hash.exit])).toEqual([0, 0])
    await eventually(() => expect(server.connections.size).toBe(0))
  })

  test('permissions are those of SFTP', async () => {
    const { server } = await withFiles()
    await server.addUser({ username: 'bob', permissions: ['list', 'create_dirs'], home_dir: server.home })
    await server.addUser({ username: 'eve', permissions: ['upload'], home_dir: server.home })
    const bob = await connect(server, { username: 'bob' })
    expect(await complete(bob, 'md5sum a')).toMatchObject({ exit: 1, err: expect.stringMatching(/lacks download/) })
    expect(await complete(bob, 'scp -f a', '\0\0')).toMatchObject({
      exit: 1,
      out: expect.stringMatching(/lacks download/),
    })
    expect(await complete(bob, 'scp -t .', 'C0644 100000 b\n')).toMatchObject({
      exit: 1,
      out: expect.stringMatching(/lacks upload/),
    })
    expect(await complete(bob, 'scp -rt .', 'D0755 0 d\nE\n')).toMatchObject({ exit: 0, out: '\0\0\0' })
    const eve = await connect(server, { username: 'eve' })
    expect(await complete(eve, 'scp -t d', 'C0644 1 b\nx\0')).toMatchObject({ exit: 0, out: '\0\0\0' })
    expect(readFileSync(path.join(server.home, 'd/b'), 'utf8')).toBe('x')
    expect(await complete(eve, 'scp -t a', 'C0644 100000 a\n')).toMatchObject({
      exit: 1,
      out: expect.stringMatching(/lacks overwrite/),
    })
    expect(readFileSync(path.join(server.home, 'a'), 'utf8')).toBe('hello')
  })

  test('no text holds a path of the host', async () => {
    const { server, client } = await withFiles()
    mkdirSync(path.join(server.home, 'd'))
    const texts = [
      await complete(client, 'scp -f missing d', '\0'),
      await complete(client, 'scp -t missing/x', 'C0644 100000 a\n'),
      await complete(client, 'scp -t d', 'C0644 1 ..\n'),
      await complete(client, 'scp -dt a', ''),
      await complete(client, 'md5sum d missing'),
    ]
    const all = JSON.stringify(texts)
    expect(texts.map(({ exit }) => exit)).toEqual([1, 1, 1, 1, 1])
    expect(all).not.toContain(path.dirname(server.home))
  })
})

describe('much data', () => {
  test('an upload by SCP is acknowledged before its file is opened', async () => {
    let opened: number | undefined
    const server = await startSshd({
      storage: {
        ...nodeStorage,
        open(file, ...rest) {
          if (file.endsWith('/small')) opened = serverSockets(server)[0]?.bytesWritten
          return nodeStorage.open(file, ...rest)
        },
      },
    })
    const client = await connect(server)
    const scp = await exec(client, 'scp -t .')
    await eventually(() => expect(scp.out()).toBe('\0'))
    const before = serverSockets(server)[0]?.bytesWritten ?? 0
    scp.channel.write('C0644 1 small\n')
    await eventually(() => expect(scp.out()).toBe('\0\0'))
    await eventually(() => expect(opened).toBeGreaterThan(before))
    scp.channel.end('x\0')
    expect(await scp.exit).toBe(0)
  })

  test('an upload and a download of some MiB', async () => {
    const { server, client } = await withFiles()
    const contents = randomBytes(5 * MIB + 3)
    const up = await exec(client, 'scp -t big')
    up.channel.write(`C0644 ${contents.length} big\n`)
    up.channel.write(contents)
    up.channel.end('\0')
    expect(await up.exit).toBe(0)
    expect(md5(readFileSync(path.join(server.home, 'big')))).toBe(md5(contents))
    const down = await complete(client, 'scp -f big', '\0\0\0')
    expect(down.exit).toBe(0)
    expect(md5(Buffer.from(down.out.slice(`C0644 ${contents.length} big\n`.length, -1), 'latin1'))).toBe(md5(contents))
  })

  test('a disk that is slow stops the reading of the channel', async () => {
    const entered = deferred()
    const released = deferred()
    const storage = {
      ...nodeStorage,
      async write(...args: Parameters<typeof nodeStorage.write>): Promise<void> {
        entered.resolve()
        await released.promise
        return nodeStorage.write(...args)
      },
    }
    const { server, client } = await withFiles({ storage })
    const bytes = 16 * MIB
    const up = await exec(client, 'scp -t big')
    up.channel.write(`C0644 ${bytes} big\n`)
    const piece = Buffer.alloc(MIB)
    let taken = 0
    for (let left = bytes; left > 0; left -= piece.length) up.channel.write(piece, () => (taken += piece.length))
    up.channel.end('\0')
    await entered.promise
    // Others have their turn, while this one has had all it gets: a window, and what waits for the disk.
    expect(await complete(client, 'pwd')).toMatchObject({ exit: 0 })
    expect(taken).toBeLessThan(8 * MIB)
    released.resolve()
    expect(await up.exit).toBe(0)
    expect(readFileSync(path.join(server.home, 'big')).length).toBe(bytes)
  })

  test('a long hash keeps nobody else waiting, and ends with its client', async () => {
    const hasher = createHasher()
    const { server, client } = await withFiles({ hasher })
    const big = path.join(server.home, 'big')
    writeFileSync(big, '')
    // Far more than can be hashed in the time of a test; there is no block of it on the disk.
    truncateSync(big, 2 ** 40)
    const other = await openSftp(await connect(server))
    await exec(client, 'sha512sum big')
    await eventually(() => expect(server.connections.list().some(({ protocol }) => protocol === 'SSH')).toBe(true))
    for (let count = 0; count < 20; count++) {
      expect(await other.sftp.request({ kind: 'realpath', path: '.' })).toMatchObject({ kind: 'name' })
    }
    vanish(client)
    await eventually(() => expect(server.connections.list().map(({ protocol }) => protocol)).toEqual(['SFTP']))
    await hasher.close()
  })
})

describe('a client that vanishes leaves nothing open', () => {
  /** What the client says, piece by piece, and how much of it is heard before it vanishes. */
  const UPLOAD = ['T5 0 6 0\n', 'D0755 0 t\n', 'C0644 100000 b\n', 'x'.repeat(50_000), 'x'.repeat(50_000), '\0', 'E\n']
  const DOWNLOAD = ['\0', '\0', '\0', '\0']

  test.each([
    ...UPLOAD.map((_, count) => ['scp -rpt .', UPLOAD.slice(0, count)] as const),
    ...DOWNLOAD.map((_, count) => ['scp -rf .', DOWNLOAD.slice(0, count)] as const),
    ['md5sum', ['abc']] as const,
  ])('%s after %j', async (line, pieces) => {
    const { server, client } = await withFiles()
    writeFileSync(path.join(server.home, 'z'), Buffer.alloc(3 * MIB))
    await eventually(() => expect(server.connections.size).toBe(0))
    const other = await connect(server)
    const descriptors = openDescriptors()
    const run = await exec(client, line)
    for (const piece of pieces) {
      run.channel.write(piece)
      // One at a time, as each is answered.
      await complete(other, 'pwd')
    }
    vanish(client)
    await eventually(() => {
      expect(server.connections.size).toBe(0)
      // The vanished client's two ends are gone as well.
      expect(openDescriptors()).toBe(descriptors - 2)
    })
    // The file is whole once its client said so, and not before.
    const whole = pieces.length > UPLOAD.indexOf('\0')
    for (const { sender, error } of server.log.transfers) {
      if (sender === 'Upload') expect(error === undefined).toBe(whole)
    }
    const succeeded = server.log.commands.filter(({ sender, error }) => sender === 'SSHCommand' && error === undefined)
    expect([...new Set(succeeded.map(({ sshCommand }) => sshCommand))]).toEqual(pieces.length === 0 ? [] : ['pwd'])
  })
})

test('an interrupted upload is not taken for a whole one', async () => {
  const { server, client } = await withFiles()
  const run = await exec(client, 'scp -t b')
  run.channel.end('C0644 10 b\nhello')
  expect(await run.exit).toBe(1)
  expect(server.log.transfers).toMatchObject([
    { sender: 'Upload', error: 'the connection ended before the file was closed' },
  ])
  expect(server.log.commands).toMatchObject([{ sender: 'SSHCommand', error: 'exit status 1' }])
  expect(readdirSync(server.home)).toContain('b')
})
