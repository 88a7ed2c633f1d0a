import { EventEmitter, once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { VirtualClock } from '../lib/clock.test.support.ts'
import type { PortableOptions } from '../lib/portable/portable.ts'
import type { InitOptions } from '../lib/providers/init.ts'
import type { ServiceRequest } from '../lib/service/service.ts'
import type { ServeOptions } from '../lib/serve.ts'
import { versionText } from '../lib/version/version.ts'
import { run } from './cli.ts'
import type { Io } from './io.ts'
import { CRASH_DEADLINE_MS } from './lifetime.ts'
import type { Running } from './lifetime.ts'

const ended: Running = {
  stop: () => Promise.resolve(),
  finished: Promise.resolve(),
  crash: () => Promise.resolve(),
}

/** Runs a command line against servers that end at once, and keeps what they were asked for. */
async function cli(argv: string[], env: NodeJS.ProcessEnv = {}, changes: Partial<Io> = {}) {
  const seen = {
    serve: undefined as ServeOptions | undefined,
    portable: undefined as PortableOptions | undefined,
    init: undefined as InitOptions | undefined,
    service: undefined as ServiceRequest | undefined,
    stdout: [] as string[],
    stderr: [] as string[],
  }
  const code = await run(argv, {
    env,
    stdout: (line) => seen.stdout.push(line),
    stderr: (line) => seen.stderr.push(line),
    stdin: () => Promise.resolve(Buffer.alloc(0)),
    serve: (options) => {
      seen.serve = options
      return Promise.resolve(ended)
    },
    portable: (options) => {
      seen.portable = options
      return Promise.resolve(ended)
    },
    service: (request) => {
      seen.service = request
      return Promise.resolve()
    },
    program: ['/usr/bin/node', '/opt/sftpgo/sftpgo.cjs'],
    initProvider: (options) => {
      seen.init = options
      return Promise.resolve('Data provider mysql: nothing to do')
    },
    checkConfig: () => Promise.resolve({ problems: [], warnings: [] }),
    showConfig: () => Promise.resolve([]),
    initialConfig: (format) => Promise.resolve([`a file as ${format}`]),
    signals: new EventEmitter(),
    exit: () => undefined,
    ...changes,
  })
  return { code, ...seen }
}

describe('help and version', () => {
  let printed: string[]
  beforeEach(() => {
    printed = []
    vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text))
  })
  afterEach(() => vi.restoreAllMocks())

  test.each([['-v'], ['--version']])('%s prints the version', async (flag) => {
    expect(await cli([flag])).toMatchObject({ code: 0, stdout: [`SFTPGo version: ${versionText()}`], stderr: [] })
  })

  test.each([[[]], [['help']], [['-h']], [['--help']]])('%j lists the commands', async (argv) => {
    expect((await cli(argv)).code).toBe(0)
    for (const command of ['serve', 'initprovider', 'portable', 'help'])
      expect(printed.join('\n')).toMatch(new RegExp(`^ +${command} `, 'm'))
  })

  test.each([
    [['help', 'serve']],
    [['serve', '-h']],
    [['serve', '--help']],
    [['serve', '-zh']],
    [['serve', '-s', '1', '-h']],
  ])('%j shows the flags of serve and starts nothing', async (argv) => {
    const { code, serve } = await cli(argv)
    expect(code).toBe(0)
    expect(serve).toBeUndefined()
    expect(printed.join('\n')).toMatch(/-c, --config-dir .*\(default \.\)/)
    expect(printed.join('\n')).toMatch(/-v, --log-verbose .*\(default true\)/)
  })
})

