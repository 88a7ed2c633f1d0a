import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { MemoryOutbox } from '../providers/memory/outbox.ts'
import type { Outbox } from '../providers/outbox.ts'
import { CONFIG } from '../providers/sql/database-server.test.support.ts'
import { openProvider } from '../providers/open.ts'
import { recordingLog } from '../providers/recording-log.ts'
import { Hooks } from './hooks.ts'
import { Endpoint } from './program.test.support.ts'
import { actions, eventually, fileNotification, onFiles, owner, settled, storedUser } from './samples.test.support.ts'

// Processes and connections take their time on a loaded machine.
beforeAll(() => vi.setConfig({ testTimeout: 60_000 }))
afterAll(() => vi.resetConfig())

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'sftpgo-hooks-unit-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

interface Parts {
  outbox?: Outbox
  clock?: VirtualClock
  name?: string
  gone?: string[]
}

function hooks({ outbox = new MemoryOutbox(), clock = new VirtualClock(), name = 'one', gone = [] }: Parts = {}) {
  const log = recordingLog()
  let opened = 0
  const made = new Hooks({
    openOutbox: async () => {
      opened++
      return outbox
    },
    owner: owner(name, gone),
    clock,
    log,
    random: () => 0.5,
    path: process.env['PATH'] ?? '',
  })
  onTestFinished(() => made.stop(0))
  return { hooks: made, outbox, clock, log, opened: () => opened }
}

/** Lets virtual time pass, slowly enough that no answer of a loaded machine is late, until it holds. */
async function passing(clock: VirtualClock, look: () => void): Promise<void> {
  await eventually(() => {
    clock.advance(200)
    look()
  })
}

async function sqliteOutbox(): Promise<Outbox> {
  const provider = await openProvider(
    { ...CONFIG, driver: 'sqlite', name: path.join(folder(), 'db') },
    { configDir: '/', log: recordingLog() },
  )
  onTestFinished(() => provider.close())
  return provider.openOutbox()
}

const pathOf = (url: string) => new URL(url, 'http://h').searchParams.get('path') ?? ''

describe('ten thousand notifications', () => {
  const COUNT = 10_000
  const PATHS = 250

  test(
    'to a server that is down for a part of the time: none is lost, and those of one path come in order',
    { timeout: 120_000 },
    async () => {
      const endpoint = await Endpoint.start()
      const taken: string[] = []
      let refusing = false
      endpoint.answer = ({ url }, response) => {
        const count = endpoint.received.length
        // Now and then a request fails by itself.
        if (refusing) response.writeHead(503).end()
        else if (count % 397 === 0) response.writeHead(500).end()
        else if (count % 401 === 0) response.destroy()
        else {
          taken.push(url)
          response.end()
        }
      }
      const { hooks: made, clock, outbox } = hooks({ outbox: await sqliteOutbox() })
      await made.configure(onFiles({ http_notification_url: endpoint.url }))
      for (let number = 0; number < COUNT; number++) {
        const place = `/p${number % PATHS}`
        const target = number % 10 === 9 ? `/p${(number * 7) % PATHS}` : ''
        made.file({
          ...fileNotification({ action: target === '' ? 'upload' : 'rename', path: place, target }),
          sizeBytes: number,
          username: String(number),
        })
        if (number % 500 === 0) await settled(1)
      }
      await passing(clock, () => expect(taken.length).toBeGreaterThan(2_000))
      await endpoint.down()
      for (let minute = 0; minute < 5; minute++) {
        clock.advance(60_000)
        await settled()
      }
      await endpoint.up()
      await passing(clock, () => expect(taken.length).toBeGreaterThan(5_000))
      refusing = true
      const before = endpoint.received.length
      await passing(clock, () => expect(endpoint.received.length).toBeGreaterThan(before + 10))
      refusing = false
      await passing(clock, () => expect(made.pending).toBe(0))

      const numbers = taken.map((url) => Number(new URL(url, 'http://h').searchParams.get('username')))
      expect(new Set(numbers).size).toBe(COUNT)
      // Again only where the answer was lost with the connection.
      expect(numbers.length).toBeLessThan(COUNT + 100)
      const last = new Map<string, number>()
      for (const [at, url] of taken.entries()) {
        const params = new URL(url, 'http://h').searchParams
        for (const each of [params.get('path'), params.get('target_path')]) {
          if (each === null) continue
          const number = numbers[at] ?? 0
          expect(number, `${each} in order`).toBeGreaterThanOrEqual(last.get(each) ?? 0)
          last.set(each, number)
        }
      }
      await eventually(async () => expect(await outbox.entries('one', '', 10)).toEqual([]))
    },
  )
})

describe('a stop', () => {
  test('delivers what can be delivered, and the rest after the next start, in order before what is new', async () => {
    const endpoint = await Endpoint.start()
    const { hooks: first, outbox, clock, log } = hooks()
    await first.configure(onFiles({ http_notification_url: endpoint.url }))
    first.file(fileNotification({ path: '/delivered' }))
    await first.stop(5_000)
    expect(endpoint.received.map(({ url }) => pathOf(url))).toEqual(['/delivered'])
    expect(log.lines).toEqual([])

    await endpoint.down()
    const { hooks: second, log: said } = hooks({ outbox, clock, name: 'two' })
    await second.configure(onFiles({ http_notification_url: endpoint.url }))
    for (const number of [1, 2, 3]) second.file(fileNotification({ path: '/a', username: `${number}` }))
    // The server is down: there is nothing to wait for.
    await second.stop(5_000)
    expect(said.lines.at(-1)).toBe('info 3 notifications wait for the next start')

    await endpoint.up()
    const { hooks: third } = hooks({ outbox, clock, name: 'three' })
    await third.configure(onFiles({ http_notification_url: endpoint.url }))
    third.file(fileNotification({ path: '/a', username: '4' }))
    await eventually(() => expect(third.pending).toBe(0))
    const users = endpoint.received.map(({ url }) => new URL(url, 'http://h').searchParams.get('username'))
    expect(users.slice(1)).toEqual(['1', '2', '3', '4'])
  })

  test('waits no longer than it may for one that does not answer', async () => {
    const endpoint = await Endpoint.start()
    endpoint.answer = () => undefined
    const { hooks: made, outbox, clock } = hooks()
    await made.configure(onFiles({ http_notification_url: endpoint.url }))
    made.file(fileNotification())
    await eventually(() => expect(endpoint.received).toHaveLength(1))
    const stopped = made.stop(5_000)
    await settled()
    clock.advance(5_000)
    await stopped
    expect(await outbox.owners()).toEqual([{ owner: 'one', untilMs: 0 }])
    expect(await outbox.entries('one', '', 10)).toHaveLength(1)
  })
})

