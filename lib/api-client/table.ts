import { inert } from '../logging/inert.ts'

/**
 * Lines with the cells below each other under their headings. Nothing in a cell can move the cursor or end its line.
 * @param heading how a heading is shown once it has its width.
 */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], heading = same): string[] {
  const cells = rows.map((row) => row.map(inert))
  const widths = headings.map((title, column) =>
    Math.max(...[headings, ...cells].map((row) => width(row[column] ?? title))),
  )
  const line = (row: readonly string[]) =>
    row.map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell)))).join('  ')
  return [heading(line(headings).trimEnd()), ...cells.map((row) => line(row).trimEnd())]
}

const same = (text: string): string => text

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
/** What terminals give two columns: East Asian wide and fullwidth characters, and pictures. */
const WIDE =
  /[\p{Emoji_Presentation}\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{a960}-\u{a97f}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{20000}-\u{3fffd}]/u

/** Columns of a terminal. */
export function width(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  let columns = 0
  for (const { segment } of graphemes.segment(text)) columns += WIDE.test(segment) ? 2 : 1
  return columns
}
