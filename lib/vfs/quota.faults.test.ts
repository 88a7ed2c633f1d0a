import fs from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { virtualPath } from '../../protocol/filesystem.ts'
import type { OpenFlags } from '../../protocol/filesystem.ts'
import { FaultyStorage } from './faulty-storage.test.support.ts'
import type { LocalFileSystem } from './local-filesystem.ts'
import { MODES, QuotaWorld } from './quota.test.support.ts'
import { bytes, flags, openDescriptors, outcome, put, tell, useSandbox } from './sandbox.test.support.ts'

const box = useSandbox()
const path = virtualPath

const ERRNOS = ['EIO', 'ENOSPC', 'EDQUOT', 'EINTR', 'ESTALE', 'ENOENT']
/** More calls than any operation makes. */
const MAX_CALLS = 80

async function upload(vfs: LocalFileSystem, name: string, ...how: (keyof OpenFlags)[]): Promise<void> {
  const file = await vfs.open(path(name), flags('write', ...how), {})
  let failed: unknown
  await file.write([bytes('some text')], 3).catch((error: unknown) => {
    failed = error
  })
  await file.close().catch((error: unknown) => {
    failed ??= error
  })
  if (failed !== undefined) throw failed
}

const OPERATIONS: Readonly<Record<string, (vfs: LocalFileSystem) => Promise<unknown>>> = {
  'a new file': (vfs) => upload(vfs, '/new', 'create', 'exclusive'),
  'a file over another': (vfs) => upload(vfs, '/f', 'create', 'truncate'),
  'an edit': (vfs) => upload(vfs, '/f'),
  'an upload that loses its client': async (vfs) => {
    const file = await vfs.open(path('/f'), flags('write', 'create', 'truncate'), {})
    const written = file.write([bytes('text')], 0)
    await written.catch(() => undefined)
    await file.abort()
    await written
  },
  'a cut by handle': async (vfs) => {
    const file = await vfs.open(path('/f'), flags('write'), {})
    const cut = file.setstat({ size: 2n })
    await cut.catch(() => undefined)
    await file.close()
    await cut
  },
  'a cut by name': (vfs) => vfs.setstat(path('/l'), { size: 2n }),
  'a removal': (vfs) => vfs.remove(path('/f')),
  'a rename over a file': (vfs) => vfs.rename(path('/f'), path('/g'), { replace: true }),
  'a rename': (vfs) => vfs.rename(path('/f'), path('/d/new'), { replace: false }),
  'a further name': (vfs) => vfs.hardlink(path('/f'), path('/d/new')),
}

let injected = 0
afterAll(() => tell(`quota faults: ${injected} injected`))

const CASES = Object.entries(OPERATIONS).flatMap(([what, run]) => MODES.map((mode) => ({ what, run, mode })))

test.each(CASES)(
  '[15] upload_mode $mode, $what: any call may fail and the books are right',
  async ({ what, run, mode }) => {
    const faulty = new FaultyStorage()
    const baseline = openDescriptors()
    for (const errno of ERRNOS) {
      for (let nth = 1; ; nth++) {
        expect(nth).toBeLessThan(MAX_CALLS)
        for (const left of fs.readdirSync(box.home)) fs.rmSync(box.host(`/${left}`), { recursive: true })
        box.plantHome({ f: 'text of f', g: 'other', 'd/': '', l: { link: 'f' } })
        faulty.disarm()
        const world = await new QuotaWorld(box).begin({ size: 100, files: 5 })
        const vfs = await world.session(mode, faulty.storage)
        faulty.arm(nth, errno)
        const result = await outcome(run(vfs))
        faulty.disarm()
        // A name that is said to be free and is not: no such moment comes while everything else waits.
        if (what === 'a rename over a file' && faulty.failed === 'lstat' && errno === 'ENOENT') continue
        if (what === 'an upload that loses its client' && faulty.failed === 'unlink' && errno === 'ENOENT') continue
        const told = `${errno} of call ${nth}, ${faulty.failed ?? 'none'}: ${result}`
        expect([told, await world.stored()]).toEqual([told, await world.onDisk()])
        expect([told, box.names().filter((name) => name.includes('.sftpgo-upload.'))]).toEqual([told, []])
        // Whatever happened to the file that was there, it was not lost half-way.
        if (mode !== 0 && fs.existsSync(box.host('/f'))) {
          expect([told, ['text of f', 'tex', 'te', '\0\0\0some text', 'texsome text', 'text']]).toEqual([
            told,
            expect.arrayContaining([box.text('/f')]),
          ])
        }
        // The session goes on.
        await put(vfs, '/after', 'x')
        await world.end()
        expect([told, [...world.inFlight]]).toEqual([told, []])
        expect([told, openDescriptors()]).toEqual([told, baseline])
        if (faulty.failed === undefined) {
          expect(result).toBe('done')
          break
        }
        injected++
      }
    }
  },
)
