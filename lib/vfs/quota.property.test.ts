import fc from 'fast-check'
import fs from 'node:fs'
import { expect, test } from 'vitest'
import { FsError, virtualPath } from '../../protocol/filesystem.ts'
import type { OpenFile } from '../../protocol/filesystem.ts'
import { MODES, QuotaWorld } from './quota.test.support.ts'
import type { LocalFileSystem } from './local-filesystem.ts'
import { bytes, flags, useSandbox } from './sandbox.test.support.ts'
import type { OpenFlags } from '../../protocol/filesystem.ts'

const box = useSandbox()

const RUNS = Number(process.env['QUOTA_RUNS'] ?? 100)

const LIMITS = { size: 60, files: 5 }
const NAMES = ['/a', '/b', '/d/a', '/d/b', '/link'] as const

const OPENS: Readonly<Record<string, (keyof OpenFlags)[]>> = {
  replace: ['write', 'create', 'truncate'],
  edit: ['write', 'create'],
  append: ['write', 'create', 'append'],
  fresh: ['write', 'create', 'exclusive'],
  both: ['read', 'write'],
}

const name = fc.constantFrom(...NAMES)
const size = fc.nat(40)
const session = fc.nat(1)
const slot = fc.nat(3)

/** One step of one of two sessions; handles have four slots that both use. */
const step = fc.oneof(
  fc.record({ do: fc.constant('open' as const), session, slot, name, how: fc.constantFrom(...Object.keys(OPENS)) }),
  fc.record({ do: fc.constant('write' as const), slot, offset: size, count: size }),
  fc.record({ do: fc.constant('cut' as const), slot, size }),
  fc.record({ do: fc.constant('close' as const), slot }),
  fc.record({ do: fc.constant('abort' as const), slot }),
  fc.record({ do: fc.constant('remove' as const), session, name }),
  fc.record({ do: fc.constant('rename' as const), session, name, to: name, replace: fc.boolean() }),
  fc.record({ do: fc.constant('hardlink' as const), session, name, to: name }),
  fc.record({ do: fc.constant('truncate' as const), session, name, size }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Steps that follow each other run together where `together` says so. */
const script = fc.array(fc.record({ step, together: fc.boolean() }), { minLength: 1, maxLength: 30 })

async function play(sessions: readonly LocalFileSystem[], steps: readonly { step: Step; together: boolean }[]) {
  const slots = new Map<number, Slot>()
  let running: Promise<void>[] = []
  for (const { step: next, together } of steps) {
    running.push(refusable(act(sessions, slots, next)))
    if (!together) {
      await Promise.all(running)
      running = []
    }
  }
  await Promise.all(running)
  for (const { file } of slots.values()) await refusable(file.close())
}

/** An open file; nobody closes or cuts it while something is being written, which the engine sees to. */
interface Slot {
  file: OpenFile
  writes: Promise<unknown>[]
}

/** A refusal is an answer; anything else is a fault. */
async function refusable(work: Promise<void>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof FsError)) throw error
  })
}

async function act(sessions: readonly LocalFileSystem[], slots: Map<number, Slot>, next: Step): Promise<void> {
  const vfs = sessions['session' in next ? next.session : 0] as LocalFileSystem
  if (next.do === 'open') {
    if (slots.has(next.slot)) return
    const file = await vfs.open(virtualPath(next.name), flags(...(OPENS[next.how] ?? [])), {})
    if (slots.has(next.slot)) return file.close()
    slots.set(next.slot, { file, writes: [] })
  } else if (next.do === 'remove') await vfs.remove(virtualPath(next.name))
  else if (next.do === 'rename') {
    await vfs.rename(virtualPath(next.name), virtualPath(next.to), { replace: next.replace })
  } else if (next.do === 'hardlink') await vfs.hardlink(virtualPath(next.name), virtualPath(next.to))
  else if (next.do === 'truncate') await vfs.setstat(virtualPath(next.name), { size: BigInt(next.size) })
  else await onHandle(slots, next)
}

async function onHandle(slots: Map<number, Slot>, next: Extract<Step, { slot: number }>): Promise<void> {
  const taken = slots.get(next.slot)
  if (taken === undefined) return
  const { file, writes } = taken
  if (next.do === 'write') {
    const writing = file.write([Buffer.alloc(next.count, 'x')], next.offset)
    writes.push(writing)
    return writing
  }
  // Whoever comes first has it: a handle is closed once.
  if (next.do !== 'cut') slots.delete(next.slot)
  await Promise.allSettled(writes)
  if (next.do === 'cut') {
    const cutting = file.setstat({ size: BigInt(next.size) })
    writes.push(cutting)
    await cutting
  } else await (next.do === 'close' ? file.close() : file.abort())
}

