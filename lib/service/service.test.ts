import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { plistText } from './launchd.ts'
import { ACTIONS, PLATFORMS, describePlan } from './plan.ts'
import type { ServiceOptions } from './plan.ts'
import { manageService, planOf, runProgram } from './service.ts'
import type { CommandResult, ServiceHost, ServiceRequest } from './service.ts'
import { argument, unitText } from './systemd.ts'
import { settingsText, windowsArgument } from './windows.ts'

const OPTIONS: ServiceOptions = {
  program: [process.execPath, '/opt/sftpgo/dist/bin/sftpgo.cjs'],
  flags: [],
  configDir: '',
  logFilePath: '',
  user: 'sftpgo',
  homes: ['/srv/sftpgo'],
  lowPorts: false,
}

function temporary(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'sftpgo-service-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

describe('carrying out', () => {
  let root: string
  let ran: string[]
  let lines: string[]
  let results: Record<string, Partial<CommandResult>>
  beforeEach(() => {
    root = temporary()
    ran = []
    lines = []
    results = {}
  })
  const manage = (request: Partial<ServiceRequest>, host: Partial<ServiceHost> = {}) =>
    manageService(
      { action: 'install', options: OPTIONS, dryRun: false, platform: 'linux', ...request },
      {
        platform: 'linux',
        isRoot: true,
        stdout: (line) => void lines.push(line),
        run: async (argv) => {
          ran.push(argv.join(' '))
          return { code: 0, output: '', ...results[argv.join(' ')] }
        },
        root,
        ...host,
      },
    )
  const UNIT_FILE = '/etc/systemd/system/sftpgo.service'

  test('install writes the files, then runs the commands, and can be done again', async () => {
    for (let time = 0; time < 2; time++) await manage({})
    expect(readFileSync(root + UNIT_FILE, 'utf8')).toBe(unitText(OPTIONS))
    expect(statSync(root + UNIT_FILE).mode & 0o777).toBe(0o644)
    expect(readFileSync(`${root}/etc/sysusers.d/sftpgo.conf`, 'utf8')).toBe('u sftpgo - "SFTPGo" /var/lib/sftpgo\n')
    expect(ran.slice(0, 4)).toEqual([
      'systemd-sysusers /etc/sysusers.d/sftpgo.conf',
      'install -d -o sftpgo -g sftpgo -m 0750 /srv/sftpgo',
      'systemctl daemon-reload',
      'systemctl enable sftpgo.service',
    ])
    expect(lines.slice(0, 2)).toEqual(['written: /etc/sysusers.d/sftpgo.conf', `written: ${UNIT_FILE}`])
  })

  test('as root no account of the system is made', async () => {
    await manage({ options: { ...OPTIONS, user: 'root' } })
    expect(existsSync(`${root}/etc/sysusers.d`)).toBe(false)
    expect(ran).not.toContain('systemd-sysusers /etc/sysusers.d/sftpgo.conf')
  })

  test('uninstall removes what install wrote, also when the service was never there', async () => {
    await manage({})
    ran = []
    results['systemctl disable --now sftpgo.service'] = { code: 1, output: 'no such unit\n' }
    await manage({ action: 'uninstall' })
    expect(existsSync(root + UNIT_FILE)).toBe(false)
    expect(lines).toContain('no such unit')
    expect(ran).toEqual(['systemctl disable --now sftpgo.service', 'systemctl daemon-reload'])
    await manage({ action: 'uninstall' })
  })

  test('what a command says is shown, and its failure is the end', async () => {
    results['systemctl --no-pager status sftpgo.service'] = { code: 3, output: 'inactive (dead)\n' }
    await expect(manage({ action: 'status' }, { isRoot: false })).rejects.toThrow(
      'systemctl --no-pager status sftpgo.service ended with 3',
    )
    expect(lines).toEqual(['inactive (dead)'])
    results['systemctl daemon-reload'] = { code: 1 }
    await expect(manage({})).rejects.toThrow('systemctl daemon-reload ended with 1')
    expect(ran).not.toContain('systemctl enable sftpgo.service')
  })

  test('a dry run shows everything and does nothing, for any system and without rights', async () => {
    for (const platform of PLATFORMS) {
      for (const action of ACTIONS) {
        lines = []
        const homes: string[] = []
        await manage({ action, platform, dryRun: true, options: { ...OPTIONS, homes } }, { isRoot: false })
        expect(lines).toEqual(describePlan(planOf({ action, platform, options: { ...OPTIONS, homes } })))
        expect(lines.length).toBeGreaterThan(0)
      }
    }
    expect([ran, existsSync(`${root}/etc`)]).toEqual([[], false])
  })

  test.each<[Partial<ServiceRequest>, Partial<ServiceHost>, string]>([
    [{}, { isRoot: false }, 'sftpgo service install has to run as root'],
    [{ action: 'stop' }, { isRoot: false }, 'sftpgo service stop has to run as root'],
    [{ platform: 'darwin' }, { platform: 'darwin' }, 'this version serves on Linux only'],
    [{ options: { ...OPTIONS, configDir: 'etc' } }, {}, '--config-dir "etc": a service takes absolute paths only'],
    [{ options: { ...OPTIONS, logFilePath: 'log' } }, {}, '--log-file-path "log": a service takes absolute paths only'],
    [{ options: { ...OPTIONS, homes: ['srv'] } }, {}, '--homes "srv": a service takes absolute paths only'],
    [{ options: { ...OPTIONS, user: 'a b' } }, {}, '--user "a b": a name of up to 32'],
  ])('refused: %j', async (request, host, message) => {
    await expect(manage(request, host)).rejects.toThrow(message)
    expect(ran).toEqual([])
  })

  test('programs are run with what they say; a missing one ends with 127', async () => {
    expect(await runProgram(['sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({ code: 3, output: 'out\nerr\n' })
    expect(await runProgram(['/nowhere/program'])).toEqual({ code: 127, output: '/nowhere/program: not found' })
  })
})

describe('the unit of systemd', () => {
  /** Writes it, with a program that exists, where systemd's own tools can look at it. */
  function written(options: Partial<ServiceOptions>): string {
    const directory = temporary()
    const program = path.join(directory, 'sftpgo.cjs')
    writeFileSync(program, '')
    const file = path.join(directory, 'sftpgo.service')
    // The account is made by the installation only.
    const text = unitText({ ...OPTIONS, program: [process.execPath, program], ...options })
    writeFileSync(
      file,
      text.replaceAll(/=sftpgo$/gm, (match) => match),
    )
    return file
  }

  const CASES: [string, Partial<ServiceOptions>][] = [
    ['plain', {}],
    ['with low ports and homes in /home', { lowPorts: true, homes: ['/home/files', '/srv/a b'] }],
    ['as root', { user: 'root', lowPorts: true }],
    [
      'with flags and directories',
      { configDir: '/etc/sftpgo', logFilePath: '/var/log/sftpgo/sftpgo.log', flags: ['-z'] },
    ],
  ]

  test.each(CASES)('%s: systemd-analyze verify has nothing to say', (_, options) => {
    const file = written(options)
    const said = execFileSync('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no', file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    expect(said).toBe('')
  })

  test.each([
    ['plain', {}, 2.0],
    ['with low ports', { lowPorts: true }, 2.5],
    ['as root', { user: 'root' }, 3.5],
  ])('%s: its exposure is low', (_, options, most) => {
    const args = ['security', '--offline=true', `--threshold=${most * 10}`, '--no-pager', written(options)]
    const report = execFileSync('systemd-analyze', args, { encoding: 'utf8' })
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(report)?.[1])
    expect(exposure).toBeLessThanOrEqual(most)
  })

  test('homes may be written, those below /home as well, and nothing else', () => {
    const text = unitText({ ...OPTIONS, homes: ['/srv/a', '/home/b', '/homes/c'], configDir: '/etc/x' })
    expect(text).toContain('ReadWritePaths=-/etc/x -/srv/a -/homes/c\n')
    expect(text).toContain('ProtectHome=tmpfs\nBindPaths=/home/b\n')
    expect(unitText(OPTIONS)).toContain('ProtectHome=true\n')
  })

  test('privileges are those asked for', () => {
    expect(unitText(OPTIONS)).toContain('CapabilityBoundingSet=\nAmbientCapabilities=\n')
    expect(unitText({ ...OPTIONS, lowPorts: true })).toContain('AmbientCapabilities=CAP_NET_BIND_SERVICE\n')
    const root = unitText({ ...OPTIONS, user: 'root' })
    expect(root).toContain('CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER\n')
    expect(root).not.toContain('~@privileged')
  })

  test.each([
    ['plain', 'plain'],
    ['a b', '"a b"'],
    ['100%$HOME', '100%%$$HOME'],
    ['say "x"\\', String.raw`"say \"x\"\\"`],
    ['', '""'],
    ['a\nExecStart=evil', String.raw`"a\nExecStart=evil"`],
  ])('%j is one word of a command line: %s', (word, shown) => expect(argument(word)).toBe(shown))
})

test('the property list of launchd is one, and holds every word', () => {
  const flags = ['--config-file=<&">']
  const text = plistText({ ...OPTIONS, flags })
  const check = 'import plistlib, sys, json; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))'
  const read = execFileSync('/usr/bin/python3', ['-c', check], { input: text, encoding: 'utf8' })
  expect(JSON.parse(read)).toMatchObject({
    Label: 'io.sftpgo.server',
    UserName: 'sftpgo',
    ProgramArguments: [
      ...OPTIONS.program,
      'serve',
      '--config-dir=/usr/local/opt/sftpgo',
      '--log-file-path=/usr/local/opt/sftpgo/log/sftpgo.log',
      ...flags,
    ],
    KeepAlive: true,
    RunAtLoad: true,
  })
})

describe('Windows', () => {
  test('the settings of the wrapper are XML, and restart after 0, 60 and 90 seconds', () => {
    const program = [String.raw`C:\Program Files\nodejs\node.exe`, String.raw`C:\sftp & go\sftpgo.cjs`] as const
    const text = settingsText({ ...OPTIONS, program, logFilePath: String.raw`C:\a b\log` })
    const check =
      'import json, sys, xml.etree.ElementTree as e; r = e.parse(sys.stdin).getroot(); ' +
      'print(json.dumps({"id": r.findtext("id"), "exe": r.findtext("executable"), "args": r.findtext("arguments"), ' +
      '"delays": [f.get("delay") for f in r.findall("onfailure")]}))'
    const read = execFileSync('/usr/bin/python3', ['-c', check], { input: text, encoding: 'utf8' })
    expect(JSON.parse(read)).toEqual({
      id: 'SFTPGo',
      exe: program[0],
      args:
        String.raw`"C:\sftp & go\sftpgo.cjs" serve --config-dir=C:\ProgramData\SFTPGo ` +
        String.raw`"--log-file-path=C:\a b\log"`,
      delays: ['0 sec', '60 sec', '90 sec'],
    })
  })

  test.each([
    ['plain', 'plain'],
    ['a b', '"a b"'],
    [String.raw`C:\a b` + '\\', String.raw`"C:\a b\\"`],
    ['say "x"', String.raw`"say \"x\""`],
    [String.raw`a\"b`, String.raw`"a\\\"b"`],
    ['', '""'],
  ])('%j is one word of a command line: %s', (word, shown) => expect(windowsArgument(word)).toBe(shown))
})
