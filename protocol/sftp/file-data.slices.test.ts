import { expect, test } from 'vitest'
import { hex } from '../testing/hex.ts'
import { MemoryFileSystem } from '../testing/memory-filesystem.ts'
import { MemorySession } from '../testing/session.ts'
import { SSH_FX } from './constants.ts'

const KIB = 1024
const handle = hex('00000000')

/** `/a`, 1 MiB, open to read and write, of which `sliceBytes` are worth a call. */
async function start(sliceBytes: number | undefined): Promise<{ fs: MemoryFileSystem; session: MemorySession }> {
  const fs = new MemoryFileSystem()
  fs.addFile('/a', 'x'.repeat(KIB * KIB))
  fs.sliceBytes = sliceBytes
  const session = await MemorySession.start({ fs })
  await session.client.request({ kind: 'open', filename: '/a', pflags: 3, attrs: {} })
  return { fs, session }
}

function calls(fs: MemoryFileSystem, name: string): number {
  return fs.hooks.calls.filter((call) => call.name === name).length
}

test.each([undefined, 5000, 50])('a READ is answered in full where %s bytes are worth a call', async (sliceBytes) => {
  const { session } = await start(sliceBytes)
  const reply = await session.client.request({ kind: 'read', handle, offset: 0n, len: 255 * KIB })
  // OpenSSH's sftp asks again for what is missing, but behind what it has asked for already: its file gets holes.
  expect(reply.kind === 'data' && Buffer.concat(reply.data).length).toBe(255 * KIB)
})

test.each([
  { sliceBytes: undefined, calls: 1 },
  { sliceBytes: 64 * KIB, calls: 4 },
  { sliceBytes: 5000, calls: 8 },
])('8 requests of 32 KiB that wait make $calls calls where $sliceBytes bytes are worth one', async (expected) => {
  const { fs, session } = await start(expected.sliceBytes)
  for (const kind of ['write', 'read'] as const) {
    // All of them wait for it.
    const held = fs.hooks.hold('file.write')
    const first = session.client.request({ kind: 'write', handle, offset: 0n, data: [Buffer.from('x')] })
    await held.entered
    const before = calls(fs, `file.${kind}`)
    const replies = Array.from({ length: 8 }, (_, n) => {
      const offset = BigInt(512 * KIB + n * 32 * KIB)
      return session.client.request(
        kind === 'read'
          ? { kind, handle, offset, len: 32 * KIB }
          : { kind, handle, offset, data: [Buffer.alloc(32 * KIB, `${n}`)] },
      )
    })
    held.release()
    await first
    for (const [n, reply] of (await Promise.all(replies)).entries()) {
      if (reply.kind === 'data') expect(Buffer.concat(reply.data).equals(Buffer.alloc(32 * KIB, `${n}`))).toBe(true)
      else expect(reply).toMatchObject({ code: SSH_FX.OK })
      expect(reply.kind).toBe(kind === 'read' ? 'data' : 'status')
    }
    expect(calls(fs, `file.${kind}`) - before).toBe(expected.calls)
  }
})