describe('serve', () => {
  const defaults = {
    configDir: '.',
    configFile: 'sftpgo',
    log: { filePath: 'sftpgo.log', maxSizeMb: 10, maxBackups: 5, maxAgeDays: 28, compress: false, verbose: true },
  }

  test('without flags takes the defaults', async () => {
    const { code, serve, stderr } = await cli(['serve'])
    expect([code, stderr]).toEqual([0, []])
    expect(serve).toMatchObject(defaults)
  })

  const LONG = ['--config-dir', '/c', '--config-file', 'f', '--log-file-path', 'l', '--log-max-size', '1']
  const LONG_REST = ['--log-max-backups', '2', '--log-max-age', '3', '--log-compress', '--log-verbose=false']
  const all = {
    configDir: '/c',
    configFile: 'f',
    log: { filePath: 'l', maxSizeMb: 1, maxBackups: 2, maxAgeDays: 3, compress: true, verbose: false },
  }
  test.each([
    { name: 'long flags', argv: [...LONG, ...LONG_REST] },
    { name: 'long flags with =', argv: '-c=/c -f=f -l=l -s=1 -b=2 -a=3 -z=true -v=f'.split(' ') },
    { name: 'short flags', argv: '-c /c -f f -l l -s 1 -b 2 -a 3 -z -v=0'.split(' ') },
    { name: 'values attached to their letters', argv: '-c/c -ff -ll -s1 -b2 -a3 -zv=false'.split(' ') },
    {
      name: 'the last of a repeated flag',
      argv: '-c /x -c /c -f f -l l -s 9 -s 1 -b 2 -a 3 -z=0 -z -v=F'.split(' '),
    },
  ])('takes $name', async ({ argv }) => {
    const { code, serve, stderr } = await cli(['serve', ...argv])
    expect([code, stderr]).toEqual([0, []])
    expect(serve).toMatchObject(all)
  })

  test.each([
    { argv: [], traceConnection: false },
    { argv: ['--trace-connection'], traceConnection: true },
    { argv: ['-t'], traceConnection: true },
    { argv: ['-t=false'], traceConnection: false },
  ])('$argv: connections are traced: $traceConnection', async ({ argv, traceConnection }) => {
    expect((await cli(['serve', ...argv])).serve).toMatchObject({ traceConnection })
  })

  const ENV = {
    SFTPGO_CONFIG_DIR: '/c',
    SFTPGO_CONFIG_FILE: 'f',
    SFTPGO_LOG_FILE_PATH: 'l',
    SFTPGO_LOG_MAX_SIZE: '1',
    SFTPGO_LOG_MAX_BACKUPS: '2',
    SFTPGO_LOG_MAX_AGE: '3',
    SFTPGO_LOG_COMPRESS: 'T',
    SFTPGO_LOG_VERBOSE: '0',
  }
  test('takes the environment where no flag is given', async () => {
    expect((await cli(['serve'], ENV)).serve).toMatchObject({ ...all, env: ENV })
    const { serve } = await cli(['serve', '-c', '/flag', '-v'], ENV)
    expect(serve).toMatchObject({ ...all, configDir: '/flag', log: { ...all.log, verbose: true } })
  })

  test.each([
    { name: 'an empty flag', argv: ['--log-file-path', '', '-z'], env: {} },
    { name: 'an empty flag with =', argv: ['--log-file-path=', '-z'], env: {} },
    { name: 'an empty variable', argv: ['-z'], env: { SFTPGO_LOG_FILE_PATH: '' } },
    { name: 'an empty flag before a set variable', argv: ['-l', '', '-z'], env: { SFTPGO_LOG_FILE_PATH: 'x' } },
  ])('$name for the log means standard error', async ({ argv, env }) => {
    expect((await cli(['serve', ...argv], env)).serve?.log).toMatchObject({ filePath: '', compress: true })
  })
})

