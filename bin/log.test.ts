import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { ed25519Pair } from '../lib/sshd/sample-keys.test.support.ts'

const PROGRAM = fileURLToPath(new URL('../dist/bin/sftpgo.cjs', import.meta.url))
const isRoot = process.getuid?.() === 0
/** A machine with more to do than this test takes its time. */
const PATIENCE_MS = 20_000
vi.setConfig({ testTimeout: 3 * PATIENCE_MS })

const eventually = (assertion: () => void): Promise<void> =>
  vi.waitFor(assertion, { timeout: PATIENCE_MS, interval: 10 })

interface Site {
  logDir: string
  names(): string[]
  records(name?: string): Record<string, unknown>[]
  serve(...flags: string[]): Promise<{ signal(name: NodeJS.Signals): void; port: number; stderr(): string }>
}

function site(): Site {
  const root = fs.mkdtempSync(path.join(tmpdir(), 'sftpgo-log-'))
  onTestFinished(() => fs.rmSync(root, { recursive: true, force: true }))
  const logDir = path.join(root, 'log')
  fs.mkdirSync(logDir)
  fs.writeFileSync(path.join(root, 'key'), ed25519Pair().private, { mode: 0o600 })
  const config = {
    sftpd: { bind_port: 0, bind_address: '127.0.0.1', keys: [{ private_key: 'key' }] },
    data_provider: { driver: 'memory', name: '' },
    httpd: { bind_port: 0 },
  }
  fs.writeFileSync(path.join(root, 'sftpgo.json'), JSON.stringify(config))
  const logFile = path.join(logDir, 'sftpgo.log')
  return {
    logDir,
    names: () => fs.readdirSync(logDir).toSorted(),
    records: (name = 'sftpgo.log') =>
      fs
        .readFileSync(path.join(logDir, name), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    async serve(...flags) {
      if (!fs.existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not built: npm run build`)
      const child = spawn(process.execPath, [PROGRAM, 'serve', '-c', root, '-l', logFile, ...flags], {
        env: { PATH: process.env['PATH'] },
      })
      let [stdout, stderr] = ['', '']
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
      onTestFinished(async () => {
        const over = once(child, 'close')
        if (child.exitCode === null && child.signalCode === null) {
          child.kill('SIGKILL')
          await over
        }
      })
      let port = 0
      await eventually(() => {
        const [, found] = /ready: SFTP on \S+:(\d+)/.exec(stdout) ?? []
        if (found === undefined) throw new Error(`not ready: ${stdout}${stderr}`)
        port = Number(found)
      })
      return { signal: (name) => void child.kill(name), port, stderr: () => stderr }
    },
  }
}

/** A client that says something which is no SSH, and is sent away. */
async function garbage(port: number): Promise<void> {
  const socket = createConnection({ host: '127.0.0.1', port })
  socket.on('error', () => undefined)
  socket.end('GET / HTTP/1.0\r\n\r\n')
  socket.resume()
  await once(socket, 'close')
}

const failures = (records: Record<string, unknown>[]): Record<string, unknown>[] =>
  records.filter(({ sender }) => sender === 'connection_failed')

describe('the log of the built program', () => {
  test('SIGUSR1 begins a new file, and the server goes on', async () => {
    const { serve, names, records } = site()
    const { signal, port } = await serve('--log-compress')
    signal('SIGUSR1')
    await eventually(() =>
      expect(names()).toEqual([
        expect.stringMatching(/^sftpgo-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.log\.gz$/),
        'sftpgo.log',
      ]),
    )
    await garbage(port)
    await eventually(() => expect(failures(records())).toMatchObject([{ client_ip: '127.0.0.1', level: 'debug' }]))
    expect(records().some(({ message }) => String(message).startsWith('starting'))).toBe(false)
  })

  test('--log-verbose=false leaves out what is at debug, and never a failed connection', async () => {
    const { serve, records } = site()
    const { port } = await serve('--log-verbose=false')
    await garbage(port)
    await eventually(() => expect(failures(records()).length).toBe(1))
    expect(records().filter(({ level }) => level === 'debug')).toEqual(failures(records()))
  })

  test.runIf(isRoot)('a full disk of the log stops nothing, and is told once there is room', async () => {
    const { serve, logDir, records } = site()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'sftpgo-test', logDir])
    onTestFinished(() => void execFileSync('umount', ['-l', logDir]))
    const { port, stderr } = await serve()
    fs.writeFileSync(path.join(logDir, 'fill'), '')
    try {
      fs.writeFileSync(path.join(logDir, 'fill'), Buffer.alloc(1024 * 1024))
    } catch {
      // Full.
    }
    for (let i = 0; i < 40; i++) await garbage(port)
    await eventually(() => expect(stderr()).toMatch(/^Error: the log file \S+ is not being written: ENOSPC/m))
    for (let i = 0; i < 5; i++) await garbage(port)
    fs.rmSync(path.join(logDir, 'fill'))
    await eventually(() => expect(failures(records()).length).toBe(45))
    await eventually(() =>
      expect(records().at(-1)?.['message']).toMatch(
        /^the log file could not be written for \d+ seconds \(ENOSPC.*no line was lost$/,
      ),
    )
    await garbage(port)
    await eventually(() => expect(failures(records()).length).toBe(46))
  })
})

if (!isRoot) process.stderr.write('log: without root no file system can be mounted: a real full disk is not tested\n')
