/** A text that is not written in its format; `line` and `column` count from 1. */
export class SyntaxProblem extends Error {
  override readonly name = 'SyntaxProblem'
  readonly line: number
  readonly column: number
  /** @param expected what could have stood there; never a piece of the text, which may hold secrets. */
  constructor(expected: string, line: number, column: number, options?: ErrorOptions) {
    super(`line ${line}, column ${column}: expected ${expected}`, options)
    this.line = line
    this.column = column
  }
}

/** Where a character of the text stands; both count from 1. */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
}

/** @param offset of the first character that has no place there. */
export function problemAt(text: string, offset: number, expected: string, options?: ErrorOptions): SyntaxProblem {
  const { line, column } = placeOf(text, offset)
  return new SyntaxProblem(expected, line, column, options)
}