describe('a configuration', () => {
  test('without actions asks for no store, and tells nobody', async () => {
    const { hooks: made, opened } = hooks()
    await made.configure(onFiles({}))
    await made.configure({ 'sftpd.actions': actions({ command: '/bin/true' }), 'data_provider.actions': actions() })
    made.file(fileNotification())
    made.user('add', storedUser())
    expect([opened(), made.pending, made.wants('upload')]).toEqual([0, 0, false])
  })

  test('that has events and nobody to tell is said to have no effect', async () => {
    const { hooks: made, log } = hooks()
    await made.configure(onFiles({}))
    expect(log.lines).toEqual([
      'warn sftpd.actions.execute_on has no effect: neither command nor http_notification_url is set',
    ])
  })

  test('tells of the events that it names, each to each', async () => {
    const endpoint = await Endpoint.start()
    const root = folder()
    const command = path.join(root, 'command')
    writeFileSync(command, '#!/bin/sh\necho "$1 $2" >> "$0.out"\n', { mode: 0o755 })
    const { hooks: made } = hooks()
    await made.configure({
      'sftpd.actions': actions({ execute_on: ['rename'], http_notification_url: endpoint.url }),
      'data_provider.actions': actions({ execute_on: ['delete'], command }),
    })
    expect((['upload', 'download', 'delete', 'rename'] as const).filter((action) => made.wants(action))).toEqual([
      'rename',
    ])
    for (const action of ['upload', 'download', 'delete', 'rename'] as const)
      made.file(fileNotification({ action, target: action === 'rename' ? '/t' : '' }))
    for (const action of ['add', 'update', 'delete'] as const) made.user(action, storedUser())
    await eventually(() => expect(made.pending).toBe(0))
    expect(endpoint.received.map(({ url }) => url)).toEqual([expect.stringContaining('action=rename')])
    expect(readFileSync(`${command}.out`, 'utf8')).toBe('delete alice\n')
  })

  test('that is changed holds for what waits, too', async () => {
    const [old, other] = [await Endpoint.start(), await Endpoint.start()]
    const { hooks: made, log } = hooks()
    await made.configure(onFiles({ http_notification_url: old.url }))
    await old.down()
    made.file(fileNotification({ path: '/waits' }))
    await eventually(() => expect(log.lines).toEqual([expect.stringContaining('not reached')]))
    await made.configure(onFiles({ http_notification_url: other.url, secret: 'new' }))
    await eventually(() => expect(made.pending).toBe(0))
    expect(other.received[0]?.headers).toHaveProperty('x-sftpgo-signature')
    await made.configure(onFiles({}))
    made.file(fileNotification())
    expect(made.pending).toBe(0)
  })

  test('with a command that cannot be run changes nothing, and names the key', async () => {
    const endpoint = await Endpoint.start()
    const { hooks: made } = hooks()
    await made.configure(onFiles({ http_notification_url: endpoint.url }))
    const wrong = onFiles({ command: '/no/such/command' })
    await expect(made.configure(wrong)).rejects.toThrow(
      'sftpd.actions.command is "/no/such/command": it cannot be used (ENOENT)',
    )
    made.file(fileNotification())
    await eventually(() => expect(endpoint.received).toHaveLength(1))
  })
})

test('a command and a server do not wait for each other', async () => {
  const endpoint = await Endpoint.start()
  endpoint.answer = () => undefined
  const root = folder()
  const command = path.join(root, 'command')
  writeFileSync(command, '#!/bin/sh\necho "$3" >> "$0.out"\n', { mode: 0o755 })
  const { hooks: made } = hooks()
  await made.configure(onFiles({ http_notification_url: endpoint.url, command }))
  for (const number of [1, 2, 3]) made.file(fileNotification({ username: String(number) }))
  await eventually(() =>
    expect(existsSync(`${command}.out`) && readFileSync(`${command}.out`, 'utf8').split('\n')).toHaveLength(4),
  )
  await eventually(() => expect(made.pending).toBe(3))
  expect(endpoint.received).toHaveLength(1)
})

test('what nobody can read in the store is dropped, with a line in the log', async () => {
  const outbox = new MemoryOutbox()
  const entry = { createdMs: 1, kind: 'file-http', payload: 'not JSON' }
  await outbox.add('gone', [
    { ...entry, id: '1' },
    { ...entry, id: '2', kind: '__proto__', payload: '{}' },
  ])
  const { hooks: made, log } = hooks({ outbox })
  await made.configure(onFiles({ http_notification_url: 'http://127.0.0.1:1/' }))
  await eventually(async () => expect(await outbox.entries('one', '', 10)).toEqual([]))
  expect(log.lines.filter((line) => line.includes('is not readable: dropped'))).toHaveLength(2)
  expect(made.pending).toBe(0)
})