describe('initprovider', () => {
  test.each([
    { name: 'the defaults', argv: [], env: {}, asked: { configDir: '.', configFile: 'sftpgo' } },
    { name: 'flags', argv: ['-c', '/c', '--config-file=f'], env: {}, asked: { configDir: '/c', configFile: 'f' } },
    {
      name: 'the environment',
      argv: [],
      env: { SFTPGO_CONFIG_DIR: '/c', SFTPGO_CONFIG_FILE: 'f' },
      asked: { configDir: '/c', configFile: 'f' },
    },
  ])('takes $name, says what was done and starts nothing', async ({ argv, env, asked }) => {
    const { code, init, serve, stdout } = await cli(['initprovider', ...argv], env)
    expect([code, stdout, serve]).toEqual([0, ['Data provider mysql: nothing to do'], undefined])
    expect(init).toEqual({ ...asked, env })
  })

  test('what fails is one line and exit code 1', async () => {
    const initProvider = () => Promise.reject(new Error('connect ECONNREFUSED 127.0.0.1:3306'))
    const { code, stderr } = await cli(['initprovider'], {}, { initProvider })
    expect([code, stderr]).toEqual([1, ['Error: connect ECONNREFUSED 127.0.0.1:3306']])
  })

  test('has no other flags', async () => {
    expect((await cli(['initprovider', '-l', 'x'])).stderr).toEqual(["Error: unknown shorthand flag: 'l' in -l"])
  })
})

describe('config', () => {
  test('check prints what is wrong, a line each, and ends with 1 only for what is an error', async () => {
    const good = await cli(['config', 'check', '-c', '/c'])
    expect([good.code, good.stdout, good.stderr]).toEqual([
      0,
      ['The configuration is good: no file, the built-in settings hold'],
      [],
    ])
    const warned = () => Promise.resolve({ file: '/c/f.json', problems: [], warnings: ['old'] })
    const fair = await cli(['config', 'check'], {}, { checkConfig: warned })
    expect([fair.code, fair.stdout, fair.stderr]).toEqual([
      0,
      ['The configuration is good: /c/f.json'],
      ['Warning: old'],
    ])
    const refused = () => Promise.resolve({ problems: ['a', 'b\n'], warnings: ['old'] })
    const bad = await cli(['config', 'check'], {}, { checkConfig: refused })
    expect([bad.code, bad.stdout, bad.stderr]).toEqual([1, [], ['Warning: old', 'Error: a', 'Error: b\\u000a']])
  })

  test('init takes a format that there is', async () => {
    expect((await cli(['config', 'init'])).stdout).toEqual(['a file as toml'])
    expect((await cli(['config', 'init', '--format=env'])).stdout).toEqual(['a file as env'])
    const { code, stderr } = await cli(['config', 'init', '--format', 'ini'])
    expect(code).toBe(1)
    expect(stderr).toEqual([
      'Error: invalid value "ini" for --format: allowed is json, toml, yaml, properties, hcl, env',
    ])
  })

  test('show takes the place and the form', async () => {
    const asked: unknown[] = []
    const showConfig: Io['showConfig'] = (...given) => {
      asked.push(given)
      return Promise.resolve(['one', 'two'])
    }
    const { code, stdout } = await cli(['config', 'show', '-f', 'f', '--json'], {}, { showConfig })
    expect([code, stdout]).toEqual([0, ['one', 'two']])
    expect(asked).toEqual([[{ configDir: '.', configFile: 'f', env: {} }, true]])
  })
})

