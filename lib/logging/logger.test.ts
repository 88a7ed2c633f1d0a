import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { openSink } from './destination.ts'
import type { ServerLog } from './log.ts'
import { createLog } from './logger.ts'

// Properties take their time on a machine with more to do than this.
vi.setConfig({ testTimeout: 60_000 })

const AT = new Date(2020, 0, 31, 3, 4, 5, 7)
const clock: Clock = { ...systemClock, now: () => AT.getTime() }

/** A log into memory. */
function memoryLog(verbose = true): { log: ServerLog; text: () => string; records: () => Record<string, unknown>[] } {
  let text = ''
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString()
      done()
    },
  })
  const log = createLog({ destination: { kind: 'stream', stream }, verbose, now: clock })
  const records = () =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { log, text: () => text, records }
}

describe('records', () => {
  test('an app record is exactly level, time, sender, connection_id, message', () => {
    const { log, text } = memoryLog()
    log.app('sftpd', 'info', 'hello', { connectionId: 'c1' })
    log.app('service', 'warn', '')
    expect(text()).toBe(
      '{"level":"info","time":"2020-01-31T03:04:05.007","sender":"sftpd","connection_id":"c1","message":"hello"}\n' +
        '{"level":"warn","time":"2020-01-31T03:04:05.007","sender":"service","connection_id":""}\n',
    )
  })

  test('an error is told with its causes on one line, with its stack at debug only', () => {
    const { log, records } = memoryLog()
    const error = new Error('cannot save', { cause: new Error('disk\nfull') })
    log.app('sftpd', 'error', 'upload failed', { error })
    log.app('sftpd', 'debug', '', { error })
    const [plain, debug] = records()
    expect(plain).toMatchObject({ message: 'upload failed: cannot save: disk\nfull' })
    expect(plain).not.toHaveProperty('stack')
    expect(debug).toMatchObject({ message: 'cannot save: disk\nfull', stack: error.stack })
  })

  test('a transfer is info, a failed one warn with the reason', () => {
    const { log, records } = memoryLog()
    const record = {
      sender: 'Upload',
      elapsedMs: 12.6,
      sizeBytes: 5,
      username: 'u',
      filePath: '/h/f',
      connectionId: 'c',
      protocol: 'SFTP',
    } as const
    log.transfer(record)
    log.transfer({ ...record, error: 'quota exceeded' })
    const keys = {
      time: '2020-01-31T03:04:05.007',
      sender: 'Upload',
      elapsed_ms: 13,
      size_bytes: 5,
      username: 'u',
      file_path: '/h/f',
      connection_id: 'c',
      protocol: 'SFTP',
    }
    expect(records()).toEqual([
      { level: 'info', ...keys },
      { level: 'warn', ...keys, error: 'quota exceeded' },
    ])
  })

  test('a command has all keys, whether they apply or not', () => {
    const { log, records } = memoryLog()
    const common = { username: 'u', filePath: '/h/f', connectionId: 'c', protocol: 'SFTP' } as const
    log.command({ ...common, sender: 'Mkdir' })
    log.command({ ...common, sender: 'Chown', uid: 0, gid: 7 })
    log.command({
      ...common,
      sender: 'Chtimes',
      accessTimeMs: new Date(2019, 1, 3, 4, 5, 6).getTime(),
      modificationTimeMs: new Date(2018, 1, 3, 4, 5, 6).getTime(),
    })
    const keys = {
      level: 'info',
      time: '2020-01-31T03:04:05.007',
      sender: 'Mkdir',
      username: 'u',
      file_path: '/h/f',
      target_path: '',
      filemode: '',
      uid: -1,
      gid: -1,
      access_time: '',
      modification_time: '',
      ssh_command: '',
      connection_id: 'c',
      protocol: 'SFTP',
    }
    expect(records()).toEqual([
      keys,
      { ...keys, sender: 'Chown', uid: 0, gid: 7 },
      { ...keys, sender: 'Chtimes', access_time: '2019-02-03T04:05:06', modification_time: '2018-02-03T04:05:06' },
    ])
  })

  test('an HTTP request', () => {
    const { log, records } = memoryLog()
    log.http({
      method: 'GET',
      proto: 'HTTP/1.1',
      remoteAddr: '127.0.0.1:1',
      requestId: 'h/abc-000001',
      uri: 'http://h/',
      userAgent: 'ua',
      respStatus: 200,
      respSize: 3,
      elapsedMs: 0.2,
    })
    expect(records()).toEqual([
      {
        level: 'info',
        time: '2020-01-31T03:04:05.007',
        sender: 'httpd',
        method: 'GET',
        proto: 'HTTP/1.1',
        remote_addr: '127.0.0.1:1',
        request_id: 'h/abc-000001',
        uri: 'http://h/',
        user_agent: 'ua',
        resp_status: 200,
        resp_size: 3,
        elapsed_ms: 0,
      },
    ])
  })

  test('a failed connection is debug, and written even when debug records are not', () => {
    const { log, records } = memoryLog(false)
    log.app('sftpd', 'debug', 'unseen')
    log.connectionFailed({ clientIp: '::1', username: '', loginType: 'no_auth_tryed', error: 'reset' })
    expect(records()).toEqual([
      {
        level: 'debug',
        time: '2020-01-31T03:04:05.007',
        sender: 'connection_failed',
        client_ip: '::1',
        username: '',
        login_type: 'no_auth_tryed',
        error: 'reset',
      },
    ])
  })

  test('whatever a client sends stays in its line, shows nothing to a terminal and reads back unchanged', () => {
    const hostile = fc.string({
      unit: fc.oneof(
        fc.string({ unit: 'binary', maxLength: 2 }),
        fc.constantFrom('\n', '\x1b', '\x7f', '\x9b', '\u202e', '\u2028', '"'),
      ),
    })
    fc.assert(
      fc.property(hostile, (username) => {
        const { log, text, records } = memoryLog()
        log.connectionFailed({ clientIp: '', username, loginType: 'password', error: '' })
        expect(text().slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
        expect(records()).toMatchObject([{ username }])
      }),
    )
  })
})

const messageIn = (line: string): unknown => Object(JSON.parse(line)).message

test('whatever bytes come from outside, a record of any category is one line, and of its own category', () => {
  const bytes = fc.uint8Array({ maxLength: 40 }).map((noise) => Buffer.from(noise))
  const text = fc.oneof(
    bytes.map((noise) => noise.toString('utf8')),
    bytes.map((noise) => noise.toString('latin1')),
    fc.constantFrom('"}\n{"sender":"Upload"', '\r\n', '\x1b[2J', '\u2066\u202e', '\ud800', '__proto__'),
  )
  fc.assert(
    fc.property(text, text, (a, b) => {
      const { log, text: written, records } = memoryLog()
      const file = { username: a, filePath: b, connectionId: a, protocol: 'SFTP', error: b } as const
      log.app('sftpd', 'warn', a, { connectionId: b, error: new Error(b) })
      log.transfer({ ...file, sender: 'Upload', elapsedMs: 1, sizeBytes: 1 })
      log.command({ ...file, sender: 'Rename', targetPath: a, sshCommand: b })
      const request = { method: a, proto: b, remoteAddr: a, requestId: b, uri: a, userAgent: b }
      log.http({ ...request, respStatus: 200, respSize: 1, elapsedMs: 1 })
      log.connectionFailed({ clientIp: a, username: b, loginType: 'password', error: a })
      expect(written().replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      const senders = records().map(({ sender }) => sender)
      expect(senders).toEqual(['sftpd', 'Upload', 'Rename', 'httpd', 'connection_failed'])
    }),
    { numRuns: 300 },
  )
})

test('debug records come and go with setVerbose', () => {
  const { log, records } = memoryLog(false)
  log.app('sftpd', 'debug', 'one')
  log.setVerbose(true)
  log.app('sftpd', 'debug', 'two')
  log.setVerbose(false)
  log.app('sftpd', 'debug', 'three')
  expect(records().map(({ message }) => message)).toEqual(['two'])
})

describe('destinations', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'sftpgo-log-'))
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  test('a file is made with its directories, and appended to', async () => {
    const path = join(dir, 'a/b/sftpgo.log')
    for (const message of ['one', 'two']) {
      const log = createLog({ destination: { kind: 'file', path }, verbose: true })
      log.app('service', 'info', message)
      await log.close()
      log.app('service', 'info', 'lost, but no error')
      await log.close()
    }
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    expect(lines.map((line) => messageIn(line))).toEqual(['one', 'two'])
    expect(statSync(path).mode & 0o777).toBe(0o644 & ~process.umask())
    expect(statSync(join(dir, 'a')).mode & 0o777).toBe(0o744 & ~process.umask())
  })

  test('a file gets every line of a burst, in order', async () => {
    const path = join(dir, 'log')
    const log = createLog({ destination: { kind: 'file', path }, verbose: true })
    for (let i = 0; i < 5000; i++) log.app('service', 'info', String(i))
    await log.close()
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    expect(lines.map((line) => Number(messageIn(line)))).toEqual([...Array(5000).keys()])
  })

  test.each([
    { where: 'beneath a file', path: (taken: string) => join(taken, 'sftpgo.log'), code: 'ENOTDIR' },
    { where: 'in a directory that is a file', path: (taken: string) => join(taken, 'a/b'), code: 'ENOTDIR' },
    { where: 'that is a directory', path: (taken: string) => join(taken, '..'), code: 'EISDIR' },
    { where: 'where nothing can be made', path: () => '/proc/none/sftpgo.log', code: 'ENOENT' },
  ])('a path $where is one clear error', ({ path, code }) => {
    writeFileSync(join(dir, 'file'), '')
    const taken = path(join(dir, 'file'))
    expect(() => createLog({ destination: { kind: 'file', path: taken }, verbose: true })).toThrow(
      new RegExp(`^the log file ${taken} cannot be opened: ${code}\\b.*$`),
    )
  })

  test.runIf(process.platform === 'linux')('a full disk is told once, and neither throws nor hangs', async () => {
    const complaints: string[] = []
    const sink = openSink(
      { kind: 'file', path: '/dev/full' },
      { clock: systemClock, complain: (line) => void complaints.push(line) },
    )
    for (let i = 0; i < 3; i++) {
      sink.write('unwritable\n')
      await vi.waitFor(() => expect(complaints).not.toEqual([]))
    }
    await sink.close()
    expect(complaints).toEqual([
      expect.stringMatching(/^Error: the log file \/dev\/full is not being written: ENOSPC.*\n$/),
      'Error: 3 lines of the log file /dev/full were lost\n',
    ])
  })

  test('a stream that fails is given up quietly', async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('gone')) })
    const log = createLog({ destination: { kind: 'stream', stream }, verbose: true })
    log.app('service', 'info', 'one')
    await new Promise((next) => setImmediate(next))
    expect(() => log.app('service', 'info', 'two')).not.toThrow()
    await log.close()
  })

  test('none takes everything and keeps nothing', async () => {
    const log = createLog({ destination: { kind: 'none' }, verbose: true })
    log.app('service', 'info', 'unseen')
    await expect(log.close()).resolves.toBeUndefined()
  })
})
