/** Scripts whose characters take two columns, and symbols that may: a terminal never gets more than it has room for. */
const WIDE = /[\u1100-\u{10ffff}]/u
const MARK = /\p{M}/u

function columnsOf(char: string): number {
  if (MARK.test(char)) return 0
  return WIDE.test(char) ? 2 : 1
}

/** The text in at most so many columns of a terminal; what does not fit is cut, and `~` stands where. */
export function fit(text: string, columns: number): string {
  const chars = Array.from(text)
  const total = chars.reduce((sum, char) => sum + columnsOf(char), 0)
  if (total <= columns) return text
  let left = columns - 1
  let result = ''
  for (const char of chars) {
    left -= columnsOf(char)
    if (left < 0) break
    result += char
  }
  return columns > 0 ? `${result}~` : ''
}

/** As {@link fit}, filled up with blanks. */
export function pad(text: string, columns: number): string {
  const fitted = fit(text, columns)
  const used = Array.from(fitted).reduce((sum, char) => sum + columnsOf(char), 0)
  return fitted + ' '.repeat(Math.max(0, columns - used))
}
