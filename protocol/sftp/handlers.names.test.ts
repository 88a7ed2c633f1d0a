import { expect, test } from 'vitest'
import { hex } from '../testing/hex.ts'
import { MemoryFileSystem } from '../testing/memory-filesystem.ts'
import { MemorySession } from '../testing/session.ts'
import { SSH_FX } from './constants.ts'

const first = hex('00000000')
const ok = { kind: 'status', code: SSH_FX.OK }

test('a name of every byte but NUL and slash is made, listed, renamed and removed', async () => {
  const every = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1)).toString('latin1')
  const filename = every.replace('/', '')
  const fs = new MemoryFileSystem()
  const { client } = await MemorySession.start({ fs })
  await client.request({ kind: 'open', filename, pflags: 0x0a, attrs: {} })
  await client.request({ kind: 'opendir', path: '/' })
  const listing = await client.request({ kind: 'readdir', handle: hex('00000001') })
  expect(listing).toMatchObject({ entries: [{ filename, longname: expect.stringContaining(filename) as string }] })
  await client.request({ kind: 'rename', oldpath: filename, newpath: `${filename}2` })
  expect(Object.keys(fs.tree())).toEqual([`/${filename}2`])
  expect(await client.request({ kind: 'remove', filename: `${filename}2` })).toMatchObject(ok)
  expect(fs.tree()).toEqual({})
})

test('readdir gives batches that stay under 200 KiB, and every name once', async () => {
  const fs = new MemoryFileSystem()
  const names = Array.from({ length: 700 }, (_, index) => String(index).padStart(3, '0').padEnd(255, 'n'))
  for (const name of names) fs.addFile(`/${name}`)
  const session = await MemorySession.start({ fs })
  const sizes: number[] = []
  const receive = session.client.receive.bind(session.client)
  session.client.receive = (bytes) => {
    sizes.push(bytes.length)
    receive(bytes)
  }
  await session.client.request({ kind: 'opendir', path: '/' })
  const listed: string[] = []
  for (;;) {
    const reply = await session.client.request({ kind: 'readdir', handle: first })
    if (reply.kind !== 'name') break
    listed.push(...reply.entries.map(({ filename }) => filename))
  }
  expect(listed).toEqual(names)
  expect(Math.max(...sizes)).toBeLessThan(200 * 1024)
})
