/** One word of a command line. */
export interface Word {
  /** As it is meant, quotes and escapes taken away; one character a byte. */
  text: string
  /** The word as a pattern for {@link matches} where a wildcard stands unquoted in it; undefined for plain text. */
  pattern: string | undefined
}

/** A command line that cannot be understood; the message is for the client. */
export class BadCommand extends Error {
  override readonly name = 'BadCommand'
}

/** What POSIX lets a backslash escape between double quotes (shell, 2.2.3). */
const ESCAPED_IN_DOUBLE_QUOTES = '"\\$`\n'
const WILDCARDS = '*?['
const BLANKS = ' \t\n\r'

/**
 * Splits a command line as a POSIX shell does: blanks, single and double quotes, backslashes, wildcards, and
 * a `~` in front that stands for the home, which is `/`. Nothing else means anything: `;`, `|`, `$` and the
 * like are characters of a name.
 * @throws BadCommand for a quote without its end, and for a NUL byte.
 */
export function splitWords(line: string): Word[] {
  if (line.includes('\0')) throw new BadCommand('a command line cannot hold a NUL byte')
  const words: Word[] = []
  let at = 0
  while (at < line.length) {
    if (BLANKS.includes(line.charAt(at))) at++
    else at = readWord(line, at, words)
  }
  return words
}

/** @returns where the word ends. */
function readWord(line: string, start: number, words: Word[]): number {
  let text = ''
  let pattern = ''
  let wild = false
  const take = (char: string, quoted: boolean): void => {
    text += char
    if (!quoted && WILDCARDS.includes(char)) wild = true
    // In a pattern a backslash makes what follows it plain; a slash always is.
    pattern += quoted && char !== '/' ? `\\${char}` : char
  }
  let at = start
  if (line[at] === '~' && (at + 1 === line.length || `/${BLANKS}`.includes(line.charAt(at + 1)))) {
    take('/', false)
    at++
  }
  for (; at < line.length && !BLANKS.includes(line.charAt(at)); at++) {
    const char = line.charAt(at)
    if (char === '\\') {
      at++
      // A line that ends in a backslash: shells keep it.
      if (line[at] !== '\n') take(line[at] ?? '\\', true)
    } else if (char === "'") {
      const end = line.indexOf("'", at + 1)
      if (end === -1) throw new BadCommand('a single quote has no end')
      for (const inner of line.slice(at + 1, end)) take(inner, true)
      at = end
    } else if (char === '"') {
      at = readDoubleQuoted(line, at + 1, (inner) => take(inner, true))
    } else {
      take(char, false)
    }
  }
  words.push({ text, pattern: wild ? pattern : undefined })
  return at
}

/** @returns where the closing quote is. */
function readDoubleQuoted(line: string, start: number, take: (char: string) => void): number {
  for (let at = start; at < line.length; at++) {
    const char = line.charAt(at)
    if (char === '"') return at
    if (char === '\\' && ESCAPED_IN_DOUBLE_QUOTES.includes(line.charAt(at + 1)) && at + 1 < line.length) {
      at++
      if (line[at] !== '\n') take(line.charAt(at))
    } else {
      take(char)
    }
  }
  throw new BadCommand('a double quote has no end')
}
