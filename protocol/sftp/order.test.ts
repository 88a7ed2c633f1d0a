import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Unnumbered } from '../testing/client.ts'
import { hex } from '../testing/hex.ts'
import type { CallName } from '../testing/hooks.ts'
import { MemoryFileSystem } from '../testing/memory-filesystem.ts'
import { MemorySession } from '../testing/session.ts'
import { ALONE, INDEPENDENT, OBSERVES_ANYTHING, conflict } from './order.ts'
import type { Access } from './order.ts'

describe('conflict', () => {
  const read = (key: string): Access => ({ observes: { key }, changes: 'nothing' })
  const write = (key: string): Access => ({ observes: 'nothing', changes: { key } })
  const list = (key: string): Access => ({ observes: 'anything', changes: { key } })

  const ROWS: { rule: string; a: Access; b: Access; conflicts: boolean }[] = [
    { rule: 'reads of one file run together', a: read('f'), b: read('f'), conflicts: false },
    { rule: 'reads of two files run together', a: read('f'), b: read('g'), conflicts: false },
    { rule: 'a write waits for a read of its file', a: read('f'), b: write('f'), conflicts: true },
    { rule: 'a write runs beside a read of another file', a: read('f'), b: write('g'), conflicts: false },
    { rule: 'writes of one file wait for each other', a: write('f'), b: write('f'), conflicts: true },
    { rule: 'writes of two files run together', a: write('f'), b: write('g'), conflicts: false },
    { rule: 'looks at anything run together', a: OBSERVES_ANYTHING, b: OBSERVES_ANYTHING, conflicts: false },
    { rule: 'a look at anything runs beside a read', a: OBSERVES_ANYTHING, b: read('f'), conflicts: false },
    { rule: 'a look at anything waits for a write', a: OBSERVES_ANYTHING, b: write('f'), conflicts: true },
    { rule: 'listings of one directory wait for each other', a: list('d'), b: list('d'), conflicts: true },
    { rule: 'a listing waits for a write', a: list('d'), b: write('f'), conflicts: true },
    { rule: 'a listing runs beside a read', a: list('d'), b: read('f'), conflicts: false },
    { rule: 'what looks at nothing runs beside a write', a: INDEPENDENT, b: write('f'), conflicts: false },
    { rule: 'what looks at nothing runs beside its like', a: INDEPENDENT, b: INDEPENDENT, conflicts: false },
    ...[
      { name: 'a read', b: read('f') },
      { name: 'a write', b: write('f') },
      { name: 'a listing', b: list('d') },
      { name: 'a look at anything', b: OBSERVES_ANYTHING },
      { name: 'what looks at nothing', b: INDEPENDENT },
      { name: 'its like', b: ALONE },
    ].map(({ name, b }) => ({ rule: `what runs alone does not run beside ${name}`, a: ALONE, b, conflicts: true })),
  ]

  test.each(ROWS)('$rule', ({ a, b, conflicts }) => {
    expect(conflict(a, b)).toBe(conflicts)
    expect(conflict(b, a)).toBe(conflicts)
  })
})

/** Two files and a directory open: /a as handle 0, /d/a as handle 1, /d as handle 2. */
async function opened(): Promise<{ fs: MemoryFileSystem; session: MemorySession }> {
  const fs = new MemoryFileSystem()
  fs.addFile('/a', 'hello')
  fs.addDirectory('/d')
  fs.addFile('/d/a', 'inner')
  const session = await MemorySession.start({ fs })
  for (const filename of ['/a', '/d/a']) await session.client.request({ kind: 'open', filename, pflags: 3, attrs: {} })
  await session.client.request({ kind: 'opendir', path: '/d' })
  return { fs, session }
}

const [first, second, directory] = [hex('00000000'), hex('00000001'), hex('00000002')]

const TOGETHER: { rule: string; sent: Unnumbered[]; calls: CallName[] }[] = [
  {
    rule: 'reads of one file and looks at others',
    sent: [
      { kind: 'read', handle: first, offset: 0n, len: 2 },
      { kind: 'read', handle: first, offset: 2n, len: 2 },
      { kind: 'fstat', handle: first },
      { kind: 'stat', path: '/d' },
      { kind: 'opendir', path: '/d' },
      { kind: 'open', filename: '/d/a', pflags: 1, attrs: {} },
    ],
    calls: ['file.read', 'file.read', 'file.stat', 'stat', 'opendir', 'open'],
  },
  {
    rule: 'writes of two files',
    sent: [
      { kind: 'write', handle: first, offset: 0n, data: [hex('61')] },
      { kind: 'write', handle: second, offset: 0n, data: [hex('61')] },
    ],
    calls: ['file.write', 'file.write'],
  },
  {
    rule: 'a listing and a read',
    sent: [
      { kind: 'readdir', handle: directory },
      { kind: 'read', handle: first, offset: 0n, len: 1 },
    ],
    calls: ['directory.read', 'file.read'],
  },
]

test.each(TOGETHER)('side by side run: $rule', async ({ sent, calls }) => {
  const { fs, session } = await opened()
  const held = calls.map((name) => fs.hooks.hold(name))
  const replies = sent.map((single) => session.client.request(single))
  await Promise.all(held.map(({ entered }) => entered))
  expect(session.client.unanswered).toHaveLength(sent.length)
  for (const { release } of held) release()
  await Promise.all(replies)
})

const WAITING: { rule: string; before: Unnumbered; call: CallName; behind: Unnumbered }[] = [
  {
    rule: 'a write behind a listing, which shows sizes',
    before: { kind: 'readdir', handle: directory },
    call: 'directory.read',
    behind: { kind: 'write', handle: second, offset: 9n, data: [hex('61')] },
  },
  {
    rule: 'a listing behind a write',
    before: { kind: 'write', handle: second, offset: 9n, data: [hex('61')] },
    call: 'file.write',
    behind: { kind: 'readdir', handle: directory },
  },
  {
    rule: 'any look behind the close of a file that was written, which may publish it',
    before: { kind: 'close', handle: second },
    call: 'file.close',
    behind: { kind: 'stat', path: '/a' },
  },
  {
    rule: 'an open that may create behind a look',
    before: { kind: 'stat', path: '/new' },
    call: 'stat',
    behind: { kind: 'open', filename: '/new', pflags: 0x0a, attrs: {} },
  },
  {
    rule: 'a look behind an open that may create',
    before: { kind: 'open', filename: '/new', pflags: 0x0a, attrs: {} },
    call: 'open',
    behind: { kind: 'stat', path: '/new' },
  },
  {
    rule: 'a close behind a read',
    before: { kind: 'read', handle: first, offset: 0n, len: 1 },
    call: 'file.read',
    behind: { kind: 'close', handle: first },
  },
]

test.each(WAITING)('in its turn runs: $rule', async ({ before, call, behind }) => {
  const { fs, session } = await opened()
  const held = fs.hooks.hold(call)
  const replies = [session.client.request(before), session.client.request(behind)]
  await held.entered
  await turn()
  expect(fs.hooks.calls.at(-1)?.name).toBe(call)
  held.release()
  await Promise.all(replies)
  expect(fs.hooks.calls.at(-1)?.name).not.toBe(call)
})
