import fs from 'node:fs'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { recordingLog } from '../providers/recording-log.ts'
import { InFlightFolder } from '../transfers/in-flight-folder.ts'
import { scanHome } from './home-scan.ts'
import { QuotaWorld } from './quota.test.support.ts'
import { Recovery } from './recovery.ts'
import { makeNode, useSandbox } from './sandbox.test.support.ts'
import { nodeStorage } from './storage.ts'

const box = useSandbox()
const DEAD = 'deaddead'
const temporary = (name: string, instance = DEAD): string => `.sftpgo-upload.${instance}0123456789ab.${name}`

const scan = (options: Partial<Parameters<typeof scanHome>[0]> = {}) =>
  scanHome({ storage: nodeStorage, home: box.home, ...options })

describe('a scan', () => {
  test('counts regular files, each once, and follows no link', async () => {
    box.plantHome({ f: 'four', 'd/e/g': 'x'.repeat(10), l: { link: 'f' }, out: { link: '{base}/outside' }, empty: '' })
    fs.linkSync(box.host('/f'), box.host('/d/twin'))
    makeNode(join(box.home, 'pipe'))
    expect(await scan()).toEqual({ size: 14, files: 3 })
  })

  test('counts no upload under way, nor a move, and touches nothing', async () => {
    box.plantHome({ [temporary('f')]: 'four', [`${temporary('d')}/e/g`]: 'x', 'd/h': '1' })
    const before = box.state()
    expect(await scan()).toEqual({ size: 1, files: 1 })
    expect(box.state()).toEqual(before)
  })

  test('a home that is a link itself, names that are no text, and a deep tree', async () => {
    const deep = 'd/'.repeat(150)
    box.plantHome({ [`${deep}f`]: '12', '\xff\xfe': '1' })
    box.plant({ alias: { link: 'bob' } })
    expect(await scan({ home: join(box.base, 'alias') })).toEqual({ size: 3, files: 2 })
  })

  test('a home that is not there is an error', async () => {
    await expect(scan({ home: join(box.base, 'none') })).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('after a crash', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'recovery-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  async function recover(resumable: boolean, counts = true, before = (): void => undefined) {
    const world = await new QuotaWorld(box).begin()
    before()
    await world.provider.resetUse('bob', { size: 99, files: 99 }, 0)
    await (await InFlightFolder.open(folder, DEAD)).remember('bob')
    const log = recordingLog()
    const recovery = new Recovery({
      folder: await InFlightFolder.open(folder, 'alive'),
      provider: world.provider,
      storage: nodeStorage,
      log,
      now: () => 7,
      counts: () => counts,
      resumable,
    })
    await recovery.ready('bob')
    await recovery.finished()
    return {
      used: await world.provider.usedQuota('bob'),
      log,
      left: (await InFlightFolder.open(folder, 'x')).leftovers,
    }
  }

  test('orphans are swept, what lives is not, and usage is what there is', async () => {
    box.plantHome({
      f: 'four',
      [temporary('f')]: 'partial',
      [`d/${temporary('g')}`]: 'partial',
      [`d/${temporary('tree')}/x/y`]: 'half moved',
      [temporary('h', 'alivealv')]: 'of another process',
    })
    const { used, left, log } = await recover(false)
    expect(box.names()).toEqual([`/${temporary('h', 'alivealv')}`, '/d', '/f'])
    expect(used).toEqual({ size: 4, files: 1 })
    expect([...left]).toEqual([])
    expect(log.lines).toEqual(['info after a crash: "bob" occupies 4 bytes in 1 files'])
  })

  test('with upload_mode 2 a partial file gets its name where that is free', async () => {
    box.plantHome({ f: 'old text', [temporary('f')]: 'partial', [temporary('new')]: 'partial' })
    const { used } = await recover(true)
    expect([box.names(), box.text('/f'), box.text('/new')]).toEqual([['/f', '/new'], 'old text', 'partial'])
    expect(used).toEqual({ size: 15, files: 2 })
  })

  test('a name that was cut is no name to publish under', async () => {
    box.plantHome({ [temporary('n'.repeat(255)).slice(0, 255)]: 'partial' })
    await recover(true)
    expect(box.names()).toEqual([])
  })

  test('where usage is not counted only the orphans go', async () => {
    box.plantHome({ f: 'four', [temporary('f')]: 'partial' })
    const { used } = await recover(false, false)
    expect([box.names(), used]).toEqual([['/f'], { size: 99, files: 99 }])
  })

  test('a home that cannot be read is looked after at the next start', async () => {
    const { left, log } = await recover(false, true, () => fs.rmSync(box.home, { recursive: true }))
    expect([...left]).toEqual([['bob', [DEAD]]])
    expect(log.lines[0]).toContain('error after a crash: the files of "bob" could not be looked after')
  })

  test('an account that is no more is forgotten', async () => {
    await (await InFlightFolder.open(folder, DEAD)).remember('nobody')
    const { left } = await recover(false)
    expect([...left]).toEqual([])
  })
})
