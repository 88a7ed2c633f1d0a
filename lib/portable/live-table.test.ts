import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../clock.test.support.ts'
import { Connections } from '../connections/connections.ts'
import { fit, pad } from './fit.ts'
import { LiveTable, REDRAW_MS, amount, renderTable } from './live-table.ts'

function setUp() {
  const clock = new VirtualClock()
  const connections = new Connections(clock)
  const add = (remoteAddress = '192.0.2.1:5000') =>
    connections.add({
      connectionId: 'c',
      username: 'user',
      clientVersion: 'SSH-2.0-x',
      remoteAddress,
      protocol: 'SFTP',
      close: () => undefined,
    })
  const lines = (view: Partial<Parameters<typeof renderTable>[1]> = {}) =>
    renderTable(connections.list(), { columns: 80, rows: 24, nowMs: clock.now(), sizeOf: () => undefined, ...view })
  return { clock, connections, add, lines }
}

test('a line a transfer: direction, progress where the end is known, bytes, speed, name and from where', () => {
  const { clock, add, lines } = setUp()
  add().startTransfer('upload', '/in.bin').moved(1_500_000)
  add('192.0.2.2:6000').startTransfer('download', '/out.bin').moved(2_500)
  clock.advance(2000)
  expect(lines({ sizeOf: () => 10_000 })).toEqual([
    'up                       1.5 MB   750 kB/s /in.bin            192.0.2.1:5000',
    'down [##........]  25%   2.5 kB   1.3 kB/s /out.bin           192.0.2.2:6000',
  ])
})

test('nothing moves, or there is no room for it: no lines', () => {
  const { add, lines } = setUp()
  const connection = add()
  expect(lines()).toEqual([])
  connection.startTransfer('upload', '/a')
  expect([lines({ columns: 40 }), lines({ rows: 2 })]).toEqual([[], []])
  expect(lines({ columns: 41, rows: 3 })).toHaveLength(1)
})

test('more transfers than lines are counted', () => {
  const { add, lines } = setUp()
  const connection = add()
  for (let n = 0; n < 30; n++) connection.startTransfer('upload', `/${n}`)
  expect(lines()).toHaveLength(11)
  expect(lines().at(-1)).toBe('and 20 more')
  expect(lines({ rows: 5 })).toHaveLength(4)
})

test('security 20: whatever a client calls its file, each line stays one, within the width and without control', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 41, max: 200 }), (name, columns) => {
      const { add, lines } = setUp()
      add().startTransfer('upload', `/${Buffer.from(name).toString('latin1')}\u001b[2J\n`)
      const [line = '', ...more] = lines({ columns })
      expect(more).toEqual([])
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      expect(columnsOf(line)).toBeLessThan(columns)
    }),
  )
})

test('the table is drawn again over itself, makes way for lines, and is gone at the end', async () => {
  const { clock, connections, add } = setUp()
  let written = ''
  const terminal = { size: () => ({ columns: 80, rows: 24 }), write: (text: string) => void (written += text) }
  const taken = (): string => {
    const text = written.replaceAll('\u001b', 'ESC')
    written = ''
    return text
  }
  const sizeOf = async () => 100
  const table = new LiveTable({ terminal, connections: () => connections.list(), sizeOf, clock })
  expect(taken()).toBe('')
  const transfer = add().startTransfer('download', '/a')
  clock.advance(REDRAW_MS)
  expect(taken()).toMatch(/^down +0 B.*\n$/)
  transfer.moved(50)
  await Promise.resolve()
  clock.advance(REDRAW_MS)
  expect(taken()).toMatch(/^ESC\[1A\rESC\[Jdown \[#####\.{5}\] +50%.*\n$/)
  table.print('a line')
  expect(taken()).toMatch(/^ESC\[1A\rESC\[Ja line\ndown .*\n$/)
  transfer.end()
  clock.advance(REDRAW_MS)
  expect(taken()).toBe('ESC[1A\rESC[J')
  table.end()
  table.print('the end')
  clock.advance(REDRAW_MS)
  expect(taken()).toBe('the end\n')
  expect(clock.timers).toBe(0)
})

describe('amounts', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [99_949, '99.9 kB'],
    [99_950, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [1.5e12, '1.5 TB'],
  ])('%d is %s', (bytes, text) => expect(amount(bytes)).toBe(text))
})

/** As a terminal counts, at most. */
function columnsOf(text: string): number {
  return Array.from(text).reduce((sum, char) => sum + (/\p{M}/u.test(char) ? 0 : char >= '\u1100' ? 2 : 1), 0)
}

test.each([
  ['abc', 3, 'abc'],
  ['abcd', 3, 'ab~'],
  ['漢字漢', 4, '漢~'],
  ['e\u0301e\u0301e', 2, 'e\u0301~'],
  ['a', 0, ''],
])('%s in %d columns is %s', (text, columns, fitted) => expect(fit(text, columns)).toBe(fitted))

test('what is short is filled up', () => {
  expect([pad('ab', 4), pad('漢', 4), pad('abcde', 4)]).toEqual(['ab  ', '漢  ', 'abc~'])
})
