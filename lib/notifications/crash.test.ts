import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import sqlite3 from 'sqlite3'
import { expect, test } from 'vitest'
import { Endpoint, Site } from './program.test.support.ts'
import { eventually } from './samples.test.support.ts'

const LONG = { timeout: 120_000 }

const puts = (count: number, from = 0) => Array.from({ length: count }, (_, at) => `put local f${from + at}`)

/** Which of f0, f1, ... an endpoint was told of, each once. */
const told = (endpoint: Endpoint) =>
  new Set(endpoint.received.map(({ url }) => path.basename(new URL(url, endpoint.url).searchParams.get('path') ?? '')))

/** What another program reads in the database. */
async function rows(site: Site, sql: string): Promise<unknown[]> {
  const db = new sqlite3.Database(site.database, sqlite3.OPEN_READONLY)
  try {
    return await new Promise((resolve, reject) => {
      db.all<unknown>(sql, (error, found) => (error === null ? resolve(found) : reject(error)))
    })
  } finally {
    await new Promise((resolve) => {
      db.close(resolve)
    })
  }
}

test(
  'a server that is killed with notifications waiting has told of all of them after its next start',
  LONG,
  async () => {
    const site = await Site.make()
    const endpoint = await Endpoint.start()
    await endpoint.down()
    const settings = { sftpd: { actions: { execute_on: ['upload'], http_notification_url: endpoint.url } } }
    await site.start(settings)
    writeFileSync(path.join(site.root, 'local'), 'x')
    await site.sftp(puts(40))
    await eventually(async () => expect(await rows(site, 'SELECT id FROM users_outbox')).toHaveLength(40))
    await site.kill()

    // Now in the middle of telling.
    let silent = 0
    endpoint.answer = (_, response) => {
      if (endpoint.received.length <= 20) response.end()
      else silent++
    }
    await endpoint.up()
    await site.start(settings)
    await eventually(() => expect(silent).toBeGreaterThan(0))
    await site.kill()

    endpoint.answer = (_, response) => void response.end()
    await site.start(settings)
    const all = Array.from({ length: 40 }, (_, at) => `f${at}`)
    await eventually(() => expect([...told(endpoint)].toSorted()).toEqual(all.toSorted()))
    await eventually(async () => expect(await rows(site, 'SELECT id FROM users_outbox')).toEqual([]))
    // What was told before a crash and settled is not told again: only what was on its way may be.
    expect(endpoint.received.length).toBeLessThanOrEqual(20 + silent + 40)
    await site.stop()
    expect(await rows(site, 'SELECT owner FROM users_outbox_owners')).toEqual([])
  },
)

test(
  'commands that hang keep no transfer waiting, and are ended at their limit with all they started',
  LONG,
  async () => {
    const site = await Site.make()
    const command = site.script('hang', 'sleep 1000 & echo "$! $$" >> "$0.pids"; wait')
    const hanging = { execute_on: ['upload'], command, command_timeout: 86_400 }
    await site.start({ sftpd: { actions: hanging } })
    writeFileSync(path.join(site.root, 'local'), 'x')
    await site.sftp(puts(4))
    await eventually(() => expect(site.read('hang.pids').trim().split('\n')).toHaveLength(4))
    // Every place is taken: none of these would end if one had to wait.
    await site.sftp([...puts(20, 4), ...Array.from({ length: 20 }, (_, at) => `get f${at} back`)])
    expect(site.read('hang.pids').trim().split('\n')).toHaveLength(4)
    const first = pids(site)
    expect(first.every(isAlive)).toBe(true)
    await site.kill()
    for (const pid of first) process.kill(pid, 'SIGKILL')

    // What was running, and what was waiting, is run again, for a second each.
    writeFileSync(`${command}.pids`, '')
    await site.start({ sftpd: { actions: { ...hanging, command_timeout: 1 } } })
    await eventually(() => expect(site.read('hang.pids').trim().split('\n').length).toBeGreaterThanOrEqual(8))
    const ended = pids(site).slice(0, 8)
    await eventually(() => expect(ended.filter(isAlive)).toEqual([]))
    expect(site.log()).toContain('was ended after 1 s')
    await site.kill()
    for (const pid of pids(site)) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  },
)

const pids = (site: Site) => site.read('hang.pids').trim().split(/\s+/).map(Number)

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

test(
  'a server that may write neither accounts nor quota writes no notification either, and tells all the same',
  LONG,
  async () => {
    const site = await Site.make()
    const endpoint = await Endpoint.start()
    const actions = { execute_on: ['upload'], http_notification_url: endpoint.url }
    await site.start({ sftpd: { actions }, data_provider: { manage_users: 0, track_quota: 0 } })
    writeFileSync(path.join(site.root, 'local'), 'x')
    await site.sftp(puts(3))
    await eventually(() => expect(told(endpoint)).toEqual(new Set(['f0', 'f1', 'f2'])))
    await site.stop()
    expect(await rows(site, `SELECT name FROM sqlite_master WHERE name LIKE '%outbox%'`)).toEqual([])
  },
)

test('a command that cannot be run stops the start, in a line that names the key', LONG, async () => {
  const site = await Site.make()
  const actions = { execute_on: ['upload'], command: '/no/such/program' }
  await expect(site.start({ sftpd: { actions } })).rejects.toThrow(
    /ended with 1: .*sftpd\.actions\.command is "\/no\/such\/program": it cannot be used \(ENOENT\)/s,
  )
})

test('uploads that fail tell nobody', LONG, async () => {
  const site = await Site.make()
  const endpoint = await Endpoint.start()
  await site.start({ sftpd: { actions: { execute_on: ['upload', 'delete'], http_notification_url: endpoint.url } } })
  writeFileSync(path.join(site.root, 'local'), 'x')
  // Refused, and no file there to be removed.
  await expect(site.sftp(['put local /no/such/folder/file'])).rejects.toThrow(/No such file/)
  await expect(site.sftp(['rm missing'])).rejects.toThrow(/No such file|Couldn't/)
  await site.sftp(['put local good'])
  await eventually(() => expect(endpoint.received).toHaveLength(1))
  expect(told(endpoint)).toEqual(new Set(['good']))
  await site.stop()
})