describe('portable', () => {
  test('without flags takes the defaults', async () => {
    const { code, portable, stdout } = await cli(['portable'])
    expect([code, stdout]).toEqual([0, []])
    expect(portable).toMatchObject({
      directory: '.',
      sftpdPort: 0,
      sshCommands: ['md5sum', 'sha1sum', 'cd', 'pwd'],
      username: '',
      password: '',
      logFilePath: '',
      publicKeys: [],
      permissions: ['list', 'download'],
      advertiseService: true,
      advertiseCredentials: false,
      qr: false,
    })
  })

  test('takes every flag, lists repeated or with commas', async () => {
    const argv = [
      '-d',
      '/d',
      '-s',
      '2022',
      '-c',
      'scp,cd',
      '-c',
      'pwd',
      '-u',
      'u',
      '-p',
      'p',
      '-l',
      'log',
      '-S=false',
      '-C',
    ]
    const keys = [
      '-k',
      'ssh-rsa AAA a',
      '--public-key',
      '"ssh-rsa BBB ""b"", c",ssh-rsa CCC',
      '--permissions=*',
      '--qr',
    ]
    expect((await cli(['portable', ...argv, ...keys])).portable).toMatchObject({
      directory: '/d',
      sftpdPort: 2022,
      sshCommands: ['scp', 'cd', 'pwd'],
      username: 'u',
      password: 'p',
      logFilePath: 'log',
      publicKeys: ['ssh-rsa AAA a', 'ssh-rsa BBB "b", c', 'ssh-rsa CCC'],
      permissions: ['*'],
      advertiseService: false,
      advertiseCredentials: true,
      qr: true,
    })
  })

  test.each([
    { name: 'digits', username: '123', password: '007' },
    { name: 'numbers in other forms', username: '0x10', password: '1e3' },
    { name: 'words that look like switches', username: 'true', password: 'false' },
    { name: 'leading dashes', username: '-v', password: '--help' },
    { name: 'names of commands', username: 'portable', password: 'help' },
    { name: 'equal signs and line ends', username: 'a=b', password: '=\n=' },
    { name: 'nothing', username: '', password: '' },
  ])('leaves $name as they are', async ({ username, password }) => {
    for (const argv of [
      ['-u', username, '-p', password],
      [`--username=${username}`, `--password=${password}`],
    ]) {
      const { portable, stderr } = await cli(['portable', ...argv])
      expect(stderr).toEqual([])
      expect(portable).toMatchObject({ username, password })
    }
  })

  test('an empty list is empty', async () => {
    expect((await cli(['portable', '-c', ''])).portable?.sshCommands).toEqual([])
  })
})

describe('service', () => {
  const bare = { program: ['/usr/bin/node', '/opt/sftpgo/sftpgo.cjs'], configDir: '', logFilePath: '', flags: [] }

  test('install takes the flags of serve that are given, and passes them on', async () => {
    const plain = await cli(['service', 'install'])
    expect([plain.code, plain.stderr]).toEqual([0, []])
    expect(plain.service).toEqual({
      action: 'install',
      options: { ...bare, user: 'sftpgo', homes: ['/srv/sftpgo'], lowPorts: false },
      dryRun: false,
      platform: process.platform,
    })
    const argv = '-c /c -f f -l /l -s 1 -z -v=0 --user root --homes /a,/b --low-ports --dry-run --platform win32'
    expect((await cli(['service', 'install', ...argv.split(' ')])).service).toEqual({
      action: 'install',
      options: {
        ...bare,
        configDir: '/c',
        logFilePath: '/l',
        flags: ['--config-file=f', '--log-max-size=1', '--log-compress=true', '--log-verbose=false'],
        user: 'root',
        homes: ['/a', '/b'],
        lowPorts: true,
      },
      dryRun: true,
      platform: 'win32',
    })
  })

  test.each(['start', 'stop', 'status', 'uninstall'] as const)('%s', async (action) => {
    expect((await cli(['service', action])).service).toMatchObject({ action, dryRun: false })
    expect((await cli(['service', action, '--dry-run'])).service).toMatchObject({ action, dryRun: true })
  })

  test.each([
    { argv: ['service'], error: '"sftpgo service" needs one of install, start, stop, status, uninstall' },
    { argv: ['service', 'reload'], error: 'unknown command "service reload" for "sftpgo"' },
    {
      argv: ['service', 'start', '--dry-run', '--platform', 'beos'],
      error: 'invalid value "beos" for --platform: allowed is linux, darwin, win32',
    },
    { argv: ['service', 'start', '--platform', 'linux'], error: '--platform is for --dry-run only' },
  ])('$argv is refused', async ({ argv, error }) => {
    expect(await cli(argv)).toMatchObject({ code: 1, service: undefined, stderr: [`Error: ${error}`] })
  })
})

