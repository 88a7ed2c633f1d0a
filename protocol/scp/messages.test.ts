import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BadMessage } from '../wire/bad-message.ts'
import { decodeRecord, encodeRecord, encodeStatus, oneLine } from './messages.ts'
import type { ScpRecord } from './messages.ts'

describe('records', () => {
  test.each<[string, ScpRecord]>([
    ['C0644 5 a', { kind: 'file', mode: 0o644, size: 5, name: 'a' }],
    ['C4755 0 a b  c', { kind: 'file', mode: 0o4755, size: 0, name: 'a b  c' }],
    ['C0644 9007199254740991 \xc5\xbc', { kind: 'file', mode: 0o644, size: Number.MAX_SAFE_INTEGER, name: '\xc5\xbc' }],
    ['D0755 0 d', { kind: 'directory', mode: 0o755, name: 'd' }],
    ['E', { kind: 'leave' }],
    ['T1400000000 0 1000000000 0', { kind: 'times', times: { mtime: 1_400_000_000, atime: 1_000_000_000 } }],
  ])('%s', (line, record) => {
    expect(decodeRecord(line)).toEqual(record)
    expect(encodeRecord(record).toString('latin1')).toBe(`${line}\n`)
  })

  test('fractions of a second are taken and dropped', () => {
    expect(decodeRecord('T5 999999 6 1')).toEqual({ kind: 'times', times: { mtime: 5, atime: 6 } })
  })

  test.each([
    ['', 'unexpected <newline>'],
    ['X', 'expected control record'],
    ['C644 5 a', 'bad mode'],
    ['C0689 5 a', 'bad mode'],
    ['C06445 a', 'mode not delimited'],
    ['C0644 x a', 'size not present'],
    ['C0644 -1 a', 'size not present'],
    ['C0644 5', 'size not delimited'],
    ['C0644 5\ta', 'size not delimited'],
    ['C0644 9007199254740993 a', 'size out of range'],
    ['C0644 99999999999999999999999 a', 'size out of range'],
    ['D0755 d', 'size not present'],
    ['T1 0 2', 'times not understood'],
    ['T1 0 2 1000000', 'times not understood'],
    ['T-1 0 2 0', 'times not understood'],
    ['T4294967296 0 2 0', 'time out of range'],
  ])('%j is refused: %s', (line, reason) => {
    expect(() => decodeRecord(line)).toThrow(new BadMessage(reason))
  })

  test('any line is a record or a BadMessage', () => {
    const line = fc.string({ unit: fc.constantFrom(...'CDET0123456789 abc-/'.split('')), maxLength: 30 })
    fc.assert(
      fc.property(line, (text) => {
        try {
          const record = decodeRecord(text)
          if (record.kind === 'file') expect(encodeRecord(record).toString('latin1').slice(0, 5)).toBe(text.slice(0, 5))
        } catch (error) {
          expect(error).toBeInstanceOf(BadMessage)
        }
      }),
    )
  })
})

describe('status', () => {
  test.each([
    [{ kind: 'fine' } as const, '\0'],
    [{ kind: 'warning', text: 'a: no' } as const, '\x01a: no\n'],
    [{ kind: 'fatal', text: 'no' } as const, '\x02no\n'],
    [{ kind: 'warning', text: 'a\nb\x1b[2J\0\x7f' } as const, '\x01a?b?[2J??\n'],
  ])('%j', (status, wire) => expect(encodeStatus(status).toString('latin1')).toBe(wire))

  test('a text is cut where a client could lose its place', () => {
    expect(oneLine('x'.repeat(5000))).toBe(`${'x'.repeat(1021)}...`)
    expect(oneLine('\xc5\xbc')).toBe('\xc5\xbc')
  })
})