test.each(MODES)(
  'upload_mode %i: whatever two sessions do, the quota holds and the books are right',
  async (mode) => {
    await fc.assert(
      fc.asyncProperty(script, async (steps) => {
        for (const left of fs.readdirSync(box.home)) fs.rmSync(box.host(`/${left}`), { recursive: true })
        box.plantHome({ a: 'twelve bytes', 'd/b': 'ten bytes.', link: { link: 'd/new' } })
        const world = await new QuotaWorld(box).begin(LIMITS)
        const sessions = [await world.session(mode), await world.session(mode)]
        await play(sessions, steps)
        const onDisk = await world.onDisk()
        expect(await world.stored()).toEqual(onDisk)
        expect(onDisk.size).toBeLessThanOrEqual(LIMITS.size)
        expect(onDisk.files).toBeLessThanOrEqual(LIMITS.files)
        expect(box.names().filter((left) => left.includes('.sftpgo-upload.'))).toEqual([])
        await world.end()
        expect([...world.inFlight]).toEqual([])
      }),
      { numRuns: RUNS },
    )
  },
  600_000,
)

test.each(MODES)(
  'upload_mode %i: a scan at any moment puts wrong books right, whatever two sessions do meanwhile',
  async (mode) => {
    await fc.assert(
      fc.asyncProperty(script, script, fc.nat(30), async (before, during, pause) => {
        for (const left of fs.readdirSync(box.home)) fs.rmSync(box.host(`/${left}`), { recursive: true })
        box.plantHome({ a: 'twelve bytes', 'd/b': 'ten bytes.', 'd/c': '', link: { link: 'd/new' } })
        const world = await new QuotaWorld(box).begin()
        await world.provider.resetUse('bob', { size: 123_456, files: 789 }, 0)
        const sessions = [await world.session(mode), await world.session(mode)]
        await play(sessions, before)
        const playing = play(sessions, during)
        for (let turn = 0; turn < pause; turn++) await new Promise((resolve) => setImmediate(resolve))
        await world.scan()
        await playing
        expect(await world.stored()).toEqual(await world.onDisk())
        await world.end()
        expect([...world.inFlight]).toEqual([])
      }),
      { numRuns: RUNS },
    )
  },
  600_000,
)

test.each(MODES)(
  'upload_mode %i: files that are open during a scan count once, with what they grow to',
  async (mode) => {
    box.plantHome({ old: 'old text' })
    const world = await new QuotaWorld(box).begin()
    const vfs = await world.session(mode)
    const fresh = await vfs.open(virtualPath('/new'), flags('write', 'create'), {})
    const edited = await vfs.open(virtualPath('/old'), flags('write'), {})
    await fresh.write([bytes('x'.repeat(60))], 0)
    await edited.write([bytes('x'.repeat(20))], 0)
    expect(await world.scan()).toEqual({ size: 80, files: 2 })
    await fresh.write([bytes('x'.repeat(60))], 60)
    for (const file of [fresh, edited]) await file.close()
    expect(await world.stored()).toEqual({ size: 140, files: 2 })
    expect(await world.onDisk()).toEqual({ size: 140, files: 2 })
    await world.end()
  },
)

test('what a session writes and another removes meanwhile leaves nothing in the books', async () => {
  const world = await new QuotaWorld(box).begin({ size: 100, files: 2 })
  const [one, other] = [await world.session(0), await world.session(0)]
  const file = await one.open(virtualPath('/f'), flags('write', 'create'), {})
  await file.write([bytes('x'.repeat(60))], 0)
  await other.remove(virtualPath('/f'))
  // Its space is taken as long as it is open.
  const second = await other.open(virtualPath('/g'), flags('write', 'create'), {})
  await expect(second.write([bytes('x'.repeat(60))], 0)).rejects.toMatchObject({ kind: 'quota' })
  await file.close()
  await second.write([bytes('x'.repeat(60))], 0)
  await second.close()
  expect(await world.stored()).toEqual({ size: 60, files: 1 })
  await world.end()
})