describe('refused with one line and exit code 1', () => {
  test.each([
    { argv: ['foo'], error: 'unknown command "foo" for "sftpgo"' },
    { argv: ['constructor'], error: 'unknown command "constructor" for "sftpgo"' },
    { argv: ['help', 'foo'], error: 'unknown command "foo" for "sftpgo"' },
    { argv: ['--foo'], error: 'unknown flag: --foo' },
    { argv: ['serve', '--foo'], error: 'unknown flag: --foo' },
    { argv: ['serve', '--foo=\n1'], error: 'unknown flag: --foo' },
    { argv: ['serve', '--no-log-compress'], error: 'unknown flag: --no-log-compress' },
    { argv: ['serve', '---log-compress'], error: 'unknown flag: ---log-compress' },
    { argv: ['serve', '-zx'], error: "unknown shorthand flag: 'x' in -zx" },
    { argv: ['serve', '-c'], error: 'flag needs an argument: -c' },
    { argv: ['serve', '--config-dir'], error: 'flag needs an argument: --config-dir' },
    { argv: ['serve', 'foo\n'], error: 'unexpected argument "foo\\u000a" for "sftpgo serve"' },
    {
      argv: ['serve', '-v', 'false'],
      error: 'unexpected argument "false" for "sftpgo serve", a switch is set with "="',
    },
    {
      argv: ['serve', '-s', 'ten'],
      error: 'invalid value "ten" for --log-max-size: a whole number from 0 to 2147483647 is allowed',
    },
    {
      argv: ['serve', '-b=-1'],
      error: 'invalid value "-1" for --log-max-backups: a whole number from 0 to 2147483647 is allowed',
    },
    { argv: ['serve', '-z=yes'], error: 'invalid value "yes" for --log-compress: true or false is allowed' },
    {
      argv: ['serve'],
      env: { SFTPGO_LOG_MAX_AGE: '' },
      error: 'invalid value "" for SFTPGO_LOG_MAX_AGE: a whole number from 0 to 2147483647 is allowed',
    },
    {
      argv: ['portable', '-s', '65536'],
      error: 'invalid value "65536" for --sftpd-port: a whole number from 0 to 65535 is allowed',
    },
    {
      argv: ['portable', '-S=maybe'],
      error: 'invalid value "maybe" for --advertise-service: true or false is allowed',
    },
  ])('$argv', async ({ argv, env, error }) => {
    expect(await cli(argv, env)).toEqual({
      code: 1,
      serve: undefined,
      portable: undefined,
      init: undefined,
      service: undefined,
      stdout: [],
      stderr: [`Error: ${error}`],
    })
  })

  test('a start that fails', async () => {
    const changes = { serve: () => Promise.reject(new Error('port 2022 is in use')) }
    expect(await cli(['serve'], {}, changes)).toMatchObject({ code: 1, stderr: ['Error: port 2022 is in use'] })
  })

  test('a server that fails later', async () => {
    const failed = { ...ended, finished: Promise.reject(new Error('listener lost')) }
    const portable = () => Promise.resolve(failed)
    expect(await cli(['portable'], {}, { portable })).toMatchObject({ code: 1, stderr: ['Error: listener lost'] })
  })
})

