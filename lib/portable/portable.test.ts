import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { once } from 'node:events'
import type { Client } from 'ssh2'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { SSH_FX } from '../../protocol/sftp/constants.ts'
import type { Running } from '../serve.ts'
import { ed25519Pair } from '../sshd/sample-keys.test.support.ts'
import {
  PFLAGS,
  UPLOAD,
  closed,
  connect,
  eventually,
  openDescriptors,
  openFile,
  openSftp,
  watchForUnhandled,
} from '../sshd/sshd.test.support.ts'
import { versionText } from '../version/version.ts'
import type { Advertised, Service } from './advertise.ts'
import { portable } from './portable.ts'
import type { PortableOptions } from './portable.ts'

const workingDirectory = process.cwd()
vi.setConfig({ testTimeout: 30_000 })
beforeEach(watchForUnhandled)
afterEach(() => process.chdir(workingDirectory))

const READY =
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3} INF Portable mode ready, SFTP port: (\d+), user: "([^"]*)", password: "([^"]*)", public keys: \[(.*)\], directory: "([^"]*)", permissions: \[([^\]]*)\], enabled ssh commands: \[([^\]]*)\]$/

function served(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'sftpgo-portable-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  writeFileSync(path.join(directory, 'file'), 'content')
  return directory
}

interface Started extends Omit<Running, 'reload'> {
  directory: string
  lines: string[]
  user: string
  password: string
  login(config?: Parameters<typeof connect>[1]): Promise<Client>
}

async function start(options: Partial<PortableOptions> = {}): Promise<Started> {
  const directory = options.directory ?? served()
  const lines: string[] = []
  const { terminal } = options
  const written: string[] = []
  const running = await portable({
    directory,
    sftpdPort: 0,
    sshCommands: [],
    username: '',
    password: '',
    logFilePath: '',
    publicKeys: [],
    permissions: ['list', 'download'],
    advertiseService: false,
    advertiseCredentials: false,
    qr: false,
    stdout: (line) => void lines.push(line),
    ...options,
    ...(terminal && {
      terminal: { ...terminal, write: (text: string) => void (terminal.write(text), written.push(text)) },
    }),
  })
  onTestFinished(() => running.stop())
  const ready = [...lines, ...written].map((line) => READY.exec(line.trimEnd())).find((match) => match !== null)
  const [, , user = '', password = ''] = ready ?? []
  return {
    ...running,
    directory,
    lines,
    user,
    password,
    login: (config = { username: user, password }) => connect(running.sftpAddress, config),
  }
}

