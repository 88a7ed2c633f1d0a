import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonLines } from './json-text.ts'
import { table, width } from './table.ts'

test.each([
  ['', 0],
  ['abc', 3],
  ['日本', 4],
  ['e\u0301', 1],
  ['ﾃ', 1],
  ['Ａ', 2],
  ['👩‍👩‍👧', 2],
])('%j takes %d columns', (text, columns) => expect(width(text)).toBe(columns))

const anyText = fc.string({ unit: 'binary', maxLength: 20 })

test('each column begins below its heading', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyText, anyText), { maxLength: 5 }), (rows) => {
      const [heading = '', ...lines] = table(
        ['A', 'B'],
        rows.map(([a, b]) => [a, `|${b}`]),
      )
      expect(lines).toHaveLength(rows.length)
      for (const line of lines) {
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
        expect(width(line.slice(0, line.lastIndexOf('|', line.length)))).toBeGreaterThanOrEqual(heading.indexOf('B'))
      }
    }),
  )
})

test('JSON reads back as what it was, and moves no cursor', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      const lines = jsonLines(value)
      // JSON has no negative zero: what is compared is the value as JSON can say it.
      expect(JSON.parse(lines.join('\n'))).toEqual(JSON.parse(JSON.stringify(value)))
      expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      const colored = jsonLines(value, (_, text) => `\u0001${text}\u0001`)
      expect(colored.map((line) => line.replaceAll('\u0001', ''))).toEqual(lines)
    }),
  )
})