describe.each(['serve', 'portable'])('signals to %s', (command) => {
  /** A server that runs until it is stopped, and stops when `release` is called. */
  function running() {
    const signals = new EventEmitter()
    const exits: number[] = []
    const stop = vi.fn<() => void>()
    const reload = vi.fn<() => Promise<void>>(() => Promise.resolve())
    const crash = vi.fn<(error: unknown) => void>()
    const clock = new VirtualClock()
    const released = new EventEmitter()
    const stopped = once(released, 'now').then(() => undefined)
    const release = () => released.emit('now')
    const server: Running = {
      finished: new Promise(() => undefined),
      stop: () => {
        stop()
        return stopped
      },
      crash: (error) => {
        crash(error)
        return stopped
      },
      ...(command === 'serve' ? { reload } : {}),
    }
    const started = vi.fn<() => void>()
    const start = () => {
      started()
      return Promise.resolve(server)
    }
    const exit = (code: number) => exits.push(code)
    const outcome = cli([command], {}, { signals, serve: start, portable: start, exit, clock })
    return { signals, exits, stop, reload, crash, clock, release, outcome, started }
  }

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('%s stops it with code 0, a second one ends it at once with %d', async (signal, code) => {
    const { signals, exits, stop, release, outcome, started } = running()
    await vi.waitFor(() => expect(started).toHaveBeenCalled())
    signals.emit(signal)
    await vi.waitFor(() => expect(stop).toHaveBeenCalledOnce())
    expect(exits).toEqual([])
    signals.emit(signal)
    expect(exits).toEqual([code])
    release()
    expect((await outcome).code).toBe(0)
    expect(signals.eventNames()).toEqual([])
  })

  test('SIGUSR1 changes nothing', async () => {
    const { signals, exits, stop, release, outcome, started } = running()
    await vi.waitFor(() => expect(started).toHaveBeenCalled())
    expect(signals.emit('SIGUSR1')).toBe(true)
    expect([exits, stop.mock.calls]).toEqual([[], []])
    signals.emit('SIGTERM')
    release()
    expect((await outcome).code).toBe(0)
  })

  test('SIGHUP reloads what can reload, and ends what belongs to a terminal', async () => {
    const { signals, exits, stop, reload, release, outcome, started } = running()
    await vi.waitFor(() => expect(started).toHaveBeenCalled())
    await Promise.resolve()
    signals.emit('SIGHUP')
    if (command === 'serve') {
      expect([reload.mock.calls.length, stop.mock.calls.length]).toEqual([1, 0])
      signals.emit('SIGTERM')
    } else {
      await vi.waitFor(() => expect(stop).toHaveBeenCalledOnce())
      signals.emit('SIGHUP')
      expect(exits).toEqual([129])
    }
    release()
    expect((await outcome).code).toBe(0)
  })

  test('an error that nobody caught stops it with code 1; it has ten seconds', async () => {
    const { signals, exits, stop, crash, clock, release, outcome, started } = running()
    await vi.waitFor(() => expect(started).toHaveBeenCalled())
    await Promise.resolve()
    const error = new Error('nobody expected this')
    signals.emit('uncaughtException', error)
    await vi.waitFor(() => expect(crash).toHaveBeenCalledWith(error))
    clock.advance(CRASH_DEADLINE_MS - 1)
    expect([exits, stop.mock.calls]).toEqual([[], []])
    clock.advance(1)
    expect(exits).toEqual([1])
    release()
    expect(await outcome).toMatchObject({ code: 1, stderr: ['Error: nobody expected this'] })
    expect(clock.timers).toBe(0)
  })

  test('an error that nobody caught ends a stop that is under way, and a second one all', async () => {
    const { signals, exits, stop, crash, release, outcome, started } = running()
    await vi.waitFor(() => expect(started).toHaveBeenCalled())
    signals.emit('SIGTERM')
    await vi.waitFor(() => expect(stop).toHaveBeenCalledOnce())
    signals.emit('uncaughtException', new Error('the first'))
    await vi.waitFor(() => expect(crash).toHaveBeenCalledOnce())
    signals.emit('uncaughtException', new Error('the second'))
    expect(exits).toEqual([1])
    release()
    expect(await outcome).toMatchObject({ code: 1, stderr: ['Error: the first'] })
  })

  test('one that comes during the start stops it when it has started', async () => {
    const { signals, stop, release, outcome } = running()
    signals.emit('SIGTERM')
    release()
    expect((await outcome).code).toBe(0)
    expect(stop).toHaveBeenCalledOnce()
  })
})