describe('portable mode', () => {
  test('SSH commands are those that are named, and a wrong name stops the start', async () => {
    const { lines, login } = await start({ sshCommands: ['pwd', '*'] })
    expect(lines[0]).toContain('enabled ssh commands: [pwd *]')
    const client = await login()
    const status = await new Promise((resolve, reject) => {
      client.exec('sha256sum file', (error, channel) => {
        if (error !== undefined) return reject(error)
        channel.resume()
        return channel.once('exit', resolve)
      })
    })
    expect(status).toBe(0)
    await expect(start({ sshCommands: ['rsync'] })).rejects.toThrow(
      'SSH command "rsync": allowed are scp, md5sum, sha1sum, sha256sum, sha384sum, sha512sum, cd, pwd and *',
    )
  })

  test('says in one line all that is needed to log in', async () => {
    const { lines, directory, sftpAddress } = await start({ permissions: ['list', 'download', 'upload'] })
    expect(lines).toHaveLength(1)
    const [, port, user, password, keys, shownDirectory, permissions, commands] = READY.exec(lines[0] ?? '') ?? []
    expect({ port, user, keys, shownDirectory, permissions, commands }).toEqual({
      port: String(sftpAddress.port),
      user: 'user',
      keys: '',
      shownDirectory: directory,
      permissions: 'list download upload',
      commands: '',
    })
    expect(password).toMatch(/^[A-Za-z2-9]{12}$/)
  })

  test('makes another password each time, and it works', async () => {
    const [one, two] = [await start(), await start()]
    expect(one.password).not.toBe(two.password)
    await one.login()
    await expect(one.login({ username: one.user, password: two.password })).rejects.toThrow(/authentication/)
  })

  test('takes the name and the password it is given', async () => {
    const { lines, login } = await start({ username: 'eve', password: 'given' })
    expect(lines[0]).toContain('user: "eve", password: "given"')
    await login({ username: 'eve', password: 'given' })
  })

  test('takes a key, and makes no password then', async () => {
    const pair = ed25519Pair('me@here')
    const { lines, login } = await start({ publicKeys: [pair.public] })
    expect(lines[0]).toContain(`password: "", public keys: [${pair.public}]`)
    await login({ username: 'user', privateKey: pair.private })
    await expect(login({ username: 'user', password: '' })).rejects.toThrow(/authentication/)
  })

  test('lists and sends files, and changes nothing unless it is told so', async () => {
    const { directory, login } = await start()
    const { sftp } = await openSftp(await login())
    const handle = await openFile(sftp, '/file', PFLAGS.read)
    const reply = await sftp.request({ kind: 'read', handle, offset: 0n, len: 100 })
    expect(reply.kind === 'data' && Buffer.concat(reply.data).toString()).toBe('content')
    expect((await sftp.request({ kind: 'opendir', path: '/' })).kind).toBe('handle')
    const refused = { code: SSH_FX.PERMISSION_DENIED }
    const attrs = {}
    for (const request of [
      { kind: 'open', filename: '/new', pflags: UPLOAD, attrs },
      { kind: 'open', filename: '/file', pflags: UPLOAD, attrs },
      { kind: 'mkdir', path: '/dir', attrs },
      { kind: 'remove', filename: '/file' },
      { kind: 'rename', oldpath: '/file', newpath: '/other' },
      { kind: 'symlink', targetpath: '/file', linkpath: '/link' },
      { kind: 'setstat', path: '/file', attrs: { permissions: 0o777 } },
    ] as const) {
      expect(await sftp.request(request)).toMatchObject(refused)
    }
    expect(readdirSync(directory)).toEqual(['file'])
    expect(readFileSync(path.join(directory, 'file'), 'utf8')).toBe('content')
  })

  test('leaves no host key where it serves from, not even in the working directory', async () => {
    const directory = served()
    process.chdir(directory)
    const { lines, login } = await start({ directory: '.' })
    expect(lines[0]).toContain(`directory: "${directory}"`)
    await login()
    expect(readdirSync(directory)).toEqual(['file'])
  })

  test('without a port takes one of the dynamic ones, a free one', async () => {
    const { sftpAddress } = await start()
    expect(sftpAddress.port).toBeGreaterThanOrEqual(49_152)
    expect(sftpAddress.port).toBeLessThanOrEqual(64_151)
  })

  describe('multicast DNS', () => {
    /** Takes the place of the network. */
    function network(failure?: Error) {
      const services: Service[] = []
      let withdrawn = 0
      const advertise = async (service: Service): Promise<Advertised> => {
        if (failure !== undefined) throw failure
        services.push(service)
        return { withdraw: async () => void withdrawn++ }
      }
      return { services, advertise, withdrawn: () => withdrawn }
    }
    const texts = ({ lines }: Started) => lines.map((line) => line.replace(/^\S+ /, '').replace(/(ready).*/, '$1'))

    test('tells of port and version, before the ready line, and says goodbye', async () => {
      const { services, advertise, withdrawn } = network()
      const running = await start({ advertise, advertiseService: true })
      const { port } = running.sftpAddress
      expect(services).toEqual([{ name: `SFTPGo portable ${port}`, port, txt: { version: versionText() } }])
      await running.stop()
      expect(withdrawn()).toBe(1)
      expect(texts(running)).toEqual([
        `INF SFTP service advertised via multicast DNS as "SFTPGo portable ${port}"`,
        'INF Portable mode ready',
        'INF unregistering multicast DNS service',
      ])
    })

    test('tells the credentials when it is asked to, and says so', async () => {
      const { services, advertise } = network()
      const both = { advertise, advertiseService: true, advertiseCredentials: true }
      const running = await start({ ...both, username: 'eve' })
      expect(services[0]?.txt).toEqual({ version: versionText(), user: 'eve', password: running.password })
      expect(texts(running)[0]).toBe('INF credentials are advertised: whoever can ask this network can log in')
      const keyed = await start({ ...both, publicKeys: [ed25519Pair().public] })
      expect(services[1]?.txt).toEqual({ version: versionText(), user: 'user' })
      expect(texts(keyed)[0]).toBe('WRN key credentials cannot be advertised: the user name alone is')
    })

    test('is left alone when it is not wanted, and a share works without it', async () => {
      const { services, advertise } = network()
      await start({ advertise, advertiseCredentials: true })
      expect(services).toEqual([])
      const failing = await start({ ...network(new Error('no interface')), advertiseService: true })
      expect(texts(failing)).toEqual(['WRN SFTP service not advertised: no interface', 'INF Portable mode ready'])
      await failing.login()
    })
  })

  test('--qr prints the address as a code and as text, below the ready line', async () => {
    const { lines, sftpAddress } = await start({ qr: true, username: 'a b' })
    expect(lines.at(-1)).toMatch(new RegExp(`^sftp://a%20b@(\\[[0-9a-f:]+\\]|[0-9.]+):${sftpAddress.port}$`))
    expect(lines.slice(1, -1).join('')).toMatch(/^[ \u2580-\u259f]+$/)
    expect(lines.length).toBeGreaterThan(12)
  })

  test('on a terminal shows what moves; elsewhere it prints lines and nothing else', async () => {
    const written: string[] = []
    const terminal = { size: () => ({ columns: 80, rows: 24 }), write: (text: string) => void written.push(text) }
    const running = await start({ terminal, permissions: ['*'] })
    expect(running.lines).toEqual([])
    expect(written.join('')).toContain('Portable mode ready')
    const { user, password } = running
    const { sftp } = await openSftp(await running.login({ username: user, password }))
    await openFile(sftp, '/file\u001b[2J', UPLOAD)
    await eventually(() => expect(written.join('')).toMatch(/up .* 0 B .* \/file\\u001b\[2J +127\.0\.0\.1/))
    await running.stop()
    expect(written.join('')).not.toContain('\u001b[2J')
    expect(written.at(-1)).toBe('\u001b[1A\r\u001b[J')
  })

  test('stops: the connections end, the log says so, and it is over once', async () => {
    const logs = served()
    const descriptors = openDescriptors()
    const logFilePath = path.join(logs, 'portable.log')
    const running = await start({ logFilePath, permissions: ['*'] })
    const client = await running.login()
    const { sftp } = await openSftp(client)
    await openFile(sftp, '/new', UPLOAD)
    const gone = closed(client)
    let over = 0
    void running.finished.then(() => over++)
    await Promise.all([running.stop(), running.stop(), running.finished, gone])
    expect(over).toBe(1)
    await expect(running.login()).rejects.toThrow(/ECONNREFUSED/)
    const log = readFileSync(logFilePath, 'utf8')
    expect(log).toContain('"sender":"Upload"')
    expect(log).toContain('the connection ended before the file was closed')
    expect(log).not.toContain(running.password)
    expect(openDescriptors()).toBeLessThanOrEqual(descriptors)
  })
})

describe('a start that fails is one line, and leaves nothing behind', () => {
  const failure = async (options: Partial<PortableOptions>): Promise<string> => {
    const descriptors = openDescriptors()
    const error = await start(options).then(
      () => undefined,
      (caught: unknown) => caught,
    )
    expect(error).toBeInstanceOf(Error)
    const { message } = error as Error
    expect(message).not.toContain('\n')
    expect(openDescriptors()).toBeLessThanOrEqual(descriptors)
    return message
  }

  test('the directory is missing', async () => {
    const directory = path.join(served(), 'missing')
    expect(await failure({ directory })).toBe(`directory ${directory}: cannot be served (ENOENT)`)
  })

  test('the directory is a file', async () => {
    const directory = path.join(served(), 'file')
    expect(await failure({ directory })).toBe(`directory ${directory}: is no directory`)
  })

  test('a permission is no word there is', async () => {
    expect(await failure({ permissions: ['list', 'everything'] })).toMatch(/permission "everything" is not known/)
  })

  test('a key is no key', async () => {
    expect(await failure({ publicKeys: ['ssh-ed25519 nonsense'] })).toMatch(/public_keys/)
  })

  test('the port is in use', async () => {
    const blocker = createServer().listen(0)
    onTestFinished(() => void blocker.close())
    await once(blocker, 'listening')
    const { port } = blocker.address() as AddressInfo
    expect(await failure({ sftpdPort: port })).toBe(`SFTP server: cannot listen on *:${port}: the port is in use`)
  })

  test('the log cannot be written', async () => {
    const directory = served()
    mkdirSync(path.join(directory, 'log'))
    expect(await failure({ logFilePath: path.join(directory, 'log') })).toMatch(/^the log file .* cannot be opened/)
  })
})
